import { storageClassOf } from "../../api/core/persistent-volume.ts";
import type { PersistentVolumeClaim, Pod, Volume } from "../../api/core/types.generated.ts";
import { isControlledBy } from "../../api/meta/owner-references.ts";
import type { StorageClass } from "../../api/storage/types.generated.ts";
import { type Rejection, unresolvable } from "../framework/status.ts";

const bindCompleted = "pv.kubernetes.io/bind-completed";

/** A pod's claims, by what is to be done for them. */
export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Their volume is chosen or made once the node is known. */
  readonly delayed: readonly PersistentVolumeClaim[];
}

/** The name of the claim behind a volume; undefined where there is none. */
function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName;
  if (volume.ephemeral !== undefined) return `${pod.metadata.name}-${volume.name}`;
  return undefined;
}

/** The keys of all claims of a pod. */
export function claimKeysOf(pod: Pod): readonly string[] {
  const keys: string[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name !== undefined) keys.push(`${pod.metadata.namespace}/${name}`);
  }
  return keys;
}

/** Sorts a pod's claims, or says what of them no node can help with. */
export function podClaims(
  pod: Pod,
  claimOf: (key: string) => PersistentVolumeClaim | undefined,
  classOf: (name: string) => StorageClass | undefined,
): PodClaims | Rejection {
  const bound: PersistentVolumeClaim[] = [];
  const delayed: PersistentVolumeClaim[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined) continue;
    const claim = claimOf(`${pod.metadata.namespace}/${name}`);
    const objection = objectionTo(pod, volume, name, claim);
    if (objection !== undefined) return unresolvable(objection);
    if (claim === undefined) continue;
    if (isClaimBound(claim)) bound.push(claim);
    else if (claim.spec?.volumeName || !bindsLate(classOf(claimClass(claim))))
      return unresolvable("pod has unbound immediate PersistentVolumeClaims");
    else delayed.push(claim);
  }
  return { bound, delayed };
}

function objectionTo(
  pod: Pod,
  volume: Volume,
  name: string,
  claim: PersistentVolumeClaim | undefined,
): string | undefined {
  if (claim === undefined) {
    if (volume.ephemeral !== undefined)
      return `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`;
    return `persistentvolumeclaim "${name}" not found`;
  }
  if (claim.status?.phase === "Lost")
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ""}"`;
  if (claim.metadata.deletionTimestamp !== undefined)
    return `persistentvolumeclaim "${name}" is being deleted`;
  if (volume.ephemeral !== undefined && !isControlledBy(claim, pod))
    return `PVC ${claim.metadata.namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`;
  return undefined;
}

/** Both sides of the binding are written. */
export function isClaimBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (spec?.volumeName ?? "") !== "" && metadata.annotations?.[bindCompleted] !== undefined;
}

export function claimClass({ metadata, spec }: PersistentVolumeClaim): string {
  return storageClassOf(metadata, spec?.storageClassName);
}

function bindsLate(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === "WaitForFirstConsumer";
}
