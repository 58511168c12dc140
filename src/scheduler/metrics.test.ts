import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "../base/metrics/text-format.ts";
import { podInfoOf } from "./cache/pod-info.ts";
import { eventLabel } from "./framework/cluster-event.ts";
import { testCore } from "./test-support/core.ts";
import { node, pod } from "./test-support/objects.ts";

const profile = 'profile="default-scheduler"';

test("the scheduler counts its attempts, what waits and why, and what its plugins were asked", async () => {
  const { cache, queue, loop, clock, metrics } = testCore();
  const { signal } = new AbortController();
  cache.setNode(node("a"));
  cache.setNode(node("b"));
  queue.add(podInfoOf(pod("fits")));
  queue.add(podInfoOf(pod("large", { requests: { cpu: "100" } })));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) loop.scheduleOne(next, signal);
  await clock.advance(0);
  const text = textOf(metrics.families());
  for (const line of [
    `scheduler_schedule_attempts_total{result="scheduled",${profile}} 1`,
    `scheduler_schedule_attempts_total{result="unschedulable",${profile}} 1`,
    `scheduler_scheduling_attempt_duration_seconds_count{result="scheduled",${profile}} 1`,
    "scheduler_pod_scheduling_attempts_count 1",
    'scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"} 1',
    "scheduler_preemption_attempts_total 1",
    "scheduler_preemption_victims_count 0",
    'scheduler_pending_pods{queue="active"} 0',
    'scheduler_pending_pods{queue="unschedulable"} 1',
    `scheduler_unschedulable_pods{plugin="NodeResourcesFit",${profile}} 1`,
    'scheduler_queue_incoming_pods_total{queue="active",event="UnscheduledPodAdd"} 2',
    'scheduler_queue_incoming_pods_total{queue="unschedulable",event="ScheduleAttemptFailure"} 1',
    `scheduler_framework_extension_point_duration_seconds_count{extension_point="Filter",status="Success",${profile}} 1`,
    `scheduler_framework_extension_point_duration_seconds_count{extension_point="Filter",status="Unschedulable",${profile}} 1`,
    `scheduler_framework_extension_point_duration_seconds_count{extension_point="Bind",status="Success",${profile}} 1`,
    `scheduler_plugin_evaluation_total{plugin="NodeResourcesFit",extension_point="Filter",${profile}} 4`,
    `scheduler_plugin_evaluation_total{plugin="NodeResourcesFit",extension_point="Score",${profile}} 2`,
  ])
    assert.ok(text.includes(`${line}\n`), line);
  queue.close();
});

for (const { event, want } of [
  { event: { resource: "nodes", actions: ["add"] }, want: "NodeAdd" },
  { event: { resource: "nodes", actions: ["update-labels", "update-taints"] }, want: "NodeUpdateNodeLabel" },
  { event: { resource: "pods", actions: ["delete"] }, want: "AssignedPodDelete" },
  { event: { resource: "target", actions: ["update-labels"] }, want: "UnscheduledPodUpdatePodLabel" },
] as const)
  test(`an event is called ${want} in metrics`, () => {
    assert.equal(eventLabel(event), want);
  });
