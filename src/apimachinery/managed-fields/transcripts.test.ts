import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder } from "./field-set.ts";
import type { Managers } from "./managers.ts";
import { mergeTypeOf } from "./merge-type.ts";
import { applyConfiguration, ownedAfterUpdate, type Versioned } from "./ownership.ts";
import { pathsOf } from "./path-element.ts";
import transcripts from "./test-support/merge-transcripts.generated.json" with { type: "json" };
import { tables } from "./test-support/things.ts";

/**
 * What structured-merge-diff v4.4.1 answered to random applies and updates of several managers. Three hundred thousand more steps
 * were compared when these were recorded.
 */
interface Step {
  readonly op: string;
  readonly manager: string;
  readonly object: Versioned;
  readonly force: boolean;
  /** The apply is refused with these: nothing changes. */
  readonly conflicts?: readonly string[];
  readonly result?: unknown;
  readonly owned?: Readonly<Record<string, unknown>>;
}

const type = mergeTypeOf(tables.model("t.v1.Thing"));
const rules = { typeOf: () => type, convert: (object: Versioned) => object, ignored: undefined };

for (const [index, steps] of (transcripts as unknown as readonly (readonly Step[])[]).entries())
  test(`transcript ${index + 1} is answered as structured-merge-diff answered it`, () => {
    let live: Versioned = {};
    let managers: Managers = new Map();
    for (const step of steps) {
      const who = { manager: step.manager, apiVersion: "v1", subresource: "" };
      if (step.op === "update") {
        const change = { live, next: step.object };
        managers = ownedAfterUpdate(change, managers, { ...who, operation: "Update" }, rules).managers;
        live = step.object;
      } else {
        const applied = { live, configuration: step.object };
        const options = { rules, force: step.force };
        const outcome = applyConfiguration(applied, managers, { ...who, operation: "Apply" }, options);
        if ("conflicts" in outcome) {
          const found = outcome.conflicts.flatMap(({ manager, set }) =>
            pathsOf(set).map((path) => `${manager.manager} ${path}`),
          );
          assert.deepEqual(found.sort(), step.conflicts);
          continue;
        }
        live = outcome.object;
        managers = outcome.managers;
      }
      assert.equal(step.conflicts, undefined);
      assert.deepEqual(live, step.result);
      const owned = [...managers.values()].map(({ manager, set }) => [manager, inOrder(set ?? {})]);
      assert.deepEqual(Object.fromEntries(owned), step.owned);
    }
  });
