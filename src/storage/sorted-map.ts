interface Node<V> {
  readonly key: string;
  value: V;
}

/** A bucket is split in two when it grows past this; small enough that an insertion moves little. */
const bucketLimit = 512;

/**
 * A map that also knows the order of its keys, which is the order of their UTF-8 bytes: a hash map for single keys
 * beside sorted buckets for ranges. Ranges are [start, end); without an end they go to the last key.
 */
export class SortedMap<V> {
  readonly #nodes = new Map<string, Node<V>>();
  readonly #buckets: Node<V>[][] = [];
  /** A key with a code unit from U+D800 up was seen: JavaScript's order of strings is not that of their bytes. */
  #wide = false;

  get size(): number {
    return this.#nodes.size;
  }

  get(key: string): V | undefined {
    return this.#nodes.get(key)?.value;
  }

  set(key: string, value: V): void {
    const existing = this.#nodes.get(key);
    if (existing !== undefined) {
      existing.value = value;
      return;
    }
    this.#wide ||= wideUnit.test(key);
    const node = { key, value };
    this.#nodes.set(key, node);
    const bucketIndex = this.#bucketOf(key);
    const bucket = this.#buckets[bucketIndex];
    if (bucket === undefined) {
      this.#buckets.push([node]);
      return;
    }
    bucket.splice(this.#positionIn(bucket, key), 0, node);
    if (bucket.length > bucketLimit) this.#split(bucketIndex, bucket);
  }

  delete(key: string): boolean {
    if (!this.#nodes.delete(key)) return false;
    const bucketIndex = this.#bucketOf(key);
    const bucket = this.#buckets[bucketIndex] ?? [];
    bucket.splice(this.#positionIn(bucket, key), 1);
    if (bucket.length === 0) this.#buckets.splice(bucketIndex, 1);
    return true;
  }

  clear(): void {
    this.#nodes.clear();
    this.#buckets.length = 0;
  }

  /** Calls `visit` in order until it returns false. The map must not change meanwhile. */
  visit(start: string, end: string | undefined, visit: (value: V, key: string) => boolean): void {
    this.#noticeWide(start, end);
    let bucketIndex = this.#bucketOf(start);
    let position = this.#positionIn(this.#buckets[bucketIndex] ?? [], start);
    for (; bucketIndex < this.#buckets.length; bucketIndex++, position = 0) {
      const bucket = this.#buckets[bucketIndex] ?? [];
      const last = bucket.at(-1);
      const endsHere = end !== undefined && last !== undefined && this.compare(last.key, end) >= 0;
      for (; position < bucket.length; position++) {
        const node = bucket[position] as Node<V>; // position < length
        if (endsHere && this.compare(node.key, end) >= 0) return;
        if (!visit(node.value, node.key)) return;
      }
    }
  }

  /** How many keys a range holds; costs no visit to them. */
  count(start: string, end?: string): number {
    this.#noticeWide(start, end);
    if (end !== undefined && this.compare(start, end) >= 0) return 0;
    return (end === undefined ? this.size : this.#rank(end)) - this.#rank(start);
  }

  /** Negative, zero or positive, as `left` comes before, is, or comes after `right`. */
  compare(left: string, right: string): number {
    if (left === right) return 0;
    if (this.#wide) return compareUtf8(left, right);
    return left < right ? -1 : 1;
  }

  /** How many keys come before this one. */
  #rank(key: string): number {
    const bucketIndex = this.#bucketOf(key);
    let rank = 0;
    for (let index = 0; index < bucketIndex; index++) rank += this.#buckets[index]?.length ?? 0;
    return rank + this.#positionIn(this.#buckets[bucketIndex] ?? [], key);
  }

  /** The bucket that holds the key or would: the last one that does not begin after it. */
  #bucketOf(key: string): number {
    let low = 0;
    let high = this.#buckets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const first = this.#buckets[middle]?.[0] as Node<V>; // no bucket is empty
      if (this.compare(first.key, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #positionIn(bucket: readonly Node<V>[], key: string): number {
    let low = 0;
    let high = bucket.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare((bucket[middle] as Node<V>).key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #split(bucketIndex: number, bucket: Node<V>[]): void {
    // Keys often arrive in order: then the full bucket stays full, and the new one takes what follows.
    const isLast = bucketIndex === this.#buckets.length - 1;
    const upper = bucket.splice(isLast ? bucketLimit - 1 : bucketLimit >>> 1);
    this.#buckets.splice(bucketIndex + 1, 0, upper);
  }

  #noticeWide(start: string, end: string | undefined): void {
    this.#wide ||= wideUnit.test(start) || (end !== undefined && wideUnit.test(end));
  }
}

const wideUnit = /[\ud800-\uffff]/;

/** The order of two strings' UTF-8 bytes, which is the order of their code points. */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return codePointRank(a) - codePointRank(b);
  }
  return left.length - right.length;
}

/** Surrogates stand for code points above all that a single unit can say. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
