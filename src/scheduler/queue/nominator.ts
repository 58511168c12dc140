import type { PodInfo } from "../cache/pod-info.ts";

interface Nomination {
  readonly info: PodInfo;
  readonly nodeName: string;
}

/**
 * Pods for which room was made on a node and that are not there yet (upstream's `Nominator`). Others of no higher priority
 * must not take that room.
 */
export class Nominator {
  readonly #byUid = new Map<string, Nomination>();
  readonly #byNode = new Map<string, Map<string, PodInfo>>();

  get size(): number {
    return this.#byUid.size;
  }

  nodeOf(uid: string): string | undefined {
    return this.#byUid.get(uid)?.nodeName;
  }

  on(nodeName: string): readonly PodInfo[] {
    return [...(this.#byNode.get(nodeName)?.values() ?? [])];
  }

  /** The nodes that are kept for someone. */
  nodeNames(): readonly string[] {
    return [...this.#byNode.keys()];
  }

  /** "" withdraws. */
  nominate(info: PodInfo, nodeName: string): void {
    this.delete(info.uid);
    if (nodeName === "") return;
    this.#byUid.set(info.uid, { info, nodeName });
    const pods = this.#byNode.get(nodeName) ?? new Map<string, PodInfo>();
    pods.set(info.uid, info);
    this.#byNode.set(nodeName, pods);
  }

  delete(uid: string): void {
    const nomination = this.#byUid.get(uid);
    if (nomination === undefined) return;
    this.#byUid.delete(uid);
    const pods = this.#byNode.get(nomination.nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(nomination.nodeName);
  }
}
