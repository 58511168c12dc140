import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeReference, type Reference } from "./main.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("The API reference", () => {
  let reference: Reference;
  before(() => {
    reference = makeReference(root);
  });

  test("finds a docstring on everything that k8ts/client and k8ts/testing export", () => {
    const bare = reference.symbols.filter(({ docstring }) => docstring === undefined);
    assert.deepEqual(
      bare.map(({ name, file }) => `${file}: ${name}`),
      [],
    );
  });

  test("is what `npm run docs:reference` makes of the source as it is now", () => {
    for (const [file, text] of reference.texts) {
      const committed = readFileSync(join(root, "docs/reference", file), "utf8");
      // Not as a difference of two long texts: only the command helps.
      assert.ok(committed === text, `docs/reference/${file} is out of date: run npm run docs:reference`);
    }
  });

  test("reads functions, classes, constants and namespaces as their users see them", () => {
    const of = (name: string) => reference.symbols.find((symbol) => symbol.name === name)?.declaration;
    assert.equal(of("createManager"), "function createManager(options: ManagerOptions): Manager;");
    assert.equal(of("systemClock"), "const systemClock: Clock;");
    assert.match(of("predicates.not") ?? "", /^function not</);
    assert.doesNotMatch(of("ApiError") ?? "", /super|return/);
  });
});
