import assert from "node:assert/strict";
import { test } from "node:test";
import { socketChannel } from "./byte-channel.ts";
import type { ProcessExit, ProcessStreams, TerminalSize } from "./byte-stream.ts";
import type { RunProcess } from "./remote-command.ts";
import { serveRemoteCommand } from "./remote-command-server.ts";
import { SpdyConnection } from "./spdy/connection.ts";
import { runOverSpdy } from "./spdy/streaming-client.ts";
import { echoProcess, textSink, textSource, upgradeServer } from "./test-support.ts";
import { acceptSpdy } from "./upgrade.ts";
import { runOverWebSocket } from "./websocket-client.ts";

type Run = (
  url: string,
  options: { readonly tty: boolean; readonly streams: ProcessStreams; readonly signal?: AbortSignal },
) => Promise<ProcessExit>;

const overWebSocket =
  (...protocols: readonly string[]): Run =>
  (url, options) =>
    runOverWebSocket(url.replace("http", "ws"), { ...options, protocols });

const wires: readonly { readonly name: string; readonly run: Run; readonly endsStdin: boolean }[] = [
  { name: "SPDY/3.1", run: runOverSpdy, endsStdin: true },
  {
    name: "v5.channel.k8s.io",
    run: overWebSocket("v5.channel.k8s.io", "v4.channel.k8s.io"),
    endsStdin: true,
  },
  { name: "v4.channel.k8s.io", run: overWebSocket("v4.channel.k8s.io"), endsStdin: false },
  { name: "v4.base64.channel.k8s.io", run: overWebSocket("v4.base64.channel.k8s.io"), endsStdin: false },
];

const all = { stdin: true, stdout: true, stderr: true, tty: false };

for (const { name, run, endsStdin } of wires) {
  const serve = (process: RunProcess, options: Partial<typeof all> = {}) =>
    upgradeServer((upgrade) => serveRemoteCommand(upgrade, { ...all, ...options }, process));

  if (endsStdin)
    test(`${name} carries stdin with its end, stdout, stderr and the exit code`, async () => {
      await using server = await serve(echoProcess);
      const [stdout, stderr] = [textSink(), textSink()];
      const exit = await run(server.url, {
        tty: false,
        streams: { stdin: textSource("one ", "two"), stdout, stderr },
      });
      assert.deepEqual([exit.exitCode, stdout.text(), stderr.text()], [7, "one two", "done"]);
      assert.ok(stdout.closed() && stderr.closed());
    });

  test(`${name} carries input and output at once`, async () => {
    await using server = await serve(async ({ stdin, stdout }) => {
      for await (const chunk of stdin ?? []) {
        await stdout?.write(chunk);
        return { exitCode: 0 };
      }
      return { exitCode: 1 };
    });
    const [stdout, stderr] = [textSink(), textSink()];
    const exit = await run(server.url, {
      tty: false,
      streams: { stdin: textSource("hello"), stdout, stderr },
    });
    assert.deepEqual([exit.exitCode, stdout.text()], [0, "hello"]);
  });

  test(`${name} tells why a process could not be run`, async () => {
    await using server = await serve(() => Promise.reject(new Error("no such container")), { stdin: false });
    await assert.rejects(
      run(server.url, { tty: false, streams: { stdout: textSink(), stderr: textSink() } }),
      {
        name: "RemoteCommandError",
        message: /no such container/,
      },
    );
  });

  test(`${name} carries the sizes of a terminal`, async () => {
    const seen: TerminalSize[] = [];
    await using server = await serve(
      async ({ resize, stderr }) => {
        assert.equal(stderr, undefined, "a terminal has one output");
        for await (const size of resize ?? []) if (seen.push(size) === 2) break;
        return { exitCode: 0 };
      },
      { tty: true, stdin: false },
    );
    const sizes = async function* () {
      yield { width: 80, height: 24 };
      yield { width: 132, height: 43 };
    };
    await run(server.url, { tty: true, streams: { stdout: textSink(), resize: sizes() } });
    assert.deepEqual(seen, [
      { width: 80, height: 24 },
      { width: 132, height: 43 },
    ]);
  });

  test(`${name} ends the process's signal when the client goes away`, async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const leave = new AbortController();
    await using server = await serve(
      (_streams, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            resolve();
            reject(signal.reason);
          });
          leave.abort();
        }),
      { stdin: false },
    );
    const running = run(server.url, {
      tty: false,
      streams: { stdout: textSink(), stderr: textSink() },
      signal: leave.signal,
    });
    await assert.rejects(running, { name: "AbortError" });
    await aborted;
  });

  test(`${name} gives up a connection that does not come about when it is told to`, async () => {
    const leave = new AbortController();
    await using server = await upgradeServer(async ({ socket }) => {
      leave.abort();
      await new Promise((resolve) => socket.once("end", resolve).once("error", resolve).resume());
      socket.destroy();
    });
    const running = run(server.url, { tty: false, streams: { stdout: textSink() }, signal: leave.signal });
    await assert.rejects(running, { name: "AbortError" });
  });

  test(`${name} holds a fast process back to the pace of a slow reader`, async () => {
    const chunk = new Uint8Array(64 * 1024);
    const chunks = 320; // 20 MB
    let written = 0;
    let furthestAhead = 0;
    let read = 0;
    await using server = await serve(
      async ({ stdout }) => {
        for (; written < chunks; written++) {
          await stdout?.write(chunk);
          furthestAhead = Math.max(furthestAhead, (written + 1) * chunk.length - read);
        }
        return { exitCode: 0 };
      },
      { stdin: false },
    );
    const slow = {
      async write(piece: Uint8Array) {
        read += piece.length;
        if (read % (1024 * 1024) < piece.length) await new Promise((resolve) => setTimeout(resolve, 1));
      },
      async close() {},
    };
    await run(server.url, { tty: false, streams: { stdout: slow, stderr: textSink() } });
    assert.equal(read, chunks * chunk.length);
    assert.ok(furthestAhead < 12 * 1024 * 1024, `${furthestAhead} bytes were ahead of their reader`);
  });
}

test("a runtime that goes away before it has told how the process ended is no success", async () => {
  await using server = await upgradeServer(async (upgrade) => {
    acceptSpdy(upgrade, "v4.channel.k8s.io");
    const connection = new SpdyConnection(socketChannel(upgrade.socket, upgrade.head), {
      role: "server",
      onStream: ({ headers }) => {
        if (headers.streamtype === "stdout") void connection.close();
      },
    });
    await connection.ended;
  });
  await assert.rejects(runOverSpdy(server.url, { tty: false, streams: { stdout: textSink() } }), {
    name: "RemoteCommandError",
    message: "the connection ended before the command did",
  });
});

test("a request that is no upgrade kubectl makes is refused in words", async () => {
  await using server = await upgradeServer((upgrade) => serveRemoteCommand(upgrade, all, echoProcess));
  await assert.rejects(
    runOverWebSocket(server.url.replace("http", "ws"), {
      tty: false,
      streams: {},
      protocols: ["v9.channel.k8s.io"],
    }),
    /subprotocols is supported: v9/,
  );
});
