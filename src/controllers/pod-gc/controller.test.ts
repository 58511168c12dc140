import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodStatus } from "../../api/core/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { now, nowMs, pod, writtenStatus } from "../test-support/objects.ts";
import { type Abandonment, reconcileAbandonedPod } from "./controller.ts";

const gone = (seconds: number): Abandonment => ({ why: "nodeGone", sinceMs: nowMs - seconds * 1000 });

for (const { name, abandoned, phase = "Running", want } of [
  { name: "waits 40 s for a missing node", abandoned: gone(10), want: ["requeue after 30000 ms"] },
  {
    name: "fails and deletes the pod of a node that is gone",
    abandoned: gone(40),
    want: ["updateStatus pods default/web", "delete pods default/web"],
  },
  {
    name: "only deletes it where it has finished",
    abandoned: gone(40),
    phase: "Succeeded",
    want: ["delete pods default/web"],
  },
  {
    name: "deletes a pod that was deleted before it had a node",
    abandoned: { why: "neverScheduled" } as const,
    want: ["delete pods default/web"],
  },
]) {
  test(`Pod garbage collector ${name}`, () => {
    const intents = reconcileAbandonedPod({ pod: pod("web", { phase }), abandoned }, now);
    assert.deepEqual(intents.map(describeIntent), want);
  });
}

test("Pod garbage collector says on the pod why it goes", () => {
  const status = writtenStatus<PodStatus>(
    reconcileAbandonedPod({ pod: pod("web"), abandoned: gone(60) }, now),
  );
  const target = status?.conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.equal(status?.phase, "Failed");
  assert.equal(`${target?.reason}: ${target?.message}`, "DeletionByPodGC: PodGC: node no longer exists");
});
