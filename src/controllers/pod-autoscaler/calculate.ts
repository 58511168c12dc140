import { podCondition } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { quantityMilliValue } from "../../apimachinery/quantity.ts";

/** A pod's use of what is measured. */
export interface PodMetric {
  /** In thousandths. */
  readonly milli: number;
  readonly atMs: number;
  readonly windowMs: number;
}

export type PodMetrics = ReadonlyMap<string, PodMetric>;

/** How much of something a pod should use: a share of what it requests, or an amount. */
export type PodTarget =
  | { readonly type: "utilization"; readonly percent: number }
  | { readonly type: "average"; readonly milli: number };

export interface PodCount {
  readonly replicas: number;
  /** Percent of the request, where that is the target. */
  readonly utilization?: number;
  /** What a pod uses on average, in thousandths. */
  readonly averageMilli: number;
}

export interface PodCountInput {
  readonly pods: readonly Pod[];
  readonly metrics: PodMetrics;
  readonly target: PodTarget;
  readonly isCpu: boolean;
  /** What a pod requests of the resource, in thousandths; undefined where it requests none. */
  readonly requestOf: (pod: Pod) => number | undefined;
  readonly currentReplicas: number;
  readonly tolerance: number;
  readonly nowMs: number;
}

/** Nothing can be worked out, for this reason. */
export class MetricError extends Error {}

/** A pod's CPU counts from so long after its start, unless it has been ready since before. */
const cpuInitializationMs = 5 * 60_000;
/** A pod that was never ready within so long after its start has not been ready at all. */
const initialReadinessMs = 30_000;

/**
 * How many pods bring the average use to the target (upstream's replica calculator). Pods that are starting or say nothing
 * are taken to use nothing when more are wanted, and all they may when fewer are: doubt never makes the step larger.
 */
export function countForPods(input: PodCountInput): PodCount {
  const { pods, target, currentReplicas, tolerance, requestOf } = input;
  if (pods.length === 0)
    throw new MetricError("no pods returned by selector while calculating replica count");
  const { ready, unready, missing } = group(input);
  if (ready.size === 0) {
    throw new MetricError("did not receive metrics for targeted pods (pods might be unready)");
  }
  const ratioOf = (metrics: ReadonlyMap<Pod, number>) => usage(metrics, target, requestOf);
  const measured = ratioOf(ready);
  const scalesUpWithUnready = unready.length > 0 && measured.ratio > 1;
  if (!scalesUpWithUnready && missing.length === 0) {
    if (Math.abs(1 - measured.ratio) <= tolerance) return { ...measured, replicas: currentReplicas };
    return { ...measured, replicas: Math.ceil(measured.ratio * ready.size) };
  }
  const assumed = new Map(ready);
  for (const pod of missing) assumed.set(pod, measured.ratio < 1 ? fullUse(pod, target, requestOf) : 0);
  if (scalesUpWithUnready) for (const pod of unready) assumed.set(pod, 0);
  const { ratio } = ratioOf(assumed);
  const turns = (measured.ratio < 1 && ratio > 1) || (measured.ratio > 1 && ratio < 1);
  const replicas = Math.ceil(ratio * assumed.size);
  const isWrongWay = (ratio < 1 && replicas > currentReplicas) || (ratio > 1 && replicas < currentReplicas);
  const stays = Math.abs(1 - ratio) <= tolerance || turns || isWrongWay;
  return { ...measured, replicas: stays ? currentReplicas : replicas };
}

function fullUse(pod: Pod, target: PodTarget, requestOf: PodCountInput["requestOf"]): number {
  if (target.type === "average") return target.milli;
  return ((requestOf(pod) ?? 0) * Math.max(100, target.percent)) / 100;
}

interface Groups {
  readonly ready: ReadonlyMap<Pod, number>;
  readonly unready: readonly Pod[];
  readonly missing: readonly Pod[];
}

function group({ pods, metrics, isCpu, nowMs }: PodCountInput): Groups {
  const ready = new Map<Pod, number>();
  const unready: Pod[] = [];
  const missing: Pod[] = [];
  for (const pod of pods) {
    const phase = pod.status?.phase;
    if (pod.metadata.deletionTimestamp !== undefined || phase === "Failed" || phase === "Succeeded") continue;
    const metric = metrics.get(pod.metadata.name ?? "");
    if (phase === "Pending") unready.push(pod);
    else if (metric === undefined) missing.push(pod);
    else if (isCpu && isStarting(pod, metric, nowMs)) unready.push(pod);
    else ready.set(pod, metric.milli);
  }
  return { ready, unready, missing };
}

/** Start-up burns CPU that says nothing of the load. */
function isStarting(pod: Pod, { atMs, windowMs }: PodMetric, nowMs: number): boolean {
  const condition = podCondition(pod, "Ready");
  const startTime = pod.status?.startTime;
  if (condition?.lastTransitionTime === undefined || startTime === undefined) return true;
  const startMs = Date.parse(startTime);
  const changedMs = Date.parse(condition.lastTransitionTime);
  if (startMs + cpuInitializationMs > nowMs) {
    return condition.status === "False" || atMs < changedMs + windowMs;
  }
  return condition.status === "False" && startMs + initialReadinessMs > changedMs;
}

interface Usage {
  readonly ratio: number;
  readonly utilization?: number;
  readonly averageMilli: number;
}

function usage(
  metrics: ReadonlyMap<Pod, number>,
  target: PodTarget,
  requestOf: PodCountInput["requestOf"],
): Usage {
  let total = 0;
  let requested = 0;
  for (const [pod, milli] of metrics) {
    total += milli;
    if (target.type !== "utilization") continue;
    const request = requestOf(pod);
    if (request === undefined)
      throw new MetricError(`missing request in a container of Pod ${pod.metadata.name}`);
    requested += request;
  }
  const averageMilli = Math.floor(total / metrics.size);
  if (target.type === "average") return { ratio: averageMilli / target.milli, averageMilli };
  if (requested === 0) throw new MetricError("no metrics returned matched known pods");
  const utilization = Math.floor((total * 100) / requested);
  return { ratio: utilization / target.percent, utilization, averageMilli };
}

/** How many pods bring a total (the length of a queue) to its target for each pod. */
export function countForTotal(
  totalMilli: number,
  target: { readonly type: "value" | "average"; readonly milli: number },
  readyReplicas: number,
  currentReplicas: number,
  tolerance: number,
): { readonly replicas: number; readonly averageMilli: number } {
  const perPod = target.type === "average" ? target.milli * Math.max(1, currentReplicas) : target.milli;
  const ratio = totalMilli / perPod;
  const averageMilli = currentReplicas === 0 ? totalMilli : Math.ceil(totalMilli / currentReplicas);
  if (currentReplicas !== 0 && Math.abs(1 - ratio) <= tolerance)
    return { replicas: currentReplicas, averageMilli };
  const replicas = target.type === "average" ? totalMilli / target.milli : ratio * Math.max(1, readyReplicas);
  return { replicas: Math.ceil(replicas), averageMilli };
}

/** What a pod requests of a resource over its containers, or of one container. */
export function requestIn(resource: string, container?: string): (pod: Pod) => number | undefined {
  return ({ spec }) => {
    const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
    const counted = [...spec.containers, ...sidecars].filter(
      ({ name }) => container === undefined || name === container,
    );
    const podLevel = container === undefined ? spec.resources?.requests?.[resource] : undefined;
    if (podLevel !== undefined) return quantityMilliValue(podLevel);
    let total = 0;
    for (const { resources } of counted) {
      const request = resources?.requests?.[resource];
      if (request === undefined) return undefined;
      total += quantityMilliValue(request);
    }
    return counted.length === 0 ? undefined : total;
  };
}
