import assert from "node:assert/strict";
import test from "node:test";
import { WatchDecoder, WatchFrameError } from "./watch-decoder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const line = (type: string, name: string) => `${JSON.stringify({ type, object: { name } })}\n`;

for (const size of [1, 2, 3, 7, 64, 1000]) {
  test(`the watch decoder finds every event in chunks of ${size} bytes`, () => {
    const names = ["a", "ü😀", "line\nbreak", ""];
    const whole = bytes(names.map((name) => line("ADDED", name)).join("\n"));
    const decoder = new WatchDecoder();
    const found = [];
    for (let at = 0; at < whole.length; at += size)
      found.push(...decoder.push(whole.subarray(at, at + size)));
    found.push(...decoder.end());
    assert.deepEqual(
      found,
      names.map((name) => ({ type: "ADDED", object: { name } })),
    );
  });
}

test("the watch decoder gives all events of a chunk at once", () => {
  const decoder = new WatchDecoder();
  assert.equal(decoder.push(bytes(`${line("ADDED", "a")}${line("MODIFIED", "a")}{"type`)).length, 2);
});

test("the watch decoder refuses a line that is too long before it is complete", () => {
  const decoder = new WatchDecoder({ maxFrameBytes: 100 });
  decoder.push(bytes("x".repeat(60)));
  assert.throws(() => decoder.push(bytes("x".repeat(60))), WatchFrameError);
});

for (const [name, text] of [
  ["what is not JSON", "{]\n"],
  ["what is not an event", '{"kind":"Status"}\n'],
] as const) {
  test(`the watch decoder refuses ${name}`, () => {
    assert.throws(() => new WatchDecoder().push(bytes(text)), WatchFrameError);
  });
}

test("the watch decoder refuses a stream that ends within an event", () => {
  const decoder = new WatchDecoder();
  decoder.push(bytes('{"type":"ADDED","obj'));
  assert.throws(() => decoder.end(), WatchFrameError);
});
