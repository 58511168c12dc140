import type { Node } from "../../api/core/types.generated.ts";
import { UsedPorts } from "./host-ports.ts";
import type { PodInfo } from "./pod-info.ts";

/**
 * One node as filters and scores see it (upstream's `NodeInfo`): the object, the pods on it, and the row under which its
 * amounts stand in the columns of the table.
 */
export class NodeInfo {
  readonly name: string;
  readonly row: number;
  /** By UID: the pods that are bound to it or assumed to be. */
  readonly pods = new Map<string, PodInfo>();
  readonly usedPorts = new UsedPorts();
  /** Bytes by image name. */
  images: ReadonlyMap<string, number> = new Map();
  /** While only its pods are known, an empty one of that name. */
  node: Node;

  constructor(name: string, row: number) {
    this.name = name;
    this.row = row;
    this.node = unknownNode(name);
  }
}

export function unknownNode(name: string): Node {
  return { apiVersion: "v1", kind: "Node", metadata: { name }, spec: {} };
}

/** Image names with their size; several names may stand for one image. */
export function imageSizes(node: Node): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { names = [], sizeBytes = 0 } of node.status?.images ?? [])
    for (const name of names) sizes.set(name, sizeBytes);
  return sizes;
}
