import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { type Random, randomBelow, seededRandom } from "../../base/random.ts";
import type { Storage } from "../../storage/storage.ts";
import type { CacheEvent } from "./cache-event.ts";
import type { Selection } from "./selection.ts";
import { labelled, onNode, openCache, pod, put, putElsewhere, remove } from "./test-support/opened-cache.ts";
import type { WatchCache } from "./watch-cache.ts";

/**
 * A client as client-go's reflector is one: it lists, watches from there, resumes from the last revision it saw, and lists
 * again when told that this is too old. Whatever happens, it must end up with what the server has.
 */
class Replica {
  readonly selection: Selection;
  readonly #cache: WatchCache;
  readonly #random: Random;
  readonly #faults: string[] = [];
  readonly objects = new Map<string, AnyObject>();
  #revision = 0;
  #iterator: AsyncIterator<readonly CacheEvent[]> | undefined;
  #controller = new AbortController();
  lists = 0;
  resumes = 0;

  constructor(cache: WatchCache, selection: Selection, random: Random) {
    this.#cache = cache;
    this.selection = selection;
    this.#random = random;
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  async connect(): Promise<void> {
    if (this.#iterator !== undefined) return;
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    try {
      if (this.#revision === 0 && this.#random.next() < 0.5) await this.#list();
      const resumes = this.#revision > 0;
      const watch = await this.#cache.watch({
        selection: this.selection,
        signal,
        bookmarks: true,
        ...(resumes ? { afterRevision: this.#revision } : { initialEventsEnd: true }),
      });
      if (resumes) this.resumes++;
      else this.objects.clear();
      this.#iterator = watch[Symbol.asyncIterator]();
    } catch (error) {
      if (!isApiError(error, "Expired")) throw error;
      this.#revision = 0;
    }
  }

  disconnect(): void {
    this.#controller.abort();
    this.#iterator = undefined;
  }

  /** Takes what has come. A replica that does not do so for long is ended by the cache. */
  async read(settle: () => Promise<void>): Promise<void> {
    for (;;) {
      if (this.#iterator === undefined) return;
      let step: IteratorResult<readonly CacheEvent[]> | undefined;
      const asked = this.#iterator.next().then((result) => {
        step = result;
      });
      await settle();
      if (step === undefined) {
        // The promise goes unanswered: a new watch takes this one's place.
        this.disconnect();
        await asked;
        await this.connect();
        return;
      }
      if (step.done) {
        this.#iterator = undefined;
        return;
      }
      for (const event of step.value) this.#apply(event);
    }
  }

  async #list(): Promise<void> {
    this.lists++;
    this.objects.clear();
    const { items, revision } = await this.#cache.list({ selection: this.selection });
    for (const { key, object } of items) this.objects.set(key, object);
    this.#revision = revision;
  }

  #apply({ type, cached, revision }: CacheEvent): void {
    const { key, object } = cached;
    if (type === "BOOKMARK") {
      this.#revision = Math.max(this.#revision, revision);
      return;
    }
    const known = this.objects.has(key);
    if (type === "ADDED" ? known : !known) this.#faults.push(`${type} of ${key} at ${revision}`);
    if (this.#revision > 0 && revision <= this.#revision && type !== "ADDED")
      this.#faults.push(`${key} went back to ${revision} from ${this.#revision}`);
    if (type === "DELETED") this.objects.delete(key);
    else this.objects.set(key, object);
    if (this.#revision > 0) this.#revision = revision;
  }
}

const namespaces = ["a", "b", "c"];
const nodes = ["n1", "n2", "n3", undefined];
const apps = ["web", "db", "cache"];

function pick<T>(random: Random, values: readonly T[]): T {
  return values[randomBelow(random, values.length)] as T; // the index is below the length
}

async function writeSomething(storage: Storage, random: Random): Promise<void> {
  const key = `${pick(random, namespaces)}/p${randomBelow(random, 12)}`;
  const dice = random.next();
  if (dice < 0.65) await put(storage, pod(key, { app: pick(random, apps) }, pick(random, nodes)));
  else if (dice < 0.9) await remove(storage, key);
  else if (dice < 0.95) await putElsewhere(storage);
  else await storage.compact(Math.max(1, storage.revision - randomBelow(random, 30)));
}

function anySelection(random: Random): Selection {
  const kind = randomBelow(random, 6);
  if (kind === 0) return { namespace: "" };
  if (kind === 1) return { namespace: pick(random, namespaces) };
  if (kind === 2) return labelled("app", pick(random, apps));
  if (kind === 3) return { ...labelled("app", pick(random, apps)), namespace: pick(random, namespaces) };
  if (kind === 4) return onNode(pick(random, ["n1", "n2", "n3"]));
  return { namespace: pick(random, namespaces), name: `p${randomBelow(random, 12)}` };
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`whatever is written, compacted, cut and resumed, every watcher ends with a filtered list (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const { storage, cache, clock } = openCache({
      bufferLimit: 40,
      historyLimits: { minimum: 20, maximum: 60, freshMs: 5000 },
    });
    const replicas = Array.from({ length: 12 }, () => new Replica(cache, anySelection(random), random));
    const settle = () => clock.settle();
    for (let step = 0; step < 600; step++) {
      await writeSomething(storage, random);
      const replica = pick(random, replicas);
      const dice = random.next();
      if (dice < 0.05) replica.disconnect();
      else if (dice < 0.15) await replica.read(settle);
      else if (dice < 0.25) await replica.connect();
      if (random.next() < 0.02) await clock.advance(20_000);
    }
    for (const replica of replicas) {
      // One that was told Expired lists on its next try; one that was cut for lagging resumes.
      for (let round = 0; round < 4; round++) {
        await replica.connect();
        await replica.read(settle);
      }
      const { items } = await cache.list({ selection: replica.selection });
      assert.deepEqual(
        [...replica.objects.values()].toSorted(byKey),
        items.map(({ object }) => object).toSorted(byKey),
      );
      assert.deepEqual(replica.faults, []);
      replica.disconnect();
    }
    const { items } = await cache.list({ selection: { namespace: "" } });
    const { items: stored } = await storage.range({
      start: "/registry/core/pods/",
      end: "/registry/core/pods0",
    });
    assert.deepEqual(
      items.map(({ key, revision }) => [key, revision]),
      stored.map(({ key, modRevision }) => [key, modRevision]),
    );
    assert.ok(replicas.some(({ resumes }) => resumes > 0) && replicas.some(({ lists }) => lists > 0));
    await cache.close();
    assert.equal(clock.pendingTimers, 0);
  });
}

function byKey(left: AnyObject, right: AnyObject): number {
  const [a, b] = [left, right].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  return (a ?? "") < (b ?? "") ? -1 : 1;
}
