import { isPodTerminal } from "../api/core/pod-conditions.ts";
import type { Pod } from "../api/core/types.generated.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";

/** What one step of a pod's life came to. */
export interface StepResult {
  /** "terminated": everything of the pod has stopped; "finished": nothing of it is left on this node. */
  readonly phase: "syncing" | "terminating" | "terminated" | "finished";
  /** Step again after this long even if nothing happens. */
  readonly stepAgainAfterMs?: number;
}

export interface PodWorkerDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** One step from observation to action; see pod-lifecycle.ts. Serial for each worker. */
  readonly step: (
    pod: Pod,
    phase: StepResult["phase"],
    options: { readonly removed: boolean; readonly signal: AbortSignal },
  ) => Promise<StepResult>;
}

/**
 * The one who cares for a pod: takes a step whenever something happened to it, one at a time, always for its latest
 * version. A deletion interrupts what waits (a pull, a mount) by the step's signal.
 */
export class PodWorker {
  readonly #dependencies: PodWorkerDependencies;
  #pod: Pod;
  #removed = false;
  #phase: StepResult["phase"] = "syncing";
  #pending = false;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #step = new AbortController();
  #failures = 0;
  #stopped = false;

  constructor(pod: Pod, dependencies: PodWorkerDependencies) {
    this.#pod = pod;
    this.#dependencies = dependencies;
  }

  get pod(): Pod {
    return this.#pod;
  }

  get phase(): StepResult["phase"] {
    return this.#phase;
  }

  /** A newer version of the pod. */
  update(pod: Pod): void {
    const endsNow =
      pod.metadata.deletionTimestamp !== undefined && this.#pod.metadata.deletionTimestamp === undefined;
    const shorter =
      (pod.metadata.deletionGracePeriodSeconds ?? 0) < (this.#pod.metadata.deletionGracePeriodSeconds ?? 0);
    this.#pod = pod;
    if (endsNow || shorter) this.#interrupt();
    this.notify();
  }

  /** The pod is gone from its source: whatever is left of it has to go. */
  remove(): void {
    this.#removed = true;
    this.#interrupt();
    this.notify();
  }

  /** Something happened to the pod: take a step soon. */
  notify(): void {
    if (this.#stopped) return;
    this.#pending = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#pending) this.notify();
    });
  }

  /** No more steps; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pending = false;
    this.#timer?.cancel();
    this.#step.abort();
    await this.#running;
  }

  #interrupt(): void {
    this.#step.abort();
    this.#step = new AbortController();
  }

  async #run(): Promise<void> {
    while (this.#pending && !this.#stopped) {
      this.#pending = false;
      this.#timer?.cancel();
      await this.#takeStep();
    }
  }

  async #takeStep(): Promise<void> {
    const { step, logger, clock } = this.#dependencies;
    const { signal } = this.#step;
    const pod = this.#pod;
    try {
      const result = await step(pod, this.#phase, { removed: this.#removed, signal });
      this.#failures = 0;
      this.#phase = result.phase;
      if (result.stepAgainAfterMs !== undefined && !this.#stopped) {
        this.#timer = clock.setTimer(Math.max(result.stepAgainAfterMs, shortestPauseMs), () => this.notify());
      }
    } catch (error) {
      if (signal.aborted) return;
      const delayMs = Math.min(firstRetryMs * 2 ** this.#failures++, longestRetryMs);
      const { name, namespace } = pod.metadata;
      logger.warn(
        { error, pod: `${namespace}/${name}`, retryMs: delayMs },
        "a pod's sync failed; trying again",
      );
      if (!this.#stopped) this.#timer = clock.setTimer(delayMs, () => this.notify());
    }
  }
}

const shortestPauseMs = 10;
const firstRetryMs = 250;
const longestRetryMs = 15_000;

/** Whether the API wants this pod to end here, or has seen it end. */
export function shouldTerminate(pod: Pod, removed: boolean): boolean {
  return removed || pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod);
}
