import assert from "node:assert/strict";
import { test } from "node:test";
import { sharing } from "./sharing.ts";

const known = {
  metadata: { name: "a", labels: { app: "web" } },
  spec: { containers: [{ name: "a", ports: [{ port: 1 }] }, { name: "b" }], empty: {} },
};

for (const { name, next, shares } of [
  { name: "an equal value is the known one", next: structuredClone(known), shares: ["", "metadata", "spec"] },
  {
    name: "beside a change all else is shared",
    next: { ...structuredClone(known), metadata: { name: "a", labels: { app: "api" } } },
    shares: ["spec", "spec.containers"],
  },
  {
    name: "an item that is longer shares what it has in common",
    next: {
      ...structuredClone(known),
      spec: {
        containers: [{ name: "a", ports: [{ port: 1 }], tty: true }, { name: "b" }, { name: "c" }],
        empty: {},
      },
    },
    shares: ["metadata", "spec.containers.0.ports", "spec.containers.1", "spec.empty"],
  },
  {
    name: "what has fewer fields is another",
    next: { metadata: { name: "a" }, spec: { containers: {}, empty: [] } },
    shares: [],
  },
  {
    name: "fields that prototypes have are no fields of the known value",
    next: JSON.parse('{"metadata":{"constructor":{},"toString":{}},"spec":{"__proto__":{}}}') as object,
    shares: [],
  },
]) {
  test(`Sharing: ${name}`, () => {
    const before = structuredClone(next);
    const result = sharing<unknown>(next, known);
    assert.deepEqual(result, before);
    assert.deepEqual(next, before);
    const paths = [
      "",
      "metadata",
      "spec",
      "spec.containers",
      "spec.containers.0.ports",
      "spec.containers.1",
      "spec.empty",
    ];
    for (const path of shares) assert.equal(at(result, path), at(known, path), path);
    if (shares.length === 0)
      for (const path of paths) assert.notEqual(at(result, path) ?? {}, at(known, path), path);
  });
}

function at(value: unknown, path: string): unknown {
  if (path === "") return value;
  return path
    .split(".")
    .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);
}
