import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { PatientSocket } from "./patient-socket.ts";

test("a connection that is reset while it is written to still gives what came before", async () => {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const client = PatientSocket.open({ host: "127.0.0.1", port });
  const [[peer]] = await Promise.all([once(server, "connection"), once(client, "connect")]);
  const read: string[] = [];
  client.on("data", (chunk) => read.push(String(chunk)));
  client.on("error", () => undefined); // the reset itself, once all has been read
  const closed = once(client, "close");
  // All in one turn: the client's next write meets the reset before it has read anything.
  (peer as Socket).write("exit code 0");
  (peer as Socket).resetAndDestroy();
  client.write("more input");
  client.cork();
  client.write("and");
  client.write("more");
  client.uncork();
  await closed;
  assert.deepEqual(read, ["exit code 0"]);
  server.close();
});
