import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import {
  createAuthority,
  issueClientCertificate,
  issueServingCertificate,
} from "../../apiserver/pki/authority.ts";
import { createClient } from "../rest-client.ts";
import { listen } from "../test-support/listen.ts";
import { TransportError } from "../transport-error.ts";
import { bearerToken, certificate, tokenFile } from "./credentials.ts";
import { createHttpsTransport, type HttpsTransportOptions } from "./https-transport.ts";

const pods: ResourceType<KubeObject> = {
  group: "",
  version: "v1",
  resource: "pods",
  kind: "Pod",
  namespaced: true,
};
const pod = { apiVersion: "v1", kind: "Pod", metadata: { namespace: "n", name: "a" } };

/** A plain server and a transport to it. */
async function connected(
  context: TestContext,
  listener: RequestListener,
  options: Partial<HttpsTransportOptions> = {},
) {
  const server = createHttpServer(listener);
  const port = await listen(context, server);
  const transport = createHttpsTransport({ server: `http://127.0.0.1:${port}`, ...options });
  context.after(() => transport.close());
  return { server, port, transport, client: createClient({ transport }) };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const json = { "content-type": "application/json" };

test("the HTTPS transport sends a request as the API expects it and keeps its connection", async (context) => {
  const seen: string[] = [];
  const sockets = new Set<unknown>();
  const { client } = await connected(
    context,
    async (request, response) => {
      sockets.add(request.socket);
      const { method, url, headers } = request;
      seen.push(
        `${method} ${url} ${headers["content-type"] ?? ""} ${headers.authorization} ${await bodyOf(request)}`,
      );
      response.writeHead(200, json).end(JSON.stringify(pod));
    },
    { credentials: bearerToken("secret"), headers: { "impersonate-group": ["a", "b"] } },
  );
  assert.deepEqual(await client.get(pods, { namespace: "n", name: "a:b" }), pod);
  await client.patch(pods, { namespace: "n", name: "a" }, { type: "merge", patch: { x: "ü" } });
  assert.deepEqual(seen, [
    "GET /api/v1/namespaces/n/pods/a%3Ab  Bearer secret ",
    'PATCH /api/v1/namespaces/n/pods/a application/merge-patch+json Bearer secret {"x":"ü"}',
  ]);
  assert.equal(sockets.size, 1);
});

test("the HTTPS transport reads a watch in batches, whatever the chunks", async (context) => {
  const lines = Array.from(
    { length: 50 },
    (_, index) => `${JSON.stringify({ type: "ADDED", object: { n: index } })}\n`,
  );
  const { client } = await connected(context, async (_request, response) => {
    response.writeHead(200, json);
    const text = lines.join("");
    for (let at = 0; at < text.length; at += 700) {
      response.write(text.slice(at, at + 700));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  const events: unknown[] = [];
  for await (const batch of await client.watch(pods, {})) events.push(...batch);
  assert.deepEqual(
    events,
    lines.map((line) => JSON.parse(line)),
  );
});

test("the HTTPS transport closes the socket of a watch that is left or aborted", async (context) => {
  let closed = 0;
  let open = () => {};
  const { client } = await connected(context, (request, response) => {
    request.socket.once("close", () => {
      closed++;
      open();
    });
    response.writeHead(200, json).write(`${JSON.stringify({ type: "ADDED", object: pod })}\n`);
  });
  const nextClose = () =>
    new Promise<void>((resolve) => {
      open = resolve;
    });
  let gone = nextClose();
  for await (const _batch of await client.watch(pods, {})) break;
  await gone;
  gone = nextClose();
  const abort = new AbortController();
  for await (const _batch of await client.watch(pods, { signal: abort.signal })) abort.abort();
  await gone;
  assert.equal(closed, 2);
});

test("the HTTPS transport throws when a watch breaks off within an event, or at all", async (context) => {
  for (const ending of ['{"type":"ADD', ""]) {
    const { client } = await connected(context, (request, response) => {
      response.writeHead(200, json).write(`${JSON.stringify({ type: "ADDED", object: pod })}\n${ending}`);
      setImmediate(() => request.socket.destroy());
    });
    await assert.rejects(async () => {
      for await (const _batch of await client.watch(pods, {}));
    }, TransportError);
  }
});

test("the HTTPS transport refuses an answer and an event that are too long", async (context) => {
  const { client } = await connected(
    context,
    (request, response) => {
      response.writeHead(200, json);
      if (request.url?.includes("watch") === true) response.write("x".repeat(2000));
      else response.end(JSON.stringify({ ...pod, data: "x".repeat(2000) }));
    },
    { limits: { maxObjectBytes: 1000, maxFrameBytes: 1000 } },
  );
  await assert.rejects(client.get(pods, { namespace: "n", name: "a" }), /longer than 1000 bytes/);
  await assert.rejects(async () => {
    for await (const _batch of await client.watch(pods, {}));
  }, /longer than 1000 bytes/);
});

test("the HTTPS transport unpacks what the server packed", async (context) => {
  const { client } = await connected(
    context,
    (request, response) => {
      assert.equal(request.headers["accept-encoding"], "gzip");
      response.writeHead(200, { ...json, "content-encoding": "gzip" }).end(gzipSync(JSON.stringify(pod)));
    },
    { gzip: true },
  );
  assert.deepEqual(await client.get(pods, { namespace: "n", name: "a" }), pod);
});

test("the HTTPS transport gives a server that says nothing up after the idle time", async (context) => {
  const { client } = await connected(context, () => {}, { idleTimeoutMs: 20 });
  await assert.rejects(client.get(pods, { namespace: "n", name: "a" }), /no answer for 20 ms/);
});

test("the HTTPS transport says TransportError when there is no server", async (context) => {
  const { server, client } = await connected(context, () => {});
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(client.get(pods, { namespace: "n", name: "a" }), TransportError);
});

test("the HTTPS transport reads text and warnings", async (context) => {
  const { client } = await connected(context, (_request, response) => {
    response.writeHead(200, { "content-type": "text/plain" }).end("ok");
  });
  assert.deepEqual(await client.raw("/healthz?verbose"), { text: "ok" });
});

test("the HTTPS transport reads a rotated token file again once its token is refused", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-token-"));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "token");
  await writeFile(path, "first\n");
  let accepted = "Bearer first";
  let requests = 0;
  const { client } = await connected(
    context,
    (request, response) => {
      requests++;
      const known = request.headers.authorization === accepted;
      const refusal = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: 401 };
      response.writeHead(known ? 200 : 401, json).end(JSON.stringify(known ? pod : refusal));
    },
    { credentials: tokenFile(path) },
  );
  await client.get(pods, { namespace: "n", name: "a" });
  await writeFile(path, "second\n");
  await utimes(path, 1, 1);
  accepted = "Bearer second";
  await client.get(pods, { namespace: "n", name: "a" });
  assert.equal(requests, 3);
});

test("the HTTPS transport proves itself by a client certificate and checks the server's name", async (context) => {
  const nowMs = Date.now();
  const authority = await createAuthority("test-ca", nowMs);
  const serving = await issueServingCertificate(authority, { commonName: "server" }, ["kubernetes.test"], {
    nowMs,
  });
  const client = await issueClientCertificate(authority, { commonName: "alice" }, { nowMs });
  const server = createTlsServer(
    {
      cert: serving.certificate,
      key: serving.key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      response.writeHead(200, json).end(JSON.stringify({ ...pod, user: subject?.CN }));
    },
  );
  const port = await listen(context, server);
  const options = { server: `https://127.0.0.1:${port}`, ca: authority.certificate };
  const pair = { cert: client.certificate, key: client.key };
  const trusted = createHttpsTransport({
    ...options,
    tlsServerName: "kubernetes.test",
    credentials: certificate(pair),
  });
  const wrongName = createHttpsTransport(options);
  const careless = createHttpsTransport({ server: options.server, insecureSkipTlsVerify: true });
  context.after(() => Promise.all([trusted.close(), wrongName.close(), careless.close()]));
  const name = { namespace: "n", name: "a" };
  assert.deepEqual(await createClient({ transport: trusted }).get(pods, name), { ...pod, user: "alice" });
  await assert.rejects(createClient({ transport: wrongName }).get(pods, name), TransportError);
  assert.deepEqual(await createClient({ transport: careless }).get(pods, name), pod);
});

test("the HTTPS transport goes through a proxy", async (context) => {
  const seen: string[] = [];
  const proxy = createHttpServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(200, json).end(JSON.stringify(pod));
  });
  const port = await listen(context, proxy);
  const transport = createHttpsTransport({
    server: "http://cluster.test:8080",
    proxyUrl: `http://127.0.0.1:${port}`,
  });
  context.after(() => transport.close());
  await createClient({ transport }).get(pods, { namespace: "n", name: "a" });
  assert.deepEqual(seen, ["GET http://cluster.test:8080/api/v1/namespaces/n/pods/a"]);
});
