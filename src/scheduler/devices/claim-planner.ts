import type { Node, Pod, PodResourceClaim } from "../../api/core/types.generated.ts";
import type {
  AllocationResult,
  DeviceClass,
  ResourceClaim,
  ResourceSlice,
} from "../../api/resource/types.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import { Rejection, unresolvable, unschedulable } from "../framework/status.ts";
import { AllocationError, allocate, type Market } from "./allocator.ts";
import type { DeviceSelectors } from "./device-selectors.ts";
import { deviceId, poolsOf } from "./inventory.ts";

/** What claims are allocated from. */
export interface ClaimSources {
  readonly claims: { get(key: string): ResourceClaim | undefined; list(): readonly ResourceClaim[] };
  readonly classes: { get(key: string): DeviceClass | undefined };
  readonly slices: { list(): readonly ResourceSlice[] };
  /** Undefined until they are loaded; whoever loads them tells the queue of a change of device classes then. */
  readonly selectors: () => DeviceSelectors | undefined;
}

/** What a pod's claims ask of a node. */
export interface Wanted {
  readonly allocated: readonly ResourceClaim[];
  /** To be allocated together with the choice of the node. */
  readonly pending: readonly ResourceClaim[];
  readonly market: Market | undefined;
}

// Pods that go away give devices back, though only once their claims are freed.
export const unallocated = unschedulable("cannot allocate all claims");
const consumerLimit = 256;

/** Plans which devices claims get on a node, and remembers what was decided until the cache shows it. */
export class ClaimPlanner {
  readonly #sources: ClaimSources;
  /** By claim. */
  readonly #inFlight = new Map<string, { readonly podUid: string; readonly allocation: AllocationResult }>();

  constructor(sources: ClaimSources) {
    this.#sources = sources;
  }

  want(pod: Pod): Wanted | Rejection {
    const { claims, classes, slices } = this.#sources;
    const found = claimsOf(pod, claims);
    if (found instanceof Rejection) return found;
    const allocated = found.filter(({ status }) => status?.allocation !== undefined);
    const pending = found.filter(({ status }) => status?.allocation === undefined);
    for (const [key] of this.#inFlight)
      if (claims.get(key)?.status?.allocation !== undefined) this.#inFlight.delete(key);
    if (pending.some((claim) => this.#inFlight.has(objectKey(claim))))
      return unresolvable("resource claim is in the process of being allocated");
    if (pending.length === 0) return { allocated, pending, market: undefined };
    const selectors = this.#sources.selectors();
    if (selectors === undefined) return unresolvable("device classes are not loaded yet");
    const market: Market = {
      pools: poolsOf(slices.list()),
      classOf: (name) => classes.get(name),
      selectors,
      taken: takenBy(claims.list(), [...this.#inFlight.values()]),
    };
    return { allocated, pending, market };
  }

  /** An allocation for each of the pending claims, in their order. */
  plan({ pending, market }: Wanted, node: Node): readonly AllocationResult[] | Rejection {
    if (market === undefined) return [];
    try {
      return allocate(pending, node, market) ?? unallocated;
    } catch (error) {
      if (error instanceof AllocationError) return unresolvable(error.message);
      throw error;
    }
  }

  /** From now on no other pod gets these devices. */
  hold(podUid: string, { pending }: Wanted, planned: readonly AllocationResult[]): void {
    for (const [index, allocation] of planned.entries()) {
      const claim = pending[index];
      if (claim !== undefined) this.#inFlight.set(objectKey(claim), { podUid, allocation });
    }
  }

  release(podUid: string): void {
    for (const [key, held] of this.#inFlight) if (held.podUid === podUid) this.#inFlight.delete(key);
  }

  /** What was decided for the claim with this pod. */
  heldFor(podUid: string, claim: ResourceClaim): AllocationResult | undefined {
    const held = this.#inFlight.get(objectKey(claim));
    return held?.podUid === podUid ? held.allocation : undefined;
  }
}

/** The devices that claims have, or are about to get, to themselves. */
function takenBy(
  claims: readonly ResourceClaim[],
  inFlight: readonly { readonly allocation: AllocationResult }[],
): ReadonlySet<string> {
  const allocations = [
    ...claims.map(({ status }) => status?.allocation),
    ...inFlight.map((each) => each.allocation),
  ];
  const results = allocations.flatMap((allocation) => allocation?.devices?.results ?? []);
  return new Set(results.filter(({ adminAccess }) => adminAccess !== true).map(deviceId));
}

/** The claims of a pod, each once; why it has to wait where one of them is not there. */
export function claimsOf(pod: Pod, claims: ClaimSources["claims"]): readonly ResourceClaim[] | Rejection {
  const found: ResourceClaim[] = [];
  for (const reference of pod.spec.resourceClaims ?? []) {
    const name = claimName(pod, reference);
    if (name === undefined)
      return unresolvable(`waiting for the resource claim "${reference.name}" of the pod to be created`);
    // Made for no one: the pod's template asked for none.
    if (name === "") continue;
    const claim = claims.get(`${pod.metadata.namespace}/${name}`);
    if (claim === undefined) return unresolvable(`resourceclaim "${name}" not found`);
    if (claim.metadata.deletionTimestamp !== undefined)
      return unresolvable(`resourceclaim "${name}" is being deleted`);
    const users = claim.status?.reservedFor ?? [];
    if (users.length >= consumerLimit && !users.some(({ uid }) => uid === pod.metadata.uid))
      return unresolvable("resourceclaim in use");
    if (!found.some(({ metadata }) => metadata.name === name)) found.push(claim);
  }
  return found;
}

/** Undefined while the claim of a template is not made yet. */
function claimName(pod: Pod, { name, resourceClaimName }: PodResourceClaim): string | undefined {
  if (resourceClaimName !== undefined) return resourceClaimName;
  const made = pod.status?.resourceClaimStatuses?.find((status) => status.name === name);
  return made === undefined ? undefined : (made.resourceClaimName ?? "");
}
