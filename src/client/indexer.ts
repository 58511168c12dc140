import { type KubeObject, objectKey } from "../apimachinery/meta.ts";
import type { Lister } from "./informer.ts";

type IndexFunction<T> = (object: T) => readonly string[];

interface Index<T> {
  readonly values: IndexFunction<T>;
  readonly keysByValue: Map<string, Set<string>>;
}

/** Named indices and the objects under them (client-go's thread-safe store). Objects are shared and never copied. */
export class Indexer<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #indices = new Map<string, Index<T>>();
  /** Made by the first namespaced list: most informers are never asked. */
  #byNamespace: Index<T> | undefined;
  /** What `list` hands out until something changes. */
  #all: readonly T[] | undefined;
  readonly #onIndexError: (error: unknown) => void;

  /** An index function that throws counts as returning nothing. */
  constructor(onIndexError: (error: unknown) => void = () => {}) {
    this.#onIndexError = onIndexError;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  list(options: { readonly namespace?: string } = {}): readonly T[] {
    const { namespace } = options;
    if (namespace === undefined || namespace === "") {
      this.#all ??= [...this.#objects.values()];
      return this.#all;
    }
    this.#byNamespace ??= this.#build(({ metadata }) => [metadata.namespace ?? ""]);
    return this.#lookUp(this.#byNamespace, namespace);
  }

  /** Throws for a name that `addIndex` was not called with. */
  byIndex(indexName: string, value: string): readonly T[] {
    const index = this.#indices.get(indexName);
    if (index === undefined) throw new Error(`no index is named ${JSON.stringify(indexName)}`);
    return this.#lookUp(index, value);
  }

  /** All values an index has objects for. */
  indexValues(indexName: string): readonly string[] {
    return [...(this.#indices.get(indexName)?.keysByValue.keys() ?? [])];
  }

  /** Builds the index from what is there. The same name again must mean the same index. */
  addIndex(indexName: string, values: IndexFunction<T>): void {
    if (this.#indices.has(indexName)) return;
    this.#indices.set(indexName, this.#build(values));
  }

  /** Adds or replaces `old`, the object that stands there; returns it. */
  set(object: T, key = objectKey(object), old = this.#objects.get(key)): T | undefined {
    this.#objects.set(key, object);
    this.#all = undefined;
    this.#reindex(key, old, object);
    return old;
  }

  /** Removes; the object that stood there. */
  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    this.#objects.delete(key);
    this.#all = undefined;
    this.#reindex(key, old, undefined);
    return old;
  }

  #reindex(key: string, old: T | undefined, object: T | undefined): void {
    for (const index of this.#indices.values()) reindex(index, key, old, object);
    if (this.#byNamespace !== undefined) reindex(this.#byNamespace, key, old, object);
  }

  #build(values: IndexFunction<T>): Index<T> {
    const guarded = (object: T) => {
      try {
        return values(object);
      } catch (error) {
        this.#onIndexError(error);
        return none;
      }
    };
    const index: Index<T> = { values: guarded, keysByValue: new Map() };
    for (const [key, object] of this.#objects) reindex(index, key, undefined, object);
    return index;
  }

  #lookUp(index: Index<T>, value: string): readonly T[] {
    const found: T[] = [];
    for (const key of index.keysByValue.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }
}

const none: readonly string[] = [];

function reindex<T>(index: Index<T>, key: string, old: T | undefined, object: T | undefined): void {
  const before = old === undefined ? none : index.values(old);
  const after = object === undefined ? none : index.values(object);
  for (const value of before) {
    if (after.includes(value)) continue;
    const keys = index.keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.keysByValue.delete(value);
  }
  for (const value of after) {
    const keys = index.keysByValue.get(value);
    if (keys === undefined) index.keysByValue.set(value, new Set([key]));
    else keys.add(key);
  }
}
