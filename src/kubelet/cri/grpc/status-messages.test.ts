import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "./protobuf.ts";
import { podSandbox, podSandboxStatus } from "./status-messages.ts";

const entry = (number: number, text: string) => [(number << 3) | 2, text.length, ...Buffer.from(text)];
const pair = (number: number, key: string, value: string) => {
  const body = [...entry(1, key), ...entry(2, value)];
  return [(number << 3) | 2, body.length, ...body];
};

for (const { name, type, labels, annotations, runtimeHandler } of [
  { name: "a listed sandbox", type: podSandbox, labels: 5, annotations: 6, runtimeHandler: 7 },
  { name: "a sandbox's status", type: podSandboxStatus, labels: 7, annotations: 8, runtimeHandler: 9 },
]) {
  test(`CRI: ${name} tells its labels, annotations and handler under the fields of CRI v1`, () => {
    const bytes = [
      ...pair(labels, "app", "web"),
      ...pair(annotations, "note", "x"),
      ...entry(runtimeHandler, "runc"),
    ];
    const decoded = decode(type, Uint8Array.from(bytes));
    assert.deepEqual(
      [{ ...decoded.labels }, { ...decoded.annotations }, decoded.runtimeHandler],
      [{ app: "web" }, { note: "x" }, "runc"],
    );
  });
}
