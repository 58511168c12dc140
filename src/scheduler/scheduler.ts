import { podCondition } from "../api/core/pod-conditions.ts";
import type { Pod } from "../api/core/types.generated.ts";
import { type Clock, rfc3339 } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { LruCache } from "../base/lru-cache.ts";
import type { Random } from "../base/random.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import { bindPod } from "./binding-cycle.ts";
import type { PodInfo } from "./cache/pod-info.ts";
import type { SchedulerCache } from "./cache/scheduler-cache.ts";
import { Decider, type Decision, type DecisionRecord } from "./framework/decision.ts";
import { fitMessage } from "./framework/diagnosis.ts";
import type { Plugin } from "./framework/plugin.ts";
import { Rejection } from "./framework/status.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import type { Nominator } from "./queue/nominator.ts";
import type { QueuedPod } from "./queue/queued-pod.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";
import type { StatusWriter } from "./status-writer.ts";

export interface SchedulingDependencies {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly nominator: Nominator;
  readonly plugins: readonly Plugin[];
  readonly statuses: StatusWriter;
  readonly recorder: Pick<EventRecorder, "event">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: SchedulerMetrics | undefined;
  /** Bindings under way at a time; past it no more decisions are made. */
  readonly bindingLimit?: number;
}

const defaultBindingLimit = 256;
/** The event loop is given up after so long. */
const sliceMs = 10;
/** Decisions that can be asked for. */
const recordLimit = 2000;

/** Takes pods from the queue, decides where each goes, and sees that it is bound: upstream's `ScheduleOne`. */
export class SchedulingLoop {
  readonly #dependencies: SchedulingDependencies;
  readonly #decider: Decider;
  readonly #records = new LruCache<string, DecisionRecord>(recordLimit);
  readonly #bindings = new Set<Promise<void>>();
  /** Set while the loop waits for one of the bindings to end. */
  #bindingEnded: (() => void) | undefined;

  constructor(dependencies: SchedulingDependencies) {
    this.#dependencies = dependencies;
    const { cache, nominator, plugins, random, clock, metrics } = dependencies;
    const { table } = cache;
    this.#decider = new Decider({ plugins, table, nominator, random, now: () => clock.now(), metrics });
  }

  /** How the last attempt for a pod ("namespace/name") went. */
  explain(podKey: string): DecisionRecord | undefined {
    return this.#records.get(podKey);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { queue, clock, bindingLimit = defaultBindingLimit } = this.#dependencies;
    let sliceEndMs = clock.now() + sliceMs;
    while (!signal.aborted) {
      const mayBind = this.#bindings.size < bindingLimit;
      const pod = mayBind ? queue.pop() : undefined;
      if (pod !== undefined) {
        this.scheduleOne(pod, signal);
        if (clock.now() < sliceEndMs) continue;
        await clock.yield();
      } else if (mayBind) await queue.ready();
      else await new Promise<void>((resolve) => (this.#bindingEnded = resolve));
      sliceEndMs = clock.now() + sliceMs;
    }
    await Promise.all(this.#bindings);
  }

  /** One attempt: the decision and the assumption at once, the binding beside what comes next. */
  scheduleOne(queued: QueuedPod, signal: AbortSignal): void {
    const { queue, logger, clock } = this.#dependencies;
    const { info } = queued;
    const startMs = clock.now();
    try {
      const decision = this.#decider.decide(info);
      if (decision.type === "none") this.#rejected(queued, decision, startMs);
      else this.#place(queued, decision, startMs, signal);
    } catch (error) {
      this.#ended("error", startMs);
      logger.error({ pod: info.key, err: error }, "a scheduling attempt failed");
      this.#tellFailure(info, "SchedulerError", messageOf(error));
      queue.retry(queued);
    }
  }

  #ended(result: "scheduled" | "unschedulable" | "error", startMs: number): void {
    const { metrics, clock } = this.#dependencies;
    metrics?.attempted(result, clock.now() - startMs);
  }

  #place(
    queued: QueuedPod,
    { node, record }: Decision & { type: "node" },
    startMs: number,
    signal: AbortSignal,
  ): void {
    const { cache, queue, nominator, plugins, statuses } = this.#dependencies;
    const { info } = queued;
    this.#records.set(info.key, record);
    if (!cache.assume(info, node.name)) {
      // It is on a node already; its own event takes it from the queue.
      queue.delete(info.uid);
      return;
    }
    for (const plugin of plugins) {
      const verdict = plugin.reserve?.(info, node);
      if (!(verdict instanceof Rejection)) continue;
      this.#takeBack(info, node.name);
      this.#rejectedBy(queued, plugin.name, verdict, startMs);
      return;
    }
    statuses.cancel(info.uid);
    // From here on it counts as a pod of the node, not as one that room is kept for.
    nominator.delete(info.uid);
    const binding = this.#bind(queued, node.name, startMs, signal).finally(() => {
      this.#bindings.delete(binding);
      this.#bindingEnded?.();
    });
    this.#bindings.add(binding);
  }

  async #bind(queued: QueuedPod, nodeName: string, startMs: number, signal: AbortSignal): Promise<void> {
    const { queue, plugins, statuses, recorder, logger, clock, metrics } = this.#dependencies;
    const { info } = queued;
    if (plugins.some((plugin) => plugin.preBindPreFlight?.(info, nodeName)))
      statuses.write(info.pod, { nominatedNodeName: nodeName });
    const outcome = await bindPod(plugins, info, nodeName, { signal, clock, metrics });
    if (outcome.type === "bound") {
      queue.delete(info.uid);
      this.#ended("scheduled", startMs);
      metrics?.bound(queued.attempts, clock.now() - queued.firstAddedMs);
      const note = `Successfully assigned ${info.key} to ${nodeName}`;
      recorder.event(info.pod, { type: "Normal", reason: "Scheduled", action: "Binding", note });
      return;
    }
    if (signal.aborted) return;
    this.#takeBack(info, nodeName);
    // What it took is free again, as if a pod had been deleted.
    queue.notify({ resource: "pods", actions: ["delete"], object: info.pod });
    if (outcome.type === "rejected") this.#rejectedBy(queued, outcome.plugin, outcome.rejection, startMs);
    else if (!outcome.podIsGone) {
      this.#ended("error", startMs);
      logger.warn({ pod: info.key, node: nodeName, err: outcome.error }, "a pod could not be bound");
      this.#tellFailure(queued.info, "SchedulerError", messageOf(outcome.error), "");
      queue.retry(queued);
    }
  }

  #takeBack(info: PodInfo, nodeName: string): void {
    const { cache, plugins } = this.#dependencies;
    for (const plugin of plugins.toReversed()) plugin.unreserve?.(info, nodeName);
    cache.forget(info.uid);
  }

  #rejectedBy(queued: QueuedPod, plugin: string, rejection: Rejection, startMs: number): void {
    const { queue } = this.#dependencies;
    this.#ended("unschedulable", startMs);
    const reasons = new Map(rejection.reasons.map((reason) => [reason, 1]));
    const message = fitMessage({ nodeCount: 1, reasons, plugins: new Set([plugin]) });
    this.#tellFailure(queued.info, "Unschedulable", message, "");
    queue.reject(queued, new Set([plugin]));
  }

  #rejected(
    queued: QueuedPod,
    { diagnosis, postFilter, record }: Decision & { type: "none" },
    startMs: number,
  ): void {
    const { queue, nominator } = this.#dependencies;
    this.#ended("unschedulable", startMs);
    const { nominatedNodeName } = postFilter ?? {};
    if (nominatedNodeName !== undefined) nominator.nominate(queued.info, nominatedNodeName);
    const message = diagnosis.nodeCount === 0 ? "no nodes available to schedule pods" : fitMessage(diagnosis);
    this.#records.set(queued.info.key, { ...record, message });
    this.#tellFailure(queued.info, "Unschedulable", message, nominatedNodeName);
    queue.reject(queued, diagnosis.plugins);
  }

  /** An event, and the pod's PodScheduled condition where it would say something else than it does. */
  #tellFailure(
    { pod }: PodInfo,
    reason: "Unschedulable" | "SchedulerError",
    message: string,
    nominatedNodeName?: string,
  ): void {
    const { recorder, statuses, clock } = this.#dependencies;
    recorder.event(pod, { type: "Warning", reason: "FailedScheduling", action: "Scheduling", note: message });
    const change = failureStatus(pod, reason, message, clock.now(), nominatedNodeName);
    if (change !== undefined) statuses.write(pod, change);
  }
}

/** The change that tells of a failed attempt; undefined where the status says it already. */
function failureStatus(
  pod: Pod,
  reason: "Unschedulable" | "SchedulerError",
  message: string,
  nowMs: number,
  nominatedNodeName?: string,
) {
  const old = podCondition(pod, "PodScheduled");
  const same = old?.status === "False" && old.reason === reason && old.message === message;
  const nominationChanges =
    nominatedNodeName !== undefined && nominatedNodeName !== (pod.status?.nominatedNodeName ?? "");
  if (same && !nominationChanges) return undefined;
  const { generation } = pod.metadata;
  const lastTransitionTime =
    old?.status === "False" && old.lastTransitionTime ? old.lastTransitionTime : rfc3339(nowMs);
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const type = "PodScheduled";
  return {
    condition: { type, status: "False", reason, message, lastTransitionTime, ...observed },
    ...(nominationChanges ? { nominatedNodeName } : {}),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
