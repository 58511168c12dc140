import { SortedMap } from "../sorted-map.ts";
import {
  CompactedError,
  FutureRevisionError,
  type KeyRange,
  type KeyValue,
  type RangeOptions,
  type RangeResult,
  type StorageEvent,
  type StoredValue,
} from "../storage.ts";

/** What one write made of a key: a value, or its absence. */
export type Version = KeyValue | Tombstone;

export interface Tombstone {
  readonly key: string;
  readonly value: undefined;
  readonly createRevision: 0;
  readonly modRevision: number;
}

interface KeyHistory {
  latest: Version;
  /** Versions before the latest that a revision not yet compacted can see, oldest first. */
  older: Version[] | undefined;
}

/** Multi-version state in memory: the present, and the past as far as the compaction. Knows no I/O and no time. */
export class VersionedKeys {
  /** Keys that exist now: a range of the present looks at nothing else. */
  readonly #live = new SortedMap<KeyHistory>();
  /** Keys that are gone, as long as a readable revision saw them. */
  readonly #gone = new SortedMap<KeyHistory>();
  #log: StorageEvent[] = [];
  #logStart = 0;
  #revision: number;
  #compactRevision: number;
  #firstEventRevision: number;

  /** History begins at `revision`: `load` what exists, then `apply` what follows. */
  constructor(revision: number) {
    this.#revision = revision;
    this.#compactRevision = revision;
    this.#firstEventRevision = revision + 1;
  }

  get revision(): number {
    return this.#revision;
  }

  /** How many events the history holds. */
  get historyLength(): number {
    return this.#log.length - this.#logStart;
  }

  load(keyValue: KeyValue): void {
    this.#live.set(keyValue.key, { latest: keyValue, older: undefined });
  }

  get(key: string): KeyValue | undefined {
    const latest = this.#live.get(key)?.latest;
    return latest !== undefined && exists(latest) ? latest : undefined;
  }

  /** Makes one write part of the present. Revisions never go back; the caller knows that a tombstone's key exists. */
  apply(version: Version): StorageEvent {
    const { key } = version;
    this.#revision = version.modRevision;
    const live = this.#live.get(key);
    const history = live ?? this.#gone.get(key);
    const previous = live?.latest as KeyValue | undefined; // what is live has a value
    if (history === undefined) {
      this.#live.set(key, { latest: version, older: undefined });
    } else {
      if (history.older === undefined) history.older = [history.latest];
      else history.older.push(history.latest);
      history.latest = version;
      this.#place(key, history, live !== undefined);
    }
    const event = eventOf(version, previous);
    this.#log.push(event);
    return event;
  }

  range({ start, end }: KeyRange, options: RangeOptions = {}): RangeResult {
    const revision = options.revision ?? this.#revision;
    if (revision > this.#revision) throw new FutureRevisionError(this.#revision);
    if (revision < this.#compactRevision) throw new CompactedError(this.#compactRevision);
    const limit = options.limit ?? 0;
    if (end === undefined) {
      const found = this.#at(start, revision);
      const items = found === undefined || options.countOnly ? [] : [found];
      return { items, count: found === undefined ? 0 : 1, revision };
    }
    if (revision === this.#revision) {
      const count = this.#live.count(start, end);
      return { items: options.countOnly ? [] : this.#present(start, end, limit), count, revision };
    }
    const all = this.#past(start, end, revision);
    const items = options.countOnly ? [] : limit > 0 ? all.slice(0, limit) : all;
    return { items, count: all.length, revision };
  }

  /** Events from a revision on, in order. Throws `CompactedError` where the history does not reach back so far. */
  eventsFrom(revision: number): readonly StorageEvent[] {
    if (revision < this.#firstEventRevision) throw new CompactedError(this.#firstEventRevision);
    return this.#log.slice(this.#logIndexOf(revision));
  }

  compact(revision: number): void {
    if (revision > this.#revision) throw new FutureRevisionError(this.#revision);
    if (revision <= this.#compactRevision) return;
    const keptFrom = this.#logIndexOf(revision);
    // What an event up to `revision` replaced is seen by no revision that can still be read.
    const seenFrom = this.#logIndexOf(revision + 1);
    for (let index = this.#logStart; index < seenFrom; index++)
      this.#forgetBefore(this.#log[index]?.key ?? "", revision);
    this.#compactRevision = revision;
    this.#firstEventRevision = Math.max(this.#firstEventRevision, revision);
    this.#logStart = keptFrom;
    if (this.#logStart * 2 > this.#log.length) {
      this.#log = this.#log.slice(this.#logStart);
      this.#logStart = 0;
    } else this.#log.fill(released, 0, this.#logStart);
  }

  /** Keeps only about the latest `events` of the history. */
  compactTo(events: number): void {
    const oldest = this.#log[this.#log.length - events];
    if (oldest !== undefined && this.historyLength > events) this.compact(oldest.revision);
  }

  #place(key: string, history: KeyHistory, wasLive: boolean): void {
    const isLive = exists(history.latest);
    if (isLive === wasLive) return;
    (wasLive ? this.#live : this.#gone).delete(key);
    (isLive ? this.#live : this.#gone).set(key, history);
  }

  #at(key: string, revision: number): KeyValue | undefined {
    const history = this.#live.get(key) ?? this.#gone.get(key);
    return history === undefined ? undefined : versionAt(history, revision);
  }

  #present(start: string, end: string, limit: number): KeyValue[] {
    const items: KeyValue[] = [];
    this.#live.visit(start, end, ({ latest }) => {
      if (exists(latest)) items.push(latest);
      return items.length !== limit;
    });
    return items;
  }

  #past(start: string, end: string, revision: number): KeyValue[] {
    const items: KeyValue[] = [];
    const collect = (history: KeyHistory) => {
      const version = versionAt(history, revision);
      if (version !== undefined) items.push(version);
      return true;
    };
    this.#live.visit(start, end, collect);
    const liveCount = items.length;
    this.#gone.visit(start, end, collect);
    if (items.length > liveCount) items.sort((left, right) => this.#live.compare(left.key, right.key));
    return items;
  }

  #forgetBefore(key: string, revision: number): void {
    const history = this.#live.get(key) ?? this.#gone.get(key);
    if (history === undefined) return;
    if (history.latest.modRevision <= revision) {
      history.older = undefined;
      if (!exists(history.latest)) this.#gone.delete(key);
      return;
    }
    const older = history.older ?? [];
    // The last version at or before the revision is what reads there see; those before it go.
    const kept = older.findLastIndex((version) => version.modRevision <= revision);
    if (kept > 0) older.splice(0, kept);
  }

  /** The index of the first event at or after a revision. */
  #logIndexOf(revision: number): number {
    let low = this.#logStart;
    let high = this.#log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#log[middle] as StorageEvent).revision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Stands where a forgotten event stood until the log is cut, so that it can be collected. */
const released: StorageEvent = { type: "delete", key: "", revision: 0 };

export function exists(version: Version): version is KeyValue {
  return version.value !== undefined;
}

export function putVersion(
  key: string,
  value: StoredValue,
  revisions: { readonly createRevision: number; readonly modRevision: number },
): KeyValue {
  const { createRevision, modRevision } = revisions;
  return { key, value, createRevision, modRevision };
}

export function tombstone(key: string, modRevision: number): Tombstone {
  return { key, value: undefined, createRevision: 0, modRevision };
}

function versionAt(history: KeyHistory, revision: number): KeyValue | undefined {
  let version: Version | undefined = history.latest;
  if (version.modRevision > revision)
    version = history.older?.findLast((older) => older.modRevision <= revision);
  return version !== undefined && exists(version) ? version : undefined;
}

function eventOf(version: Version, previous: KeyValue | undefined): StorageEvent {
  const { key, modRevision: revision } = version;
  if (!exists(version)) return { type: "delete", key, revision, ...(previous && { previous }) };
  return { type: "put", key, revision, current: version, ...(previous && { previous }) };
}
