import { systemClock } from "../base/system-clock.ts";
import type { VirtualClock } from "../base/virtual-clock.ts";

/** How a cluster's time passes. */
export interface Pace {
  advance(durationMs: number): Promise<void>;
  /** Throws when the condition does not hold within the time. */
  until(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void>;
  /** Lets time pass until the work ends, however much it needs. */
  pass(work: Promise<unknown>): Promise<void>;
  /** Waits for work that lives on real time, `speed` times as fast. */
  during<T>(work: Promise<T>, speed: number): Promise<T>;
  /** Resolves when what was begun has settled as far as it does without time. */
  settle(): Promise<void>;
}

const stepMs = 5;
/** What a stop or a start may need. */
const maxPassMs = 3_600_000;

const realDelay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const realPace: Pace = {
  async advance() {
    throw new Error("advance needs the virtual clock: startCluster({ clock: 'virtual' })");
  },
  async until(condition, timeoutMs) {
    const endMs = systemClock.now() + timeoutMs;
    while (!(await condition())) {
      if (systemClock.now() > endMs) throw new Error("until: the condition did not hold in time");
      await realDelay(stepMs);
    }
  },
  async pass(work) {
    await work;
  },
  during: (work) => work,
  settle: () => realDelay(20 * stepMs),
};

export function virtualPace(clock: VirtualClock): Pace {
  return {
    advance: (durationMs) => clock.advance(durationMs),
    until: (condition, timeoutMs) => clock.advanceUntil(condition, { timeoutMs }),
    async pass(work) {
      const settled = settledOf(work);
      await clock.advanceUntil(settled, { timeoutMs: maxPassMs }).catch(() => {
        // No timer is left that it could wait for: it ends by itself.
      });
      await work;
    },
    async during(work, speed) {
      const settled = settledOf(work);
      let lastMs = performance.now();
      while (!settled()) {
        await realDelay(stepMs);
        const nowMs = performance.now();
        await clock.advance((nowMs - lastMs) * speed);
        lastMs = nowMs;
      }
      return work;
    },
    settle: () => clock.settle(),
  };
}

function settledOf(work: Promise<unknown>): () => boolean {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  work.then(settle, settle);
  return () => isSettled;
}
