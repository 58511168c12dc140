import type { PodDisruptionBudget } from "../../api/policy/types.generated.ts";
import type { NodeInfo } from "../cache/node-info.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { type NodeJudge, nominatedBefore } from "../framework/node-judge.ts";
import { type Rejection, unresolvable } from "../framework/status.ts";
import type { Nominator } from "../queue/nominator.ts";
import { byImportance, type Candidate } from "./candidates.ts";
import { splitByBudgets } from "./disruption-budgets.ts";

export interface DryRun {
  readonly judge: NodeJudge;
  readonly table: NodeTable;
  readonly nominator: Nominator;
  readonly budgets: readonly PodDisruptionBudget[];
}

/**
 * The least set of less important pods without which the pod fits on this node, or why there is none. The pods are taken
 * out of the table for the trial and put back: a trial sees exactly what a real attempt would.
 */
export function selectVictims(run: DryRun, pod: PodInfo, node: NodeInfo): Candidate | Rejection {
  const { table } = run;
  const lesser = [...node.pods.values()].filter(({ priority }) => priority < pod.priority).sort(byImportance);
  if (lesser.length === 0) return unresolvable("No preemption victims found for incoming pod");
  for (const victim of lesser) table.removePod(node.name, victim);
  const victims: PodInfo[] = [];
  const spared: PodInfo[] = [];
  try {
    const rejection = rejectionOf(run, pod, node);
    if (rejection !== undefined) return rejection;
    const { violating, others } = splitByBudgets(lesser, run.budgets);
    let violations = 0;
    // Those that a budget protects are the first to be spared.
    for (const candidate of [...violating, ...others]) {
      table.addPod(node.name, candidate);
      if (rejectionOf(run, pod, node) === undefined) {
        spared.push(candidate);
        continue;
      }
      table.removePod(node.name, candidate);
      victims.push(candidate);
      if (violating.includes(candidate)) violations++;
    }
    return { nodeName: node.name, victims: victims.toSorted(byImportance), violations };
  } finally {
    for (const victim of lesser) if (!spared.includes(victim)) table.addPod(node.name, victim);
  }
}

/** It must fit whether or not those arrive that the node's room is kept for. */
function rejectionOf({ judge, nominator }: DryRun, pod: PodInfo, node: NodeInfo): Rejection | undefined {
  const kept = nominatedBefore(nominator, pod, node.name);
  const withKept = kept.length === 0 ? undefined : judge.judgeWith(kept, node);
  return (withKept ?? judge.judge(node))?.rejection;
}
