import type { Clock, Timer } from "../../base/clock.ts";

interface Expiration {
  readonly atMs: number;
  readonly key: string;
  readonly modRevision: number;
}

/** When keys run out: a heap with one timer for the earliest. Entries of keys written again since are the caller's to skip. */
export class Expirations {
  readonly #clock: Clock;
  readonly #expire: (key: string, modRevision: number) => void;
  readonly #heap: Expiration[] = [];
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, expire: (key: string, modRevision: number) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  add(key: string, modRevision: number, atMs: number): void {
    const heap = this.#heap;
    const added = { atMs, key, modRevision };
    let index = heap.length;
    for (; index > 0; ) {
      const parent = (index - 1) >>> 1;
      const above = heap[parent] as Expiration; // parent < index <= length
      if (above.atMs <= atMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = added;
    this.#arm();
  }

  close(): void {
    this.#heap.length = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    const earliest = this.#heap[0];
    if (earliest === undefined || (this.#timer !== undefined && this.#timerAtMs <= earliest.atMs)) return;
    this.#timer?.cancel();
    this.#timerAtMs = earliest.atMs;
    this.#timer = this.#clock.setTimer(earliest.atMs - this.#clock.now(), () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    for (let due = this.#heap[0]; due !== undefined && due.atMs <= nowMs; due = this.#heap[0]) {
      this.#removeFirst();
      this.#expire(due.key, due.modRevision);
    }
    this.#arm();
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      const left = heap[child];
      const right = heap[child + 1];
      if (left === undefined) break;
      if (right !== undefined && right.atMs < left.atMs) child++;
      const smaller = heap[child] as Expiration; // child is left's or right's index
      if (last.atMs <= smaller.atMs) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
  }
}
