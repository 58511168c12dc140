import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../../api/batch/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago, meta, now } from "../test-support/objects.ts";
import { finishedAtMs, reconcileExpiry } from "./controller.ts";

const job = (ttlSecondsAfterFinished: number | undefined, finished?: number): Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: meta("work"),
  spec: {
    template: { spec: { containers: [] } },
    ...(ttlSecondsAfterFinished === undefined ? {} : { ttlSecondsAfterFinished }),
  },
  status:
    finished === undefined
      ? {}
      : { conditions: [{ type: "Complete", status: "True", lastTransitionTime: ago(finished) }] },
});

for (const { name, of, want } of [
  { name: "waits until the time is over", of: job(100, 40), want: ["requeue after 60000 ms"] },
  { name: "deletes the job then", of: job(100, 100), want: ["delete jobs default/work"] },
  { name: "deletes it at once where the time is nothing", of: job(0, 0), want: ["delete jobs default/work"] },
  { name: "leaves a job that runs", of: job(100), want: [] },
  { name: "leaves a job that sets no time", of: job(undefined, 1000), want: [] },
]) {
  test(`TTL after finished ${name}`, () =>
    assert.deepEqual(reconcileExpiry(of, now).map(describeIntent), want));
}

test("a running job has no end", () => assert.equal(finishedAtMs(job(1)), undefined));
