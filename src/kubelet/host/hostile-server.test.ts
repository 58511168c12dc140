import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect as connectTcp, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { deflateSync } from "node:zlib";
import { memoryInUse } from "../../apiserver/hostile/test-support/bystander.ts";
import { createMemoryPki, type Pki } from "../../apiserver/pki/ensure-pki.ts";
import { silentLogger } from "../../base/log.ts";
import { dataHead, encodeControl } from "../../client/streaming/spdy/frames.ts";
import { HeaderEncoder } from "../../client/streaming/spdy/header-block.ts";
import type { ContainerRuntime } from "../cri/runtime.ts";
import { type PodAccess, PodAccessError } from "../pod-access.ts";
import type { KubeletViews } from "../stats/views.ts";
import { type KubeletServer, startKubeletServer } from "./server.ts";

/** The kubelet's server against those who mean it ill: every one is answered or cut off, and leaves nothing behind. */

let pki: Pki;
let server: KubeletServer;
/** Processes that run: an exec ends with its input or when its client is gone. */
let running = 0;
const logsRead: string[] = [];

before(async () => {
  pki = await createMemoryPki({ nowMs: Date.now() });
  const serving = (await pki.node("node", ["127.0.0.1"])).serving;
  const known = (namespace: string, pod: string, container: string) => {
    if (namespace !== "default" || pod !== "box" || container !== "main")
      throw new PodAccessError(404, `container not found (${JSON.stringify(container)})`);
    return { id: "1", logPath: "/the/log" };
  };
  const pods = {
    runningContainer: async (namespace: string, pod: string, container: string) =>
      known(namespace, pod, container),
    loggedContainer: async (namespace: string, pod: string, container: string) =>
      known(namespace, pod, container),
    sandbox: async (namespace: string, pod: string) => known(namespace, pod, "main").id,
    isRunning: async () => false,
  };
  const runtime: Pick<ContainerRuntime, "exec" | "portForward"> = {
    async exec(_, { stdin, stdout }, { signal } = {}) {
      running++;
      const gone = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
      const reading = (async () => {
        for await (const chunk of stdin ?? []) await stdout?.write(chunk).catch(() => {});
      })().catch(() => {});
      await Promise.race([reading, gone]);
      running--;
      return { exitCode: 0 };
    },
    async portForward(_id, _port, { source }, { signal } = {}) {
      running++;
      const gone = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
      await Promise.race([
        gone,
        (async () => {
          for await (const _ of source);
        })().catch(() => {}),
      ]);
      running--;
    },
  };
  server = await startKubeletServer({
    address: "127.0.0.1",
    port: 0,
    certificate: serving.certificate,
    privateKey: serving.key,
    clientAuthority: pki.clusterAuthority.certificate,
    access: { authenticate: async () => undefined, authorize: async () => true },
    pods: pods as unknown as PodAccess, // what the server asks of it
    views: { pods: () => [], runningPods: () => [] } as unknown as KubeletViews, // what is asked for here
    runtime: runtime as ContainerRuntime, // the same
    logger: silentLogger,
    async *readLog({ path }) {
      logsRead.push(path);
      yield new TextEncoder().encode("a line\n");
    },
  });
});
after(async () => server[Symbol.asyncDispose]());

interface Caller extends AsyncDisposable {
  readonly socket: TLSSocket;
  readonly transport: Socket;
  readonly received: () => string;
  send(...parts: (string | Uint8Array)[]): Promise<void>;
  until(isEnough: (received: string) => boolean): Promise<string>;
  readonly closed: Promise<void>;
}

async function call(options: { readonly anonymous?: boolean } = {}): Promise<Caller> {
  const transport = connectTcp({ host: "127.0.0.1", port: server.port });
  transport.on("error", () => undefined);
  const credentials = options.anonymous ? {} : { cert: pki.admin.certificate, key: pki.admin.key };
  const socket = connectTls({
    socket: transport,
    host: "127.0.0.1",
    ca: pki.clusterAuthority.certificate,
    ...credentials,
  });
  socket.on("error", () => undefined); // a reset is one of the answers that are expected here
  let received = "";
  let wake = () => {};
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
    wake();
  });
  let ended = false;
  const closed = new Promise<void>((resolve) =>
    socket.once("close", () => {
      ended = true;
      resolve();
      wake();
    }),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", () => resolve());
    socket.once("error", reject);
  });
  return {
    socket,
    transport,
    received: () => received,
    closed,
    async send(...parts) {
      for (const part of parts)
        if (!ended) await new Promise<void>((resolve) => socket.write(part, () => resolve()));
    },
    async until(isEnough) {
      while (!ended && !isEnough(received))
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return received;
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await closed;
    },
  };
}

const request = (target: string, ...lines: string[]) =>
  `GET ${target} HTTP/1.1\r\nhost: kubelet\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
const execTarget = "/exec/default/box/main?command=cat&input=1&output=1";
const spdyLines = [
  "connection: upgrade",
  "upgrade: SPDY/3.1",
  "x-stream-protocol-version: v4.channel.k8s.io",
];
const webSocketLines = (protocol = "v5.channel.k8s.io") => [
  "connection: upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==",
  `sec-websocket-protocol: ${protocol}`,
];
const statusOf = (received: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1]);

/** A masked frame, as clients send them. */
function frame(first: number, payload: Uint8Array): Buffer {
  const length = payload.length;
  const extended = length < 126 ? Buffer.of(0x80 | length) : Buffer.of(0x80 | 126, length >> 8, length & 255);
  return Buffer.concat([Buffer.of(first), extended, Buffer.alloc(4), payload]); // a mask of zeros
}

const synStream = (streamId: number, headerBlock: Uint8Array) =>
  encodeControl({ type: "synStream", streamId, fin: false, unidirectional: false, headerBlock });
const begin = (encoder: HeaderEncoder, ...types: string[]) =>
  types.map((streamtype, index) => synStream(2 * index + 1, encoder.encode({ streamtype })));

/** Everything that was given to clients has come back. */
async function nothingLeft(socketsBefore: number): Promise<void> {
  // Those of an earlier caller may go meanwhile.
  while (running > 0 || sockets() > socketsBefore) await new Promise((resolve) => setTimeout(resolve, 10));
}
const sockets = () =>
  process.getActiveResourcesInfo().filter((name) => ["TCPSocketWrap", "TLSWrap"].includes(name)).length;

describe("who may not is told so", () => {
  for (const { name, target, lines } of [
    { name: "a list of pods", target: "/pods", lines: [] },
    { name: "a log", target: "/containerLogs/default/box/main", lines: [] },
    { name: "an exec over SPDY", target: execTarget, lines: spdyLines },
    { name: "an exec over WebSocket", target: execTarget, lines: webSocketLines() },
    { name: "a token that is not valid", target: "/pods", lines: ["authorization: Bearer x"] },
    { name: "a token without end", target: "/pods", lines: [`authorization: Bearer ${"x".repeat(9000)}`] },
    { name: "an upgrade to nothing", target: execTarget, lines: ["connection: upgrade", "upgrade: h2c"] },
  ]) {
    test(`without credentials: ${name}`, async () => {
      const before = sockets();
      await using caller = await call({ anonymous: true });
      await caller.send(request(target, ...lines));
      assert.equal(statusOf(await caller.until((text) => text.includes("\r\n\r\n"))), 401);
      caller.socket.destroy();
      await nothingLeft(before);
    });
  }

  test("one that is refused and goes on sending is cut off", async () => {
    const before = sockets();
    await using caller = await call({ anonymous: true });
    await caller.send(request(execTarget, ...spdyLines));
    const answer = await caller.until((text) => text.includes("Unauthorized"));
    assert.equal(statusOf(answer), 401);
    const flood = setInterval(() => caller.socket.write(randomBytes(1000)), 50);
    await caller.closed;
    clearInterval(flood);
    await nothingLeft(before);
  });
});

describe("paths lead nowhere else", () => {
  for (const { target, want } of [
    { target: "/containerLogs/default/box/..%2f..%2f..%2fetc%2fpasswd", want: 404 },
    { target: "/containerLogs/default/box/%2e%2e", want: 404 },
    { target: "/containerLogs/..%2f..%2fbox/main", want: 404 },
    { target: "/containerLogs/default/box/main%00", want: 404 },
    { target: "/logs/../../../etc/passwd", want: 404 },
    { target: "/logs/%2e%2e/%2e%2e/etc/passwd", want: 404 },
    { target: "//etc/passwd", want: 404 },
    { target: "/%E0%A4%A", want: 400 },
    { target: "http://other/pods/../pods", want: 404 },
    { target: "/exec/default/box/main", want: 400 },
    { target: `/containerLogs/default/box/${"a".repeat(8000)}`, want: 404 },
    { target: `/${"a/".repeat(4000)}`, want: 404 },
    { target: "/containerLogs/default/box/main?tailLines=many", want: 400 },
    { target: "/containerLogs/default/box/main?sinceTime=yesterday", want: 400 },
  ]) {
    test(`${target.slice(0, 60)} is answered with ${want}`, async () => {
      logsRead.length = 0;
      await using caller = await call();
      await caller.send(request(target));
      assert.equal(statusOf(await caller.until((text) => text.includes("\r\n\r\n"))), want);
      assert.deepEqual(logsRead, []);
    });
  }
});

describe("upgrades that are none", () => {
  for (const { name, lines, want } of [
    { name: "WebSocket without a key", lines: ["connection: upgrade", "upgrade: websocket"], want: 400 },
    { name: "a WebSocket protocol nobody knows", lines: webSocketLines("v9.channel.k8s.io"), want: 403 },
    { name: "SPDY/2", lines: ["connection: upgrade", "upgrade: SPDY/2"], want: 400 },
    { name: "SPDY without a stream protocol", lines: spdyLines.slice(0, 2), want: 403 },
    { name: "many upgrades at once", lines: ["connection: upgrade", "upgrade: a, b, websocket"], want: 400 },
  ]) {
    test(`${name}: ${want}`, async () => {
      const before = sockets();
      await using caller = await call();
      await caller.send(request(execTarget, ...lines));
      await caller.until((text) => text.includes("\r\n\r\n"));
      assert.equal(statusOf(caller.received()), want);
      caller.socket.destroy();
      await nothingLeft(before);
    });
  }
});

/** A zlib flow that grows a thousandfold. */
const bomb = () => deflateSync(Buffer.alloc(32 * 2 ** 20)).subarray(0, 60_000);
const stdinFrames = () => begin(new HeaderEncoder(), "error", "stdin", "stdout");

describe("garbage after the upgrade ends the connection and the process", () => {
  for (const { name, lines, bytes } of [
    { name: "random bytes over SPDY", lines: spdyLines, bytes: () => [Buffer.of(0x80), randomBytes(5000)] },
    {
      name: "a header block that inflates without end",
      lines: spdyLines,
      bytes: () => [synStream(1, bomb())],
    },
    {
      name: "a header block that is no zlib",
      lines: spdyLines,
      bytes: () => [synStream(1, randomBytes(99))],
    },
    {
      name: "a control frame of 16 MB",
      lines: spdyLines,
      bytes: () => [Buffer.from("80030001 00ffffff".replace(" ", ""), "hex")],
    },
    {
      name: "a stream number that comes again, in the middle",
      lines: spdyLines,
      bytes: () => [...stdinFrames(), dataHead(3, 1, false), Buffer.of(97), ...stdinFrames()],
    },
    {
      name: "random bytes over WebSocket",
      lines: webSocketLines(),
      bytes: () => [Buffer.of(0xff), randomBytes(5000)],
    },
    { name: "a frame without a mask", lines: webSocketLines(), bytes: () => [Buffer.of(0x82, 1, 0)] },
    {
      name: "a message of 2^62 bytes",
      lines: webSocketLines(),
      bytes: () => [Buffer.from("82ff4000000000000000", "hex"), Buffer.alloc(64)],
    },
    {
      name: "pieces that never make a message",
      lines: webSocketLines(),
      bytes: () => [
        frame(0x02, Buffer.of(0)),
        ...Array.from({ length: 400 }, () => frame(0, Buffer.alloc(65_000))),
      ],
    },
    {
      name: "a ping that is too long",
      lines: webSocketLines(),
      bytes: () => [frame(0x89, Buffer.alloc(126))],
    },
    { name: "a close frame of one byte", lines: webSocketLines(), bytes: () => [frame(0x88, Buffer.of(3))] },
  ]) {
    test(name, async () => {
      const before = sockets();
      await using caller = await call();
      await caller.send(request(execTarget, ...lines));
      await caller.until((text) => text.includes("\r\n\r\n"));
      assert.equal(statusOf(caller.received()), 101);
      await caller.send(...bytes());
      await caller.closed;
      await nothingLeft(before);
    });
  }
});

describe("a client that goes away frees all it had", () => {
  for (const { name, lines, bytes } of [
    { name: "before a stream is opened", lines: spdyLines, bytes: () => [] },
    { name: "between its streams", lines: spdyLines, bytes: () => stdinFrames().slice(0, 2) },
    { name: "once the process runs, over SPDY", lines: spdyLines, bytes: stdinFrames },
    {
      name: "in the middle of a frame",
      lines: spdyLines,
      bytes: () => [...stdinFrames(), dataHead(3, 1000, false), Buffer.alloc(10)],
    },
    { name: "once the process runs, over WebSocket", lines: webSocketLines(), bytes: () => [] },
    {
      name: "in the middle of a message",
      lines: webSocketLines(),
      bytes: () => [frame(0x82, Buffer.of(0, 1)), Buffer.of(0x82, 0xfe, 10)],
    },
  ])
    for (const rude of [false, true]) {
      test(`${name}${rude ? ", by a reset" : ""}`, async () => {
        const before = sockets();
        await using caller = await call();
        await caller.send(request(execTarget, ...lines));
        await caller.until((text) => text.includes("\r\n\r\n"));
        await caller.send(...bytes());
        if (rude) caller.transport.resetAndDestroy();
        caller.socket.destroy();
        await nothingLeft(before);
      });
    }
});

test("streams opened and reset as fast as can be cost the others nothing", async () => {
  const before = sockets();
  await using caller = await call();
  await caller.send(request(execTarget, ...spdyLines));
  await caller.until((text) => text.includes("\r\n\r\n"));
  const encoder = new HeaderEncoder();
  for (let id = 1; id < 2000; id += 2)
    await caller.send(
      synStream(id, encoder.encode({ streamtype: "none" })),
      encodeControl({ type: "rstStream", streamId: id, status: 5 }),
    );
  await using other = await call();
  await other.send(request("/pods"));
  assert.equal(statusOf(await other.until((text) => text.includes("\r\n\r\n"))), 200);
  caller.socket.destroy();
  other.socket.destroy();
  await nothingLeft(before);
});

for (const { name, lines, prologue, ask } of [
  {
    name: "SPDY's pings",
    lines: spdyLines,
    prologue: stdinFrames,
    ask: Buffer.concat(Array.from({ length: 1000 }, () => encodeControl({ type: "ping", id: 1 }))),
  },
  {
    name: "WebSocket's pings",
    lines: webSocketLines(),
    prologue: () => [],
    ask: Buffer.concat(Array.from({ length: 500 }, () => frame(0x89, Buffer.alloc(125)))),
  },
]) {
  test(`${name} that are sent by one who reads no answer do not pile up`, async () => {
    const before = sockets();
    await using caller = await call();
    await caller.send(request(execTarget, ...lines));
    await caller.until((text) => text.includes("\r\n\r\n"));
    await caller.send(...prologue());
    caller.socket.pause();
    const bytesBefore = await memoryInUse();
    // Either it is read no more, or it is read and not answered.
    const mayGoOn = () =>
      new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), 500);
        caller.socket.once("drain", () => {
          clearTimeout(timer);
          resolve(true);
        });
      });
    for (let sent = 0; sent < 40 * 2 ** 20; sent += ask.length)
      if (!caller.socket.write(ask) && !(await mayGoOn())) break;
    const growth = Math.round(((await memoryInUse()) - bytesBefore) / 2 ** 20);
    assert.ok(growth < 16, `${growth} MiB`);
    caller.socket.destroy();
    await nothingLeft(before);
  });
}

test("a body that never comes, and headers that come a byte at a time, hold up nobody", async () => {
  await using slow = await call({ anonymous: true });
  await slow.send("POST /exec/default/box/main HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc");
  assert.equal(statusOf(await slow.until((text) => text.includes("\r\n\r\n"))), 401);
  await using slower = await call({ anonymous: true });
  await slower.send("GET /pods HT");
  await using other = await call();
  await other.send(request("/pods"));
  assert.equal(statusOf(await other.until((text) => text.includes("\r\n\r\n"))), 200);
});
