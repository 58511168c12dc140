import assert from "node:assert/strict";
import { test } from "node:test";
import { CompactSign, exportJWK, generateKeyPair } from "jose";
import { silentLogger } from "../../../base/log.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { loadAuthentication } from "../../configuration/load-authentication.ts";
import { KeySetMetrics } from "../../metrics/key-set-metrics.ts";

/** An issuer in memory, and an authenticator that is configured for it. */

const issuer = "https://issuer.example.com";
const apiAudiences = ["https://kubernetes.default.svc"];
const startMs = Date.parse("2026-01-01T00:00:00Z");

async function signingKey(id: string, algorithm = "RS256") {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  return {
    id,
    algorithm,
    privateKey: pair.privateKey,
    jwk: { ...(await exportJWK(pair.publicKey)), kid: id },
  };
}
type SigningKey = Awaited<ReturnType<typeof signingKey>>;
const key = await signingKey("one");

function sign(claims: object, by: SigningKey = key): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: by.algorithm, kid: by.id })
    .sign(by.privateKey);
}

const seconds = startMs / 1000;
const good = { iss: issuer, aud: "client", sub: "jane", exp: seconds + 3600 };

interface Setup {
  readonly configuration?: string;
  readonly keys?: () => readonly object[];
  readonly documents?: Readonly<Record<string, string>>;
}

const plain = `
  claimMappings:
    username: { claim: sub, prefix: "oidc:" }
    groups: { claim: groups, prefix: "g:" }`;

async function authenticator({ configuration = plain, keys = () => [key.jwk], documents = {} }: Setup = {}) {
  const clock = new VirtualClock({ startMs });
  const asked: string[] = [];
  const keySets = new KeySetMetrics({
    hashOf: (text) => (text.startsWith("{") ? `${JSON.parse(text).keys.length} keys` : `hash of ${text}`),
    server: "server",
    now: () => clock.now(),
  });
  const configured = await loadAuthentication(
    `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: { url: "${issuer}", audiences: [client] }${configuration}
`,
    {
      clock,
      logger: silentLogger,
      signal: new AbortController().signal,
      disallowedIssuers: ["https://own"],
      isCertificateBundle: (pem) => pem === "PEM",
      apiAudiences,
      keySets,
      async readDocument(url) {
        asked.push(url);
        const known = documents[url];
        if (known !== undefined) return { status: 200, text: known };
        if (url === `${issuer}/.well-known/openid-configuration`)
          return { status: 200, text: JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }) };
        if (url === `${issuer}/keys`) return { status: 200, text: JSON.stringify({ keys: keys() }) };
        return { status: 404, text: "not found" };
      },
    },
  );
  await clock.settle();
  return { clock, asked, keySets, ...configured };
}

const expression = (rest: string) => `
  claimMappings:
    username: { expression: "claims.sub" }${rest}`;

for (const { name, configuration, claims, want } of [
  {
    name: "makes a user of plain claims with their prefixes",
    configuration: plain,
    claims: { ...good, groups: ["a", "b"], jti: "7" },
    want: {
      name: "oidc:jane",
      groups: ["g:a", "g:b"],
      extra: { "authentication.kubernetes.io/credential-id": ["JTI=7"] },
    },
  },
  {
    name: "takes one group for a list of one",
    configuration: plain,
    claims: { ...good, groups: "a" },
    want: { name: "oidc:jane", groups: ["g:a"] },
  },
  {
    name: "refuses a claim that is no text",
    configuration: plain,
    claims: { ...good, sub: 7 },
    want: 'oidc: parse username claims "sub": json: cannot unmarshal number into Go value of type string',
  },
  {
    name: "refuses a token for somebody else",
    configuration: plain,
    claims: { ...good, aud: ["other"] },
    want: 'oidc: verify token: oidc: expected audience "client" got ["other"]',
  },
  {
    name: "refuses a token that has expired",
    configuration: plain,
    claims: { ...good, exp: seconds - 1 },
    want: "oidc: verify token: oidc: token is expired (Token Expiry: 2025-12-31 23:59:59 +0000 UTC)",
  },
  {
    name: "does not know the tokens of other issuers",
    configuration: plain,
    claims: { ...good, iss: "https://other" },
    want: undefined,
  },
  {
    name: "refuses an address that was not verified",
    configuration: `
  claimMappings:
    username: { claim: email, prefix: "" }`,
    claims: { ...good, email: "jane@example.com", email_verified: false },
    want: "oidc: email not verified",
  },
  {
    name: "maps by expressions",
    configuration: `
  claimMappings:
    username: { expression: "claims.sub + '@' + claims.tenant__dot__name" }
    groups: { expression: "claims.roles.split(',').map(r, 'r:' + r)" }
    uid: { expression: "string(claims.number)" }
    extra:
    - { key: example.com/tenant, valueExpression: "claims['tenant.name']" }
    - { key: example.com/none, valueExpression: "''" }`,
    claims: { ...good, "tenant.name": "acme", roles: "x,y", number: 42 },
    want: {
      name: "jane@acme",
      uid: "42",
      groups: ["r:x", "r:y"],
      extra: { "example.com/tenant": ["acme"] },
    },
  },
  {
    name: "requires a claim's value",
    configuration: `${expression("")}
  claimValidationRules:
  - { claim: hd, requiredValue: example.com }`,
    claims: { ...good, hd: "evil.com" },
    want: "oidc: required claim hd value does not match. Got = evil.com, want = example.com",
  },
  {
    name: "refuses what a claim rule refuses, with its message",
    configuration: `${expression("")}
  claimValidationRules:
  - { expression: "claims.exp - claims.nbf <= 86400.0", message: too long }`,
    claims: { ...good, nbf: seconds - 200_000 },
    want: "oidc: error evaluating claim validation expression: validation expression 'claims.exp - claims.nbf <= 86400.0' failed: too long",
  },
  {
    name: "refuses what a user rule refuses",
    configuration: `${expression("")}
  userValidationRules:
  - { expression: "!user.username.startsWith('system:')", message: reserved }`,
    claims: { ...good, sub: "system:admin" },
    want: "oidc: error evaluating user info validation rule: validation expression '!user.username.startsWith('system:')' failed: reserved",
  },
  {
    name: "refuses an empty name",
    configuration: expression(""),
    claims: { ...good, sub: "" },
    want: "oidc: empty username via CEL expression is not allowed",
  },
  {
    name: "says which key is missing",
    configuration: expression(`
    groups: { expression: "claims.missing" }`),
    claims: good,
    want: "oidc: error evaluating group claim expression: no such key: missing",
  },
]) {
  test(`OIDC: ${name}`, async () => {
    const { tokens } = await authenticator({ configuration });
    const result = await tokens.authenticateToken(await sign(claims));
    if (want === undefined) assert.equal(result, undefined);
    else if (typeof want === "string") assert.deepEqual(result, { error: want });
    else assert.deepEqual(result, { user: want, audiences: apiAudiences });
  });
}

test("OIDC: refuses a token that another key signed, and one that the token itself says how to check", async () => {
  const { tokens } = await authenticator();
  const stranger = await signingKey("one");
  const refused = {
    error: "oidc: verify token: failed to verify signature: failed to verify id token signature",
  };
  assert.deepEqual(await tokens.authenticateToken(await sign(good, stranger)), refused);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const unsigned = `${part({ alg: "none" })}.${part(good)}.`;
  const result = await tokens.authenticateToken(unsigned);
  assert.ok(result !== undefined && "error" in result && result.error.includes("unsupported algorithm"));
});

test("OIDC: reads the keys again when they were rotated, not for each unknown one", async () => {
  const second = await signingKey("two", "ES256");
  let served: readonly object[] = [key.jwk];
  const { tokens, clock, asked, keySets, reload } = await authenticator({ keys: () => served });
  const reads = () => asked.filter((url) => url.endsWith("/keys")).length;
  assert.ok(await tokens.authenticateToken(await sign(good)));
  const rotated = await sign({ ...good, jti: "2" }, second);
  const early = await tokens.authenticateToken(rotated);
  assert.ok(early !== undefined && "error" in early);
  assert.equal(reads(), 1);
  served = [key.jwk, second.jwk];
  await clock.advance(1_000);
  const later = await tokens.authenticateToken(rotated);
  assert.ok(later !== undefined && "user" in later);
  assert.equal(reads(), 2);
  const points = () => keySets.families().flatMap((family) => [...family.points]);
  assert.deepEqual(points(), [
    { labels: [`hash of ${issuer}`, "hash of server", "2 keys"], value: 1 },
    { labels: ["success", `hash of ${issuer}`, "hash of server"], value: clock.now() / 1000 },
  ]);
  await reload("apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n");
  assert.deepEqual(points(), []);
});

test("OIDC: an issuer that is not there yet is asked again, and until then nobody is let in", async () => {
  let up = false;
  const documents = {
    get [`${issuer}/.well-known/openid-configuration`]() {
      return JSON.stringify({ issuer: up ? issuer : "https://someone.else", jwks_uri: `${issuer}/keys` });
    },
  };
  const { tokens, clock } = await authenticator({ documents });
  const token = await sign(good);
  assert.deepEqual(await tokens.authenticateToken(token), { error: "oidc: authenticator not initialized" });
  up = true;
  await clock.advance(10_000);
  const result = await tokens.authenticateToken(token);
  assert.ok(result !== undefined && "user" in result);
});

test("OIDC: groups that are somewhere else are fetched there, and checked", async () => {
  const endpoint = "https://groups.example.com/jane";
  const elsewhere = await sign({ ...good, groups: ["far"] });
  const { tokens } = await authenticator({ documents: { [endpoint]: elsewhere } });
  const claims = {
    ...good,
    _claim_names: { groups: "src" },
    _claim_sources: { src: { endpoint, access_token: "x" } },
  };
  const token = await sign(claims);
  await tokens.authenticateToken(token); // the other issuer is looked up
  const result = await tokens.authenticateToken(token);
  assert.deepEqual(result, { user: { name: "oidc:jane", groups: ["g:far"] }, audiences: apiAudiences });
});

test("OIDC: a file that changed is taken over when its issuers are reached, and refused when it is wrong", async () => {
  const configured = await authenticator();
  const file = (anonymous: string, prefix: string) => `
apiVersion: apiserver.config.k8s.io/v1beta1
kind: AuthenticationConfiguration
anonymous: ${anonymous}
jwt:
- issuer: { url: "${issuer}", audiences: [client] }
  claimMappings: { username: { claim: sub, prefix: "${prefix}" } }`;
  assert.deepEqual(configured.anonymous(), { enabled: true });
  await configured.reload(file("{ enabled: true, conditions: [{ path: /livez }] }", "new:"));
  assert.deepEqual(configured.anonymous(), { enabled: true, paths: ["/livez"] });
  const token = await sign(good);
  const result = await configured.tokens.authenticateToken(token);
  assert.ok(result !== undefined && "user" in result && result.user.name === "new:jane");
  await assert.rejects(configured.reload(file("{ enabled: false, conditions: [{ path: / }] }", "bad:")), {
    message:
      'anonymous.conditions: Invalid value: [{"path":"/"}]: enabled should be set to true when conditions are defined',
  });
  assert.ok("user" in ((await configured.tokens.authenticateToken(token)) ?? {}));
});
