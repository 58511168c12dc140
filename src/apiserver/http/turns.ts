/** What long answers may take of one turn of the event loop, all together; the rest of the turn is other clients'. */
const sliceMs = 5;

/**
 * Shares the event loop between long answers (lists, the deliveries of watches) and everything else. Each asks before a
 * short piece of work; when the turn's time is used up, they wait in line for the next turn, however many they are.
 */
export class Turns {
  readonly #now: () => number;
  #begun = 0;
  #armed = false;
  #waiting: (() => void)[] = [];
  #served = 0;

  /** `now` is in milliseconds, from whenever. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Undefined: go on at once. Otherwise await it, directly before the work. */
  take(): Promise<void> | undefined {
    if (!this.#armed) {
      this.#armed = true;
      this.#begun = this.#now();
      setImmediate(this.#nextTurn);
      return undefined;
    }
    if (this.#waiting.length === 0 && this.#now() - this.#begun < sliceMs) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  readonly #nextTurn = (): void => {
    if (this.#waiting.length === 0) {
      this.#armed = false;
      return;
    }
    this.#begun = this.#now();
    this.#serveNext();
  };

  /** Wakes the first in line; what it does before it waits again is done when the microtask after it runs. */
  readonly #serveNext = (): void => {
    const next = this.#waiting[this.#served];
    if (next === undefined || (this.#served > 0 && this.#now() - this.#begun >= sliceMs)) {
      this.#waiting.splice(0, this.#served);
      this.#served = 0;
      setImmediate(this.#nextTurn);
      return;
    }
    this.#served++;
    next();
    queueMicrotask(this.#serveNext);
  };
}

/** One for the process: it has one event loop. */
export const turns: Turns = new Turns();
