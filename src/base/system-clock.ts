import type { Clock, Timer } from "./clock.ts";

/** Node's longest timer; a longer delay is reached in several hops. */
const longestTimerMs = 2 ** 31 - 1;

/** Wall time and the event loop's timers. The one place that calls them. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback): Timer {
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number) => {
      const hopMs = Math.min(Math.max(leftMs, 0), longestTimerMs);
      handle = setTimeout(() => (leftMs > hopMs ? arm(leftMs - hopMs) : callback()), hopMs);
      handle.unref();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  yield: () => new Promise((resolve) => setImmediate(resolve)),
  hold: (work) => work,
};
