import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { after, before, describe, test } from "node:test";
import { startTestListener, type TestListener } from "../test-support/listener.ts";
import { configMaps } from "./test-support/bodies.ts";
import { Bystander, memoryInUse } from "./test-support/bystander.ts";
import { RawConnection } from "./test-support/raw-connection.ts";

let target: TestListener;
let bystander: Bystander;
let bytesBefore: number;
before(async () => {
  target = await startTestListener({ edge: { requestTimeoutMs: 5_000 } });
  bystander = new Bystander(target, "/readyz/ping");
  bytesBefore = await memoryInUse();
});
after(async () => {
  const { longestMs, answers } = await bystander.stop();
  assert.ok(answers > 0);
  assert.ok(longestMs < 1_500, `a bystander waited ${longestMs} ms`);
  await target.close();
});

const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
const endStream = 1;
const endHeaders = 4;

function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(types.settings, 0, 0)]);

/** A field that is added to no table. */
function field(name: string, value: string): Buffer {
  const text = (part: string) => {
    const bytes = Buffer.from(part, "latin1");
    return Buffer.concat([integer(bytes.length, 7), bytes]);
  };
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function integer(value: number, prefixBits: number, first = 0): Buffer {
  const limit = 2 ** prefixBits - 1;
  if (value < limit) return Buffer.from([first | value]);
  const bytes = [first | limit];
  let rest = value - limit;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function requestHeaders(method: string, path: string, ...more: Buffer[]): Buffer {
  return Buffer.concat([
    field(":method", method),
    field(":scheme", "https"),
    field(":authority", "x"),
    field(":path", path),
    ...more,
  ]);
}

const listing = requestHeaders("GET", configMaps);

/** Writes until the other end has had enough; true when it ended the connection. */
async function flood(frames: Buffer, times: number): Promise<boolean> {
  await using connection = await RawConnection.open(target, { protocol: "h2" });
  await connection.send(preface);
  for (let round = 0; round < times; round++) if (!(await connection.send(frames))) return true;
  return connection.ended;
}

async function answersAnother(): Promise<void> {
  const { status } = await target.send("GET", "/readyz/ping");
  assert.equal(status, 200);
}

describe("hostile HTTP/2", () => {
  test("ten thousand streams that are reset as soon as they are opened: CVE-2023-44487", async () => {
    const rounds = Array.from({ length: 100 }, (_, round) =>
      Buffer.concat(
        Array.from({ length: 100 }, (_, index) => {
          const stream = (round * 100 + index) * 2 + 1;
          return Buffer.concat([
            frame(types.headers, endStream | endHeaders, stream, listing),
            frame(types.reset, 0, stream, Buffer.from([0, 0, 0, 8])),
          ]);
        }),
      ),
    );
    await using connection = await RawConnection.open(target, { protocol: "h2" });
    await connection.send(preface);
    for (const round of rounds) if (!(await connection.send(round))) break;
    // It is told to go away: its resets are beyond what any client needs.
    await connection.untilClosed();
    await answersAnother();
  });

  test("a header block that never ends: the CONTINUATION flood", async () => {
    const opened = frame(types.headers, 0, 1, listing);
    const more = Buffer.concat(
      Array.from({ length: 64 }, (_, index) =>
        frame(types.continuation, 0, 1, field(`h${index}`, "v".repeat(1000))),
      ),
    );
    await using connection = await RawConnection.open(target, { protocol: "h2" });
    await connection.send(Buffer.concat([preface, opened]));
    let rounds = 0;
    while (rounds < 1_000 && (await connection.send(more))) rounds++;
    assert.ok(rounds < 1_000, "sixty-four megabytes of headers were taken");
  });

  test("a header block of empty CONTINUATION frames", async () => {
    await using connection = await RawConnection.open(target, { protocol: "h2" });
    await connection.send(Buffer.concat([preface, frame(types.headers, 0, 1, listing)]));
    const more = Buffer.concat(Array.from({ length: 1000 }, () => frame(types.continuation, 0, 1)));
    let rounds = 0;
    while (rounds < 100 && (await connection.send(more))) rounds++;
    await answersAnother();
  });

  test("one long header, told ten thousand times by its index", async () => {
    const long = "v".repeat(3_000);
    const added = Buffer.concat([
      Buffer.from([0x40]),
      integer(1, 7),
      Buffer.from("b"),
      integer(long.length, 7),
      Buffer.from(long),
    ]);
    const again = Buffer.alloc(10_000, 0xbe);
    await using connection = await RawConnection.open(target, { protocol: "h2" });
    await connection.send(preface);
    await connection.send(
      frame(types.headers, endStream | endHeaders, 1, Buffer.concat([listing, added, again])),
    );
    await connection.until(tellsOfFirst);
    await answersAnother();
    assert.ok((await memoryInUse()) - bytesBefore < 32 * 2 ** 20);
  });

  for (const { name, frames } of [
    { name: "pings whose answers are not read", frames: frame(types.ping, 0, 0, Buffer.alloc(8)) },
    { name: "settings", frames: frame(types.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0])) },
    { name: "priorities", frames: frame(types.priority, 0, 1, Buffer.from([0, 0, 0, 0, 1])) },
    { name: "frames of no known type", frames: frame(0xee, 0, 0, Buffer.alloc(100)) },
    { name: "window updates", frames: frame(types.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1])) },
  ])
    test(`a flood of ${name} costs others little, and no memory`, async () => {
      await flood(Buffer.concat(Array.from({ length: 1_000 }, () => frames)), 50);
      await answersAnother();
      const growth = (await memoryInUse()) - bytesBefore;
      assert.ok(growth < 32 * 2 ** 20, `${Math.round(growth / 2 ** 20)} MiB more`);
    });

  for (const { name, bytes } of [
    { name: "no preface", bytes: Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n") },
    { name: "garbage", bytes: Buffer.alloc(5_000, 0xa5) },
    {
      name: "data on stream zero",
      bytes: Buffer.concat([preface, frame(types.data, 0, 0, Buffer.alloc(5))]),
    },
    {
      name: "a frame beyond the size",
      bytes: Buffer.concat([preface, frame(types.data, 0, 1, Buffer.alloc(20_000))]),
    },
    {
      name: "data on a stream that is not open",
      bytes: Buffer.concat([preface, frame(types.data, 0, 5, Buffer.alloc(5))]),
    },
    {
      name: "a window beyond 2^31",
      bytes: Buffer.concat([
        preface,
        frame(types.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
        frame(types.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
      ]),
    },
    {
      name: "headers that do not decode",
      bytes: Buffer.concat([
        preface,
        frame(types.headers, endStream | endHeaders, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])),
      ]),
    },
    {
      name: "a stream with an even number",
      bytes: Buffer.concat([preface, frame(types.headers, endStream | endHeaders, 2, listing)]),
    },
    {
      name: "settings that nobody may set",
      bytes: Buffer.concat([
        preface,
        frame(types.settings, 0, 0, Buffer.from([0, 5, 0xff, 0xff, 0xff, 0xff])),
      ]),
    },
    {
      name: "a ping of three bytes",
      bytes: Buffer.concat([preface, frame(types.ping, 0, 0, Buffer.alloc(3))]),
    },
  ])
    test(`${name} ends the connection`, async () => {
      await using connection = await RawConnection.open(target, { protocol: "h2" });
      await connection.send(bytes);
      await connection.untilClosed();
    });

  for (const { name, headers } of [
    { name: "without a path", headers: Buffer.concat([field(":method", "GET"), field(":scheme", "https")]) },
    { name: "with two paths", headers: requestHeaders("GET", "/a", field(":path", "/b")) },
    { name: "with a header in capitals", headers: requestHeaders("GET", "/a", field("Accept", "x")) },
    { name: "with a connection header", headers: requestHeaders("GET", "/a", field("connection", "close")) },
    { name: "with a line end in a value", headers: requestHeaders("GET", "/a", field("x", "a\r\nb: c")) },
    { name: "with a path that is elsewhere", headers: requestHeaders("GET", "http://elsewhere/") },
    { name: "with an empty path", headers: requestHeaders("GET", "") },
    { name: "that opens a tunnel", headers: requestHeaders("CONNECT", "/") },
    {
      name: "with a length that is not its body's",
      headers: requestHeaders("POST", configMaps, field("content-length", "5")),
    },
  ])
    test(`a request ${name} gets an error or a reset, and no success`, async () => {
      await using connection = await RawConnection.open(target, { protocol: "h2" });
      await connection.send(
        Buffer.concat([preface, frame(types.headers, endStream | endHeaders, 1, headers)]),
      );
      const frames = framesOf(await connection.until(tellsOfFirst));
      const answer = frames.find(({ stream, type }) => stream === 1 && type === types.headers);
      // 200 and 201 among static indexes: 0x88 is :status 200.
      if (answer !== undefined) assert.notEqual(answer.payload[0], 0x88);
      await answersAnother();
    });

  test("a body that is too long is refused, and its stream ended", async () => {
    const session = connectHttp2(`https://127.0.0.1:${target.listener.port}`, {
      ca: target.pki.clusterAuthority.certificate,
      cert: target.pki.admin.certificate,
      key: target.pki.admin.key,
    });
    session.on("error", () => undefined);
    const stream = session.request({
      ":method": "POST",
      ":path": configMaps,
      "content-type": "application/json",
    });
    stream.on("error", () => undefined);
    const status = new Promise<unknown>((resolve) =>
      stream.once("response", (headers) => resolve(headers[":status"])),
    );
    const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
    stream.resume();
    const chunk = Buffer.alloc(2 ** 20, 0x20);
    for (let sent = 0; sent < 5; sent++) stream.write(chunk);
    assert.equal(await status, 413);
    await closed;
    session.destroy();
  });
});

/** A reset of the first stream, an answer on it, or the end of it all. */
const tellsOfFirst = (received: Buffer) =>
  framesOf(received).some(({ stream, type }) => stream === 1 || type === types.goAway);

function framesOf(received: Buffer): { type: number; stream: number; payload: Buffer }[] {
  const frames = [];
  for (let at = 0; at + 9 <= received.length; ) {
    const length = received.readUIntBE(at, 3);
    frames.push({
      type: received.readUInt8(at + 3),
      stream: received.readUInt32BE(at + 5) & 0x7fffffff,
      payload: received.subarray(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}
