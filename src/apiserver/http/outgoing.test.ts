import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { request as requestTls } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { answerTo } from "./outgoing.ts";

const connectTimeoutMs = 500;

test("an answer may take its time once there is a connection", async () => {
  const server = createServer(
    (_, response) => void setTimeout(() => response.end("late"), 2 * connectTimeoutMs),
  );
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
