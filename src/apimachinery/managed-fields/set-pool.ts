import { LruCache } from "../../base/lru-cache.ts";
import type { FieldSet } from "./field-set.ts";

/** How many sets are remembered: one for each way in which a cluster's programs write. */
const poolSize = 512;
/** Longer ones are rarely the same twice. */
const maxTextLength = 4096;

/** One object for sets that are equal: a thousand pods of one template are owned by their controller in one way. */
export class SetPool {
  readonly #known = new LruCache<string, FieldSet>(poolSize);

  share(set: FieldSet): FieldSet {
    const text = JSON.stringify(set);
    return text.length > maxTextLength ? set : this.#known.getOrCreate(text, () => set);
  }
}
