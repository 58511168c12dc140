import type { AnyObject } from "../../apimachinery/meta.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";

/**
 * Once webhooks or policies changed an object, all mutating plugins see it a second time, and of webhooks and policies those
 * that asked for it and ran before a change (upstream's `ReinvocationContext`). There is no third time.
 */
export class Reinvocation {
  /** 0, then 1. */
  round = 0;
  /** Whether something was changed that asks for another round. */
  isWanted = false;
  readonly #calls = new Map<string, ReinvocableCalls>();

  /** What a plugin called, the same in both rounds. */
  of(plugin: string): ReinvocableCalls {
    let calls = this.#calls.get(plugin);
    if (calls === undefined) {
      calls = new ReinvocableCalls(this);
      this.#calls.set(plugin, calls);
    }
    return calls;
  }
}

class ReinvocableCalls {
  readonly #reinvocation: Reinvocation;
  /** Called since the last change, by key. */
  readonly #earlier = new Set<string>();
  readonly #due = new Set<string>();
  #output: AnyObject | undefined;

  constructor(reinvocation: Reinvocation) {
    this.#reinvocation = reinvocation;
  }

  get round(): number {
    return this.#reinvocation.round;
  }

  /** Before the calls of a round: other plugins may have changed what the last round left. */
  begin(object: AnyObject | undefined): void {
    if (this.round > 0 && !jsonEqual(object, this.#output)) this.#makeDue();
  }

  /** Whether this round calls it: the first one does, the second those that are due. */
  calls(key: string): boolean {
    return this.round === 0 || this.#due.has(key);
  }

  /** The object was changed; whoever saw it before is to see it again. */
  changed(): void {
    this.#makeDue();
    this.#reinvocation.isWanted = true;
  }

  /** One that wants to be called again was called. */
  called(key: string): void {
    this.#earlier.add(key);
  }

  end(object: AnyObject | undefined): void {
    this.#output = object;
  }

  #makeDue(): void {
    for (const key of this.#earlier) this.#due.add(key);
    this.#earlier.clear();
  }
}
