import type { ObjectChange } from "./object-change.ts";
import type { FieldOf } from "./present-objects.ts";
import type { Selection } from "./selection.ts";

interface Selecting {
  readonly selection: Selection;
}

/**
 * Watchers by the narrowest thing their selections require: one object, the value of a field, a namespace. A change looks up
 * who may be concerned instead of asking everyone: a thousand kubelets cost a pod's change one look-up.
 */
export class WatcherIndex<W extends Selecting> {
  readonly #fieldOf: FieldOf;
  readonly #all = new Set<W>();
  readonly #unrestricted = new Set<W>();
  /** "namespace/name", with "" for any namespace. */
  readonly #byObject = new Map<string, Set<W>>();
  readonly #byNamespace = new Map<string, Set<W>>();
  readonly #byField = new Map<string, Map<string, Set<W>>>();

  constructor(fieldOf: FieldOf) {
    this.#fieldOf = fieldOf;
  }

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<W> {
    return this.#all.values();
  }

  add(watcher: W): void {
    this.#all.add(watcher);
    const { namespace, name } = watcher.selection;
    const field = indexedField(watcher.selection);
    if (name !== undefined) addTo(this.#byObject, `${namespace}/${name}`, watcher);
    else if (field !== undefined) {
      const byValue = this.#byField.get(field.name) ?? new Map<string, Set<W>>();
      this.#byField.set(field.name, byValue);
      addTo(byValue, field.value, watcher);
    } else if (namespace !== "") addTo(this.#byNamespace, namespace, watcher);
    else this.#unrestricted.add(watcher);
  }

  delete(watcher: W): void {
    if (!this.#all.delete(watcher)) return;
    const { namespace, name } = watcher.selection;
    const field = indexedField(watcher.selection);
    if (name !== undefined) deleteFrom(this.#byObject, `${namespace}/${name}`, watcher);
    else if (field !== undefined) {
      const byValue = this.#byField.get(field.name);
      if (byValue === undefined) return;
      deleteFrom(byValue, field.value, watcher);
      if (byValue.size === 0) this.#byField.delete(field.name);
    } else if (namespace !== "") deleteFrom(this.#byNamespace, namespace, watcher);
    else this.#unrestricted.delete(watcher);
  }

  /** Calls `visit` once for each watcher that may be concerned; whether it is, its selection says. */
  visit(change: ObjectChange, visit: (watcher: W) => void): void {
    const { namespace, name } = change.place;
    for (const watcher of this.#unrestricted) visit(watcher);
    visitAll(this.#byNamespace.get(namespace), namespace === "" ? undefined : visit);
    if (this.#byObject.size > 0) {
      visitAll(this.#byObject.get(`/${name}`), visit);
      if (namespace !== "") visitAll(this.#byObject.get(`${namespace}/${name}`), visit);
    }
    if (this.#byField.size > 0) this.#visitByField(change, visit);
  }

  #visitByField({ current, previous }: ObjectChange, visit: (watcher: W) => void): void {
    for (const [field, byValue] of this.#byField) {
      const value = current && this.#fieldOf(current, field);
      const valueBefore = previous && this.#fieldOf(previous, field);
      if (value !== undefined) visitAll(byValue.get(value), visit);
      if (valueBefore !== undefined && valueBefore !== value) visitAll(byValue.get(valueBefore), visit);
    }
  }
}

/** Names and namespaces have indexes of their own. */
function indexedField(selection: Selection): { name: string; value: string } | undefined {
  for (const [name, value] of Object.entries(selection.exactFields ?? {}))
    if (name !== "metadata.name" && name !== "metadata.namespace") return { name, value };
  return undefined;
}

function visitAll<W>(watchers: ReadonlySet<W> | undefined, visit: ((watcher: W) => void) | undefined): void {
  if (watchers === undefined || visit === undefined) return;
  for (const watcher of watchers) visit(watcher);
}

function addTo<W>(sets: Map<string, Set<W>>, key: string, watcher: W): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([watcher]));
  else set.add(watcher);
}

function deleteFrom<W>(sets: Map<string, Set<W>>, key: string, watcher: W): void {
  const set = sets.get(key);
  if (set === undefined) return;
  set.delete(watcher);
  if (set.size === 0) sets.delete(key);
}
