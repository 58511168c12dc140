import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  checkCycles,
  checkEdges,
  checkLayers,
  checkSizes,
  checkUnusedExports,
  measureSizes,
} from "./checks.ts";
import { tidy } from "./main.ts";
import { parseSource } from "./tree.ts";

const tree = (files: Record<string, string>) =>
  Object.entries(files).map(([path, text]) => parseSource(path, text));

for (const { name, path, text, want } of [
  {
    name: "lets a layer use a lower one",
    path: "src/client/a.ts",
    text: 'import { x } from "../base/b.ts";',
    want: 0,
  },
  {
    name: "refuses an import from above",
    path: "src/base/a.ts",
    text: 'import { x } from "../client/b.ts";',
    want: 1,
  },
  {
    name: "refuses a type import from above",
    path: "src/base/a.ts",
    text: 'import type { X } from "../client/b.ts";',
    want: 1,
  },
  {
    name: "keeps components apart",
    path: "src/kubelet/a.ts",
    text: 'import { x } from "../proxy/b.ts";',
    want: 1,
  },
  {
    name: "keeps components from the API server",
    path: "src/dns/a.ts",
    text: 'import { x } from "../apiserver/b.ts";',
    want: 1,
  },
  {
    name: "sees dynamic imports",
    path: "src/base/a.ts",
    text: 'const x = await import("../client/b.ts");',
    want: 1,
  },
  {
    name: "lets tests reach anywhere",
    path: "src/base/a.test.ts",
    text: 'import { x } from "../client/b.ts";',
    want: 0,
  },
  { name: "knows every folder", path: "src/unknown/a.ts", text: "", want: 1 },
]) {
  test(`layers: ${name}`, () => assert.equal(checkLayers(tree({ [path]: text })).length, want));
}

for (const { name, path, text, want } of [
  {
    name: "bans the wall clock in the middle",
    path: "src/scheduler/a.ts",
    text: "const t = Date.now();",
    want: 1,
  },
  {
    name: "bans node modules in the middle",
    path: "src/scheduler/a.ts",
    text: 'import fs from "node:fs";',
    want: 1,
  },
  { name: "bans timers in the middle", path: "src/client/a.ts", text: "setTimeout(f, 1);", want: 1 },
  {
    name: "allows formatting a given time",
    path: "src/client/a.ts",
    text: "new Date(ms).toISOString();",
    want: 0,
  },
  { name: "allows them at an edge", path: "src/client/transport/a.ts", text: "setTimeout(f, 1);", want: 0 },
  {
    name: "ignores comments and strings",
    path: "src/client/a.ts",
    text: '// Date.now()\nconst a = "Math.random()";',
    want: 0,
  },
]) {
  test(`edges: ${name}`, () => assert.equal(checkEdges(tree({ [path]: text })).length, want));
}

test("cycles are found once", () => {
  const files = tree({
    "src/base/a.ts": 'import { b } from "./b.ts";',
    "src/base/b.ts": 'import { a } from "./a.ts";',
  });
  assert.deepEqual(checkCycles(files), ["import cycle: src/base/a.ts -> src/base/b.ts -> src/base/a.ts"]);
});

test("an export that nobody imports is found", () => {
  const files = tree({
    "src/base/a.ts": "export const used = 1;\nexport function unused() {}",
    "src/base/b.ts": 'import { used } from "./a.ts";',
  });
  assert.deepEqual(checkUnusedExports(files), ["src/base/a.ts: export unused is used by no other file"]);
});

test("the ratchet lets sizes shrink, not grow, and forgets what fits", () => {
  const long = `export function long() {\n${"  work();\n".repeat(90)}}\n`;
  const sizes = measureSizes(tree({ "src/base/a.ts": long }));
  assert.deepEqual([...sizes], [["src/base/a.ts:long", 92]]);
  assert.equal(checkSizes(sizes, {}).length, 1);
  assert.equal(checkSizes(sizes, { "src/base/a.ts:long": 92 }).length, 0);
  assert.equal(checkSizes(sizes, { "src/base/a.ts:long": 91 }).length, 1);
  assert.equal(checkSizes(new Map(), { "src/base/a.ts:long": 92 }).length, 1);
});

test("the tree is tidy", () => assert.deepEqual(tidy(fileURLToPath(new URL("../..", import.meta.url))), []));
