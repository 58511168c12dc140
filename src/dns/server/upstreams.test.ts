import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { test } from "node:test";
import { decode, encode, streamEncode } from "dns-packet";
import { askUpstreams } from "./upstreams.ts";

const addresses = Array.from({ length: 60 }, (_, index) => `192.0.2.${index}`);
const responseTo = (id: number | undefined, count: number, flags = 0) => ({
  type: "response" as const,
  id: id ?? 0,
  flags,
  answers: addresses.slice(0, count).map((data) => ({ type: "A" as const, name: "big.test", data })),
});
const cut = 1 << 9;
// A port that is free for datagrams here is hardly ever taken for TCP.
const address = "127.53.0.1";

/** One that gives a datagram nothing of what it knows, and all of it over TCP. */
async function startUpstream() {
  const udp = createSocket("udp4");
  await new Promise<void>((done) => udp.bind(0, address, done));
  udp.on("message", (message, from) =>
    udp.send(encode(responseTo(decode(message).id, 0, cut)), from.port, from.address),
  );
  const tcp = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      const answer = streamEncode(responseTo(decode(chunk.subarray(2)).id, addresses.length));
      socket.write(answer.subarray(0, 100));
      setTimeout(() => socket.end(answer.subarray(100)), 20);
    });
  });
  const { port } = udp.address();
  await new Promise<void>((done) => tcp.listen(port, address, done));
  return {
    port,
    async [Symbol.asyncDispose]() {
      udp.close();
      await new Promise((done) => tcp.close(done));
    },
  };
}

test("an upstream's answer that was cut is asked for again over TCP where all of it can be taken", async () => {
  await using upstream = await startUpstream();
  const question = encode({ type: "query", id: 7, questions: [{ name: "big.test", type: "A" }] });
  const ask = async (whole: boolean) => {
    const answer = await askUpstreams(question, { upstreams: [address], whole, port: upstream.port });
    assert.ok(answer !== undefined);
    return decode(answer);
  };
  const [whole, short] = await Promise.all([ask(true), ask(false)]);
  assert.equal(whole.answers?.length, addresses.length);
  assert.equal(whole.flag_tc, false);
  assert.equal(short.flag_tc, true);
});
