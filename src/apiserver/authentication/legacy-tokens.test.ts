import assert from "node:assert/strict";
import { test } from "node:test";
import { secretTokenFor } from "../../api/core/secret-token.ts";
import type { Secret, ServiceAccount } from "../../api/core/types.generated.ts";
import { generateTokenKey, loadTokenKeys } from "../pki/service-account-keys.ts";
import { legacyTokens } from "./legacy-tokens.ts";

const keys = loadTokenKeys({ signingKey: generateTokenKey() });
const account = { namespace: "ns", name: "robot", uid: "u1" };
const token = await keys.sign(secretTokenFor("robot-token", account));
const today = "2026-01-02";

const secretWith = (held: string, metadata: object = {}): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "robot-token", namespace: "ns", ...metadata },
  type: "kubernetes.io/service-account-token",
  data: { token: btoa(held) },
});
const accountWith = (uid: string, metadata: object = {}): ServiceAccount => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "robot", namespace: "ns", uid, ...metadata },
});

function authenticator(secret: Secret | undefined, held: ServiceAccount | undefined) {
  const noted: object[] = [];
  const tokens = legacyTokens({
    verifier: keys,
    findSecret: async (namespace, name) =>
      namespace === "ns" && name === "robot-token" ? secret : undefined,
    findAccount: async (namespace, name) => (namespace === "ns" && name === "robot" ? held : undefined),
    noteUse: (_, labels) => noted.push(labels),
    now: () => Date.parse(`${today}T12:00:00Z`),
    audiences: ["api"],
  });
  return { noted, tokens };
}

for (const { name, secret, held = accountWith("u1"), error } of [
  { name: "ends with its secret", secret: undefined, error: "Token has been invalidated" },
  {
    name: "ends when its secret is to be deleted",
    secret: secretWith(token, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    error: "Token has been invalidated",
  },
  {
    name: "is good only as long as the secret holds it",
    secret: secretWith("another"),
    error: "Token does not match server's copy",
  },
  {
    name: "ends with its account",
    secret: secretWith(token),
    held: accountWith("u1", { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    error: "ServiceAccount ns/robot has been deleted",
  },
  {
    name: "is not for another account of that name",
    secret: secretWith(token),
    held: accountWith("u2"),
    error: "ServiceAccount UID (u2) does not match claim (u1)",
  },
  {
    name: "can be marked as invalid",
    secret: secretWith(token, { labels: { "kubernetes.io/legacy-token-invalid-since": "2026-01-01" } }),
    error:
      "the token in secret ns/robot-token for service account ns/robot has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token",
  },
]) {
  test(`a secret's token ${name}`, async () => {
    const { tokens, noted } = authenticator(secret, held);
    const result = await tokens.authenticateToken(token);
    assert.equal(result !== undefined && "error" in result && result.error, error);
    const annotation = "authentication.k8s.io/legacy-token";
    assert.equal(result?.annotations?.[annotation], "system:serviceaccount:ns:robot");
    const isMarked = error.includes("marked invalid");
    assert.equal(result?.annotations?.[`${annotation}-invalidated`], isMarked ? "robot-token/ns" : undefined);
    assert.equal(noted.length, isMarked ? 1 : 0);
  });
}

test("a secret's token names its account, for the API server alone, and its use is noted once a day", async () => {
  const { tokens, noted } = authenticator(secretWith(token), accountWith("u1"));
  assert.deepEqual(await tokens.authenticateToken(token), {
    user: {
      name: "system:serviceaccount:ns:robot",
      uid: "u1",
      groups: ["system:serviceaccounts", "system:serviceaccounts:ns"],
    },
    audiences: ["api"],
    annotations: {
      "authentication.k8s.io/legacy-token": "system:serviceaccount:ns:robot",
      "authentication.k8s.io/legacy-token-manual-secret": "robot-token",
    },
  });
  assert.deepEqual(noted, [{ "kubernetes.io/legacy-token-last-used": today }]);
  const result = await tokens.authenticateToken(token, ["vault"]);
  assert.ok(result !== undefined && "error" in result && result.error.includes("invalid for the target"));
  const used = authenticator(
    secretWith(token, { labels: { "kubernetes.io/legacy-token-last-used": today } }),
    accountWith("u1"),
  );
  await used.tokens.authenticateToken(token);
  assert.deepEqual(used.noted, []);
});

test("a secret's token signed by anybody else is refused, and a token of another kind is not known", async () => {
  const { tokens } = authenticator(secretWith(token), accountWith("u1"));
  const stranger = loadTokenKeys({ signingKey: generateTokenKey() });
  assert.deepEqual(
    await tokens.authenticateToken(await stranger.sign(secretTokenFor("robot-token", account))),
    { error: "go-jose/go-jose: error in cryptographic primitive" },
  );
  assert.equal(await tokens.authenticateToken(await keys.sign({ iss: "https://other" })), undefined);
  assert.equal(await tokens.authenticateToken("abcdef.0123456789abcdef"), undefined);
});
