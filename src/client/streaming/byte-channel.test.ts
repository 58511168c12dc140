import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { socketChannel } from "./byte-channel.ts";
import { PatientSocket } from "./patient-socket.ts";

/** Two ends of a TCP connection; the server's reads nothing by itself. */
async function connection(): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo; // it listens on TCP
  const client = PatientSocket.open({ host: "127.0.0.1", port });
  const [[server]] = await Promise.all([once(listener, "connection"), once(client, "connect")]);
  listener.close();
  return { client, server: server as Socket };
}

test("what came before a connection was reset is read, however late its reader asks for it", async () => {
  const { client, server } = await connection();
  const read: string[] = [];
  const reading = (async () => {
    for await (const chunk of socketChannel(client, Buffer.from("head ")).source) {
      read.push(String(chunk));
      if (read.length !== 1) continue;
      const closed = new Promise((resolve) => client.once("close", resolve));
      server.write("the exit code");
      setImmediate(() => server.resetAndDestroy());
      await closed;
    }
  })();
  await assert.rejects(reading, { code: "ECONNRESET" });
  assert.equal(read.join(""), "head the exit code");
});

test("a connection is read no faster than its reader takes it", async () => {
  const { client, server } = await connection();
  const source = socketChannel(client, Buffer.alloc(0)).source[Symbol.asyncIterator]();
  const sent = 64 * 2 ** 20;
  server.end(Buffer.alloc(sent));
  const first = await source.next();
  assert.ok(!first.done);
  await new Promise<void>((resolve) => client.once("pause", resolve));
  assert.ok(client.bytesRead < 2 ** 20, `${client.bytesRead} bytes were read`);
  let received = first.value.length;
  for (let next = await source.next(); !next.done; next = await source.next()) received += next.value.length;
  assert.equal(received, sent);
  client.destroy();
});

test("a reader that leaves early does not keep the connection from ending", async () => {
  const { client, server } = await connection();
  const channel = socketChannel(client, Buffer.alloc(0));
  server.write("some");
  for await (const _ of channel.source) break;
  server.on("error", () => {}); // it may meet the end while it writes
  server.write("more");
  channel.destroy();
  await once(client, "close");
  server.destroy();
});
