import assert from "node:assert/strict";
import { test } from "node:test";
import type { Secret } from "../../api/core/types.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { AuthenticationRequest, AuthorizationAttributes, ClientCertificate } from "../stages.ts";
import { judgeBootstrapToken } from "./bootstrap-tokens.ts";
import { createAuthenticator } from "./create-authenticator.ts";
import { createImpersonator } from "./impersonation.ts";
import { type BoundObjects, serviceAccountTokens, staticTokens, tokenUnion } from "./token-authenticator.ts";
import { type BoundObject, encodeClaims, type TokenGrant } from "./token-claims.ts";

const issuer = "https://kubernetes.default.svc.cluster.local";
const nowMs = Date.UTC(2026, 5, 1);
const grant: TokenGrant = {
  issuer,
  audiences: [issuer],
  namespace: "ns",
  serviceAccount: { name: "robot", uid: "u1" },
  pod: { name: "p", uid: "p1" },
  node: { name: "a", uid: "n1" },
  expirationSeconds: 3600,
  id: "id1",
};
const alive: Readonly<Record<string, BoundObject>> = {
  "serviceaccounts/ns/robot": { uid: "u1" },
  "pods/ns/p": { uid: "p1" },
};
const lookUp = (objects: Readonly<Record<string, BoundObject>>): BoundObjects => ({
  find: (kind, namespace, name) => objects[`${kind}/${namespace}/${name}`],
});

/** Tokens whose signature is a word: signatures are tested beside the keys. */
const verifier = {
  async verify(token: string) {
    const [kind, claims = ""] = token.split(".");
    return kind === "signed" ? JSON.parse(atob(claims)) : undefined;
  },
};
const tokenWith = (claims: object, signature = "signed") => `${signature}.${btoa(JSON.stringify(claims))}.x`;
const tokenOf = (fields: Partial<TokenGrant>) => tokenWith(encodeClaims({ ...grant, ...fields }, nowMs));

const { pod: _, ...withoutPod } = grant;
for (const { name, token, objects = alive, at = nowMs, audiences, want } of [
  {
    name: "accepts one whose account and pod are alive",
    token: tokenOf({}),
    want: "system:serviceaccount:ns:robot",
  },
  {
    name: "refuses one in its name that it did not sign",
    token: tokenWith({ iss: issuer }, "forged"),
    want: /^go-jose\/go-jose: error in cryptographic primitive$/,
  },
  {
    name: "accepts it for another minute, as clocks may differ",
    token: tokenOf({}),
    at: nowMs + 3_655_000,
    want: "system:serviceaccount:ns:robot",
  },
  {
    name: "refuses one of the future",
    token: tokenOf({}),
    at: nowMs - 61_000,
    want: /^service account token is not valid yet$/,
  },
  { name: "refuses it once it has expired", token: tokenOf({}), at: nowMs + 3_700_000, want: /expired/ },
  { name: "does not know another issuer's", token: tokenOf({ issuer: "https://other" }), want: undefined },
  { name: "refuses one for another audience", token: tokenOf({ audiences: ["vault"] }), want: /audiences/ },
  {
    name: "accepts another audience for who asks for it",
    token: tokenOf({ audiences: ["vault"] }),
    audiences: ["vault"],
    want: "system:serviceaccount:ns:robot",
  },
  {
    name: "refuses it once the account is gone",
    token: tokenOf({}),
    objects: { "pods/ns/p": { uid: "p1" } },
    want: /^serviceaccounts "robot" not found$/,
  },
  {
    name: "refuses it when the account was made anew",
    token: tokenOf({}),
    objects: { ...alive, "serviceaccounts/ns/robot": { uid: "u2" } },
    want: /service account UID \(u2\) does not match claim \(u1\)/,
  },
  {
    name: "refuses it once the pod is gone",
    token: tokenOf({}),
    objects: { "serviceaccounts/ns/robot": { uid: "u1" } },
    want: /^service account token has been invalidated$/,
  },
  {
    name: "accepts it while a deleted pod ends",
    token: tokenOf({}),
    objects: { ...alive, "pods/ns/p": { uid: "p1", deletedAtMs: nowMs - 30_000 } },
    want: "system:serviceaccount:ns:robot",
  },
  {
    name: "refuses it a minute after its pod should have ended",
    token: tokenOf({}),
    objects: { ...alive, "pods/ns/p": { uid: "p1", deletedAtMs: nowMs - 61_000 } },
    want: /^service account token has been invalidated$/,
  },
  {
    name: "refuses one bound to a node that is gone",
    token: tokenWith(encodeClaims(withoutPod, nowMs)),
    want: /^service account token has been invalidated$/,
  },
] as const) {
  test(`service account token: ${name}`, async () => {
    const tokens = serviceAccountTokens({
      verifier,
      objects: lookUp(objects),
      now: () => at,
      issuers: [issuer],
      audiences: [issuer],
    });
    const result = await tokens.authenticateToken(token, audiences);
    if (want === undefined) assert.equal(result, undefined);
    else if (typeof want === "string")
      assert.equal(result !== undefined && "user" in result && result.user.name, want);
    else assert.match(result !== undefined && "error" in result ? result.error : "accepted", want);
  });
}

test("service account token: its user carries groups, uid, pod, node and credential", async () => {
  const tokens = serviceAccountTokens({
    verifier,
    objects: lookUp(alive),
    now: () => nowMs,
    issuers: [issuer],
    audiences: [issuer],
  });
  const result = await tokens.authenticateToken(tokenOf({}));
  assert.deepEqual(result, {
    user: {
      name: "system:serviceaccount:ns:robot",
      uid: "u1",
      groups: ["system:serviceaccounts", "system:serviceaccounts:ns"],
      extra: {
        "authentication.kubernetes.io/pod-name": ["p"],
        "authentication.kubernetes.io/pod-uid": ["p1"],
        "authentication.kubernetes.io/credential-id": ["JTI=id1"],
        "authentication.kubernetes.io/node-name": ["a"],
        "authentication.kubernetes.io/node-uid": ["n1"],
      },
    },
    audiences: [issuer],
  });
});

for (const { afterSeconds, want } of [
  { afterSeconds: 3607, want: undefined },
  {
    afterSeconds: 3609,
    want: {
      "authentication.k8s.io/stale-token":
        "subject: system:serviceaccount:ns:robot, seconds after warning threshold: 2",
    },
  },
]) {
  test(`an extended token that is used ${afterSeconds} s after it was made is ${want === undefined ? "fresh" : "stale"}`, async () => {
    const tokens = serviceAccountTokens({
      verifier,
      objects: lookUp(alive),
      now: () => nowMs + afterSeconds * 1000,
      issuers: [issuer],
      audiences: [issuer],
    });
    const extended = tokenOf({ expirationSeconds: 31_536_000, warnAfterSeconds: 3607 });
    const result = await tokens.authenticateToken(extended);
    assert.deepEqual(result !== undefined && "user" in result ? result.annotations : result, want);
  });
}

test("the audit log is told of what is odd about a token", async () => {
  const user = { name: "robot", groups: [] };
  const annotations = { "authentication.k8s.io/stale-token": "late" };
  const { authenticate } = createAuthenticator({
    tokens: { authenticateToken: () => ({ user, audiences: [], annotations }) },
  });
  const told: string[][] = [];
  const headers = { authorization: "Bearer x" };
  await authenticate({ path: "/", headers, annotate: (...said) => void told.push(said) });
  assert.deepEqual(told, [["authentication.k8s.io/stale-token", "late"]]);
});

for (const { name, headers, remoteHeaders, want } of [
  {
    name: "the usual headers",
    headers: {
      "x-remote-user": "jane",
      "x-remote-group": "a, b",
      "x-remote-uid": "7",
      "x-remote-extra-scopes%2fx": "read",
    },
    remoteHeaders: undefined,
    want: {
      name: "jane",
      uid: "7",
      groups: ["a", "b", "system:authenticated"],
      extra: { "scopes/x": ["read"] },
    },
  },
  {
    name: "headers of its own, the first that names a user",
    headers: {
      "x-user": "",
      "x-login": "jane",
      "x-team": "a",
      "x-role": "b",
      "x-more-scopes": "read",
      "x-remote-group": "nobody",
    },
    remoteHeaders: {
      username: ["X-User", "X-Login"],
      uid: [],
      group: ["X-Team", "X-Role"],
      extraPrefix: ["X-More-"],
    },
    want: { name: "jane", groups: ["a", "b", "system:authenticated"], extra: { scopes: ["read"] } },
  },
]) {
  test(`a front proxy names users by ${name}`, async () => {
    const { authenticate } = createAuthenticator({
      tokens: { authenticateToken: () => undefined },
      isFrontProxy: () => true,
      ...(remoteHeaders === undefined ? {} : { remoteHeaders }),
    });
    const clientCertificate = certificate({ commonName: "proxy" });
    assert.deepEqual(await authenticate({ path: "/", headers, clientCertificate }), want);
  });
}

test("service account token: a signature is verified once, its pod every time", async () => {
  let verifications = 0;
  const objects: Record<string, BoundObject> = { ...alive };
  const tokens = serviceAccountTokens({
    verifier: {
      verify(token) {
        verifications++;
        return verifier.verify(token);
      },
    },
    objects: lookUp(objects),
    now: () => nowMs,
    issuers: [issuer],
    audiences: [issuer],
  });
  await tokens.authenticateToken(tokenOf({}));
  delete objects["pods/ns/p"];
  const second = await tokens.authenticateToken(tokenOf({}));
  assert.equal(verifications, 1);
  assert.ok(second !== undefined && "error" in second);
});

const certificate = (fields: Partial<ClientCertificate>): ClientCertificate => ({
  commonName: "kubernetes-admin",
  organizations: ["system:masters"],
  verified: true,
  raw: new Uint8Array([1]),
  ...fields,
});
const authenticator = createAuthenticator({
  tokens: tokenUnion([staticTokens(new Map([["sesame", { name: "ali", groups: ["thieves"] }]]), [issuer])]),
  fingerprint: () => "ab12",
  isFrontProxy: ({ commonName }) => commonName === "front-proxy-client",
  anonymous: () => ({ enabled: true, paths: ["/healthz"] }),
});
const credential = { extra: { "authentication.kubernetes.io/credential-id": ["X509SHA256=ab12"] } };
const ali = { name: "ali", groups: ["thieves", "system:authenticated"] };
const webSocketToken = `base64url.bearer.authorization.k8s.io.${btoa("sesame")}, v5.channel.k8s.io`;
for (const { name, ask, want } of [
  {
    name: "a client certificate by its common name and organizations",
    ask: { clientCertificate: certificate({}) },
    want: { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"], ...credential },
  },
  { name: "a bearer token", ask: { headers: { authorization: "Bearer sesame" } }, want: ali },
  {
    name: "a token in a WebSocket's subprotocols",
    ask: { headers: { "sec-websocket-protocol": webSocketToken } },
    want: ali,
  },
  {
    name: "nobody by a wrong token, on an open path either",
    ask: { path: "/healthz", headers: { authorization: "Bearer simsim" } },
    want: 401,
  },
  {
    name: "nobody by a certificate of another authority",
    ask: { clientCertificate: certificate({ verified: false }), path: "/healthz" },
    want: 401,
  },
  {
    name: "system:anonymous on an open path",
    ask: { path: "/healthz" },
    want: { name: "system:anonymous", groups: ["system:unauthenticated"] },
  },
  { name: "nobody without credentials elsewhere", ask: { path: "/api" }, want: 401 },
  {
    name: "whom a front proxy speaks for",
    ask: {
      clientCertificate: certificate({ commonName: "front-proxy-client", organizations: [] }),
      headers: { "x-remote-user": "eve", "x-remote-group": "a, b", "x-remote-extra-scopes%2fx": "s" },
    },
    want: { name: "eve", groups: ["a", "b", "system:authenticated"], extra: { "scopes/x": ["s"] } },
  },
  {
    name: "no one by a front proxy's headers from another client",
    ask: { clientCertificate: certificate({}), headers: { "x-remote-user": "eve" } },
    want: { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"], ...credential },
  },
] satisfies { name: string; ask: Partial<AuthenticationRequest>; want: UserInfo | 401 }[]) {
  test(`authentication knows ${name}`, async () => {
    const authenticate = async () => authenticator.authenticate({ path: "/api", headers: {}, ...ask });
    if (want === 401) await assert.rejects(authenticate, (error) => isApiError(error, "Unauthorized"));
    else assert.deepEqual(await authenticate(), want);
  });
}

const bootstrapSecret = (
  fields: Readonly<Record<string, string>>,
  type = "bootstrap.kubernetes.io/token",
): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "bootstrap-token-abcdef" },
  type,
  data: Object.fromEntries(
    Object.entries({
      "token-id": "abcdef",
      "token-secret": "0123456789abcdef",
      "usage-bootstrap-authentication": "true",
      ...fields,
    }).map(([key, value]) => [key, btoa(value)]),
  ),
});
for (const { name, secret, want } of [
  { name: "is accepted", secret: bootstrapSecret({}), want: ["system:bootstrappers"] },
  {
    name: "brings its groups",
    secret: bootstrapSecret({ "auth-extra-groups": "system:bootstrappers:nodes" }),
    want: ["system:bootstrappers", "system:bootstrappers:nodes"],
  },
  {
    name: "brings no other group",
    secret: bootstrapSecret({ "auth-extra-groups": "system:masters" }),
    want: undefined,
  },
  {
    name: "is refused with another secret",
    secret: bootstrapSecret({ "token-secret": "0123456789abcdee" }),
    want: undefined,
  },
  {
    name: "is refused once it expired",
    secret: bootstrapSecret({ expiration: "2026-05-31T23:59:59Z" }),
    want: undefined,
  },
  {
    name: "is refused when it is not meant for authentication",
    secret: bootstrapSecret({ "usage-bootstrap-authentication": "false" }),
    want: undefined,
  },
  {
    name: "is refused when the secret is of another type",
    secret: bootstrapSecret({}, "Opaque"),
    want: undefined,
  },
]) {
  test(`bootstrap token: ${name}`, () => {
    const asked = { id: "abcdef", secret: "0123456789abcdef", nowMs, audiences: [issuer] };
    const result = judgeBootstrapToken(secret, asked);
    assert.deepEqual(result !== undefined && "user" in result ? result.user.groups : undefined, want);
  });
}

const unobserved = { now: () => 0, impersonated: () => {}, checkedImpersonation: () => {} };
const listPods: AuthorizationAttributes = {
  user: { name: "admin", groups: [] },
  verb: "list",
  isResourceRequest: true,
  apiGroup: "",
  apiVersion: "v1",
  resource: "pods",
  subresource: "",
  namespace: "ns",
  name: "",
  path: "",
};
const nodeAgent: UserInfo = {
  name: "system:serviceaccount:ns:agent",
  groups: [],
  extra: { "authentication.kubernetes.io/node-name": ["a"] },
};
/** "verb resource[/sub] [namespace/]name" */
const describe = ({ verb, resource, subresource, namespace, name }: AuthorizationAttributes) =>
  `${verb} ${resource}${subresource && `/${subresource}`} ${namespace && `${namespace}/`}${name}`;
for (const { name, headers, user, allowed, want } of [
  { name: "nobody when no header asks for it", headers: {}, allowed: [], want: undefined },
  {
    name: "a user",
    headers: { "impersonate-user": "eve" },
    allowed: ["impersonate users eve"],
    want: { name: "eve", groups: ["system:authenticated"] },
  },
  {
    name: "a user with groups, uid and extra",
    headers: {
      "impersonate-user": "eve",
      "impersonate-group": "a,b",
      "impersonate-uid": "7",
      "impersonate-extra-scope": "s",
    },
    allowed: [
      "impersonate users eve",
      "impersonate groups a",
      "impersonate groups b",
      "impersonate uids 7",
      "impersonate userextras/scope s",
    ],
    want: { name: "eve", uid: "7", groups: ["a", "b", "system:authenticated"], extra: { scope: ["s"] } },
  },
  {
    name: "no group that is not allowed",
    headers: { "impersonate-user": "eve", "impersonate-group": "root" },
    allowed: ["impersonate users eve"],
    want: 403,
  },
  {
    name: "a service account with its groups",
    headers: { "impersonate-user": "system:serviceaccount:ns:robot" },
    allowed: ["impersonate serviceaccounts ns/robot"],
    want: {
      name: "system:serviceaccount:ns:robot",
      groups: ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"],
    },
  },
  {
    name: "anonymous as unauthenticated",
    headers: { "impersonate-user": "system:anonymous" },
    allowed: ["impersonate users system:anonymous"],
    want: { name: "system:anonymous", groups: ["system:unauthenticated"] },
  },
  { name: "nobody by a group alone", headers: { "impersonate-group": "root" }, allowed: [], want: 400 },
  {
    name: "a user for one verb only",
    headers: { "impersonate-user": "eve" },
    allowed: ["impersonate-on:user-info:list pods ns/", "impersonate:user-info users eve"],
    want: { name: "eve", groups: ["system:authenticated"] },
  },
  {
    name: "no privileged group under constraint",
    headers: { "impersonate-user": "eve", "impersonate-group": "system:masters" },
    allowed: [
      "impersonate-on:user-info:list pods ns/",
      "impersonate:user-info users eve",
      "impersonate:user-info groups system:masters",
    ],
    want: 403,
  },
  {
    name: "many groups and much extra by one question each",
    headers: {
      "impersonate-user": "eve",
      "impersonate-group": "a,b,c,d",
      "impersonate-extra-example.com%2fteams": "e,f,g,h",
    },
    allowed: [
      "impersonate-on:user-info:list pods ns/",
      "impersonate:user-info users eve",
      "impersonate:user-info groups *",
      "impersonate:user-info userextras/* *",
    ],
    want: {
      name: "eve",
      groups: ["a", "b", "c", "d", "system:authenticated"],
      extra: { "example.com/teams": ["e", "f", "g", "h"] },
    },
  },
  {
    name: "nobody with an extra that has no domain, under constraint",
    headers: { "impersonate-user": "eve", "impersonate-extra-scopes": "s" },
    allowed: [
      "impersonate-on:user-info:list pods ns/",
      "impersonate:user-info users eve",
      "impersonate:user-info userextras/scopes s",
    ],
    want: 403,
  },
  {
    name: "the node an agent runs on",
    headers: { "impersonate-user": "system:node:a" },
    user: nodeAgent,
    allowed: ["impersonate-on:associated-node:list pods ns/", "impersonate:associated-node nodes *"],
    want: { name: "system:node:a", groups: ["system:nodes", "system:authenticated"] },
  },
  {
    name: "no other node by an agent",
    headers: { "impersonate-user": "system:node:b" },
    user: nodeAgent,
    allowed: ["impersonate-on:associated-node:list pods ns/", "impersonate:associated-node nodes *"],
    want: 403,
  },
] satisfies {
  name: string;
  headers: Record<string, string>;
  user?: UserInfo;
  allowed: string[];
  want: UserInfo | undefined | number;
}[]) {
  test(`impersonation: acts as ${name}`, async () => {
    const impersonator = createImpersonator(
      {
        authorize: (attributes) => ({ allowed: allowed.includes(describe(attributes) as never), reason: "" }),
      },
      unobserved,
    );
    const impersonate = async () =>
      impersonator.impersonate({ ...listPods, user: user ?? listPods.user }, headers);
    if (typeof want === "number")
      await assert.rejects(impersonate, (error) => isApiError(error) && error.code === want);
    else assert.deepEqual(await impersonate(), want);
  });
}
