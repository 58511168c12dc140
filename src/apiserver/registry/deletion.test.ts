import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceDefinition } from "../../api/definition.ts";
import type { AnyObject, ObjectMeta } from "../../apimachinery/meta.ts";
import { planDeletion } from "./deletion.ts";
import type { DeleteRequestOptions } from "./options.ts";

const nowMs = Date.UTC(2026, 0, 1);
const plain = { group: "", plural: "things", strategy: {} } as unknown as ResourceDefinition; // all that planning reads
const graceful: ResourceDefinition = {
  ...plain,
  strategy: { gracePeriodSeconds: (_object, requested) => requested ?? 30 },
};
const orphaning: ResourceDefinition = { ...plain, strategy: { defaultPropagation: "Orphan" } };

const object = (metadata: ObjectMeta = {}): AnyObject => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name: "a", uid: "u", resourceVersion: "5", ...metadata },
});

/** A plan in a line: "remove", "pending", "update then remove (finalizers; grace; deletion time)". */
function describe(
  definition: ResourceDefinition,
  metadata: ObjectMeta,
  options: Partial<DeleteRequestOptions>,
  held = false,
): string {
  const plan = planDeletion(definition, object(metadata), { dryRun: false, ...options }, { nowMs, held });
  if (plan.action !== "update") return plan.action;
  const { finalizers = [], deletionGracePeriodSeconds, deletionTimestamp, generation } = plan.object.metadata;
  const after = plan.thenRemove ? " then remove" : "";
  return `update${after} [${finalizers.join(",")}] grace ${deletionGracePeriodSeconds} at ${deletionTimestamp?.slice(11, 19)}${generation === undefined ? "" : ` generation ${generation}`}`;
}

for (const { name, definition = plain, metadata = {}, options = {}, held = false, want } of [
  { name: "an object with nothing to wait for is removed", want: "remove" },
  {
    name: "a finalizer keeps it",
    metadata: { finalizers: ["x/y"] },
    want: "update [x/y] grace 0 at 00:00:00",
  },
  {
    name: "marking it is a new generation",
    metadata: { finalizers: ["x/y"], generation: 3 },
    want: "update [x/y] grace 0 at 00:00:00 generation 4",
  },
  { name: "content keeps it", held: true, want: "update [] grace 0 at 00:00:00" },
  {
    name: "foreground deletion leaves the last word to the collector",
    options: { propagationPolicy: "Foreground" as const },
    want: "update [foregroundDeletion] grace 0 at 00:00:00",
  },
  {
    name: "orphaning comes before removal",
    options: { propagationPolicy: "Orphan" as const },
    want: "update [orphan] grace 0 at 00:00:00",
  },
  {
    name: "the old option orphans, too",
    options: { orphanDependents: true },
    want: "update [orphan] grace 0 at 00:00:00",
  },
  {
    name: "background takes a waiting orphan finalizer away",
    metadata: { finalizers: ["orphan"] },
    options: { propagationPolicy: "Background" as const },
    want: "remove",
  },
  {
    name: "a kind may orphan by default",
    definition: orphaning,
    want: "update [orphan] grace 0 at 00:00:00",
  },
  {
    name: "its default yields to the request",
    definition: orphaning,
    options: { propagationPolicy: "Background" as const },
    want: "remove",
  },
  { name: "grace is given", definition: graceful, want: "update [] grace 30 at 00:00:30" },
  {
    name: "no grace removes after it is marked",
    definition: graceful,
    options: { gracePeriodSeconds: 0 },
    want: "update then remove [] grace 0 at 00:00:00",
  },
  {
    name: "no grace still waits for finalizers",
    definition: graceful,
    metadata: { finalizers: ["x/y"] },
    options: { gracePeriodSeconds: 0 },
    want: "update [x/y] grace 0 at 00:00:00",
  },
  {
    name: "a second delete changes nothing",
    definition: graceful,
    metadata: { deletionTimestamp: "2026-01-01T00:00:30Z", deletionGracePeriodSeconds: 30 },
    want: "pending",
  },
  {
    name: "a longer grace changes nothing",
    definition: graceful,
    metadata: { deletionTimestamp: "2026-01-01T00:00:30Z", deletionGracePeriodSeconds: 30 },
    options: { gracePeriodSeconds: 40 },
    want: "pending",
  },
  {
    name: "a shorter grace is counted from the first delete",
    definition: graceful,
    metadata: { deletionTimestamp: "2026-01-01T00:00:20Z", deletionGracePeriodSeconds: 30 },
    options: { gracePeriodSeconds: 15 },
    want: "update [] grace 15 at 00:00:05",
  },
  {
    name: "a grace that is over becomes one second",
    definition: graceful,
    metadata: { deletionTimestamp: "2026-01-01T00:00:10Z", deletionGracePeriodSeconds: 30 },
    options: { gracePeriodSeconds: 5 },
    want: "update [] grace 1 at 00:00:00",
  },
  {
    name: "what was marked with no grace is finished",
    definition: graceful,
    metadata: { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 0 },
    want: "remove",
  },
]) {
  test(`deletion: ${name}`, () => {
    assert.equal(describe(definition, metadata, options, held), want);
  });
}

test("deletion: another uid or version is refused", () => {
  for (const preconditions of [{ uid: "v" }, { resourceVersion: "6" }])
    assert.throws(
      () => planDeletion(plain, object(), { dryRun: false, preconditions }, { nowMs, held: false }),
      /in the precondition \(.*\) does not match the .* in record/,
    );
});
