import { matchesNodeSelector } from "../../api/core/node-affinity.ts";
import type { Node, NodeSelector } from "../../api/core/types.generated.ts";
import type { Device, ResourceSlice } from "../../api/resource/types.generated.ts";

/** A device and where it can be reached from. */
export interface Offer {
  readonly driver: string;
  readonly pool: string;
  readonly device: Device;
  /** The slice it was published in, for its node. */
  readonly slice: ResourceSlice;
}

/** The newest generation of a driver's pool. */
export interface Pool {
  readonly driver: string;
  readonly name: string;
  readonly slices: readonly ResourceSlice[];
  /** All slices of the generation are there: only then what the pool holds is known. */
  readonly isComplete: boolean;
}

export function deviceId({ driver, pool, device }: { driver: string; pool: string; device: string }): string {
  return `${driver}/${pool}/${device}`;
}

/** Pools by driver and name, in that order; of each the slices of its newest generation. */
export function poolsOf(slices: readonly ResourceSlice[]): readonly Pool[] {
  const pools = new Map<string, ResourceSlice[]>();
  for (const slice of slices) {
    const { driver, pool } = slice.spec;
    const key = `${driver}/${pool.name}`;
    const known = pools.get(key);
    const generation = known?.[0]?.spec.pool.generation ?? -1;
    if (known === undefined || pool.generation > generation) pools.set(key, [slice]);
    else if (pool.generation === generation) known.push(slice);
  }
  return [...pools.entries()]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([, newest]) => {
      const { driver, pool } = (newest[0] as ResourceSlice).spec; // each list begins with one
      const isComplete = newest.length === pool.resourceSliceCount;
      return { driver, name: pool.name, slices: newest.toSorted(byName), isComplete };
    });
}

function byName(left: ResourceSlice, right: ResourceSlice): number {
  return (left.metadata.name ?? "") < (right.metadata.name ?? "") ? -1 : 1;
}

/** The pool's devices that pods on the node can reach. */
export function offersOn({ driver, name, slices }: Pool, node: Node): readonly Offer[] {
  return slices.flatMap((slice) =>
    (slice.spec.devices ?? [])
      .filter((device) => isReachable(placeOf(slice, device), node))
      .map((device) => ({ driver, pool: name, device, slice })),
  );
}

interface Place {
  readonly nodeName?: string | undefined;
  readonly nodeSelector?: NodeSelector | undefined;
  readonly allNodes?: boolean | undefined;
}

/** What a slice says of all its devices, or each device of itself. */
function placeOf({ spec }: ResourceSlice, device: Device): Place {
  return spec.perDeviceNodeSelection === true ? device : spec;
}

function isReachable({ nodeName, nodeSelector, allNodes }: Place, node: Node): boolean {
  if ((nodeName ?? "") !== "") return nodeName === node.metadata.name;
  if (nodeSelector !== undefined) return matchesNodeSelector(nodeSelector, node);
  return allNodes === true;
}

/** The nodes from which all of these devices can be reached; undefined: every one. */
export function selectorOf(offers: readonly Offer[]): NodeSelector | undefined {
  const terms: NodeSelector["nodeSelectorTerms"][number][] = [];
  for (const { slice, device } of offers) {
    const { nodeName, nodeSelector } = placeOf(slice, device);
    if (nodeName !== undefined && nodeName !== "") {
      const matchFields = [{ key: "metadata.name", operator: "In", values: [nodeName] }];
      return { nodeSelectorTerms: [{ matchFields }] };
    }
    // Validation lets a device's selector have one term only.
    const [term] = nodeSelector?.nodeSelectorTerms ?? [];
    if (term !== undefined) terms.push(term);
  }
  if (terms.length === 0) return undefined;
  const unique = <T>(all: readonly T[]): T[] => [
    ...new Map(all.map((each) => [JSON.stringify(each), each])).values(),
  ];
  const matchExpressions = unique(terms.flatMap((term) => term.matchExpressions ?? []));
  const matchFields = unique(terms.flatMap((term) => term.matchFields ?? []));
  return {
    nodeSelectorTerms: [
      {
        ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
        ...(matchFields.length === 0 ? {} : { matchFields }),
      },
    ],
  };
}

/** A name without a domain belongs to the driver. */
export function qualified(driver: string, name: string): readonly [domain: string, id: string] {
  const cut = name.indexOf("/");
  return cut < 0 ? [driver, name] : [name.slice(0, cut), name.slice(cut + 1)];
}
