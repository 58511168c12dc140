import type { RequestInfo } from "../request-info.ts";

/** Selects pods of one node: nearly no event concerns such a watch, so it is not counted. */
const nodeSelector = /(^|,)\s*spec\.nodeName==?[^=,]/;

/** How many watches there are, by what they watch: upstream's WatchTracker. */
export class WatchCounts {
  readonly #counts = new Map<string, number>();

  /** Counts a watch until the returned function is called. */
  add(info: RequestInfo): () => void {
    if (info.resource === "pods" && nodeSelector.test(info.fieldSelector ?? "")) return () => {};
    const key = keyOf(info, info.namespace, info.name);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#counts.get(key) ?? 1) - 1;
      if (left === 0) this.#counts.delete(key);
      else this.#counts.set(key, left);
    };
  }

  /** The watches that hear of what this request changes. */
  interestedIn(info: RequestInfo): number {
    if (this.#counts.size === 0) return 0;
    let count = this.#counts.get(keyOf(info, "", "")) ?? 0;
    if (info.namespace !== "") count += this.#counts.get(keyOf(info, info.namespace, "")) ?? 0;
    if (info.name !== "") count += this.#counts.get(keyOf(info, info.namespace, info.name)) ?? 0;
    return count;
  }
}

function keyOf({ apiGroup, resource }: RequestInfo, namespace: string, name: string): string {
  return `${apiGroup}/${resource}/${namespace}/${name}`;
}
