import { FifoMap } from "./fifo-map.ts";

/** A map that forgets the entry that was used least recently once it holds more than `limit`. */
export class LruCache<K, V> {
  readonly #limit: number;
  readonly #entries = new FifoMap<K, V>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** The value under the key; where there is none, a new one, which is kept. */
  getOrCreate(key: K, create: () => V): V {
    const known = this.get(key);
    if (known !== undefined) return known;
    const created = create();
    this.set(key, created);
    return created;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#limit) this.#entries.shift();
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }
}
