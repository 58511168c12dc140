import type { Node, Pod } from "../../api/core/types.generated.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { podInfoOf } from "../cache/pod-info.ts";
import { SchedulerCache } from "../cache/scheduler-cache.ts";
import { createSchedulingCore, type SchedulingCore } from "../core.ts";
import { Decider, type Decision } from "../framework/decision.ts";
import { fitMessage } from "../framework/diagnosis.ts";
import type { Plugin } from "../framework/plugin.ts";
import { SchedulerMetrics } from "../metrics.ts";
import type { PluginListers } from "../plugins/default-plugins.ts";
import { Nominator } from "../queue/nominator.ts";

/** A scheduler whose writes succeed at once and are seen by nobody. */
export function testCore(
  listers: Partial<PluginListers> = {},
): SchedulingCore & { readonly clock: VirtualClock; readonly metrics: SchedulerMetrics } {
  const clock = new VirtualClock();
  const metrics = new SchedulerMetrics("default-scheduler");
  const answer = async () => ({}) as never;
  const core = createSchedulingCore({
    client: { get: answer, createSubresource: answer, update: answer, patch: answer, delete: answer },
    recorder: { event() {} },
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    listers,
    metrics,
  });
  return { ...core, clock, metrics };
}

export interface Situation {
  readonly nodes: readonly Node[];
  /** On their nodes. */
  readonly pods?: readonly Pod[];
  readonly plugins: readonly Plugin[];
}

/** What these plugins alone decide for a pod. */
export function decide({ nodes, pods = [], plugins }: Situation, pod: Pod): Decision {
  const cache = new SchedulerCache();
  for (const node of nodes) cache.setNode(node);
  for (const placed of pods) cache.setPod(podInfoOf(placed));
  const { table } = cache;
  const decider = new Decider({
    plugins,
    table,
    nominator: new Nominator(),
    random: seededRandom(1),
    now: () => 0,
  });
  return decider.decide(podInfoOf(pod));
}

/** The chosen node's name, or the message of the failure. */
export function outcome(situation: Situation, pod: Pod): string {
  const decision = decide(situation, pod);
  return decision.type === "node" ? decision.node.name : fitMessage(decision.diagnosis);
}
