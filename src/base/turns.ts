import type { Clock } from "./clock.ts";

/**
 * For loops whose every step may be ready at once: says when it is time to give the event loop a turn, so that timers,
 * sockets and other work are not kept waiting. By time on a real clock, by number of steps on any.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #limitSteps: number;
  #startMs: number;
  #steps = 0;

  constructor(clock: Clock, options: { readonly limitMs?: number; readonly limitSteps?: number } = {}) {
    this.#clock = clock;
    this.#limitMs = options.limitMs ?? 10;
    this.#limitSteps = options.limitSteps ?? 4096;
    this.#startMs = clock.now();
  }

  /** Counts a step; true when a turn is due. Looking at the clock costs more than most steps: it is done now and then. */
  step(): boolean {
    this.#steps++;
    if (this.#steps >= this.#limitSteps) return true;
    return this.#steps % 16 === 0 && this.#clock.now() - this.#startMs >= this.#limitMs;
  }

  /** Gives up a turn and begins a new count. */
  async yield(): Promise<void> {
    await this.#clock.yield();
    this.restart();
  }

  /** The loop has just waited for something: nobody was kept waiting. */
  restart(): void {
    this.#steps = 0;
    this.#startMs = this.#clock.now();
  }
}
