import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { ReadStream, WriteStream } from "node:tty";
import { openTerminal } from "./terminal.ts";

function fakeTerminal({ isTTY }: { readonly isTTY: boolean }) {
  const modes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY,
    setRawMode: (raw: boolean) => void modes.push(raw),
  });
  const stdout = Object.assign(new PassThrough(), { isTTY, columns: 80, rows: 24 });
  // What is used of a terminal is there.
  const streams = { stdin: stdin as unknown as ReadStream, stdout: stdout as unknown as WriteStream };
  return { stdin, stdout, streams, modes };
}

test("A terminal is raw while it is given away, tells its size and each change, and is as it was afterwards", async () => {
  const { stdin, stdout, streams, modes } = fakeTerminal({ isTTY: true });
  const sizes: object[] = [];
  let following: Promise<void> | undefined;
  {
    using terminal = openTerminal(streams);
    assert.equal(terminal.streams.tty, true);
    following = (async () => {
      for await (const size of terminal.streams.sizes ?? []) {
        sizes.push(size);
        if (sizes.length === 1) queueMicrotask(() => stdout.emit("resize"));
        stdout.columns = 132;
      }
    })();
    stdin.write("l");
    const keys = terminal.streams.stdin as AsyncIterable<Uint8Array>;
    for await (const key of keys) {
      assert.equal(String(key), "l");
      break;
    }
    await terminal.streams.onStdout(new TextEncoder().encode("seen"));
    assert.equal(String(stdout.read()), "seen");
    await new Promise((resolve) => setImmediate(resolve));
  }
  await following;
  assert.deepEqual(sizes, [
    { width: 80, height: 24 },
    { width: 132, height: 24 },
  ]);
  assert.deepEqual(modes, [true, false]);
  assert.equal(stdin.isPaused(), true);
  assert.equal(stdin.destroyed, false);
  assert.equal(stdout.listenerCount("resize"), 0);
});

test("What is no terminal is passed on as it is", () => {
  const { streams, modes } = fakeTerminal({ isTTY: false });
  using terminal = openTerminal(streams);
  assert.equal(terminal.streams.tty, false);
  assert.equal(terminal.streams.sizes, undefined);
  assert.deepEqual(modes, []);
});
