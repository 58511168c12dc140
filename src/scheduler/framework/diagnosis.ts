import type { Rejection } from "./status.ts";

/** Why a pod found no node: what each filter said of the nodes, counted (upstream's `Diagnosis` and `FitError`). */
export interface Diagnosis {
  readonly nodeCount: number;
  /** A pre-filter's refusal, which holds for all nodes. */
  readonly preFilterMessage?: string;
  /** How many nodes each reason stands for. */
  readonly reasons: ReadonlyMap<string, number>;
  /** The plugins whose rules say when to try again. */
  readonly plugins: ReadonlySet<string>;
  readonly postFilterMessage?: string;
}

/** Counts the reasons of one more node's rejection. */
export function countReasons(reasons: Map<string, number>, rejection: Rejection, nodes = 1): void {
  for (const reason of rejection.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + nodes);
}

/** "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …" */
export function fitMessage(diagnosis: Diagnosis): string {
  const { nodeCount, preFilterMessage = "", reasons, postFilterMessage = "" } = diagnosis;
  let message = `0/${nodeCount} nodes are available:`;
  if (preFilterMessage !== "") message += ` ${preFilterMessage}.`;
  else if (reasons.size > 0) message += ` ${reasonHistogram(reasons)}.`;
  if (postFilterMessage !== "") message += ` ${postFilterMessage}`;
  return message;
}

function reasonHistogram(reasons: ReadonlyMap<string, number>): string {
  return [...reasons]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))
    .join(", ");
}
