import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import type { ConfigMap, Secret } from "../../api/core/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago, now, nowMs } from "../test-support/objects.ts";
import { reconcileBootstrapToken } from "./cleaner.ts";
import { detachedSignature, reconcileSignatures, signingTokens } from "./signer.ts";

function token(values: Readonly<Record<string, string>> = {}, name = "bootstrap-token-abcdef"): Secret {
  const all = {
    "token-id": "abcdef",
    "token-secret": "0123456789abcdef",
    "usage-bootstrap-signing": "true",
    ...values,
  };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "kube-system", uid: "u" },
    type: "bootstrap.kubernetes.io/token",
    data: Object.fromEntries(Object.entries(all).map(([key, value]) => [key, btoa(value)])),
  };
}

for (const { name, of, want } of [
  { name: "keeps one that does not end", of: token(), want: [] },
  {
    name: "waits for the end of another",
    of: token({ expiration: ago(-60) }),
    want: ["requeue after 60000 ms"],
  },
  {
    name: "waits a day at most",
    of: token({ expiration: ago(-30 * 86_400) }),
    want: ["requeue after 86400000 ms"],
  },
  {
    name: "deletes one that has ended",
    of: token({ expiration: ago(0) }),
    want: ["delete secrets kube-system/bootstrap-token-abcdef"],
  },
  {
    name: "deletes one whose end nobody can read",
    of: token({ expiration: "tomorrow" }),
    want: ["delete secrets kube-system/bootstrap-token-abcdef"],
  },
]) {
  test(`the cleaner of bootstrap tokens ${name}`, () =>
    assert.deepEqual(reconcileBootstrapToken(of, now).map(describeIntent), want));
}

for (const { name, of, want } of [
  { name: "signs", of: token(), want: ["abcdef"] },
  { name: "that may not sign does not", of: token({ "usage-bootstrap-signing": "false" }), want: [] },
  { name: "that has ended does not sign", of: token({ expiration: ago(1) }), want: [] },
  { name: "of another secret's name does not sign", of: token({}, "bootstrap-token-000000"), want: [] },
  { name: "without a secret does not sign", of: token({ "token-secret": "" }), want: [] },
]) {
  test(`a bootstrap token ${name}`, () => assert.deepEqual([...signingTokens([of], nowMs).keys()], want));
}

test("cluster-info holds a signature for each token, and none of a token that is gone", () => {
  const configMap: ConfigMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "cluster-info", namespace: "kube-public" },
    data: { kubeconfig: "text", "jws-kubeconfig-gone00": "old", other: "stays" },
  };
  const [intent] = reconcileSignatures({ configMap, signatures: new Map([["abcdef", "new"]]) });
  assert.ok(intent?.action === "update");
  assert.deepEqual((intent.object as ConfigMap).data, {
    kubeconfig: "text",
    other: "stays",
    "jws-kubeconfig-abcdef": "new",
  });
});

test("a signature is a detached JSON Web Signature, as kubeadm checks it", async () => {
  const [header = "", payload, signature] = (await detachedSignature("kubeconfig", "abcdef", "secret")).split(
    ".",
  );
  assert.equal(payload, "");
  assert.deepEqual(JSON.parse(Buffer.from(header, "base64url").toString()), { alg: "HS256", kid: "abcdef" });
  const text = `${header}.${Buffer.from("kubeconfig").toString("base64url")}`;
  assert.equal(signature, createHmac("sha256", "secret").update(text).digest("base64url"));
});
