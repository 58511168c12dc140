import type { ObjectReference } from "../api/core/types.generated.ts";
import { LruCache } from "../base/lru-cache.ts";
import { fullBucket, type TokenBucket, tryToken } from "../base/token-bucket.ts";

/** Something worth telling people about an object, once. */
export interface Occurrence {
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly atMs: number;
}

/** What to write for an occurrence. */
export interface CorrelatedEvent {
  /** Of the event object; the first time, the occurrence's own. */
  readonly name: string;
  /** Above 1: the object exists and is counted up. */
  readonly count: number;
  readonly firstMs: number;
  readonly occurrence: Occurrence;
}

const cacheLimit = 4096;
/** So many different notes under one reason within the interval, and they are combined. */
const similarLimit = 10;
const similarIntervalMs = 600_000;
const spamPolicy = { perSecond: 1 / 300, burst: 25 };

interface Similar {
  readonly notes: Set<string>;
  readonly lastMs: number;
}

type Written = Pick<CorrelatedEvent, "name" | "count" | "firstMs">;

/**
 * client-go's EventCorrelator for one source: the same event again counts up the first one; ten that differ only in
 * their note become one combined event; and an object gets a burst of 25, then one event in five minutes.
 */
export class EventCorrelator {
  readonly #similar = new LruCache<string, Similar>(cacheLimit);
  readonly #written = new LruCache<string, Written>(cacheLimit);
  readonly #budgets = new LruCache<string, TokenBucket>(cacheLimit);

  /** undefined: the object has used up its budget. `newName` names the event if it is the first of its kind. */
  correlate(occurrence: Occurrence, newName: string): CorrelatedEvent | undefined {
    const { key, occurrence: combined } = this.#combine(occurrence);
    const known = this.#written.get(key);
    const counted: Written = {
      name: known?.name ?? newName,
      count: (known?.count ?? 0) + 1,
      firstMs: known?.firstMs ?? occurrence.atMs,
    };
    // Counted even when nothing is written: the next one that is tells the true number.
    this.#written.set(key, counted);
    return this.#withinBudget(occurrence) ? { ...counted, occurrence: combined } : undefined;
  }

  #combine(occurrence: Occurrence): { readonly key: string; readonly occurrence: Occurrence } {
    const group = keyOf(occurrence, "without note");
    const known = this.#similar.get(group);
    const recent = known !== undefined && occurrence.atMs - known.lastMs <= similarIntervalMs;
    const notes = recent ? known.notes : new Set<string>();
    notes.add(occurrence.note);
    this.#similar.set(group, { notes, lastMs: occurrence.atMs });
    if (notes.size < similarLimit) return { key: keyOf(occurrence, "with note"), occurrence };
    for (const oldest of notes) {
      notes.delete(oldest);
      break;
    }
    return {
      key: group,
      occurrence: { ...occurrence, note: `(combined from similar events): ${occurrence.note}` },
    };
  }

  #withinBudget({ regarding, type, atMs }: Occurrence): boolean {
    const { kind, namespace, name, uid, apiVersion } = regarding;
    const key = JSON.stringify([kind, namespace, name, uid, apiVersion, type]);
    const { bucket, accepted } = tryToken(
      this.#budgets.get(key) ?? fullBucket(spamPolicy, atMs),
      spamPolicy,
      atMs,
    );
    this.#budgets.set(key, bucket);
    return accepted;
  }
}

function keyOf({ regarding, type, reason, note }: Occurrence, what: "with note" | "without note"): string {
  const { kind, namespace, name, uid, apiVersion, fieldPath } = regarding;
  const group = [kind, namespace, name, uid, apiVersion, type, reason];
  return JSON.stringify(what === "with note" ? [...group, fieldPath, note] : group);
}
