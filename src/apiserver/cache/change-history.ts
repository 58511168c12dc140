import type { ObjectChange } from "./object-change.ts";

export interface HistoryLimits {
  /** Kept however old they are. */
  readonly minimum: number;
  /** Never more than this. */
  readonly maximum: number;
  /** Between the two, a change is kept at least this long. */
  readonly freshMs: number;
}

/** Upstream's: a client that lost its connection has somewhat more than a minute to resume. */
export const defaultHistoryLimits: HistoryLimits = { minimum: 100, maximum: 100_000, freshMs: 75_000 };

/** The recent changes of a resource, from which a watch resumes. */
export class ChangeHistory {
  readonly #limits: HistoryLimits;
  #changes: (ObjectChange | undefined)[] = [];
  #start = 0;
  #completeAfter = 0;

  constructor(limits: HistoryLimits) {
    this.#limits = limits;
  }

  /** Every change after this revision is there. */
  get completeAfter(): number {
    return this.#completeAfter;
  }

  /** The revision of the latest change, or where the history began. */
  get latest(): number {
    return this.#changes.at(-1)?.revision ?? this.#completeAfter;
  }

  /** Forgets everything; what follows comes after this revision. */
  reset(revision: number): void {
    this.#changes = [];
    this.#start = 0;
    this.#completeAfter = revision;
  }

  add(change: ObjectChange): void {
    this.#changes.push(change);
    const { minimum, maximum, freshMs } = this.#limits;
    for (let size = this.#changes.length - this.#start; size > minimum; size--) {
      const oldest = this.#changes[this.#start];
      if (oldest === undefined || (size <= maximum && change.seenAtMs - oldest.seenAtMs <= freshMs)) break;
      this.#completeAfter = oldest.revision;
      this.#changes[this.#start++] = undefined;
    }
    if (this.#start < 256 || this.#start * 2 < this.#changes.length) return;
    this.#changes = this.#changes.slice(this.#start);
    this.#start = 0;
  }

  /** The changes after a revision that is not before `completeAfter`, in order. */
  after(revision: number): readonly ObjectChange[] {
    let low = this.#start;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low) as ObjectChange[]; // only what is before #start was given up
  }
}
