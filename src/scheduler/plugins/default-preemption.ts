import { podCondition } from "../../api/core/pod-conditions.ts";
import type { PodDisruptionBudget } from "../../api/policy/types.generated.ts";
import type { Logger } from "../../base/log.ts";
import { type Random, randomBelow } from "../../base/random.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { countReasons, fitMessage } from "../framework/diagnosis.ts";
import { NodeJudge } from "../framework/node-judge.ts";
import type { FailedAttempt, Plugin, PostFilterResult } from "../framework/plugin.ts";
import { Rejection } from "../framework/status.ts";
import type { SchedulerMetrics } from "../metrics.ts";
import { type Candidate, leastHarmful } from "../preemption/candidates.ts";
import { type DryRun, selectVictims } from "../preemption/dry-run.ts";
import { type EvictionDependencies, evictVictim } from "../preemption/evictions.ts";
import type { Nominator } from "../queue/nominator.ts";

export interface PreemptionDependencies extends EvictionDependencies {
  readonly table: NodeTable;
  readonly nominator: Nominator;
  /** All budgets there are. */
  readonly budgets: () => readonly PodDisruptionBudget[];
  /** The plugins whose filters a node has to pass. */
  readonly filters: () => readonly Plugin[];
  /** Called when the room could not be made after all. */
  readonly failed: (preemptor: PodInfo) => void;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: SchedulerMetrics | undefined;
}

/** A share of the nodes is enough to find a good candidate among. */
const leastCandidates = 100;
const candidateShare = 0.1;

/** Makes room for a pod by evicting less important ones from the node where that does the least harm. */
export function defaultPreemption(dependencies: PreemptionDependencies): Plugin {
  /** Preemptors whose victims are being deleted at this moment. */
  const evicting = new Set<string>();
  return {
    name: "DefaultPreemption",
    postFilter(pod, attempt) {
      dependencies.metrics?.preempting();
      const objection = evicting.has(pod.uid)
        ? "waiting for the preemption for this pod to be finished"
        : objectionTo(dependencies, pod, attempt);
      if (objection !== undefined) return { message: `preemption: ${objection}` };
      const found = findCandidate(dependencies, pod, attempt);
      if (typeof found === "string") return { message: `preemption: ${found}`, nominatedNodeName: "" };
      evicting.add(pod.uid);
      dependencies.metrics?.evicting(found.victims.length);
      void evictAll(dependencies, found, pod).finally(() => evicting.delete(pod.uid));
      return { nominatedNodeName: found.nodeName } satisfies PostFilterResult;
    },
  };
}

/** Why this pod must not preempt others, or not now. */
function objectionTo(
  { table, nominator }: PreemptionDependencies,
  pod: PodInfo,
  { isUnresolvable }: FailedAttempt,
): string | undefined {
  if (pod.pod.spec.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  const nominated = table.get(nominator.nodeOf(pod.uid) ?? "");
  if (nominated === undefined || isUnresolvable(nominated.row)) return undefined;
  for (const { pod: other, priority } of nominated.pods.values()) {
    const isVictim = podCondition(other, "DisruptionTarget")?.reason === "PreemptionByScheduler";
    if (priority < pod.priority && other.metadata.deletionTimestamp !== undefined && isVictim)
      return "not eligible due to a terminating pod on the nominated node.";
  }
  return undefined;
}

/** The best candidate, or why there is none. */
function findCandidate(
  dependencies: PreemptionDependencies,
  pod: PodInfo,
  attempt: FailedAttempt,
): Candidate | string {
  const { table, nominator, budgets, filters, random } = dependencies;
  const rows = attempt.resolvableRows();
  const judge = new NodeJudge(filters(), pod, table);
  const run: DryRun = { judge, table, nominator, budgets: rows.length === 0 ? [] : budgets() };
  const wanted = Math.max(leastCandidates, Math.floor(rows.length * candidateShare));
  const offset = rows.length === 0 ? 0 : randomBelow(random, rows.length);
  const candidates: Candidate[] = [];
  const reasons = new Map<string, number>();
  for (let at = 0; at < rows.length && candidates.length < wanted; at++) {
    const node = table.at(rows[(offset + at) % rows.length] ?? -1);
    if (node === undefined) continue;
    const result = selectVictims(run, pod, node);
    if (result instanceof Rejection) countReasons(reasons, result);
    else candidates.push(result);
  }
  const best = leastHarmful(candidates);
  if (best !== undefined) return best;
  const hopeless = attempt.nodeCount - rows.length;
  if (hopeless > 0) reasons.set("Preemption is not helpful for scheduling", hopeless);
  return fitMessage({ nodeCount: attempt.nodeCount, reasons, plugins: new Set() });
}

async function evictAll(
  dependencies: PreemptionDependencies,
  { nodeName, victims }: Candidate,
  preemptor: PodInfo,
): Promise<void> {
  const { nominator, failed, logger } = dependencies;
  // Whoever is less important and was to have this room has to look for another.
  for (const other of nominator.on(nodeName))
    if (other.priority < preemptor.priority) {
      nominator.delete(other.uid);
      failed(other);
    }
  try {
    await Promise.all(victims.map((victim) => evictVictim(dependencies, victim, preemptor, nodeName)));
  } catch (error) {
    logger.warn({ pod: preemptor.key, node: nodeName, err: error }, "preemption failed");
    nominator.delete(preemptor.uid);
    failed(preemptor);
  }
}
