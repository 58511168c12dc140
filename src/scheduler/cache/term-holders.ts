import type { AffinityTerm, PodAffinityTerms } from "./affinity-terms.ts";

/** One term, and how many pods of each node have it. */
export interface HeldTerm {
  readonly term: AffinityTerm;
  /** By row. */
  counts: Int32Array;
  total: number;
}

export type TermKind = keyof PodAffinityTerms;

const kinds: readonly TermKind[] = ["required", "requiredAnti", "preferred", "preferredAnti"];

/**
 * The affinity terms of the pods that are on nodes: each different term once, with its holders counted by node. An incoming
 * pod is matched against terms, not against pods: the thousand pods of a Deployment are one comparison.
 */
export class TermHolders {
  readonly #held: Readonly<Record<TermKind, Map<string, HeldTerm>>> = {
    required: new Map(),
    requiredAnti: new Map(),
    preferred: new Map(),
    preferredAnti: new Map(),
  };

  of(kind: TermKind): Iterable<HeldTerm> {
    return this.#held[kind].values();
  }

  /** Whether any pod on a node has terms of this kind. */
  has(kind: TermKind): boolean {
    return this.#held[kind].size > 0;
  }

  change(terms: PodAffinityTerms, row: number, sign: 1 | -1, capacity: number): void {
    for (const kind of kinds) for (const term of terms[kind]) this.#count(kind, term, row, sign, capacity);
  }

  #count(kind: TermKind, term: AffinityTerm, row: number, sign: 1 | -1, capacity: number): void {
    const terms = this.#held[kind];
    let held = terms.get(term.key);
    if (held === undefined) {
      held = { term, counts: new Int32Array(capacity), total: 0 };
      terms.set(term.key, held);
    }
    if (held.counts.length < capacity) {
      const counts = new Int32Array(capacity);
      counts.set(held.counts);
      held.counts = counts;
    }
    held.counts[row] = (held.counts[row] ?? 0) + sign;
    held.total += sign;
    if (held.total === 0) terms.delete(term.key);
  }
}
