import { matchesNodeSelector } from "../../api/core/node-affinity.ts";
import type { Node, Pod } from "../../api/core/types.generated.ts";
import type { AllocationResult, ResourceClaim } from "../../api/resource/types.generated.ts";
import { resourceClaims } from "../../api/resources.generated.ts";
import type { Client } from "../../client/client.ts";
import {
  ClaimPlanner,
  type ClaimSources,
  claimsOf,
  unallocated,
  type Wanted,
} from "../devices/claim-planner.ts";
import type { Plugin } from "../framework/plugin.ts";
import { Rejection, skip, success, unresolvable } from "../framework/status.ts";

export interface ClaimDependencies extends ClaimSources {
  readonly client: Pick<Client, "get" | "update">;
}

const unavailable = unresolvable("resourceclaim not available on the node");
const protectionFinalizer = "resource.kubernetes.io/delete-protection";

/** Gives claims devices on the pod's node, keeps pods to the devices their claims have, and notes who uses them. */
export function dynamicResources({ client, ...sources }: ClaimDependencies): Plugin<Wanted> {
  const planner = new ClaimPlanner(sources);
  const hasClaims = (pod: Pod) => (pod.spec.resourceClaims ?? []).length > 0;
  return {
    name: "DynamicResources",
    requeueOn: [
      { resource: "resourceclaims", action: "add" },
      { resource: "resourceclaims", action: "update" },
      { resource: "resourceclaims", action: "delete" },
      { resource: "resourceslices", action: "add" },
      { resource: "resourceslices", action: "update" },
      { resource: "deviceclasses", action: "add" },
      { resource: "deviceclasses", action: "update" },
      { resource: "target", action: "update" },
      { resource: "nodes", action: "add" },
      { resource: "nodes", action: "update-labels" },
    ],
    preFilter: ({ pod }) => (hasClaims(pod) ? planner.want(pod) : skip),
    filter(wanted, { node }) {
      if (!wanted.allocated.every((claim) => isReachable(claim, node))) return unavailable;
      const planned = planner.plan(wanted, node);
      return planned instanceof Rejection ? planned : success;
    },
    reserve({ pod, uid }, { node }) {
      if (!hasClaims(pod)) return success;
      const wanted = planner.want(pod);
      if (wanted instanceof Rejection) return wanted;
      const planned = planner.plan(wanted, node);
      if (planned instanceof Rejection) return planned;
      planner.hold(uid, wanted, planned);
      return success;
    },
    unreserve: ({ uid }) => planner.release(uid),
    async preBind({ pod, uid }) {
      if (!hasClaims(pod)) return success;
      const found = claimsOf(pod, sources.claims);
      if (found instanceof Rejection) return found;
      for (const claim of found) {
        const allocation = planner.heldFor(uid, claim);
        if (allocation === undefined && claim.status?.allocation === undefined) return unallocated;
        await bindClaim(client, claim, pod, allocation);
      }
      return success;
    },
  };
}

function isReachable({ status }: ResourceClaim, node: Node): boolean {
  const selector = status?.allocation?.nodeSelector;
  return selector === undefined || matchesNodeSelector(selector, node);
}

/**
 * Writes the allocation, and the pod among the claim's users, over the claim as it is now: others write there too, and a
 * conflict fails the attempt. The finalizer comes first: a claim with devices must not vanish.
 */
async function bindClaim(
  client: ClaimDependencies["client"],
  { metadata }: ResourceClaim,
  pod: Pod,
  allocation: AllocationResult | undefined,
): Promise<void> {
  const { namespace = "", name = "" } = metadata;
  let claim = await client.get(resourceClaims, { namespace, name });
  if (claim.metadata.uid !== metadata.uid) throw new Error(`resourceclaim "${name}" was made anew`);
  const users = claim.status?.reservedFor ?? [];
  const { name: podName = "", uid = "" } = pod.metadata;
  const isUser = users.some((user) => user.uid === uid);
  if (isUser && claim.status?.allocation !== undefined) return;
  const finalizers = claim.metadata.finalizers ?? [];
  if (allocation !== undefined && claim.status?.allocation === undefined) {
    if (!finalizers.includes(protectionFinalizer)) {
      const kept = { ...claim.metadata, finalizers: [...finalizers, protectionFinalizer] };
      claim = await client.update(resourceClaims, { ...claim, metadata: kept });
    }
    claim = { ...claim, status: { ...claim.status, allocation } };
  } else if (allocation !== undefined) {
    throw new Error(`resourceclaim "${name}" got other devices in the meantime`);
  }
  const reservedFor = isUser ? users : [...users, { resource: "pods", name: podName, uid }];
  const reserved = { ...claim, status: { ...claim.status, reservedFor } };
  await client.update(resourceClaims, reserved, { subresource: "status" });
}
