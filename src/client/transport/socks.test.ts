import assert from "node:assert/strict";
import { createServer as createTlsServer } from "node:https";
import { connect, createServer, type Socket } from "node:net";
import test, { type TestContext } from "node:test";
import { createAuthority, issueServingCertificate } from "../../apiserver/pki/authority.ts";
import { createClient } from "../rest-client.ts";
import { listen } from "../test-support/listen.ts";
import { createHttpsTransport } from "./https-transport.ts";

/** A SOCKS5 proxy for which every name is this machine. Tells what it was asked for; answers `status` in the end. */
async function proxy(
  context: TestContext,
  options: { user?: string; password?: string; status?: number } = {},
) {
  const asked: string[] = [];
  const server = createServer((socket) => void serve(socket, options, asked).catch(() => socket.destroy()));
  return { port: await listen(context, server), asked };
}

async function serve(
  socket: Socket,
  { user, password, status = 0 }: { user?: string; password?: string; status?: number },
  asked: string[],
): Promise<void> {
  let received = Buffer.alloc(0);
  let wake = () => {};
  const take = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    wake();
  };
  socket.on("data", take).on("error", () => {});
  const read = async (sizeBytes: number): Promise<Buffer> => {
    while (received.length < sizeBytes)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    const bytes = received.subarray(0, sizeBytes);
    received = received.subarray(sizeBytes);
    return bytes;
  };
  const text = async () => (await read((await read(1))[0] ?? 0)).toString();
  const [, count = 0] = await read(2);
  const methods = [...(await read(count))];
  const method = user === undefined ? 0 : 2;
  if (!methods.includes(method)) {
    socket.end(Buffer.from([5, 0xff]));
    return;
  }
  socket.write(Buffer.from([5, method]));
  if (method === 2) {
    await read(1);
    const accepted = (await text()) === user && (await text()) === password;
    socket.write(Buffer.from([1, accepted ? 0 : 1]));
  }
  await read(4);
  const host = await text();
  const port = (await read(2)).readUInt16BE();
  asked.push(host);
  // In two pieces: an answer may arrive in any.
  socket.write(Buffer.from([5, status, 0]));
  setImmediate(() => {
    socket.write(Buffer.from([3, 4, 1, 2, 3, 4, 0, 0]));
    if (status !== 0) socket.end();
    else socket.off("data", take).pipe(connect(port, "127.0.0.1")).pipe(socket);
  });
}

async function secureServer(context: TestContext) {
  const nowMs = Date.now();
  const authority = await createAuthority("test-ca", nowMs);
  const { certificate, key } = await issueServingCertificate(
    authority,
    { commonName: "s" },
    ["cluster.test"],
    { nowMs },
  );
  const server = createTlsServer({ cert: certificate, key }, (_request, response) => response.end("ok"));
  const port = await listen(context, server);
  context.after(() => server.closeAllConnections());
  return { server: `https://cluster.test:${port}`, ca: authority.certificate };
}

const ask = async (context: TestContext, options: Parameters<typeof createHttpsTransport>[0]) => {
  const client = createClient({ transport: createHttpsTransport(options) });
  context.after(() => client.close());
  return client.raw("/healthz");
};

test("A SOCKS proxy looks the server's name up, and TLS runs through it to the server itself", async (context) => {
  const { port, asked } = await proxy(context);
  const options = await secureServer(context);
  assert.deepEqual(await ask(context, { ...options, proxyUrl: `socks5://127.0.0.1:${port}` }), {
    text: "ok",
  });
  assert.deepEqual(asked, ["cluster.test"]);
});

test("A SOCKS proxy is told the user name and the password of its URL", async (context) => {
  const { port } = await proxy(context, { user: "a@b", password: "p:w" });
  const options = await secureServer(context);
  const good = { ...options, proxyUrl: `socks5://a%40b:p%3Aw@127.0.0.1:${port}` };
  assert.deepEqual(await ask(context, good), { text: "ok" });
  await assert.rejects(
    ask(context, { ...options, proxyUrl: `socks5://a:b@127.0.0.1:${port}` }),
    /SOCKS proxy .*: refused the user name and password/,
  );
  await assert.rejects(
    ask(context, { ...options, proxyUrl: `socks5://127.0.0.1:${port}` }),
    /accepts no way of authentication/,
  );
});

test("A SOCKS proxy that cannot connect is named, with what it said", async (context) => {
  const { port } = await proxy(context, { status: 5 });
  const options = await secureServer(context);
  await assert.rejects(
    ask(context, { ...options, proxyUrl: `socks5://127.0.0.1:${port}` }),
    /SOCKS proxy 127\.0\.0\.1:\d+: cannot connect to cluster\.test:\d+: connection refused/,
  );
});

test("A proxy of an unknown kind is refused", async (context) => {
  await assert.rejects(
    ask(context, { server: "https://cluster.test", proxyUrl: "socks4://127.0.0.1" }),
    /unsupported scheme socks4, must be http, https, or socks5/,
  );
});
