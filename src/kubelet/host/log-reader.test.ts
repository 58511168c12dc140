import assert from "node:assert/strict";
import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type LogOptions, parseLogOptions } from "../log-line.ts";
import { readLog } from "./log-reader.ts";

const all: LogOptions = { follow: false, timestamps: false, stream: "All" };
const lines = [
  "2026-01-01T00:00:00.000000001Z stdout F one",
  "2026-01-01T00:00:10.000000001Z stderr F two",
  "2026-01-01T00:00:20.000000001Z stdout P thr",
  "2026-01-01T00:00:20.000000002Z stdout F ee",
];

async function withLog(text: string, work: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-log-"));
  try {
    await writeFile(join(directory, "0.log"), text);
    await work(join(directory, "0.log"));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function text(path: string, options: LogOptions): Promise<string> {
  let result = "";
  const source = { path, isLive: () => Promise.resolve(false) };
  for await (const chunk of readLog(source, options, new AbortController().signal))
    result += Buffer.from(chunk).toString();
  return result;
}

for (const { name, options, want } of [
  { name: "joins partial lines", options: all, want: "one\ntwo\nthree\n" },
  {
    name: "prefixes times",
    options: { ...all, timestamps: true, tailLines: 3 },
    want: "2026-01-01T00:00:10.000000001Z two\n2026-01-01T00:00:20.000000001Z thr2026-01-01T00:00:20.000000002Z ee\n",
  },
  {
    name: "begins at a moment",
    options: { ...all, sinceMs: Date.UTC(2026, 0, 1, 0, 0, 5) },
    want: "two\nthree\n",
  },
  { name: "gives the last lines", options: { ...all, tailLines: 3 }, want: "two\nthree\n" },
  { name: "gives no lines", options: { ...all, tailLines: 0 }, want: "" },
  {
    name: "gives all when the tail is longer than the file",
    options: { ...all, tailLines: 99 },
    want: "one\ntwo\nthree\n",
  },
  { name: "stops at the limit", options: { ...all, limitBytes: 5 }, want: "one\nt" },
  { name: "gives one stream", options: { ...all, stream: "Stderr" as const }, want: "two\n" },
]) {
  test(`Kubelet, log output: a log ${name}`, () =>
    withLog(`${lines.join("\n")}\n`, async (path) => assert.equal(await text(path, options), want)));
}

test("Following sees what is written later, through a rotation, and ends with the container", () =>
  withLog(`${lines[0]}\n`, async (path) => {
    let live = true;
    const seen: string[] = [];
    const source = { path, isLive: () => Promise.resolve(live) };
    for await (const chunk of readLog(source, { ...all, follow: true }, new AbortController().signal)) {
      seen.push(Buffer.from(chunk).toString());
      if (seen.length === 1) await appendFile(path, `${lines[1]}\n`);
      if (seen.length === 2) {
        await rename(path, `${path}.1`);
        await writeFile(path, `${lines[0]}\n`);
        live = false;
      }
    }
    assert.deepEqual(seen, ["one\n", "two\n", "one\n"]);
  }));

test("A wrong log option is refused in upstream's words", () => {
  assert.throws(
    () => parseLogOptions(new URLSearchParams("tailLines=-1"), 0),
    /tailLines: Invalid value: -1: must be greater than or equal to 0/,
  );
  assert.throws(
    () => parseLogOptions(new URLSearchParams("limitBytes=0"), 0),
    /limitBytes: Invalid value: 0: must be greater than 0/,
  );
});
