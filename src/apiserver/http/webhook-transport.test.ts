import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import type { WebhookClient } from "../admission/webhooks/caller.ts";
import { issueClientCertificate, issueServingCertificate } from "../pki/authority.ts";
import { createMemoryPki } from "../pki/ensure-pki.ts";
import { httpsWebhookTransport } from "./webhook-transport.ts";

const nowMs = Date.now();
const { clusterAuthority, frontProxyAuthority } = await createMemoryPki({ nowMs });
const serving = await issueServingCertificate(
  clusterAuthority,
  { commonName: "hooks" },
  ["hooks.ops.svc", "127.0.0.1"],
  {
    nowMs,
  },
);
const transport = httpsWebhookTransport();
let server: Server;
let port = 0;

before(async () => {
  const tls = { cert: serving.certificate, key: serving.key, ca: clusterAuthority.certificate };
  server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    if (request.url?.startsWith("/who")) {
      const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject ?? {};
      response.end(JSON.stringify({ CN, authorization: request.headers.authorization }));
      return;
    }
    if (request.url?.startsWith("/slow")) return;
    if (request.url?.startsWith("/broken")) {
      response.statusCode = 500;
      response.end("boom");
      return;
    }
    request.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  transport.close();
  server.closeAllConnections();
  server.close();
});

const post = (
  path: string,
  options: { authority?: string; timeoutMs?: number; client?: WebhookClient } = {},
) =>
  transport.post(
    {
      url: `https://hooks.ops.svc:${port}${path}`,
      connect: { host: "127.0.0.1", port },
      serverName: "hooks.ops.svc",
      certificateAuthority: options.authority ?? clusterAuthority.certificate,
      ...(options.client && { client: options.client }),
    },
    { hello: "there" },
    { timeoutMs: options.timeoutMs ?? 5000, signal: new AbortController().signal },
  );

test("webhook transport: verifies the service's certificate and exchanges JSON", async () => {
  assert.deepEqual(await post("/echo"), { hello: "there" });
});

test("webhook transport: says who it is where it was told", async () => {
  const { certificate, key } = await issueClientCertificate(
    clusterAuthority,
    { commonName: "api" },
    { nowMs },
  );
  const client = { headers: { authorization: "Bearer x" }, certificate: { cert: certificate, key } };
  assert.deepEqual(await post("/who", { client }), { CN: "api", authorization: "Bearer x" });
  assert.deepEqual(await post("/who"), {});
});

test("webhook transport: reaches a URL that names an address", async () => {
  const answer = await transport.post(
    {
      url: `https://127.0.0.1:${port}/echo`,
      serverName: "127.0.0.1",
      certificateAuthority: clusterAuthority.certificate,
    },
    { hello: "there" },
    { timeoutMs: 5000, signal: new AbortController().signal },
  );
  assert.deepEqual(answer, { hello: "there" });
});

test("webhook transport: names an address where nobody listens as Go does", async () => {
  const refused = transport.post(
    {
      url: "https://127.0.0.1:1/",
      serverName: "127.0.0.1",
      certificateAuthority: clusterAuthority.certificate,
    },
    {},
    { timeoutMs: 5000, signal: new AbortController().signal },
  );
  await assert.rejects(refused, { message: "dial tcp 127.0.0.1:1: connect: connection refused" });
});

for (const { name, path, options, want } of [
  {
    name: "refuses a server of another authority",
    path: "/echo",
    options: { authority: frontProxyAuthority.certificate },
    want: /^tls: failed to verify certificate: x509: certificate signed by unknown authority$/,
  },
  {
    name: "gives up in time",
    path: "/slow",
    options: { timeoutMs: 30 },
    want: /^context deadline exceeded$/,
  },
  {
    name: "reports what a failing server says",
    path: "/broken",
    options: {},
    want: /an error on the server \("boom"\)/,
  },
]) {
  test(`webhook transport: ${name}`, () =>
    assert.rejects(post(path, options), (error) => error instanceof Error && want.test(error.message)));
}
