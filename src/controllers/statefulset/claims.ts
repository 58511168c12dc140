import type { StatefulSet } from "../../api/apps/types.generated.ts";
import type { PersistentVolumeClaim, Pod } from "../../api/core/types.generated.ts";
import { persistentVolumeClaims } from "../../api/resources.generated.ts";
import type { KubeObject, OwnerReference } from "../../apimachinery/meta.ts";
import { create, type Intent, type Report, update } from "../framework/intent.ts";
import { claimNameFor, ordinalOf, podNameFor } from "./identity.ts";

/** Finds a claim of the set's namespace by its name. */
export type ClaimLookup = (name: string) => PersistentVolumeClaim | undefined;

/** Creates the claims of an ordinal that are missing. They outlive their pod, unless the retention policy says otherwise. */
export function missingClaims(set: StatefulSet, ordinal: number, claimOf: ClaimLookup): Intent[] {
  return (set.spec.volumeClaimTemplates ?? []).flatMap((template) => {
    const { name: templateName = "" } = template.metadata;
    const name = claimNameFor(set, templateName, ordinal);
    if (claimOf(name) !== undefined) return [];
    const { namespace } = set.metadata;
    const owners = deletesWith(set) ? [ownerReference(set)] : [];
    const claim: PersistentVolumeClaim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: {
        ...template.metadata,
        name,
        ...(namespace === undefined ? {} : { namespace }),
        labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
        ...(owners.length === 0 ? {} : { ownerReferences: owners }),
      },
      spec: template.spec,
    };
    const report = claimReport(set, name, podNameFor(set, ordinal));
    return [create(persistentVolumeClaims, claim, { report, ignore: ["AlreadyExists"] })];
  });
}

function claimReport(regarding: StatefulSet, claim: string, pod: string): Report {
  const subject = `create Claim ${claim} Pod ${pod} in StatefulSet ${regarding.metadata.name}`;
  return {
    regarding,
    succeeded: () => ({ type: "Normal", reason: "SuccessfulCreate", message: `${subject} success` }),
    failed: (error) => ({
      type: "Warning",
      reason: "FailedCreate",
      message: `${subject} failed error: ${error.message}`,
    }),
  };
}

/** A claim of the pod is still being deleted: a new pod would be bound to it and go down with it. */
export function hasStaleClaim(set: StatefulSet, ordinal: number, claimOf: ClaimLookup): boolean {
  return (set.spec.volumeClaimTemplates ?? []).some(
    ({ metadata: { name = "" } }) =>
      claimOf(claimNameFor(set, name, ordinal))?.metadata.deletionTimestamp !== undefined,
  );
}

/**
 * Makes the owners of a pod's claims follow the retention policy: the set owns what goes with the set, a pod that is
 * scaled away owns what goes with it. The garbage collector does the rest.
 */
export function matchRetention(
  set: StatefulSet,
  pod: Pod,
  isCondemned: boolean,
  claimOf: ClaimLookup,
): Intent[] {
  const ordinal = ordinalOf(set, pod);
  if (ordinal === undefined) return [];
  const goesWithPod = isCondemned && set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled === "Delete";
  const goesWithSet = deletesWith(set) && !goesWithPod;
  return (set.spec.volumeClaimTemplates ?? []).flatMap(({ metadata: { name = "" } }) => {
    const claim = claimOf(claimNameFor(set, name, ordinal));
    if (claim === undefined) return [];
    const owners = claim.metadata.ownerReferences ?? [];
    const others = owners.filter(({ uid }) => uid !== set.metadata.uid && uid !== pod.metadata.uid);
    const wanted = [
      ...others,
      ...(goesWithSet ? [existingOr(owners, set)] : []),
      ...(goesWithPod ? [existingOr(owners, pod)] : []),
    ];
    const metadata = { ...claim.metadata, ownerReferences: wanted };
    return [update(persistentVolumeClaims, claim, { ...claim, metadata })];
  });
}

function deletesWith({ spec }: StatefulSet): boolean {
  return spec.persistentVolumeClaimRetentionPolicy?.whenDeleted === "Delete";
}

function existingOr(owners: readonly OwnerReference[], owner: KubeObject): OwnerReference {
  return owners.find(({ uid }) => uid === owner.metadata.uid) ?? ownerReference(owner);
}

function ownerReference({ apiVersion, kind, metadata: { name = "", uid = "" } }: KubeObject): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
