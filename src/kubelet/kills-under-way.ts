import { type Clock, sleep } from "../base/clock.ts";

interface Kill {
  readonly signal: AbortSignal;
  readonly promise: Promise<void>;
  outcome: "open" | "done" | { readonly error: unknown };
}

/** Most pods are gone within this: they need no second step. */
const briefMs = 200;

/**
 * Pods that are being ended. That may take as long as their grace period, and meanwhile their steps go on telling what
 * becomes of their containers.
 */
export class KillsUnderWay {
  readonly #clock: Clock;
  readonly #finished: (podUid: string) => void;
  readonly #kills = new Map<string, Kill>();

  constructor(clock: Clock, finished: (podUid: string) => void) {
    this.#clock = clock;
    this.#finished = finished;
  }

  /**
   * Begins to end the pod, or looks how far that has come; resolves to whether it is done. Fails as `begin` did; one that
   * was interrupted is begun anew.
   */
  async advance(
    podUid: string,
    signal: AbortSignal,
    begin: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    const before = this.#kills.get(podUid);
    if (before?.signal.aborted === true) {
      await before.promise;
      this.#kills.delete(podUid);
    }
    const kill = this.#kills.get(podUid) ?? this.#begin(podUid, signal, begin);
    const over = new AbortController();
    const brief = sleep(this.#clock, briefMs, { signal: over.signal }).catch(() => undefined);
    await Promise.race([kill.promise, brief]);
    over.abort();
    if (kill.outcome === "open") return false;
    this.#kills.delete(podUid);
    if (kill.outcome === "done") return true;
    throw kill.outcome.error;
  }

  #begin(podUid: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<void>): Kill {
    const settle = (outcome: Kill["outcome"]) => {
      kill.outcome = outcome;
      this.#finished(podUid);
    };
    const promise = begin(signal).then(
      () => settle("done"),
      (error: unknown) => settle({ error }),
    );
    const kill: Kill = { signal, promise, outcome: "open" };
    this.#kills.set(podUid, kill);
    return kill;
  }
}
