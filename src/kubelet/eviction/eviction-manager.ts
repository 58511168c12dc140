import { podQosClass } from "../../api/core/pod-qos.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Rejection } from "../admission/node-fit.ts";
import type { ContainerRuntime } from "../cri/runtime.ts";
import type { Host } from "../host/host.ts";
import { runtimeLabels } from "../runtime-pod.ts";
import { type EvictionThresholds, type PressureSignal, type Shortage, shortagesOf } from "./pressure.ts";
import { rankForMemory } from "./rank-pods.ts";

export interface EvictionDependencies {
  readonly host: Host;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly activePods: () => readonly Pod[];
  /** Ends a pod of the node as evicted. */
  readonly evict: (pod: Pod, message: string, signal: PressureSignal) => void;
  /** Unused images can be had back first. */
  readonly freeDisk: () => Promise<unknown>;
  /** The node's conditions are others now. */
  readonly changed: () => void;
  readonly thresholds?: EvictionThresholds;
}

const lookMs = 10_000;
/** A condition outlives its cause by this, so that it does not flap (upstream's evictionPressureTransitionPeriod). */
const transitionMs = 300_000;

/** Watches what is left on the node, tells its conditions, and ends pods when memory runs out. */
export class EvictionManager {
  readonly #dependencies: EvictionDependencies;
  readonly #lastSeenMs = new Map<PressureSignal, number>();

  constructor(dependencies: EvictionDependencies) {
    this.#dependencies = dependencies;
  }

  /** Whether the node is, or was a moment ago, short of this. */
  isUnder(signal: PressureSignal): boolean {
    return this.#lastSeenMs.has(signal);
  }

  /** Why no pod of this sort is taken at the moment. */
  rejection(pod: Pod): Rejection | undefined {
    const conditions: string[] = [];
    // Memory is refused only to those who ask for none; a full disk to all.
    if (this.isUnder("memory") && podQosClass(pod) === "BestEffort") conditions.push("MemoryPressure");
    if (this.isUnder("disk")) conditions.push("DiskPressure");
    if (this.isUnder("pid")) conditions.push("PIDPressure");
    if (conditions.length === 0) return undefined;
    return { reason: "Evicted", message: `The node had condition: [${conditions.join(" ")}]. ` };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#dependencies;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        if (!signal.aborted) logger.warn({ error }, "the node's use could not be measured");
      }
      await sleep(clock, lookMs, { signal }).catch(() => undefined);
    }
  }

  /** One look at the node; at most one pod is evicted by it. */
  async look(): Promise<void> {
    const { host, clock, changed, freeDisk, thresholds } = this.#dependencies;
    const now = clock.now();
    const before = new Set(this.#lastSeenMs.keys());
    const shortages = shortagesOf(await host.usage(), thresholds);
    for (const { signal } of shortages) this.#lastSeenMs.set(signal, now);
    for (const [signal, seenMs] of this.#lastSeenMs)
      if (now - seenMs >= transitionMs) this.#lastSeenMs.delete(signal);
    const isSame =
      before.size === this.#lastSeenMs.size && [...before].every((signal) => this.isUnder(signal));
    if (!isSame) changed();
    if (shortages.some(({ signal }) => signal === "disk")) await freeDisk();
    const memory = shortages.find(({ signal }) => signal === "memory");
    if (memory !== undefined) await this.#relieveMemory(memory);
  }

  async #relieveMemory({ threshold, available }: Shortage): Promise<void> {
    const { runtime, activePods, evict, logger } = this.#dependencies;
    const used = new Map<string, number>();
    for (const { labels, memory } of await runtime.listContainerStats()) {
      const uid = labels[runtimeLabels.podUid] ?? "";
      used.set(uid, (used.get(uid) ?? 0) + (memory?.workingSetBytes ?? 0));
    }
    const [first] = rankForMemory(activePods(), (uid) => used.get(uid) ?? 0);
    if (first === undefined) return;
    const { pod, usedBytes, requestedBytes } = first;
    const share = `Pod was using ${Math.floor(usedBytes / 1024)}Ki, request is ${Math.floor(requestedBytes / 1024)}Ki.`;
    const message = `The node was low on resource: memory. Threshold quantity: ${threshold}, available: ${available}. ${share}`;
    logger.warn({ pod: `${pod.metadata.namespace}/${pod.metadata.name}` }, "evicting a pod: memory is short");
    evict(pod, message, "memory");
  }
}
