import type { Node } from "../../api/core/types.generated.ts";
import { nodes } from "../../api/resources.generated.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { event, type Intent, patch, requeueAfter } from "../framework/intent.ts";
import { CidrPool } from "./cidr-pool.ts";

export interface NodeIpamOptions {
  /** One, or one a family, the primary one first: "10.244.0.0/16,fd00:10:244::/56". */
  readonly clusterCidr?: string;
  /** Prefix lengths of a node's block; 24 and 64 unless said. */
  readonly nodeCidrMaskSize?: number;
  readonly nodeCidrMaskSizeIpv6?: number;
}

/** How long until a node that got no block is looked at again: another one may have gone. */
const usedUpRetryMs = 30_000;

export interface NodeIpamSnapshot {
  readonly node: Node;
  /** The blocks that are to be the node's, or undefined where the pools are used up. */
  readonly podCidrs: readonly string[] | undefined;
}

/** Gives a node without pod CIDRs the blocks that were set aside for it. */
export function reconcileNodeCidrs({ node, podCidrs }: NodeIpamSnapshot): Intent[] {
  if ((node.spec.podCIDRs ?? []).length > 0 || (node.spec.podCIDR ?? "") !== "") return [];
  const [first] = podCidrs ?? [];
  if (podCidrs === undefined || first === undefined) {
    const message = `Node ${node.metadata.name} status is now: CIDRNotAvailable`;
    return [event(node, "Normal", "CIDRNotAvailable", message), requeueAfter(usedUpRetryMs)];
  }
  const spec = { podCIDR: first, podCIDRs: podCidrs };
  return [patch(nodes, node, { type: "strategic", patch: { spec } }, { ignore: ["NotFound"] })];
}

/** Keys are nodes' names. Throws for CIDRs that cannot be used. */
export function nodeIpamController({
  informers,
  clusterCidr = "10.244.0.0/16",
  nodeCidrMaskSize = 24,
  nodeCidrMaskSizeIpv6 = 64,
}: NodeIpamOptions & { readonly informers: InformerFactory }): Controller<NodeIpamSnapshot> {
  const nodeInformer = informers.informer(nodes);
  const pools = clusterCidr.split(",").map((cidr) => {
    const text = cidr.trim();
    return new CidrPool(text, text.includes(":") ? nodeCidrMaskSizeIpv6 : nodeCidrMaskSize);
  });
  let hasSeenAll = false;
  const occupyAll = () => {
    hasSeenAll = true;
    for (const node of nodeInformer.lister.list()) occupy(pools, node);
  };
  return {
    name: "node-ipam-controller",
    eventSource: "cidrAllocator",
    // One at a time: a block is given away before the cache shows it.
    workers: 1,
    watches: [
      watch(
        nodeInformer,
        ({ metadata: { name = "" } }) => [name],
        (old, node) => old.spec.podCIDR !== node.spec.podCIDR,
      ),
    ],
    observe(name) {
      const node = nodeInformer.lister.get(name);
      if (node === undefined) {
        for (const pool of pools) pool.release(name);
        return undefined;
      }
      // Nothing is given away before it is known what the nodes from before have.
      if (!hasSeenAll) occupyAll();
      occupy(pools, node);
      if ((node.spec.podCIDRs ?? []).length > 0) return undefined;
      return { node, podCidrs: allocate(pools, name) };
    },
    reconcile: reconcileNodeCidrs,
  };
}

function occupy(pools: readonly CidrPool[], { metadata: { name = "" }, spec }: Node): void {
  const cidrs = spec.podCIDRs ?? (spec.podCIDR === undefined ? [] : [spec.podCIDR]);
  for (const cidr of cidrs) for (const pool of pools) pool.occupy(name, cidr);
}

function allocate(pools: readonly CidrPool[], name: string): readonly string[] | undefined {
  const cidrs = pools.map((pool) => pool.allocate(name));
  const all = cidrs.filter((cidr) => cidr !== undefined);
  return all.length === cidrs.length ? all : undefined;
}
