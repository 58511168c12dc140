import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobStatus } from "../api/batch/types.generated.ts";
import type { Node, Pod } from "../api/core/types.generated.ts";
import type { EndpointSlice } from "../api/discovery/types.generated.ts";
import { endpointSlices, jobs, nodes, pods } from "../api/resources.generated.ts";
import type { MetricSource } from "../base/metrics/family.ts";
import { textOf } from "../base/metrics/text-format.ts";
import { CronJobMetrics } from "./cronjob/metrics.ts";
import { EndpointSliceMetrics } from "./endpoints/metrics.ts";
import type { Reconciled } from "./framework/controller.ts";
import { create, type Intent, patch, remove, update, updateStatus } from "./framework/intent.ts";
import { trackingFinalizer } from "./job/accounting.ts";
import { noFailures } from "./job/backoff.ts";
import { JobMetrics } from "./job/metrics.ts";
import { NodeMetrics } from "./node-lifecycle/metrics.ts";
import { AutoscalerMetrics } from "./pod-autoscaler/autoscaler-metrics.ts";

function told<S>(snapshot: S, intents: readonly Intent[], failure?: Error): Reconciled<S> {
  return { snapshot, intents, failure, durationMs: 20, endedMs: Date.parse("2026-01-01T00:00:05Z") };
}

async function assertLines(source: MetricSource, lines: readonly string[]): Promise<void> {
  const text = textOf(await source.families());
  for (const line of lines) assert.ok(text.includes(`${line}\n`), `${line}\n\nis not in\n\n${text}`);
}

const metadata = { name: "j", namespace: "default" };
const template = { spec: { containers: [] } };
const rules = [
  { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
] as const;
const job = (status: JobStatus = {}, spec: object = {}): Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata,
  spec: { template, ...spec },
  status,
});
const pod = (phase: string, tracked: boolean, type = "Other"): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default", finalizers: tracked ? [trackingFinalizer] : [] },
  spec: { containers: [] },
  status: { phase, conditions: [{ type, status: "True" }] },
});
const snapshotOf = (each: Job) => ({
  job: each,
  selects: () => true,
  candidates: [],
  canAdopt: false,
  failures: noFailures,
});

test("the Job controller counts syncs, pods that ended, jobs that ended, and what its policy did", async () => {
  const metrics = new JobMetrics();
  const running = job({ succeeded: 1 }, { podFailurePolicy: { rules } });
  metrics.reconciled(told(snapshotOf(running), [create(pods, pod("Pending", true))]));
  metrics.reconciled(told(snapshotOf(running), [create(pods, pod("Pending", true))], new Error("no")));
  const release = patch(pods, pod("Failed", true, "DisruptionTarget"), { type: "merge", patch: {} });
  metrics.reconciled(
    told(snapshotOf(running), [updateStatus(jobs, running, { succeeded: 3, failed: 1 }), release]),
  );
  const complete = { type: "Complete", status: "True", reason: "CompletionsReached" };
  const indexed = job({}, { completionMode: "Indexed" });
  metrics.reconciled(
    told(snapshotOf(indexed), [updateStatus(jobs, indexed, { conditions: [complete], succeeded: 1 })]),
  );
  // A job that is over only lets go of its pods.
  metrics.reconciled(told(snapshotOf(job({ conditions: [complete] })), []));
  await assertLines(metrics, [
    'job_controller_job_syncs_total{completion_mode="NonIndexed",result="success",action="pods_created"} 1',
    'job_controller_job_syncs_total{completion_mode="NonIndexed",result="error",action="pods_created"} 1',
    'job_controller_job_syncs_total{completion_mode="NonIndexed",result="success",action="tracking"} 1',
    'job_controller_job_syncs_total{completion_mode="Indexed",result="success",action="tracking"} 1',
    'job_controller_job_sync_duration_seconds_bucket{completion_mode="Indexed",result="success",action="tracking",le="0.032"} 1',
    'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="succeeded"} 2',
    'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="failed"} 1',
    'job_controller_jobs_finished_total{completion_mode="Indexed",result="succeeded",reason="CompletionsReached"} 1',
    'job_controller_pod_failures_handled_by_failure_policy_total{action="Ignore"} 1',
  ]);
});

test("ended pods that wait to be counted are told when they come to wait and when no more", async () => {
  const metrics = new JobMetrics();
  const { added, updated, deleted } = metrics.podHandler;
  added?.(pod("Running", true), { isInInitialList: false });
  updated?.(pod("Running", true), pod("Failed", true));
  updated?.(pod("Failed", true), pod("Failed", true));
  updated?.(pod("Failed", true), pod("Failed", false));
  added?.(pod("Succeeded", true), { isInInitialList: false });
  deleted?.(pod("Succeeded", true), { finalStateUnknown: false });
  await assertLines(metrics, [
    'job_controller_terminated_pods_tracking_finalizer_total{event="add"} 2',
    'job_controller_terminated_pods_tracking_finalizer_total{event="delete"} 2',
  ]);
});

test("the CronJob controller tells how late its jobs were", async () => {
  const metrics = new CronJobMetrics();
  const annotations = { "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T00:00:00Z" };
  metrics.reconciled(told({}, [create(jobs, { ...job(), metadata: { ...metadata, annotations } })]));
  await assertLines(metrics, ["cronjob_controller_job_creation_skew_duration_seconds_sum 5"]);
});

test("the EndpointSlice controller counts addresses that came and went, and what there is", async () => {
  const slice = (...addresses: string[]): EndpointSlice => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata,
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({ addresses: [address] })),
    ports: [],
  });
  const metrics = new EndpointSliceMetrics({
    services: () => [],
    slices: () => [slice("10.0.0.1", "10.0.0.2"), slice()],
    slicesOf: () => 1,
  });
  metrics.reconciled(
    told({}, [
      update(endpointSlices, slice("10.0.0.1", "10.0.0.3"), slice("10.0.0.1", "10.0.0.2")),
      remove(endpointSlices, slice("10.0.0.9")),
      create(endpointSlices, slice("10.0.0.4", "10.0.0.5")),
    ]),
  );
  await assertLines(metrics, [
    "endpoint_slice_controller_endpoints_added_per_sync_sum 3",
    "endpoint_slice_controller_endpoints_removed_per_sync_sum 2",
    "endpoint_slice_controller_endpoints_desired 2",
    "endpoint_slice_controller_num_endpoint_slices 2",
    "endpoint_slice_controller_desired_endpoint_slices 1",
  ]);
});

test("evictions of nodes are counted by zone, once a node", async () => {
  const metrics = new NodeMetrics();
  const labels = { "topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z" };
  const taints = [{ key: "node.kubernetes.io/unreachable", effect: "NoExecute" }];
  const node = (spec: object): Node => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n", labels },
    spec,
  });
  const rest = {
    lastHeardMs: 0,
    graceMs: 0,
    readyPods: [],
    evictionAllowedInMs: 0,
    isAllDisrupted: false,
  };
  const change = (each: Node) => [patch(nodes, each, { type: "merge", patch: { spec: { taints } } })];
  for (const each of [node({}), node({ taints })])
    metrics.reconciled(told({ ...rest, node: each }, change(each)));
  await assertLines(metrics, ['node_collector_evictions_total{zone="r:\u0000:z"} 1']);
});

test("the autoscaler counts reconciliations and metrics by what they led to", async () => {
  const metrics = new AutoscalerMetrics();
  metrics.computed("Resource", { replicas: 4, name: "cpu", status: { type: "Resource" } }, 2, 30);
  metrics.computed("Pods", { error: "none", reason: "FailedGetPodsMetric" }, 2, 1);
  await assertLines(metrics, [
    'horizontal_pod_autoscaler_controller_metric_computation_total{action="scale_up",error="none",metric_type="Resource"} 1',
    'horizontal_pod_autoscaler_controller_metric_computation_total{action="none",error="internal",metric_type="Pods"} 1',
  ]);
});
