import { ForwardingStorage } from "../forwarding-storage.ts";
import {
  type CommitResult,
  type KeyRange,
  type KeyValue,
  prepared,
  type RangeOptions,
  type RangeResult,
  type Storage,
  type StorageEvent,
  type StorageWatch,
  type StorageWatchBatch,
  StoredValue,
  sealedValue,
  type Transaction,
  type ValueTransformer,
  type WatchOptions,
  type Write,
} from "../storage.ts";

/**
 * A store whose values lie encrypted in the one below: for an engine that keeps no values in this process (etcd). Values that are
 * read are opened when somebody looks at them.
 */
export function encryptedStorage(storage: Storage, transformer: ValueTransformer): Storage {
  return new EncryptedStorage(storage, transformer);
}

class EncryptedStorage extends ForwardingStorage {
  readonly #transformer: ValueTransformer;

  constructor(storage: Storage, transformer: ValueTransformer) {
    super(storage);
    this.#transformer = transformer;
  }

  override async get(key: string): Promise<KeyValue | undefined> {
    const found = await super.get(key);
    return found && (await this.#ready([this.#opened(found)]))[0];
  }

  override async range(range: KeyRange, options?: RangeOptions): Promise<RangeResult> {
    const result = await super.range(range, options);
    return { ...result, items: await this.#ready(result.items.map((item) => this.#opened(item))) };
  }

  override async commit({ compare, writes }: Transaction): Promise<CommitResult> {
    for (const write of writes) if (write.type === "put") this.#transformer.assertSealable?.(write.key);
    const result = await super.commit({
      compare,
      writes: writes.map((write) => this.#sealed(write)),
    });
    if (result.committed) return result;
    return {
      ...result,
      current: await this.#ready(result.current.map((each) => each && this.#opened(each))),
    };
  }

  override watch(range: KeyRange, options: WatchOptions): StorageWatch {
    const watch = super.watch(range, options);
    const opened = async ({ events, ...batch }: StorageWatchBatch): Promise<StorageWatchBatch> => {
      const found = events.map((event) => this.#openedEvent(event));
      await this.#ready(found.flatMap(({ current, previous }) => [current, previous]));
      return { ...batch, events: found };
    };
    return {
      requestProgress: () => watch.requestProgress(),
      async *[Symbol.asyncIterator]() {
        for await (const batch of watch) yield await opened(batch);
        return undefined;
      },
    };
  }

  override async isStale(key: string): Promise<boolean> {
    const found = await super.get(key);
    if (found === undefined) return false;
    await this.#transformer.prepare?.(key, found.value.bytes);
    return this.#transformer.open(key, found.value.bytes).sealedBy !== this.#transformer.sealerOf(key);
  }

  #sealed(write: Write): Write {
    if (write.type === "delete") return write;
    const { bytes } = this.#transformer.seal(write.key, write.value.bytes);
    return { ...write, value: StoredValue.ofBytes(bytes) };
  }

  #opened(keyValue: KeyValue): KeyValue {
    const { key, value } = keyValue;
    return { ...keyValue, value: sealedValue(this.#transformer, key, value.bytes) };
  }

  async #ready<T extends KeyValue | undefined>(values: readonly T[]): Promise<readonly T[]> {
    if (this.#transformer.prepare !== undefined) await prepared(values);
    return values;
  }

  #openedEvent(event: StorageEvent): StorageEvent {
    const { current, previous } = event;
    return {
      ...event,
      ...(current === undefined ? {} : { current: this.#opened(current) }),
      ...(previous === undefined ? {} : { previous: this.#opened(previous) }),
    };
  }
}
