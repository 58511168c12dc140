import type { ResourceDefinition } from "../api/definition.ts";
import type { ResourceStore } from "./registry/store.ts";

/** A resource in one of its served versions. */
export interface ServedResource {
  readonly definition: ResourceDefinition;
  readonly version: string;
  readonly store: ResourceStore;
}

/** What is served where: one entry a group, version and resource. Resources come and go (custom ones). */
export class ResourceTable {
  readonly #served = new Map<string, ServedResource>();
  readonly #stores = new Map<string, ResourceStore>();
  readonly #definitions = new Map<string, ResourceDefinition>();
  readonly #listeners = new Set<() => void>();
  #generation = 0;
  #all: readonly ResourceDefinition[] | undefined;
  #allGeneration = -1;

  /** Grows with every change: what is derived from the table is made anew when it differs. */
  get generation(): number {
    return this.#generation;
  }

  /** `stores`: those of versions that have one of their own. */
  add(
    definition: ResourceDefinition,
    store: ResourceStore,
    stores: ReadonlyMap<string, ResourceStore> = new Map(),
  ): void {
    const { group, plural } = definition;
    this.#definitions.set(`${group}/${plural}`, definition);
    this.#stores.set(`${group}/${plural}`, store);
    for (const version of definition.versions)
      this.#served.set(`${group}/${version}/${plural}`, {
        definition: definition.custom?.forVersion(version) ?? definition,
        version,
        store: stores.get(version) ?? store,
      });
    this.#changed();
  }

  remove(definition: ResourceDefinition): void {
    const { group, plural } = definition;
    this.#definitions.delete(`${group}/${plural}`);
    this.#stores.delete(`${group}/${plural}`);
    for (const version of definition.versions) this.#served.delete(`${group}/${version}/${plural}`);
    this.#changed();
  }

  /** Calls back after every change until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    this.#generation++;
    for (const listener of this.#listeners) listener();
  }

  find(group: string, version: string, plural: string): ServedResource | undefined {
    return this.#served.get(`${group}/${version}/${plural}`);
  }

  definitionOf(resource: {
    readonly group: string;
    readonly plural: string;
  }): ResourceDefinition | undefined {
    return this.#definitions.get(`${resource.group}/${resource.plural}`);
  }

  storeOf(resource: { readonly group: string; readonly plural: string }): ResourceStore | undefined {
    return this.#stores.get(`${resource.group}/${resource.plural}`);
  }

  /** All of them in a list that stays the same while nothing changes. */
  all(): readonly ResourceDefinition[] {
    if (this.#all === undefined || this.#allGeneration !== this.#generation) {
      this.#all = [...this.#definitions.values()];
      this.#allGeneration = this.#generation;
    }
    return this.#all;
  }

  /** In the order they were added. */
  definitions(): IterableIterator<ResourceDefinition> {
    return this.#definitions.values();
  }
}
