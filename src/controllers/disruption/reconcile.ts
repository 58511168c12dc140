import { isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "../../api/policy/types.generated.ts";
import { podDisruptionBudgets } from "../../api/resources.generated.ts";
import { controllerOf, objectKey } from "../../apimachinery/meta.ts";
import { rfc3339 } from "../../base/clock.ts";
import { conditionOf, withCondition } from "../framework/conditions.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { resolveCount } from "../framework/int-or-percent.ts";
import { event, type Intent, requeueAfter, updateStatus } from "../framework/intent.ts";

/** What wants pods to be there (a Deployment, a StatefulSet), and how many. */
export interface Wanting {
  readonly uid: string;
  readonly replicas: number;
}

export interface DisruptionSnapshot {
  readonly budget: PodDisruptionBudget;
  /** Those the budget selects. */
  readonly pods: readonly Pod[];
  /** By the UID of a pod's controller; one is missing where it cannot be told what it wants. */
  readonly wanting: ReadonlyMap<string, Wanting>;
}

/** How long an evicted pod may take to start its end before the eviction counts as failed. */
const deletionTimeoutMs = 2 * 60_000;

/** Works out how many of a budget's pods may be disrupted now. */
export function reconcileDisruption(snapshot: DisruptionSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { budget, pods } = snapshot;
  const disrupted = disruptedPods(budget, pods, nowMs);
  const expected = expectedCounts(snapshot);
  const events: Intent[] = [];
  if (pods.length === 0) events.push(event(budget, "Normal", "NoPods", "No matching pods found"));
  if (typeof expected === "string") {
    const message = `Failed to calculate the number of expected pods: ${expected}`;
    const failSafe = failedStatus(budget, expected, nowMs);
    return [
      ...events,
      event(budget, "Warning", "CalculateExpectedPodCountFailed", message),
      updateStatus(podDisruptionBudgets, budget, failSafe),
    ];
  }
  const currentHealthy = pods.filter((pod) => isHealthy(pod, disrupted.times, nowMs)).length;
  const surplus = currentHealthy - expected.desiredHealthy;
  // Before its first pod is counted a budget allows nothing: its status could be older than the pods.
  const disruptionsAllowed = expected.expectedPods <= 0 || surplus <= 0 ? 0 : surplus;
  const status: PodDisruptionBudgetStatus = {
    observedGeneration: budget.metadata.generation ?? 0,
    currentHealthy,
    desiredHealthy: expected.desiredHealthy,
    expectedPods: expected.expectedPods,
    disruptionsAllowed,
    ...(Object.keys(disrupted.times).length === 0 ? {} : { disruptedPods: disrupted.times }),
    conditions: conditionsFor(budget, disruptionsAllowed, nowMs),
  };
  return [
    ...events,
    ...disrupted.intents,
    updateStatus(podDisruptionBudgets, budget, status),
    ...(disrupted.recheckMs === undefined ? [] : [requeueAfter(disrupted.recheckMs)]),
  ];
}

interface Disrupted {
  /** By pod name, when the eviction was granted. */
  readonly times: Readonly<Record<string, string>>;
  readonly recheckMs: number | undefined;
  readonly intents: readonly Intent[];
}

/** Evictions that were granted and do not show on the pod yet. */
function disruptedPods(budget: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): Disrupted {
  const times: Record<string, string> = {};
  const intents: Intent[] = [];
  let recheckMs: number | undefined;
  for (const pod of pods) {
    const { name = "", deletionTimestamp } = pod.metadata;
    const time = budget.status?.disruptedPods?.[name];
    if (time === undefined || deletionTimestamp !== undefined) continue;
    const leftMs = Date.parse(time) + deletionTimeoutMs - nowMs;
    if (leftMs < 0) {
      const message = `Pod was expected by PDB ${objectKey(budget)} to be deleted but it wasn't`;
      intents.push(event(pod, "Warning", "NotDeleted", message));
    } else {
      times[name] = time;
      recheckMs = Math.min(recheckMs ?? leftMs, leftMs);
    }
  }
  return { times, recheckMs, intents };
}

function isHealthy(pod: Pod, times: Disrupted["times"], nowMs: number): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  const time = times[pod.metadata.name ?? ""];
  if (time !== undefined && Date.parse(time) + deletionTimeoutMs > nowMs) return false;
  return isPodReady(pod);
}

/** How many pods there should be and how many of them healthy; a text where that cannot be worked out. */
function expectedCounts(
  snapshot: DisruptionSnapshot,
): { readonly expectedPods: number; readonly desiredHealthy: number } | string {
  const { minAvailable, maxUnavailable } = snapshot.budget.spec ?? {};
  if (maxUnavailable === undefined && typeof minAvailable === "number") {
    return { expectedPods: snapshot.pods.length, desiredHealthy: minAvailable };
  }
  const expectedPods = expectedScale(snapshot);
  if (typeof expectedPods === "string") return expectedPods;
  if (maxUnavailable !== undefined) {
    const allowed = resolveCount(maxUnavailable, expectedPods, "up");
    return { expectedPods, desiredHealthy: Math.max(0, expectedPods - allowed) };
  }
  return { expectedPods, desiredHealthy: resolveCount(minAvailable, expectedPods, "up") };
}

/** The sum of what the pods' controllers want; pods without a controller are nobody's to replace and do not count. */
function expectedScale({ pods, wanting }: DisruptionSnapshot): number | string {
  const replicas = new Map<string, number>();
  for (const pod of pods) {
    const controller = controllerOf(pod);
    if (controller === undefined) continue;
    const found = wanting.get(controller.uid);
    if (found === undefined) return `found no controllers for pod "${pod.metadata.name}"`;
    replicas.set(found.uid, found.replicas);
  }
  return [...replicas.values()].reduce((total, each) => total + each, 0);
}

function conditionsFor(budget: PodDisruptionBudget, disruptionsAllowed: number, nowMs: number) {
  const observedGeneration = budget.metadata.generation ?? 0;
  const wanted =
    disruptionsAllowed > 0
      ? { type: "DisruptionAllowed", status: "True", reason: "SufficientPods" }
      : { type: "DisruptionAllowed", status: "False", reason: "InsufficientPods" };
  const conditions = withCondition(
    budget.status?.conditions,
    { ...wanted, message: "", lastTransitionTime: rfc3339(nowMs) },
    nowMs,
  );
  return conditions.map((each) => (each.type === wanted.type ? { ...each, observedGeneration } : each));
}

/** Nothing may be disrupted while it cannot be told how many pods there should be. */
function failedStatus(budget: PodDisruptionBudget, why: string, nowMs: number): PodDisruptionBudgetStatus {
  const { status } = budget;
  const failed = {
    type: "DisruptionAllowed",
    status: "False",
    reason: "SyncFailed",
    message: why,
    lastTransitionTime: rfc3339(nowMs),
  };
  const current = conditionOf(status?.conditions, failed.type);
  const conditions =
    current?.message === why ? (status?.conditions ?? []) : withCondition(status?.conditions, failed, nowMs);
  return {
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
    ...status,
    observedGeneration: budget.metadata.generation ?? 0,
    disruptionsAllowed: 0,
    conditions,
  };
}
