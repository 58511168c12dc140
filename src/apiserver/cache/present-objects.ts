import { SortedMap } from "../../storage/sorted-map.ts";
import type { CachedObject } from "./cached-object.ts";
import type { Selection } from "./selection.ts";

/** The value of a selectable field; "" stands for absence. */
export type FieldOf = (cached: CachedObject, field: string) => string;

/**
 * The objects of a resource as they are now, by their keys. Where a list asks for the exact value of an indexed field, it looks
 * only at the objects that have it: a thousand kubelets that start do not each look at every pod. An index is made when it
 * is first asked for.
 */
export class PresentObjects {
  readonly #byKey = new SortedMap<CachedObject>();
  readonly #indexedFields: readonly string[];
  readonly #fieldOf: FieldOf;
  /** Field, then value, then key. */
  readonly #indexes = new Map<string, Map<string, Map<string, CachedObject>>>();

  constructor(indexedFields: readonly string[], fieldOf: FieldOf) {
    this.#indexedFields = indexedFields;
    this.#fieldOf = fieldOf;
  }

  get(key: string): CachedObject | undefined {
    return this.#byKey.get(key);
  }

  set(cached: CachedObject): void {
    this.#unindex(cached.key);
    this.#byKey.set(cached.key, cached);
    for (const [field, index] of this.#indexes) this.#insert(index, field, cached);
  }

  delete(key: string): void {
    this.#unindex(key);
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
    const field = this.#indexedFields.find((name) => exactFields[name] !== undefined);
    const value = field === undefined ? undefined : exactFields[field];
    if (field === undefined || value === undefined) return undefined;
    const found: CachedObject[] = [];
    for (const [key, cached] of this.#index(field).get(value) ?? [])
      if (this.#byKey.compare(key, start) >= 0 && this.#byKey.compare(key, end) < 0) found.push(cached);
    return found.sort((left, right) => this.#byKey.compare(left.key, right.key));
  }

  #index(field: string): Map<string, Map<string, CachedObject>> {
    const known = this.#indexes.get(field);
    if (known !== undefined) return known;
    const index = new Map<string, Map<string, CachedObject>>();
    this.#byKey.visit("", undefined, (cached) => {
      this.#insert(index, field, cached);
      return true;
    });
    this.#indexes.set(field, index);
    return index;
  }

  #insert(index: Map<string, Map<string, CachedObject>>, field: string, cached: CachedObject): void {
    const value = this.#fieldOf(cached, field);
    const those = index.get(value);
    if (those === undefined) index.set(value, new Map([[cached.key, cached]]));
    else those.set(cached.key, cached);
  }

  #unindex(key: string): void {
    if (this.#indexes.size === 0) return;
    const former = this.#byKey.get(key);
    if (former === undefined) return;
    for (const [field, index] of this.#indexes) {
      const value = this.#fieldOf(former, field);
      const those = index.get(value);
      those?.delete(key);
      if (those?.size === 0) index.delete(value);
    }
  }
}
