import type { Pod, PodResourceClaim } from "../../api/core/types.generated.ts";
import type { ResourceClaim, ResourceClaimTemplate } from "../../api/resource/types.generated.ts";
import { pods as podsType, resourceClaims } from "../../api/resources.generated.ts";
import { create, event, type Intent, patch, updateStatus } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";

export interface PodClaimsSnapshot {
  readonly pod: Pod;
  /** The claims made for the pod. */
  readonly owned: readonly ResourceClaim[];
  /** Of the pod's namespace, by name. */
  readonly claimOf: (name: string) => ResourceClaim | undefined;
  readonly templateOf: (name: string) => ResourceClaimTemplate | undefined;
}

/** Which of the pod's claims a generated one is. */
const podClaimNameAnnotation = "resource.kubernetes.io/pod-claim-name";

/** A generated name has a hyphen and five characters after its base, in 63 in all. */
const maxBaseLength = 57;

const maxUsers = 256;

/** Makes the claims that a pod wants by template, tells the pod their names, and takes its place among the users. */
export function reconcilePodClaims(snapshot: PodClaimsSnapshot): Intent[] {
  const { pod } = snapshot;
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  const intents: Intent[] = [];
  const names: { readonly name: string; readonly resourceClaimName: string }[] = [];
  for (const wanted of pod.spec.resourceClaims ?? []) {
    const templateName = wanted.resourceClaimTemplateName;
    if (templateName === undefined) continue;
    const noted = nameOfClaim(pod, wanted);
    const known = noted === undefined ? undefined : snapshot.claimOf(noted);
    if (known !== undefined) {
      if (!isMadeFor(known, pod)) intents.push(failed(pod, wanted, notOwned(known)));
      continue;
    }
    const made = snapshot.owned.find(
      ({ metadata }) => metadata.annotations?.[podClaimNameAnnotation] === wanted.name,
    );
    if (made !== undefined) {
      names.push({ name: wanted.name, resourceClaimName: made.metadata.name ?? "" });
      continue;
    }
    const template = snapshot.templateOf(templateName);
    intents.push(
      template === undefined
        ? failed(pod, wanted, `resource claim template "${templateName}" not found`)
        : createClaim(pod, wanted, template),
    );
  }
  return [...intents, ...noteNames(pod, names), ...reservations(snapshot)];
}

/** The name of the claim that a pod's entry stands for; undefined while it is not made or not known. */
export function nameOfClaim(pod: Pod, { name, resourceClaimName }: PodResourceClaim): string | undefined {
  if (resourceClaimName !== undefined) return resourceClaimName;
  return pod.status?.resourceClaimStatuses?.find((status) => status.name === name)?.resourceClaimName;
}

function isMadeFor({ metadata }: ResourceClaim, pod: Pod): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ uid, controller }) => controller === true && uid === pod.metadata.uid,
  );
}

function notOwned({ metadata }: ResourceClaim): string {
  return `ResourceClaim ${metadata.namespace}/${metadata.name} was not created for this pod (pod is not owner)`;
}

function failed(pod: Pod, { name }: PodResourceClaim, why: string): Intent {
  return event(pod, "Warning", "FailedResourceClaimCreation", `PodResourceClaim ${name}: ${why}`);
}

function createClaim(pod: Pod, wanted: PodResourceClaim, { spec }: ResourceClaimTemplate): Intent {
  const { labels, annotations } = spec.metadata ?? {};
  const { namespace } = pod.metadata;
  const claim: ResourceClaim = {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: {
      generateName: generateName(pod.metadata.name ?? "", wanted.name),
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      annotations: { ...annotations, [podClaimNameAnnotation]: wanted.name },
      ownerReferences: [controllerReference(pod)],
    },
    spec: spec.spec,
  };
  return create(resourceClaims, claim, {
    report: {
      regarding: pod,
      failed: ({ message }) => ({
        type: "Warning",
        reason: "FailedResourceClaimCreation",
        message: `PodResourceClaim ${wanted.name}: failed to create ResourceClaim: ${message}`,
      }),
    },
  });
}

/** Both names, each cut to its half where they are too long: the server would cut the second one away. */
function generateName(pod: string, claim: string): string {
  const whole = `${pod}-${claim}-`;
  if (whole.length <= maxBaseLength) return whole;
  const room = maxBaseLength - 2;
  const podLength = Math.max(Math.ceil(room / 2), room - claim.length);
  return `${pod.slice(0, podLength)}-${claim.slice(0, room - Math.min(podLength, pod.length))}-`;
}

function noteNames(pod: Pod, names: readonly { readonly name: string }[]): Intent[] {
  if (names.length === 0) return [];
  // Names merge by entry; the UID keeps them from another pod of the same name.
  const change = { metadata: { uid: pod.metadata.uid }, status: { resourceClaimStatuses: names } };
  const write = { type: "strategic", patch: change } as const;
  return [patch(podsType, pod, write, { subresource: "status", ignore: ["NotFound"] })];
}

/** A pod that has its node not from the scheduler has nobody else to reserve what is allocated already. */
function reservations({ pod, claimOf }: PodClaimsSnapshot): Intent[] {
  if ((pod.spec.nodeName ?? "") === "") return [];
  return (pod.spec.resourceClaims ?? []).flatMap((wanted) => {
    const name = nameOfClaim(pod, wanted);
    const claim = name === undefined ? undefined : claimOf(name);
    if (claim?.status?.allocation === undefined) return [];
    if (wanted.resourceClaimTemplateName !== undefined && !isMadeFor(claim, pod)) return [];
    const users = claim.status.reservedFor ?? [];
    const { name: podName = "", uid = "" } = pod.metadata;
    if (users.length >= maxUsers || users.some((user) => user.uid === uid)) return [];
    const reservedFor = [...users, { resource: "pods", name: podName, uid }];
    return [updateStatus(resourceClaims, claim, { ...claim.status, reservedFor })];
  });
}
