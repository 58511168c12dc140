import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { LogOptions } from "../log-line.ts";
import { readSimLog } from "./sim-log-reader.ts";

const line = (text: string) => `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`;
const whole: LogOptions = { follow: false, timestamps: false, stream: "All" };

async function textOf(options: LogOptions, log: string): Promise<string> {
  const source = { path: "p", isLive: async () => false };
  let text = "";
  const dependencies = { clock: new VirtualClock(), text: () => log };
  for await (const part of readSimLog(dependencies, source, options, new AbortController().signal))
    text += new TextDecoder().decode(part);
  return text;
}

for (const { name, options, want } of [
  { name: "whole", options: whole, want: "a\nb\nc\n" },
  { name: "its last lines", options: { ...whole, tailLines: 2 }, want: "b\nc\n" },
  { name: "so many bytes", options: { ...whole, limitBytes: 3 }, want: "a\nb" },
]) {
  test(`A simulated log is read: ${name}`, async () => {
    assert.equal(await textOf(options, ["a", "b", "c"].map(line).join("")), want);
  });
}

test("A simulated log is followed until its container ends", async () => {
  const clock = new VirtualClock();
  let log = line("a");
  let live = true;
  const source = { path: "p", isLive: async () => live };
  const seen: string[] = [];
  const reading = (async () => {
    const dependencies = { clock, text: () => log };
    const options = { ...whole, follow: true };
    for await (const part of readSimLog(dependencies, source, options, new AbortController().signal))
      seen.push(new TextDecoder().decode(part));
  })();
  await clock.advance(1000);
  log += line("b");
  await clock.advance(1000);
  log += line("c");
  live = false;
  await clock.advance(1000);
  await reading;
  assert.deepEqual(seen, ["a\n", "b\n", "c\n"]);
});
