import type { Node } from "../../api/core/types.generated.ts";
import { NodeTable } from "./node-table.ts";
import type { PodInfo } from "./pod-info.ts";

interface Placed {
  readonly info: PodInfo;
  readonly nodeName: string;
  /** The decision was made here and the API has not confirmed it yet. */
  readonly assumed: boolean;
}

/**
 * Nodes and the pods on them: what the API says, and what was decided here but is not bound yet (upstream's `Cache`). A
 * scheduling cycle never waits, so that this is its snapshot as well: nothing changes between its first look and its last.
 */
export class SchedulerCache {
  readonly table = new NodeTable();
  readonly #placed = new Map<string, Placed>();

  get podCount(): number {
    return this.#placed.size;
  }

  setNode(node: Node): void {
    this.table.setNode(node);
  }

  removeNode(name: string): void {
    this.table.removeNode(name);
  }

  /** Counts a pod on its node before the API knows; false where it is there already. */
  assume(info: PodInfo, nodeName: string): boolean {
    if (this.#placed.has(info.uid)) return false;
    this.#place({ info, nodeName, assumed: true });
    return true;
  }

  /** Takes an assumption back; false where there is none (the API has confirmed it, or the pod is gone). */
  forget(uid: string): boolean {
    if (this.#placed.get(uid)?.assumed !== true) return false;
    this.removePod(uid);
    return true;
  }

  isAssumed(uid: string): boolean {
    return this.#placed.get(uid)?.assumed === true;
  }

  nodeOf(uid: string): string | undefined {
    return this.#placed.get(uid)?.nodeName;
  }

  /** A pod that the API says is bound: new, changed, or the confirmation of an assumption. */
  setPod(info: PodInfo): void {
    const nodeName = info.pod.spec.nodeName ?? "";
    this.removePod(info.uid);
    this.#place({ info, nodeName, assumed: false });
  }

  removePod(uid: string): PodInfo | undefined {
    const placed = this.#placed.get(uid);
    if (placed === undefined) return undefined;
    this.table.removePod(placed.nodeName, placed.info);
    this.#placed.delete(uid);
    return placed.info;
  }

  #place(placed: Placed): void {
    this.#placed.set(placed.info.uid, placed);
    this.table.addPod(placed.nodeName, placed.info);
  }
}
