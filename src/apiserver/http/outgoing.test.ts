import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { request as requestTls } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { createBackendTransport } from "./backend-transport.ts";
import { answerTo } from "./outgoing.ts";

const connectTimeoutMs = 500;

test("an answer may take its time once there is a connection", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const server = createServer((_, response) => {
    context.mock.timers.tick(2 * connectTimeoutMs);
    response.end("late");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { status, body } = await answerTo(request({ port, host: "127.0.0.1", agent: false }), undefined, {
    connectTimeoutMs,
  });
  assert.deepEqual([status, await text(body)], [200, "late"]);
  server.close();
});

test("a connection that does not come about is given up", async () => {
  // It takes the connection and never answers the handshake.
  const server = createTcpServer((socket) => socket.on("error", () => {}));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const outgoing = requestTls({ port, host: "127.0.0.1", agent: false, rejectUnauthorized: false });
  await assert.rejects(answerTo(outgoing, undefined, { connectTimeoutMs }), { message: "i/o timeout" });
  server.close();
});

for (const { name, answer, want } of [
  {
    name: "ends its headers' lines in LF alone",
    answer: "HTTP/1.0 200 OK\r\nContent-Type: text/plain\nX-Program: cgi\n\nhello",
    want: "hello",
  },
  { name: "ends all its lines in LF alone", answer: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", want: "ok" },
])
  test(`a proxied program is understood that ${name}`, async () => {
    const program = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(answer));
    });
    await new Promise<void>((resolve) => program.listen(0, "127.0.0.1", resolve));
    const { port } = program.address() as AddressInfo; // it listens on TCP
    try {
      const { status, body } = await createBackendTransport(undefined).request(
        {
          backend: { scheme: "http", host: "127.0.0.1", port, identity: "none" },
          method: "GET",
          target: "/",
          headers: {},
        },
        { signal: new AbortController().signal },
      );
      assert.equal(status, 200);
      assert.equal(Buffer.concat(await Array.fromAsync(body)).toString(), want);
    } finally {
      program.close();
    }
  });
