import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import type { ByteChannel } from "../byte-channel.ts";
import { ByteQueue } from "../byte-queue.ts";
import { readText } from "../copy.ts";
import { SpdyConnection, type SpdyStream } from "./connection.ts";
import { dataHead, encodeControl, type Frame, FrameParser } from "./frames.ts";
import { HeaderDecoder, HeaderEncoder } from "./header-block.ts";

/** Two ends of a connection in memory, counting what waits between them. */
function channelPair(): [ByteChannel, ByteChannel] {
  const queues = [
    new ByteQueue({ limitBytes: 64 * 1024 }),
    new ByteQueue({ limitBytes: 64 * 1024 }),
  ] as const;
  const send = (queue: ByteQueue, ...parts: Uint8Array[]) => {
    for (const part of parts) queue.push(part.slice());
    return queue.drained();
  };
  const end = (incoming: ByteQueue, outgoing: ByteQueue): ByteChannel => ({
    source: incoming,
    sink: {
      write: (chunk) => send(outgoing, chunk),
      writeFrame: (head, data) => send(outgoing, head, data),
      close: async () => outgoing.end(),
    },
    destroy: () => {
      outgoing.end();
      incoming.discard();
    },
  });
  return [end(queues[0], queues[1]), end(queues[1], queues[0])];
}

/** A server connection, and the other end as raw frames. */
function rawPeer(onStream?: (stream: SpdyStream) => void) {
  const [near, far] = channelPair();
  const connection = new SpdyConnection(near, { role: "server", ...(onStream && { onStream }) });
  const frames: Frame[] = [];
  const reading = (async () => {
    const parser = new FrameParser();
    for await (const chunk of far.source) frames.push(...parser.push(chunk));
  })();
  const encoder = new HeaderEncoder();
  const send = (frame: Parameters<typeof encodeControl>[0]) => far.sink.write(encodeControl(frame));
  const openStream = (streamId: number, headers: Record<string, string> = {}) =>
    send({
      type: "synStream",
      streamId,
      fin: false,
      unidirectional: false,
      headerBlock: encoder.encode(headers),
    });
  const sendData = async (streamId: number, text: string, fin = false) => {
    const data = new TextEncoder().encode(text);
    await far.sink.write(dataHead(streamId, data.length, fin));
    await far.sink.write(data);
  };
  const until = async (condition: () => boolean) => {
    // Header blocks are inflated on another thread, whenever that has its turn.
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  };
  const close = async () => {
    connection.destroy();
    await connection.ended;
    await reading;
  };
  return { connection, frames, send, openStream, sendData, until, far, close };
}

test("SPDY streams carry data both ways and end apart", async () => {
  const [near, far] = channelPair();
  const accepted: SpdyStream[] = [];
  const server = new SpdyConnection(near, { role: "server", onStream: (stream) => accepted.push(stream) });
  const client = new SpdyConnection(far, { role: "client" });
  const [first, second] = await Promise.all([
    client.open({ streamtype: "a" }),
    client.open({ streamtype: "b" }),
  ]);
  const [one, two] = accepted;
  assert.ok(one && two);
  assert.deepEqual([one.headers, two.headers], [{ streamtype: "a" }, { streamtype: "b" }]);
  await first.write(Buffer.from("from the client"));
  await first.close();
  assert.equal(await readText(one.source), "from the client");
  await one.write(Buffer.from("from the server"));
  await one.close();
  assert.equal(await readText(first.source), "from the server");
  await two.write(Buffer.from("still open"));
  await two.close();
  assert.equal(await readText(second.source), "still open");
  client.destroy();
  await Promise.all([client.ended, server.ended]);
});

test("SPDY answers a ping of its peer, and not the answer to one of its own", async () => {
  const peer = rawPeer();
  await peer.send({ type: "ping", id: 7 });
  await peer.send({ type: "ping", id: 8 });
  await peer.send({ type: "ping", id: 9 });
  await peer.until(() => peer.frames.filter(({ type }) => type === "ping").length === 2);
  assert.deepEqual(
    peer.frames.filter((frame) => frame.type === "ping").map(({ id }) => id),
    [7, 9],
  );
  await peer.close();
});

test("SPDY refuses streams when nobody takes them", async () => {
  const peer = rawPeer();
  await peer.openStream(1);
  await peer.until(() => peer.frames.some(({ type }) => type === "rstStream"));
  await peer.close();
});

for (const { name, send } of [
  { name: "a stream of the wrong parity", send: (peer: ReturnType<typeof rawPeer>) => peer.openStream(2) },
  {
    name: "a stream number that comes again",
    send: async (peer: ReturnType<typeof rawPeer>) => {
      await peer.openStream(3);
      await peer.openStream(3);
    },
  },
  {
    name: "a header block that is no zlib",
    send: (peer: ReturnType<typeof rawPeer>) =>
      peer.send({
        type: "synStream",
        streamId: 1,
        fin: false,
        unidirectional: false,
        headerBlock: Buffer.from("no zlib at all"),
      }),
  },
  {
    name: "a header block that inflates beyond its limit",
    send: (peer: ReturnType<typeof rawPeer>) =>
      peer.send({
        type: "synStream",
        streamId: 1,
        fin: false,
        unidirectional: false,
        headerBlock: deflateSync(Buffer.alloc(10 * 1024 * 1024)),
      }),
  },
  {
    name: "another version of the protocol",
    send: (peer: ReturnType<typeof rawPeer>) =>
      peer.far.sink.write(Buffer.from("8002000600000004 00000001".replace(" ", ""), "hex")),
  },
]) {
  test(`SPDY ends a connection that sends ${name}`, async () => {
    const peer = rawPeer(() => {});
    await send(peer);
    await peer.connection.ended;
    await peer.close();
  });
}

test("SPDY keeps to the windows of a peer that has them", async () => {
  let stream: SpdyStream | undefined;
  const peer = rawPeer((accepted) => {
    stream = accepted;
  });
  await peer.send({ type: "settings", initialWindowBytes: 1000 });
  await peer.openStream(1);
  await peer.until(() => stream !== undefined);
  let written = false;
  const writing = stream?.write(new Uint8Array(2500)).then(() => {
    written = true;
  });
  const received = () =>
    peer.frames.reduce((sum, frame) => sum + (frame.type === "data" ? frame.data.length : 0), 0);
  await peer.until(() => received() === 1000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([received(), written], [1000, false]);
  await peer.send({ type: "windowUpdate", streamId: 1, delta: 1500 });
  await writing;
  await peer.until(() => received() === 2500);
  await peer.close();
});

test("SPDY sends on to a peer without windows, as Go's are", async () => {
  let stream: SpdyStream | undefined;
  const peer = rawPeer((accepted) => {
    stream = accepted;
  });
  await peer.openStream(1);
  await peer.until(() => stream !== undefined);
  await stream?.write(new Uint8Array(200_000));
  await peer.until(() => peer.frames.some(({ type }) => type === "data"));
  assert.ok(!peer.frames.some(({ type }) => type === "windowUpdate"));
  await peer.close();
});

test("SPDY stops reading while a stream's reader lags, and goes on after", async () => {
  let stream: SpdyStream | undefined;
  const peer = rawPeer((accepted) => {
    stream = accepted;
  });
  await peer.openStream(1);
  await peer.until(() => stream !== undefined);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) await peer.sendData(1, "x".repeat(16 * 1024), sent === 99);
  })();
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(sent < 40, `${sent} of 100 chunks were taken with nobody reading`);
  assert.equal((await readText(stream?.source ?? ([] as never), 1e9)).length, 100 * 16 * 1024);
  await sending;
  await peer.close();
});

test("SPDY tells a reset as the end of data, and to a writer as an error", async () => {
  let stream: SpdyStream | undefined;
  const peer = rawPeer((accepted) => {
    stream = accepted;
  });
  await peer.openStream(1);
  await peer.sendData(1, "last words");
  await peer.send({ type: "rstStream", streamId: 1, status: 5 });
  await peer.until(() => stream !== undefined);
  assert.equal(await readText(stream?.source ?? ([] as never)), "last words");
  await assert.rejects(async () => stream?.write(new Uint8Array(1)), /reset/);
  await peer.close();
});

test("SPDY cuts frames however the bytes come", () => {
  const encoder = new HeaderEncoder();
  const bytes = Buffer.concat([
    encodeControl({
      type: "synStream",
      streamId: 1,
      fin: false,
      unidirectional: false,
      headerBlock: encoder.encode({ a: "b" }),
    }),
    dataHead(1, 3, true),
    Buffer.from("abc"),
    encodeControl({ type: "goAway", lastStreamId: 1, status: 0 }),
  ]);
  const parser = new FrameParser();
  const frames = [...bytes].flatMap((byte) => [...parser.push(Uint8Array.of(byte))]);
  assert.deepEqual(
    frames.map((frame) =>
      frame.type === "data" ? `${Buffer.from(frame.data)}${frame.fin ? "." : ""}` : frame.type,
    ),
    ["synStream", "a", "b", "c.", "goAway"],
  );
});

test("SPDY header blocks of one connection are read one after the other", async () => {
  const encoder = new HeaderEncoder();
  const decoder = new HeaderDecoder();
  for (const headers of [{ streamtype: "error" }, {}, { streamtype: "data", port: "8080", requestid: "3" }])
    assert.deepEqual(await decoder.decode(encoder.encode(headers)), headers);
  decoder.close();
});
