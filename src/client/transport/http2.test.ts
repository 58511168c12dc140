import assert from "node:assert/strict";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { connect as connectSocket, createServer as createNetServer, type Server } from "node:net";
import test, { type TestContext } from "node:test";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { createAuthority, issueServingCertificate } from "../../apiserver/pki/authority.ts";
import { createClient } from "../rest-client.ts";
import { listen } from "../test-support/listen.ts";
import { TransportError } from "../transport-error.ts";
import { Http2Sessions } from "./http2-sessions.ts";
import { createHttpsTransport } from "./https-transport.ts";

const pods: ResourceType<KubeObject> = {
  group: "",
  version: "v1",
  resource: "pods",
  kind: "Pod",
  namespaced: true,
};
const pod = { apiVersion: "v1", kind: "Pod", metadata: { namespace: "n", name: "a" } };
const name = { namespace: "n", name: "a" };
const json = { "content-type": "application/json" };

const nowMs = Date.now();
const authority = await createAuthority("test-ca", nowMs);
const { certificate: cert, key } = await issueServingCertificate(
  authority,
  { commonName: "s" },
  ["127.0.0.1"],
  { nowMs },
);

async function listenSecurely(context: TestContext, server: Server): Promise<string> {
  return `https://127.0.0.1:${await listen(context, server)}`;
}

type Answer = (request: Http2ServerRequest, response: Http2ServerResponse) => void | Promise<void>;

/** A server of HTTP/2 that counts its connections, and a client to it. */
async function connected(context: TestContext, answer: Answer, maxConcurrentStreams = 100) {
  const server: Http2SecureServer = createSecureServer(
    { cert, key, settings: { maxConcurrentStreams } },
    answer,
  );
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => sessions.push(session));
  const transport = createHttpsTransport({
    server: await listenSecurely(context, server),
    ca: authority.certificate,
    http2: true,
    idleTimeoutMs: 5000,
  });
  context.after(() => transport.close());
  return { sessions, transport, client: createClient({ transport }) };
}

test("Requests of every kind and their answers share one HTTP/2 connection", async (context) => {
  const { client, sessions } = await connected(context, async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
    if (request.url === "/healthz") {
      response.writeHead(200, { "content-type": "text/plain", warning: '299 - "old"' }).end("ok");
      return;
    }
    const told = { method: request.method, url: request.url, body: Buffer.concat(chunks).toString() };
    response.writeHead(200, json).end(JSON.stringify({ ...pod, told }));
  });
  const [got, created, text] = await Promise.all([
    client.get(pods, name, { resourceVersion: "0" }),
    client.create(pods, pod),
    client.raw("/healthz"),
  ]);
  assert.deepEqual(got, {
    ...pod,
    told: { method: "GET", url: "/api/v1/namespaces/n/pods/a?resourceVersion=0", body: "" },
  });
  assert.deepEqual(created, {
    ...pod,
    told: { method: "POST", url: "/api/v1/namespaces/n/pods", body: JSON.stringify(pod) },
  });
  assert.deepEqual(text, { text: "ok" });
  assert.equal(sessions.length, 1);
});

test("A watch over HTTP/2 comes in batches, and leaving it ends its stream but not the connection", async (context) => {
  let closed = () => {};
  const ended = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { client, sessions } = await connected(context, (request, response) => {
    response.writeHead(200, json);
    if (request.url.includes("watch=true")) {
      response.write(`${JSON.stringify({ type: "ADDED", object: pod })}\n`);
      request.on("close", closed);
    } else response.end(JSON.stringify(pod));
  });
  for await (const batch of await client.watch(pods, {})) {
    assert.deepEqual(batch, [{ type: "ADDED", object: pod }]);
    break;
  }
  await ended;
  assert.deepEqual(await client.get(pods, name), pod);
  assert.equal(sessions.length, 1);
});

test("An aborted watch ends, one whose connection breaks throws", async (context) => {
  const { client, sessions } = await connected(context, (_request, response) => {
    response.writeHead(200, json).write(`${JSON.stringify({ type: "ADDED", object: pod })}\n`);
  });
  const abort = new AbortController();
  let batches = 0;
  for await (const _batch of await client.watch(pods, { signal: abort.signal })) {
    batches++;
    abort.abort(new Error("enough"));
  }
  assert.equal(batches, 1);
  await assert.rejects(async () => {
    for await (const _batch of await client.watch(pods, {})) sessions[0]?.destroy();
  }, TransportError);
});

test("Past the streams that a server allows there is a second connection", async (context) => {
  const { client, sessions } = await connected(
    context,
    (request, response) => {
      response.writeHead(200, json);
      if (request.url.includes("watch=true")) response.write("\n");
      else response.end(JSON.stringify(pod));
    },
    3,
  );
  const abort = new AbortController();
  await Promise.all(Array.from({ length: 7 }, () => client.watch(pods, { signal: abort.signal })));
  assert.equal(sessions.length, 3);
  assert.deepEqual(await client.get(pods, name), pod);
  assert.equal(sessions.length, 3);
  abort.abort();
});

test("A server that says goodbye gets its next requests on a new connection, and finishes those under way", async (context) => {
  let answer = () => {};
  const { client, sessions } = await connected(context, (request, response) => {
    response.writeHead(200, json);
    const end = () => void response.end(JSON.stringify(pod));
    if (request.url.endsWith("/slow")) answer = end;
    else end();
  });
  const slow = client.get(pods, { namespace: "n", name: "slow" });
  await client.get(pods, name);
  sessions[0]?.goaway();
  while (sessions.length < 2) await client.get(pods, name);
  answer();
  assert.deepEqual(await slow, pod);
});

test("A request that the server refused to look at is sent once more", async (context) => {
  let refusals = 1;
  const { client } = await connected(context, (_request, response) => {
    const stream: ServerHttp2Stream = response.stream;
    if (refusals-- > 0) stream.close(7);
    else response.writeHead(200, json).end(JSON.stringify(pod));
  });
  assert.deepEqual(await client.create(pods, pod), pod);
});

test("A server without HTTP/2 is spoken to over HTTP/1.1", async (context) => {
  const server = createHttpsServer({ cert, key }, (request, response) => {
    response.writeHead(200, json).end(JSON.stringify({ ...pod, version: request.httpVersion }));
  });
  const options = { server: await listenSecurely(context, server), ca: authority.certificate, http2: true };
  const client = createClient({ transport: createHttpsTransport(options) });
  context.after(() => client.close());
  assert.deepEqual(await client.get(pods, name), { ...pod, version: "1.1" });
});

test("No server, a server that says nothing, and one whose certificate is another's are transport errors", async (context) => {
  const { client } = await connected(context, () => {});
  const impatient = createClient({
    transport: createHttpsTransport({
      ...{ http2: true, idleTimeoutMs: 50, ca: authority.certificate },
      server: await listenSecurely(
        context,
        createSecureServer({ cert, key }, () => {}),
      ),
    }),
  });
  await assert.rejects(impatient.get(pods, name), /no answer for 50 ms/);
  const stranger = createClient({
    transport: createHttpsTransport({
      ...{ http2: true, tlsServerName: "other.test", ca: authority.certificate },
      server: await listenSecurely(
        context,
        createSecureServer({ cert, key }, () => {}),
      ),
    }),
  });
  await assert.rejects(stranger.get(pods, name), TransportError);
  const nobody = createClient({
    transport: createHttpsTransport({ server: "https://127.0.0.1:1", http2: true }),
  });
  await assert.rejects(nobody.get(pods, name), TransportError);
  const abort = new AbortController();
  const given = client.get(pods, name, { signal: abort.signal });
  abort.abort(new Error("given up"));
  await assert.rejects(given, /given up/);
  await Promise.all([impatient.close(), stranger.close(), nobody.close()]);
});

test("A connection whose peer is gone without a word is ended, and with it what waits on it", async (context) => {
  const server = createSecureServer({ cert, key });
  server.on("stream", (stream: ServerHttp2Stream) =>
    stream.on("error", () => {}).respond({ ":status": 200 }),
  );
  const behind = new URL(await listenSecurely(context, server));
  // A network between them that swallows everything once it is cut.
  let isCut = false;
  const network = createNetServer((near) => {
    const far = connectSocket(Number(behind.port), "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const)
      from.on("error", () => {}).on("data", (bytes) => void (isCut || to.write(bytes)));
    near.on("close", () => far.destroy());
  });
  const url = new URL(await listenSecurely(context, network));
  const tls = { ca: authority.certificate };
  const sessions = new Http2Sessions({ server: url, tls, connectTimeoutMs: 5000, silenceMs: 20, pongMs: 20 });
  context.after(() => sessions.destroy());
  const signal = new AbortController().signal;
  const stream = await sessions.open({ ":path": "/" }, { body: undefined, signal });
  assert.ok(stream !== undefined);
  await new Promise((resolve) => stream.once("response", resolve));
  isCut = true;
  const error = await new Promise<Error>((resolve) => stream.on("error", resolve).resume());
  assert.match(error.message, /silent for 40 ms/);
});
