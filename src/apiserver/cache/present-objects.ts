import { SortedMap } from "../../storage/sorted-map.ts";
import type { CachedObject } from "./cached-object.ts";
import type { Selection } from "./selection.ts";

/** The value of a selectable field; "" stands for absence. */
export type FieldOf = (cached: CachedObject, field: string) => string;

/**
 * The objects of a resource as they are now, by their keys. Where a list asks for the exact value of an indexed field, it looks
 * only at the objects that have it: a thousand kubelets that start do not each look at every pod. The indexes follow every write,
 * so that no list waits while one is made of tens of thousands of objects.
 */
export class PresentObjects {
  readonly #byKey = new SortedMap<CachedObject>();
  readonly #indexes: readonly FieldIndex[];

  constructor(indexedFields: readonly string[], fieldOf: FieldOf) {
    this.#indexes = indexedFields.map((field) => new FieldIndex(field, fieldOf));
  }

  get(key: string): CachedObject | undefined {
    return this.#byKey.get(key);
  }

  set(cached: CachedObject): void {
    for (const index of this.#indexes) index.replace(this.#byKey.get(cached.key), cached);
    this.#byKey.set(cached.key, cached);
  }

  delete(key: string): void {
    for (const index of this.#indexes) index.replace(this.#byKey.get(key), undefined);
    this.#byKey.delete(key);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Calls `visit` in the order of keys until it returns false. */
  visit(start: string, end: string | undefined, visit: (cached: CachedObject) => boolean): void {
    this.#byKey.visit(start, end, visit);
  }

  count(start: string, end: string): number {
    return this.#byKey.count(start, end);
  }

  /** All in [start, end) that can be selected, in the order of keys, where an index tells; the selection still decides. */
  indexed({ exactFields }: Selection, start: string, end: string): CachedObject[] | undefined {
    if (exactFields === undefined) return undefined;
    const index = this.#indexes.find(({ field }) => exactFields[field] !== undefined);
    if (index === undefined) return undefined;
    const found: CachedObject[] = [];
    for (const [key, cached] of index.having(exactFields[index.field] ?? ""))
      if (this.#byKey.compare(key, start) >= 0 && this.#byKey.compare(key, end) < 0) found.push(cached);
    return found.sort((left, right) => this.#byKey.compare(left.key, right.key));
  }
}

/** Objects by their value of one field. */
class FieldIndex {
  readonly field: string;
  readonly #fieldOf: FieldOf;
  /** Value, then key. */
  readonly #byValue = new Map<string, Map<string, CachedObject>>();

  constructor(field: string, fieldOf: FieldOf) {
    this.field = field;
    this.#fieldOf = fieldOf;
  }

  having(value: string): Iterable<[string, CachedObject]> {
    return this.#byValue.get(value) ?? [];
  }

  replace(former: CachedObject | undefined, current: CachedObject | undefined): void {
    const value = current && this.#fieldOf(current, this.field);
    const formerValue = former && this.#fieldOf(former, this.field);
    if (former !== undefined && formerValue !== undefined && formerValue !== value)
      this.#remove(formerValue, former.key);
    if (current === undefined || value === undefined) return;
    const those = this.#byValue.get(value);
    if (those === undefined) this.#byValue.set(value, new Map([[current.key, current]]));
    else those.set(current.key, current);
  }

  #remove(value: string, key: string): void {
    const those = this.#byValue.get(value);
    those?.delete(key);
    if (those?.size === 0) this.#byValue.delete(value);
  }
}
