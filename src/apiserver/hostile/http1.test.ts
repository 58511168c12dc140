import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { after, before, describe, test } from "node:test";
import { startTestListener, type TestListener } from "../test-support/listener.ts";
import { configMaps } from "./test-support/bodies.ts";
import { Bystander, memoryInUse } from "./test-support/bystander.ts";
import { RawConnection } from "./test-support/raw-connection.ts";

let target: TestListener;
/** One whose requests' time is over soon. */
let hurried: TestListener;
let bystander: Bystander;
before(async () => {
  target = await startTestListener();
  hurried = await startTestListener({ edge: { requestTimeoutMs: 600 } });
  bystander = new Bystander(target, "/readyz/ping");
});
after(async () => {
  const { longestMs } = await bystander.stop();
  assert.ok(longestMs < 1_500, `a bystander waited ${longestMs} ms`);
  await target.close();
  await hurried.close();
});

const post = (...lines: string[]) =>
  `POST ${configMaps} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
const statusLine = /^HTTP\/1\.1 (\d+)/;
const statusesIn = (received: Buffer) =>
  [...received.toString("latin1").matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code));

describe("hostile HTTP/1.1: one answer at most, then the connection ends", () => {
  for (const { name, bytes, want } of [
    { name: "garbage", bytes: "\x00\x01\x02\x03garbage\r\n\r\n", want: 400 },
    { name: "a request line that never ends", bytes: `GET /${"a".repeat(100_000)}`, want: 431 },
    {
      name: "a header that never ends",
      bytes: `GET / HTTP/1.1\r\nhost: x\r\na: ${"b".repeat(100_000)}`,
      want: 431,
    },
    {
      name: "a flood of headers",
      bytes: `GET / HTTP/1.1\r\nhost: x\r\n${Array.from({ length: 20_000 }, (_, i) => `h${i}: v\r\n`).join("")}\r\n`,
      want: 431,
    },
    {
      name: "a length and chunks at once",
      bytes: `${post("content-length: 5", "transfer-encoding: chunked")}0\r\n\r\nGET /readyz HTTP/1.1\r\nhost: x\r\n\r\n`,
      want: 400,
    },
    { name: "two lengths", bytes: `${post("content-length: 5", "content-length: 6")}hello!`, want: 400 },
    { name: "a negative length", bytes: post("content-length: -1"), want: 400 },
    { name: "a length that is no number", bytes: post("content-length: 0x10"), want: 400 },
    { name: "a length beyond 2^64", bytes: post("content-length: 99999999999999999999999"), want: 400 },
    { name: "a length beyond what may be sent", bytes: post("content-length: 9000000000"), want: 413 },
    { name: "chunks of an unknown size", bytes: `${post("transfer-encoding: chunked")}xyz\r\n`, want: 400 },
    {
      name: "a chunk's size beyond 2^64",
      bytes: `${post("transfer-encoding: chunked")}fffffffffffffffff\r\n`,
      want: 400,
    },
    {
      name: "a flood of chunk extensions",
      bytes: `${post("transfer-encoding: chunked")}1;${"a".repeat(200_000)}\r\nx\r\n`,
      want: 413,
    },
    {
      name: "an unknown encoding of the transfer",
      bytes: `${post("transfer-encoding: xchunked")}0\r\n\r\n`,
      want: 400,
    },
    {
      name: "chunked, but not last",
      bytes: `${post("transfer-encoding: chunked, identity")}0\r\n\r\n`,
      want: 400,
    },
    { name: "a space before the colon", bytes: `${post("content-length : 5")}hello`, want: 400 },
    { name: "a folded header", bytes: post("a: b", " content-length: 5"), want: 400 },
    { name: "a bare line feed", bytes: `${post("a: b\nx: y")}`, want: 400 },
    { name: "NUL in a header", bytes: post("a: b\0c"), want: 400 },
    { name: "no host", bytes: "GET /readyz HTTP/1.1\r\n\r\n", want: 400 },
    { name: "another protocol", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: 400 },
    { name: "a method of its own", bytes: "STEAL / HTTP/1.1\r\nhost: x\r\n\r\n", want: 400 },
    {
      name: "CONNECT to elsewhere",
      bytes: "CONNECT elsewhere:443 HTTP/1.1\r\nhost: elsewhere\r\n\r\n",
      want: 0,
    },
  ])
    test(name, async () => {
      await using connection = await RawConnection.open(target);
      await connection.send(bytes);
      const received = await connection.untilClosed();
      const [first, ...rest] = statusesIn(received);
      assert.deepEqual(rest, [], "a second request was taken for one");
      if (want === 0) assert.ok(first === undefined || first >= 400);
      else assert.equal(first, want, received.toString("latin1").slice(0, 300));
    });

  test("a body that is smuggled behind a GET is no request of its own", async () => {
    await using connection = await RawConnection.open(target);
    const inner = "DELETE /api/v1/namespaces/default HTTP/1.1\r\nhost: x\r\n\r\n";
    await connection.send(
      `GET /readyz/ping HTTP/1.1\r\nhost: x\r\ncontent-length: ${inner.length}\r\nconnection: close\r\n\r\n${inner}`,
    );
    assert.deepEqual(statusesIn(await connection.untilClosed()), [200]);
  });
});

describe("hostile HTTP/1.1 over time", () => {
  for (const { name, head } of [
    { name: "a body that comes a byte at a time", head: post("content-length: 1000000") },
    { name: "chunks that come a byte at a time", head: post("transfer-encoding: chunked") },
  ])
    test(`${name} is given up when the request's time is over`, async () => {
      await using connection = await RawConnection.open(hurried);
      await connection.send(head);
      const drip = setInterval(() => void connection.send(head.includes("chunked") ? "1\r\nx\r\n" : "x"), 50);
      try {
        const received = await connection.untilClosed();
        assert.equal(statusLine.exec(received.toString("latin1"))?.[1], "504");
      } finally {
        clearInterval(drip);
      }
    });

  test("a body that never stops is not read once it is too long, and its connection ends", async () => {
    await using connection = await RawConnection.open(target);
    await connection.send(post("transfer-encoding: chunked"));
    const chunk = Buffer.concat([
      Buffer.from("100000\r\n"),
      Buffer.alloc(2 ** 20, 0x20),
      Buffer.from("\r\n"),
    ]);
    let sent = 0;
    while (sent < 64 && !connection.ended && (await connection.send(chunk))) sent++;
    const received = await connection.untilClosed();
    assert.ok(sent < 64, "sixty-four megabytes were taken");
    assert.match(received.toString("latin1"), /^HTTP\/1\.1 413|^$/);
  });

  test("a thousand connections broken off in the middle of a body leave nothing behind", async () => {
    const bytesBefore = await memoryInUse();
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const connection = await RawConnection.open(target);
          await connection.send(`${post("content-length: 2000000")}${"x".repeat(10_000)}`);
          connection.reset();
        }),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    const growth = (await memoryInUse()) - bytesBefore;
    assert.ok(growth < 32 * 2 ** 20, `${Math.round(growth / 2 ** 20)} MiB more than before`);
  });

  test("bodies that are begun and never ended hold a bounded amount of memory", async () => {
    const bytesBefore = await memoryInUse();
    const part = Buffer.alloc(2_000_000, 0x20);
    const connections = await Promise.all(
      Array.from({ length: 100 }, () => RawConnection.open(target, { anonymous: true })),
    );
    await Promise.all(
      connections.map(async (connection) => {
        await connection.send(post("content-length: 3000000"));
        await connection.send(part);
      }),
    );
    const held = (await memoryInUse()) - bytesBefore;
    for (const connection of connections) connection.socket.destroy();
    assert.ok(held < 100 * 2 ** 20, `${Math.round(held / 2 ** 20)} MiB are held`);
  });
});

describe("hostile bytes before there is HTTP", () => {
  for (const { name, bytes } of [
    { name: "plain HTTP", bytes: Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n") },
    { name: "garbage", bytes: Buffer.alloc(100_000, 0xa5) },
    {
      name: "a TLS record of garbage",
      bytes: Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0]), Buffer.alloc(0x4000, 7)]),
    },
    { name: "a TLS alert", bytes: Buffer.from([21, 3, 1, 0, 2, 2, 40]) },
  ])
    test(`${name} ends the connection`, async () => {
      const socket = connectTcp({ host: "127.0.0.1", port: target.listener.port });
      socket.on("error", () => undefined);
      socket.resume();
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.write(bytes);
      await closed;
    });
});
