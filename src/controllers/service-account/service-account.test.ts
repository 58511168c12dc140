import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap, Namespace, Secret, ServiceAccount } from "../../api/core/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago } from "../test-support/objects.ts";
import { reconcileDefaultAccount } from "./default-account.ts";
import { reconcileRootCa } from "./root-ca.ts";
import { reconcileTokenSecret } from "./token-secrets.ts";

const namespace = (deleted = false): Namespace => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "shop", ...(deleted ? { deletionTimestamp: ago(1) } : {}) },
  spec: {},
});
const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } } as ServiceAccount;
const configMap = (ca: string, description?: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: {
    name: "kube-root-ca.crt",
    annotations: description === undefined ? {} : { "kubernetes.io/description": description },
  },
  data: { "ca.crt": ca },
});

test("the default service account is made where it is missing and the namespace lives", () => {
  const lines = (of: Namespace, has?: ServiceAccount) =>
    reconcileDefaultAccount({ namespace: of, account: has }).map(describeIntent);
  assert.deepEqual(lines(namespace()), ["create serviceaccounts shop/default"]);
  assert.deepEqual(lines(namespace(), account), []);
  assert.deepEqual(lines(namespace(true)), []);
});

test("the root certificate is published, and put right where it was changed (RootCA ConfigMap test)", () => {
  const lines = (has?: ConfigMap, of = namespace()) =>
    reconcileRootCa({ namespace: of, configMap: has, rootCa: "ca" }).map(({ action }) => action);
  assert.deepEqual(lines(), ["create"]);
  assert.deepEqual(lines(configMap("ca", "what it is for")), []);
  assert.deepEqual(lines(configMap("other", "what it is for")), ["update"]);
  assert.deepEqual(lines(configMap("ca")), ["update"]);
  assert.deepEqual(lines(undefined, namespace(true)), []);
});

const secret = (data: Record<string, string> = {}): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "token",
    namespace: "shop",
    annotations: { "kubernetes.io/service-account.name": "default" },
  },
  type: "kubernetes.io/service-account-token",
  data,
});

test("a token secret is filled, and goes with its account", () => {
  const owner = { ...account, metadata: { name: "default", uid: "u1" } };
  const [filled] = reconcileTokenSecret({
    secret: secret(),
    account: owner,
    newToken: "a.b.c",
    rootCa: "ca",
  });
  assert.ok(filled?.action === "update");
  const { data, metadata } = filled.object as Secret;
  assert.deepEqual(data, { token: btoa("a.b.c"), "ca.crt": btoa("ca"), namespace: btoa("shop") });
  assert.equal(metadata.annotations?.["kubernetes.io/service-account.uid"], "u1");
  const orphan = { secret: secret(), account: undefined, newToken: undefined, rootCa: "ca" };
  assert.deepEqual(reconcileTokenSecret(orphan).map(describeIntent), ["delete secrets shop/token"]);
});
