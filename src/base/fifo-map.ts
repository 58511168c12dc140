/**
 * A map that is also a queue: `shift` takes the entry out that was put in first. A plain Map can do it too, but each fresh
 * iterator walks over all that was deleted at the front before; this one keeps its place, so that a shift costs the same
 * however long the queue is and has been.
 */
export class FifoMap<K, V> {
  #entries = new Map<K, V>();
  /** Everything before it was deleted. */
  #front: MapIterator<[K, V]> | undefined;

  get size(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** A key that is there keeps its place. */
  set(key: K, value: V): void {
    this.#entries.set(key, value);
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  /** Takes the place of all that is in it; from now on the map is this one's. */
  adopt(entries: Map<K, V>): void {
    this.#entries = entries;
    this.#front = undefined;
  }

  /** Takes the oldest entry out. */
  shift(): [K, V] | undefined {
    if (this.#entries.size === 0) return undefined;
    let next = this.#front?.next();
    if (next === undefined || next.done === true) {
      // An iterator that has come to its end stays there, whatever is added later.
      this.#front = this.#entries.entries();
      next = this.#front.next();
    }
    if (next.done === true) return undefined;
    this.#entries.delete(next.value[0]);
    return next.value;
  }

  keys(): Iterable<K> {
    return this.#entries.keys();
  }

  entries(): Iterable<[K, V]> {
    return this.#entries.entries();
  }
}
