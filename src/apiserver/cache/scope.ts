import { type KeyRange, prefixRange } from "../../storage/storage.ts";
import type { CachedObject } from "./cached-object.ts";
import type { ObjectPlace } from "./object-change.ts";
import type { Selection } from "./selection.ts";

/** The keys of one resource: its prefix, then "namespace/name" or "name". */
export class Scope {
  readonly prefix: string;
  readonly #namespaced: boolean;

  constructor(prefix: string, namespaced: boolean) {
    this.prefix = prefix;
    this.#namespaced = namespaced;
  }

  get range(): KeyRange {
    return prefixRange(this.prefix);
  }

  placeOf(key: string): ObjectPlace {
    const slash = this.#namespaced ? key.indexOf("/", this.prefix.length) : -1;
    if (slash < 0) return { namespace: "", name: key.slice(this.prefix.length) };
    return { namespace: key.slice(this.prefix.length, slash), name: key.slice(slash + 1) };
  }

  /** The least range that holds everything selected. */
  rangeOf({ namespace, name }: Selection): Required<KeyRange> {
    if (namespace !== "" && name !== undefined) return single(`${this.prefix}${namespace}/${name}`);
    if (!this.#namespaced && name !== undefined) return single(this.prefix + name);
    const prefix = namespace === "" || !this.#namespaced ? this.prefix : `${this.prefix}${namespace}/`;
    const { start, end } = prefixRange(prefix);
    return { start, end: end ?? start };
  }

  /** Whether a selection wants an object, wherever it is. */
  selector(selection: Selection): (cached: CachedObject) => boolean {
    const { namespace, name, matches } = selection;
    const namespacePrefix = this.#namespaced && namespace !== "" ? `${this.prefix}${namespace}/` : undefined;
    return (cached) => {
      if (namespacePrefix !== undefined && !cached.key.startsWith(namespacePrefix)) return false;
      if (name !== undefined && this.placeOf(cached.key).name !== name) return false;
      return matches === undefined || matches(cached.object);
    };
  }
}

function single(key: string): Required<KeyRange> {
  return { start: key, end: `${key}\0` };
}
