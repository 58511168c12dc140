import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricFamily } from "../../base/metrics/family.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { createWorkQueue } from "../../client/work-queue.ts";
import { LevelUtilization } from "../flow-control/level-utilization.ts";
import { featureGates } from "../operation/feature-gates.ts";
import { QueueMetrics } from "./queue-metrics.ts";
import { ReloadMetrics } from "./reload-metrics.ts";
import { registeredFamilies } from "./server-metrics.ts";

const pointOf = (families: readonly MetricFamily[], name: string, ...labels: string[]) =>
  families
    .find((family) => family.name === name)
    ?.points.find((point) => point.labels.join() === labels.join())?.value;

test("a work queue tells how much was added, waits and is under way, under client-go's names", async () => {
  const clock = new VirtualClock();
  const metrics = new QueueMetrics();
  const queue = createWorkQueue({
    name: "jobs",
    clock,
    random: seededRandom(1),
    metrics: metrics.of("jobs"),
  });
  queue.add("a");
  queue.add("b");
  await clock.advance(1000);
  const key = await queue.get();
  assert.equal(key, "a");
  await clock.advance(500);
  const now = metrics.families();
  assert.equal(pointOf(now, "workqueue_adds_total", "jobs"), 2);
  assert.equal(pointOf(now, "workqueue_depth", "jobs"), 1);
  assert.equal(pointOf(now, "workqueue_unfinished_work_seconds", "jobs"), 0.5);
  queue.shutDown();
});

test("a file that is followed tells how often it was taken over, and when last", () => {
  const metrics = new ReloadMetrics("authorization", "sha256:x");
  metrics.reloaded("success", 5000);
  metrics.reloaded("failure", 6000);
  const prefix = "apiserver_authorization_config_controller_automatic_reload";
  assert.equal(pointOf(metrics.families(), `${prefix}s_total`, "success", "sha256:x"), 1);
  assert.equal(pointOf(metrics.families(), `${prefix}_last_timestamp_seconds`, "failure", "sha256:x"), 6);
});

test("metrics are counted by their stability", () => {
  const families = (["[STABLE] a", "[ALPHA] b", "[STABLE] [DEPRECATED, consider c] d", "none"] as const).map(
    (help) => ({ name: "x", help, type: "gauge" as const, labelNames: [], points: [] }),
  );
  const counted = registeredFamilies(families);
  assert.equal(pointOf(counted, "registered_metrics_total", "STABLE", ""), 1);
  assert.equal(pointOf(counted, "registered_metrics_total", "STABLE", "1.34.0"), 1);
  assert.equal(pointOf(counted, "hidden_metrics_total"), 0);
});

test("how a level is used is weighted by time, in nanoseconds", () => {
  const use = {
    seatsWanted: 0,
    executing: 0,
    waiting: 0,
    concurrencyLimit: 4,
    nominalSeats: 4,
    queueCapacity: 0,
  };
  const level = new LevelUtilization(0);
  level.note({ ...use, seatsInUse: 0 }, 0);
  level.note({ ...use, seatsInUse: 4 }, 1000);
  level.note({ ...use, seatsInUse: 0 }, 1250);
  const { counts, bounds, sum } = level.seats.histogram;
  assert.deepEqual([counts[bounds.indexOf(0)], counts[bounds.indexOf(1)]], [1000e6, 250e6]);
  assert.equal(sum, 250e6);
});

for (const { name, stage, isOn, isLocked } of [
  { name: "WatchList", stage: "BETA", isOn: true, isLocked: false },
  { name: "ConstrainedImpersonation", stage: "BETA", isOn: true, isLocked: false },
  { name: "CBORServingAndStorage", stage: "ALPHA", isOn: false, isLocked: false },
  { name: "ClusterTrustBundle", stage: "BETA", isOn: false, isLocked: false },
  { name: "ImageVolume", stage: "", isOn: true, isLocked: true },
  { name: "KMSv1", stage: "DEPRECATED", isOn: false, isLocked: false },
]) {
  test(`feature gate ${name} is ${isOn ? "on" : "off"} in v1.36`, () =>
    assert.deepEqual(featureGates().get(name), { name, stage, isOn, isLocked }));
}
