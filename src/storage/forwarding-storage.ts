import type {
  CommitResult,
  KeyRange,
  KeyValue,
  RangeOptions,
  RangeResult,
  Storage,
  StorageWatch,
  Transaction,
  WatchOptions,
} from "./storage.ts";

/** A store in front of another one. What is not overridden is the other's, so that nothing is lost on the way. */
export class ForwardingStorage implements Storage {
  protected readonly below: Storage;

  constructor(below: Storage) {
    this.below = below;
  }

  get revision(): number {
    return this.below.revision;
  }

  get supportsProgress(): boolean {
    return this.below.supportsProgress;
  }

  currentRevision(): Promise<number> {
    return this.below.currentRevision();
  }

  get(key: string): Promise<KeyValue | undefined> {
    return this.below.get(key);
  }

  range(range: KeyRange, options?: RangeOptions): Promise<RangeResult> {
    return this.below.range(range, options);
  }

  commit(transaction: Transaction): Promise<CommitResult> {
    return this.below.commit(transaction);
  }

  watch(range: KeyRange, options: WatchOptions): StorageWatch {
    return this.below.watch(range, options);
  }

  async isStale(key: string): Promise<boolean> {
    return (await this.below.isStale?.(key)) === true;
  }

  compact(revision: number): Promise<void> {
    return this.below.compact(revision);
  }

  close(): Promise<void> {
    return this.below.close();
  }
}
