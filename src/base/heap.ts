/** A binary heap: the least element first. Equal elements come out in no particular order. */
export class Heap<T> {
  readonly #before: (left: T, right: T) => boolean;
  readonly #items: T[] = [];

  /** `before` says whether its first argument comes out first. */
  constructor(before: (left: T, right: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    let index = this.#items.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = this.#items[parent] as T; // parent < index < length
      if (!this.#before(item, above)) break;
      this.#items[index] = above;
      index = parent;
    }
    this.#items[index] = item;
  }

  pop(): T | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#sink(last);
    return top;
  }

  #sink(item: T): void {
    const size = this.#items.length;
    let index = 0;
    for (let child = 1; child < size; child = 2 * index + 1) {
      // Both are below size where they are read.
      if (child + 1 < size && this.#before(this.#items[child + 1] as T, this.#items[child] as T)) child++;
      const below = this.#items[child] as T;
      if (!this.#before(below, item)) break;
      this.#items[index] = below;
      index = child;
    }
    this.#items[index] = item;
  }
}
