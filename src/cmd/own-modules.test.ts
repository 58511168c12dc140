import assert from "node:assert/strict";
import type { ResolveHookContext } from "node:module";
import { test } from "node:test";
import { ownModules } from "./own-modules.ts";

const root = "file:///k8ts/src/";
const resolve = ownModules(root);

for (const { name, specifier, from, want } of [
  {
    name: "one of a checkout is where its import says",
    specifier: "../base/clock.ts",
    from: `${root}cmd/main.ts`,
    want: { url: `${root}base/clock.ts`, format: "module-typescript", shortCircuit: true },
  },
  { name: "a package is looked for", specifier: "pino", from: `${root}cmd/main.ts`, want: undefined },
  {
    name: "so is what a package imports",
    specifier: "./lib.ts",
    from: "file:///k8ts/node_modules/a/b.ts",
    want: undefined,
  },
  { name: "and what is no module", specifier: "./table.json", from: `${root}cmd/main.ts`, want: undefined },
]) {
  test(`Own modules: ${name}`, () => {
    const elsewhere = { url: "file:///elsewhere" };
    const context: ResolveHookContext = { parentURL: from, conditions: [], importAttributes: {} };
    assert.deepEqual(
      resolve(specifier, context, () => elsewhere),
      want ?? elsewhere,
    );
  });
}
