import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CompactSign, exportJWK, generateKeyPair } from "jose";
import { createAuthority, issueClientCertificate } from "../../apiserver/pki/authority.ts";
import { createMemoryPki, type Pki } from "../../apiserver/pki/ensure-pki.ts";
import { readAuthFlags } from "../read-auth-flags.ts";
import { type ComposedApiServer, composeApiServer } from "./api-server.ts";
import { servedOptions } from "./test-support/options.ts";

/** An API server over HTTPS, with an issuer of users' tokens and webhooks beside it, each on a port of its own. */

const folder = mkdtempSync(join(tmpdir(), "k8ts-auth-"));
const stop = new AbortController();
const reviews: { readonly kind: string; readonly spec: Record<string, unknown> }[] = [];
const keys = await generateKeyPair("ES256", { extractable: true });
let pki: Pki;
let neighbour: ReturnType<typeof createServer>;
let issuer: string;
let composed: ComposedApiServer;
let company: Awaited<ReturnType<typeof createAuthority>>;

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** What a webhook of this test answers. */
function answer(review: { kind: string; spec: Record<string, unknown> }): object {
  reviews.push(review);
  if (review.kind === "TokenReview")
    return review.spec.token === "hook-token"
      ? { status: { authenticated: true, user: { username: "hook-user", groups: ["hooked"] } } }
      : { status: { authenticated: false } };
  return { status: { allowed: review.spec.user === "hook-user", denied: review.spec.user === "static" } };
}

async function startNeighbour(): Promise<void> {
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k", alg: "ES256", use: "sig" };
  neighbour = createServer({ cert: pki.serving.certificate, key: pki.serving.key }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const reply = (value: object) => {
        outgoing.setHeader("content-type", "application/json");
        outgoing.end(JSON.stringify(value));
      };
      if (incoming.url === "/.well-known/openid-configuration") reply({ issuer, jwks_uri: `${issuer}/keys` });
      else if (incoming.url === "/keys") reply({ keys: [jwk] });
      else if (incoming.url === "/review") reply(answer(JSON.parse(Buffer.concat(chunks).toString())));
      else {
        outgoing.statusCode = 404;
        outgoing.end();
      }
    });
  });
  await new Promise<void>((resolve) => neighbour.listen(0, "127.0.0.1", resolve));
  issuer = `https://localhost:${(neighbour.address() as AddressInfo).port}`;
}

const authenticationFile = (prefix: string) => `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous: { enabled: true, conditions: [{ path: /livez }] }
jwt:
- issuer:
    url: ${issuer}
    audiences: [kubernetes]
    certificateAuthority: ${JSON.stringify(pki.clusterAuthority.certificate)}
  claimMappings:
    username: { claim: sub, prefix: "${prefix}" }
    groups: { expression: "claims.?roles.orValue([])" }
`;

before(async () => {
  pki = await createMemoryPki({ nowMs: Date.now() });
  company = await createAuthority("company", Date.now());
  await startNeighbour();
  const ca = write("ca.pem", pki.clusterAuthority.certificate);
  const kubeconfig = write(
    "hook.yaml",
    `apiVersion: v1
kind: Config
current-context: c
clusters: [{ name: x, cluster: { server: "${issuer}/review", certificate-authority: "${ca}" } }]
users: [{ name: y, user: {} }]
contexts: [{ name: c, context: { cluster: x, user: y } }]
`,
  );
  const authorization = `apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- type: Webhook
  name: hook
  webhook:
    timeout: 3s
    subjectAccessReviewVersion: v1
    matchConditionSubjectAccessReviewVersion: v1
    failurePolicy: Deny
    connectionInfo: { type: KubeConfigFile, kubeConfigFile: "${kubeconfig}" }
    matchConditions: [{ expression: "request.?resourceAttributes.resource.orValue('') == 'secrets'" }]
- { type: Node, name: node }
- { type: RBAC, name: rbac }
`;
  composed = await composeApiServer(
    {
      ...servedOptions(pki),
      auth: readAuthFlags({
        authenticationConfig: write("authentication.yaml", authenticationFile("oidc:")),
        authenticationTokenWebhookConfigFile: kubeconfig,
        authorizationConfig: write("authorization.yaml", authorization),
        clientCaFile: write("companies.pem", `a company\n${company.certificate}`),
        serviceAccountMaxTokenExpiration: "2h",
        tokenAuthFile: write("tokens.csv", '# ours\nstatic-token,static,42,"a,system:masters-not"\n'),
      }),
    },
    stop.signal,
  );
  await composed.ready;
});

after(async () => {
  stop.abort();
  await composed.close();
  neighbour.closeAllConnections();
  neighbour.close();
  rmSync(folder, { recursive: true });
});

interface Sent {
  readonly token?: string;
  readonly certificate?: { readonly certificate: string; readonly key: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

function send(path: string, { token, certificate, headers = {}, body }: Sent = {}) {
  return new Promise<{ status: number; body: Record<string, unknown>; text: string }>((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port: composed.listener?.port,
        path,
        method: body === undefined ? "GET" : "POST",
        ca: pki.clusterAuthority.certificate,
        agent: false,
        ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          "content-type": "application/json",
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const parsed = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
          resolve({ status: incoming.statusCode ?? 0, body: parsed, text });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function whoami(sent: Sent): Promise<unknown> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const { status, body } = await send("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    ...sent,
    body: review,
  });
  if (status !== 201) return status;
  return (body.status as { userInfo: unknown }).userInfo;
}

/** What a certificate is worth on a connection that speaks HTTP/2. */
function statusOverHttp2({ certificate, key }: { certificate: string; key: string }): Promise<number> {
  const session = connect(`https://127.0.0.1:${composed.listener?.port}`, {
    ca: pki.clusterAuthority.certificate,
    cert: certificate,
    key,
  });
  return new Promise<number>((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({ ":path": "/api/v1/namespaces" });
    stream.on("error", reject);
    stream.on("response", (headers) => resolve(Number(headers[":status"])));
    stream.resume();
    stream.end();
  }).finally(() => session.destroy());
}

function idToken(claims: object): Promise<string> {
  const all = { iss: issuer, aud: "kubernetes", exp: Date.now() / 1000 + 600, ...claims };
  return new CompactSign(Buffer.from(JSON.stringify(all)))
    .setProtectedHeader({ alg: "ES256", kid: "k" })
    .sign(keys.privateKey);
}

test("a token of a configured OpenID issuer names a user, and a changed file takes effect", async () => {
  const token = await idToken({ sub: "jane", roles: ["dev"] });
  const before = { username: "oidc:jane", groups: ["dev", "system:authenticated"] };
  assert.deepEqual(await whoami({ token }), before);
  write("authentication.yaml", authenticationFile("new:"));
  const renamed = { ...before, username: "new:jane" };
  for (let attempt = 0; ; attempt++) {
    const shown = await whoami({ token: await idToken({ sub: "jane", roles: ["dev"], nonce: attempt }) });
    if (JSON.stringify(shown) === JSON.stringify(renamed)) return;
    await delay(50);
  }
});

test("a token of the file and one that only the webhook knows name their users; another is refused", async () => {
  assert.deepEqual(await whoami({ token: "static-token" }), {
    username: "static",
    uid: "42",
    groups: ["a", "system:masters-not", "system:authenticated"],
  });
  assert.deepEqual(await whoami({ token: "hook-token" }), {
    username: "hook-user",
    groups: ["hooked", "system:authenticated"],
  });
  assert.equal(await whoami({ token: "nobody's" }), 401);
});

test("the webhook decides about what its conditions match; RBAC about the rest", async () => {
  assert.equal((await send("/api/v1/namespaces/default/secrets", { token: "hook-token" })).status, 200);
  assert.equal((await send("/api/v1/namespaces/default/configmaps", { token: "hook-token" })).status, 403);
  assert.equal((await send("/api/v1/namespaces/default/secrets", { token: "static-token" })).status, 403);
  const asked = reviews.filter(({ kind }) => kind === "SubjectAccessReview").map(({ spec }) => spec.user);
  assert.deepEqual(new Set(asked), new Set(["hook-user", "static"]));
});

test("anonymous requests are let in where the file says so, and nowhere else", async () => {
  assert.equal((await send("/livez")).status, 200);
  assert.equal((await send("/readyz")).status, 401);
  assert.equal((await send("/version")).status, 401);
});

test("a front proxy's certificate speaks for others, and is no client's certificate", async () => {
  const certificate = pki.frontProxyClient;
  const headers = { "x-remote-user": "jane", "x-remote-group": "dev" };
  assert.deepEqual(await whoami({ certificate, headers }), {
    username: "jane",
    groups: ["dev", "system:authenticated"],
  });
  assert.equal(await whoami({ certificate }), 401);
  const forged = await issueClientCertificate(
    pki.frontProxyAuthority,
    { commonName: "eve", organizations: ["system:masters"] },
    { nowMs: Date.now() },
  );
  assert.equal(await whoami({ certificate: forged }), 401);
  assert.equal(await whoami({ certificate: forged, headers }), 401);
  const admin = (await whoami({ certificate: pki.admin, headers })) as { username: string };
  assert.equal(admin.username, "kubernetes-admin");
  assert.equal(await statusOverHttp2(forged), 401);
  assert.equal(await statusOverHttp2(pki.frontProxyClient), 401);
  assert.equal(await statusOverHttp2(pki.admin), 200);
});

test("a certificate of a further authority names a user", async () => {
  const certificate = await issueClientCertificate(
    company,
    { commonName: "jane", organizations: ["dev"] },
    { nowMs: Date.now() },
  );
  const user = (await whoami({ certificate })) as { username: string; groups: string[] };
  assert.equal(user.username, "jane");
  assert.deepEqual(user.groups, ["dev", "system:authenticated"]);
});

test("a service account's token lives no longer than an administrator allows", async () => {
  const { status, body } = await send("/api/v1/namespaces/kube-system/serviceaccounts", {
    certificate: pki.admin,
    body: { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot" } },
  });
  assert.equal(status, 201, JSON.stringify(body));
  const answer = await send("/api/v1/namespaces/kube-system/serviceaccounts/robot/token", {
    certificate: pki.admin,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { audiences: [], expirationSeconds: 10_800 },
    },
  });
  assert.equal(answer.status, 201, answer.text);
  assert.equal((answer.body.spec as { expirationSeconds: number }).expirationSeconds, 7200);
});
