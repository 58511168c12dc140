import type { AnyObject } from "../../apimachinery/meta.ts";

type Fields = Readonly<Record<string, unknown>>;

/** How many different trees a generation remembers; there are two. */
const generationSize = 2048;
/** A longer tree is nobody else's. */
const keyMaxLength = 8192;

/**
 * Makes equal trees of managed fields one tree. Every object carries them, they are half of its memory, and those of objects from
 * one template differ at most in a leaf. What was seen lately is remembered, the rest forgotten.
 */
export class SharedFields {
  #young = new Map<string, Fields>();
  #old = new Map<string, Fields>();
  /** Trees by what they are shared as; those that are shared are themselves. */
  readonly #shared = new WeakMap<object, Fields>();

  /** The object, or an equal one whose managed fields are shared. */
  share(object: AnyObject): AnyObject {
    // What was spoilt at rest may have none.
    const managedFields = object.metadata?.managedFields;
    if (!Array.isArray(managedFields)) return object;
    let changed = false;
    const shared = managedFields.map((entry) => {
      const fields = entry.fieldsV1 as unknown;
      if (!isTree(fields)) return entry;
      const tree = this.#shared.get(fields) ?? this.#share(fields);
      if (tree === fields) return entry;
      changed = true;
      return { ...entry, fieldsV1: tree };
    });
    return changed ? { ...object, metadata: { ...object.metadata, managedFields: shared } } : object;
  }

  /** Whoever writes the same again and again has one tree for it, too: that it is known is seen without looking into it. */
  #share(fields: Fields): Fields {
    const tree = this.#treeOf(fields);
    this.#shared.set(fields, tree);
    return tree;
  }

  #treeOf(fields: Fields): Fields {
    const key = JSON.stringify(fields);
    if (key.length > keyMaxLength) return fields;
    const known = this.#young.get(key) ?? this.#old.get(key);
    if (known !== undefined) {
      this.#remember(key, known);
      return known;
    }
    const tree: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields))
      define(tree, name, isTree(value) ? this.#treeOf(value) : value);
    this.#shared.set(tree, tree);
    this.#remember(key, tree);
    return tree;
  }

  #remember(key: string, tree: Fields): void {
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, tree);
  }
}

function isTree(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A plain property, whatever its name. */
function define(tree: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__")
    Object.defineProperty(tree, name, { value, enumerable: true, configurable: true, writable: true });
  else tree[name] = value;
}
