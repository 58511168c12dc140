import { isPodTerminal } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import type {
  ResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimStatus,
} from "../../api/resource/types.generated.ts";
import { resourceClaims } from "../../api/resources.generated.ts";
import { type Intent, remove, update, updateStatus } from "../framework/intent.ts";

export interface ClaimUsersSnapshot {
  readonly claim: ResourceClaim;
  /** The UIDs of its users that still are to run. */
  readonly living: ReadonlySet<string>;
  /** The pod that it was made for has come to its end, and exists. */
  readonly isOwnerDone: boolean;
}

/** Set by the scheduler as it allocates: a claim lives until its devices are given back. */
const protectionFinalizer = "resource.kubernetes.io/delete-protection";

/** Takes off users that are gone, gives the devices back with the last, and removes a claim whose pod is done. */
export function reconcileClaimUsers({ claim, living, isOwnerDone }: ClaimUsersSnapshot): Intent[] {
  const { status = {}, metadata } = claim;
  const users = status.reservedFor ?? [];
  const left = users.filter((user) => !isPod(user) || living.has(user.uid));
  const isDeleted = metadata.deletionTimestamp !== undefined;
  const isProtected = (metadata.finalizers ?? []).includes(protectionFinalizer);
  const givesBack = left.length === 0 && isProtected && (left.length < users.length || isDeleted);
  const intents: Intent[] = [];
  if (givesBack) {
    intents.push(updateStatus(resourceClaims, claim, withoutAllocation(status)), unprotect(claim));
  } else if (left.length < users.length) {
    const { reservedFor: _, ...rest } = status;
    const next = left.length === 0 ? rest : { ...rest, reservedFor: left };
    intents.push(updateStatus(resourceClaims, claim, next));
  }
  if (left.length === 0 && isOwnerDone && !isDeleted) intents.push(remove(resourceClaims, claim));
  return intents;
}

export function isPod({ resource, apiGroup }: ResourceClaimConsumerReference): boolean {
  return resource === "pods" && (apiGroup ?? "") === "";
}

/** A pod that runs no more, or was deleted before it had a node, uses nothing. */
export function isPodDone(pod: Pod): boolean {
  const isUnplaced = (pod.spec.nodeName ?? "") === "";
  return isPodTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && isUnplaced);
}

function withoutAllocation({ allocation: _, devices: __, reservedFor: ___, ...rest }: ResourceClaimStatus) {
  return rest satisfies ResourceClaimStatus;
}

function unprotect(claim: ResourceClaim): Intent {
  const finalizers = (claim.metadata.finalizers ?? []).filter((each) => each !== protectionFinalizer);
  const metadata = { ...claim.metadata, finalizers };
  return update(resourceClaims, claim, { ...claim, metadata });
}
