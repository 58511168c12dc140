/**
 * Time as a dependency. Everything outside the named edges takes a Clock, so that the same code runs on real
 * time in a cluster and on virtual time in a test.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since some moment, for how long things take and wait: unlike `now` it is never set. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; the returned handle cancels it. An unfired timer keeps no process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Lets other work run: a real clock gives up the event loop for one turn. */
  yield(): Promise<void>;
  /**
   * Time stands still until `work` ends: for what ends outside the event loop's own turns (a module that is loaded,
   * cryptography on another thread), never waits for time itself and holds nothing of its own. A real clock cannot wait, and
   * returns it as it is.
   */
  hold<T>(work: Promise<T>): Promise<T>;
}

/** A timer that has not fired. */
export interface Timer {
  cancel(): void;
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, options: { signal?: AbortSignal } = {}): Promise<void> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The time as the API writes it: RFC 3339 in UTC, whole seconds (`metav1.Time`). */
export function rfc3339(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}

// Many objects are written in the same second, several times in each: they share its text.
let lastSecond = Number.NaN;
let lastText = "";

/** RFC 3339 in UTC with microseconds (`metav1.MicroTime`). */
export function rfc3339Micro(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`;
}
