import { matchesNodeSelector } from "../../api/core/node-affinity.ts";
import type { Node, Pod, PodResourceClaim } from "../../api/core/types.generated.ts";
import type { ResourceClaim } from "../../api/resource/types.generated.ts";
import { resourceClaims } from "../../api/resources.generated.ts";
import type { Client } from "../../client/client.ts";
import type { Plugin } from "../framework/plugin.ts";
import { Rejection, skip, success, unresolvable } from "../framework/status.ts";

export interface ClaimDependencies {
  readonly client: Pick<Client, "get" | "update">;
  readonly claims: { get(key: string): ResourceClaim | undefined };
}

const unavailable = unresolvable("resourceclaim not available on the node");
// Devices are allocated by rules in CEL, which this scheduler does not evaluate yet; whoever does may allocate the claim.
const unallocated = unresolvable("cannot allocate all claims");
const consumerLimit = 256;

/** Keeps pods to the nodes of the devices that their claims were given, and takes a place among the users of each. */
export function dynamicResources({ client, claims }: ClaimDependencies): Plugin<readonly ResourceClaim[]> {
  return {
    name: "DynamicResources",
    requeueOn: [
      { resource: "resourceclaims", action: "add" },
      { resource: "resourceclaims", action: "update" },
      { resource: "target", action: "update" },
      { resource: "nodes", action: "add" },
      { resource: "nodes", action: "update-labels" },
    ],
    preFilter({ pod }) {
      const wanted = pod.spec.resourceClaims ?? [];
      return wanted.length === 0 ? skip : allocatedClaims(pod, wanted, claims);
    },
    filter: (allocated, { node }) =>
      allocated.every((claim) => isReachable(claim, node)) ? success : unavailable,
    async preBind({ pod }) {
      const wanted = pod.spec.resourceClaims ?? [];
      if (wanted.length === 0) return success;
      const allocated = allocatedClaims(pod, wanted, claims);
      if (allocated instanceof Rejection) return allocated;
      for (const claim of allocated) await reserve(client, claim, pod);
      return success;
    },
  };
}

function allocatedClaims(
  pod: Pod,
  wanted: readonly PodResourceClaim[],
  claims: ClaimDependencies["claims"],
): readonly ResourceClaim[] | Rejection {
  const found: ResourceClaim[] = [];
  for (const reference of wanted) {
    const name = claimName(pod, reference);
    if (name === undefined)
      return unresolvable(`waiting for the resource claim "${reference.name}" of the pod to be created`);
    // Made for no one: the pod's template asked for none.
    if (name === "") continue;
    const claim = claims.get(`${pod.metadata.namespace}/${name}`);
    if (claim === undefined) return unresolvable(`resourceclaim "${name}" not found`);
    if (claim.metadata.deletionTimestamp !== undefined)
      return unresolvable(`resourceclaim "${name}" is being deleted`);
    if (claim.status?.allocation === undefined) return unallocated;
    const users = claim.status.reservedFor ?? [];
    if (users.length >= consumerLimit && !users.some(({ uid }) => uid === pod.metadata.uid))
      return unresolvable("resourceclaim in use");
    found.push(claim);
  }
  return found;
}

/** Undefined while the claim of a template is not made yet. */
function claimName(pod: Pod, { name, resourceClaimName }: PodResourceClaim): string | undefined {
  if (resourceClaimName !== undefined) return resourceClaimName;
  const made = pod.status?.resourceClaimStatuses?.find((status) => status.name === name);
  return made === undefined ? undefined : (made.resourceClaimName ?? "");
}

function isReachable({ status }: ResourceClaim, node: Node): boolean {
  const selector = status?.allocation?.nodeSelector;
  return selector === undefined || matchesNodeSelector(selector, node);
}

/** The pod among the claim's users, read anew: others write there too, and a conflict fails the attempt. */
async function reserve(
  client: ClaimDependencies["client"],
  { metadata }: ResourceClaim,
  pod: Pod,
): Promise<void> {
  const { namespace = "", name = "" } = metadata;
  const claim = await client.get(resourceClaims, { namespace, name });
  const users = claim.status?.reservedFor ?? [];
  const { name: podName = "", uid = "" } = pod.metadata;
  if (users.some((user) => user.uid === uid)) return;
  const reservedFor = [...users, { resource: "pods", name: podName, uid }];
  const reserved = { ...claim, status: { ...claim.status, reservedFor } };
  await client.update(resourceClaims, reserved, { subresource: "status" });
}
