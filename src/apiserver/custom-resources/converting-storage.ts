import type { AnyObject } from "../../apimachinery/meta.ts";
import { ForwardingStorage } from "../../storage/forwarding-storage.ts";
import {
  type CommitResult,
  type KeyRange,
  type KeyValue,
  type RangeOptions,
  type RangeResult,
  type Storage,
  type StorageEvent,
  type StorageWatch,
  type StorageWatchBatch,
  StoredValue,
  type Transaction,
  type WatchOptions,
} from "../../storage/storage.ts";

type ConvertAll = (objects: readonly AnyObject[], apiVersion: string) => Promise<readonly AnyObject[]>;

export interface ConvertingStorageOptions {
  readonly storage: Storage;
  /** The version this view of storage shows. */
  readonly apiVersion: string;
  /** The version objects are written in. */
  readonly storedVersion: string;
  readonly convertAll: ConvertAll;
}

/** What a stored value is in other versions: found again for as long as the value lives. */
const conversions = new WeakMap<StoredValue, Map<string, StoredValue>>();

/**
 * Storage as one version of a custom kind sees it: what is read is converted to that version, what is written to the
 * storage version. Converting may take a webhook, so it is done here, where everything may wait, and the cache and the registry above
 * know of one version only.
 */
export class ConvertingStorage extends ForwardingStorage {
  readonly #options: ConvertingStorageOptions;
  #failure = Promise.withResolvers<never>();

  constructor(options: ConvertingStorageOptions) {
    super(options.storage);
    this.#options = options;
    this.#failure.promise.catch(() => {}); // whoever waits for it hears of it
  }

  /** Rejects when a conversion fails from now on: what waits for the cache learns why it waits. */
  get failure(): Promise<never> {
    return this.#failure.promise;
  }

  override async get(key: string): Promise<KeyValue | undefined> {
    const found = await super.get(key);
    return found === undefined ? undefined : this.#shown([found]).then(([shown]) => shown);
  }

  override async range(range: KeyRange, options?: RangeOptions): Promise<RangeResult> {
    const result = await super.range(range, options);
    return { ...result, items: await this.#shown(result.items) };
  }

  override async commit(transaction: Transaction): Promise<CommitResult> {
    const { apiVersion, storedVersion } = this.#options;
    const writes = await Promise.all(
      transaction.writes.map(async (write) => {
        if (write.type === "delete" || apiVersion === storedVersion) return write;
        const [object] = await this.#convert([objectOf(write.value)], storedVersion);
        if (object === undefined) return write;
        const value = StoredValue.ofObject(object);
        remember(value, apiVersion, write.value);
        return { ...write, value };
      }),
    );
    const result = await super.commit({ ...transaction, writes });
    if (result.committed) return result;
    const current = await Promise.all(
      result.current.map((each) =>
        each === undefined ? undefined : this.#shown([each]).then(([shown]) => shown),
      ),
    );
    return { ...result, current };
  }

  override watch(range: KeyRange, options: WatchOptions): StorageWatch {
    const watch = super.watch(range, options);
    const convert = (batch: StorageWatchBatch) => this.#convertedBatch(batch);
    return {
      requestProgress: () => watch.requestProgress(),
      async *[Symbol.asyncIterator]() {
        for await (const batch of watch) yield batch.events.length === 0 ? batch : await convert(batch);
        return undefined;
      },
    };
  }

  /** The storage below belongs to others. */
  override async close(): Promise<void> {}

  async #convertedBatch({ events, revision }: StorageWatchBatch): Promise<StorageWatchBatch> {
    const shown = await this.#shown(events.flatMap(({ current }) => current ?? []));
    let next = 0;
    const converted = events.map((event): StorageEvent => {
      if (event.current === undefined) return event;
      const current = shown[next++];
      return current === undefined ? event : { ...event, current };
    });
    return { events: converted, revision };
  }

  /** All in the version of this view, with one call for those that are not. */
  async #shown(items: readonly KeyValue[]): Promise<readonly KeyValue[]> {
    const { apiVersion } = this.#options;
    const known = items.map(({ value }) =>
      objectOf(value).apiVersion === apiVersion ? value : conversions.get(value)?.get(apiVersion),
    );
    const missing = items.filter((_, index) => known[index] === undefined);
    if (missing.length > 0) {
      const converted = await this.#convert(
        missing.map(({ value }) => objectOf(value)),
        apiVersion,
      );
      for (const [index, { value }] of missing.entries()) {
        const object = converted[index];
        if (object !== undefined) remember(value, apiVersion, StoredValue.ofObject(object));
      }
    }
    return items.map((item, index) => {
      const value = known[index] ?? conversions.get(item.value)?.get(apiVersion) ?? item.value;
      return value === item.value ? item : { ...item, value };
    });
  }

  async #convert(objects: readonly AnyObject[], apiVersion: string): Promise<readonly AnyObject[]> {
    try {
      return await this.#options.convertAll(objects, apiVersion);
    } catch (error) {
      const { reject } = this.#failure;
      this.#failure = Promise.withResolvers();
      this.#failure.promise.catch(() => {});
      reject(error);
      throw error;
    }
  }
}

function objectOf(value: StoredValue): AnyObject {
  return value.object as AnyObject; // storage holds objects of the API
}

function remember(value: StoredValue, apiVersion: string, converted: StoredValue): void {
  const known = conversions.get(value) ?? new Map<string, StoredValue>();
  known.set(apiVersion, converted);
  conversions.set(value, known);
}
