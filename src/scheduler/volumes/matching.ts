import { matchesNodeSelector } from "../../api/core/node-affinity.ts";
import { storageClassOf } from "../../api/core/persistent-volume.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import type { CSIStorageCapacity, StorageClass } from "../../api/storage/types.generated.ts";
import { selectorMatches } from "../../apimachinery/label-selector.ts";
import { compareQuantity, parseQuantity, type Quantity, zeroQuantity } from "../../apimachinery/quantity.ts";
import { claimClass } from "./pod-claims.ts";

/** The smallest free volume that does for the claim on this node. */
export function findVolume(
  claim: PersistentVolumeClaim,
  node: Node,
  volumes: Iterable<PersistentVolume>,
  taken: ReadonlySet<string>,
): PersistentVolume | undefined {
  let smallest: PersistentVolume | undefined;
  const wanted = requestedSize(claim);
  for (const volume of volumes) {
    const { metadata, spec } = volume;
    if (taken.has(metadata.name ?? "") || metadata.deletionTimestamp !== undefined) continue;
    if (!suits(claim, volume) || !isVolumeReachable(volume, node)) continue;
    if (compareQuantity(sizeOf(volume), wanted) < 0) continue;
    if (spec.claimRef !== undefined) {
      if (isKeptFor(volume, claim)) return volume;
      continue;
    }
    if (volume.status?.phase !== "Available") continue;
    if (!selectsLabels(claim, volume)) continue;
    if (smallest === undefined || compareQuantity(sizeOf(volume), sizeOf(smallest)) < 0) smallest = volume;
  }
  return smallest;
}

/** Somebody has promised this volume to this claim. */
function isKeptFor({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  if (claimRef?.name !== metadata.name || claimRef?.namespace !== metadata.namespace) return false;
  return !claimRef?.uid || claimRef.uid === metadata.uid;
}

/** Whether the volume can be used from this node. */
export function isVolumeReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

export function requestedSize({ spec }: PersistentVolumeClaim): Quantity {
  return parseQuantity(spec?.resources?.requests?.storage ?? "0");
}

function sizeOf({ spec }: PersistentVolume): Quantity {
  const { storage } = spec.capacity ?? {};
  return storage === undefined ? zeroQuantity : parseQuantity(storage);
}

function suits(claim: PersistentVolumeClaim, { metadata, spec }: PersistentVolume): boolean {
  const { accessModes = [], volumeMode = "Filesystem" } = claim.spec ?? {};
  return (
    storageClassOf(metadata, spec.storageClassName) === claimClass(claim) &&
    (spec.volumeMode ?? "Filesystem") === volumeMode &&
    accessModes.every((mode) => spec.accessModes?.includes(mode))
  );
}

function selectsLabels({ spec }: PersistentVolumeClaim, { metadata }: PersistentVolume): boolean {
  return spec?.selector === undefined || selectorMatches(spec.selector, metadata.labels);
}

/** Whether the class can make volumes for this node at all. */
export function canProvision({ provisioner, allowedTopologies = [] }: StorageClass, node: Node): boolean {
  if (provisioner === "" || provisioner === "kubernetes.io/no-provisioner") return false;
  if (allowedTopologies.length === 0) return true;
  const labels = node.metadata.labels ?? {};
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? "")),
  );
}

/** Whether a driver that publishes its capacities has this much left for the node. */
export function hasCapacity(
  size: Quantity,
  className: string,
  node: Node,
  capacities: readonly CSIStorageCapacity[],
): boolean {
  return capacities.some(({ storageClassName, nodeTopology, capacity, maximumVolumeSize }) => {
    const largest = maximumVolumeSize ?? capacity;
    if (storageClassName !== className || largest === undefined) return false;
    if (compareQuantity(parseQuantity(largest), size) < 0) return false;
    return selectorMatches(nodeTopology, node.metadata.labels);
  });
}
