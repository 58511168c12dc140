import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap, Namespace, ServiceAccount } from "../../api/core/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago } from "../test-support/objects.ts";
import { reconcileDefaultAccount } from "./default-account.ts";
import { reconcileRootCa } from "./root-ca.ts";

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
