import { matchesNodeSelector } from "../../api/core/node-affinity.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import { compareQuantity, parseQuantity, zeroQuantity } from "../../apimachinery/quantity.ts";
import { selectionOf } from "../framework/selection.ts";

export const bindCompletedAnnotation = "pv.kubernetes.io/bind-completed";
export const boundByControllerAnnotation = "pv.kubernetes.io/bound-by-controller";

export interface MatchOptions {
  /** The node the pod is to run on, where the class waits for that. */
  readonly node?: Node | undefined;
  /** Only a volume that was set aside for the claim counts. */
  readonly onlyPreBound?: boolean;
}

/** The volume a claim is bound to: one set aside for it, else the smallest of those that fit. */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { node, onlyPreBound = false }: MatchOptions = {},
): PersistentVolume | undefined {
  const fitting = volumes.filter((volume) => fits(claim, volume));
  const preBound = fitting.find((volume) => isSetAsideFor(volume, claim));
  if (preBound !== undefined || onlyPreBound) return preBound;
  const selects = claim.spec?.selector === undefined ? () => true : selectionOf(claim.spec.selector);
  const free = fitting.filter(
    (volume) =>
      volume.spec?.claimRef === undefined &&
      selects(volume) &&
      (volume.status?.phase ?? "Available") === "Available" &&
      isReachable(volume, node),
  );
  return free.toSorted(bySize)[0];
}

/** Mode, access, class and size are what the claim asks for. */
export function fits(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  const { accessModes = [], volumeMode = "Filesystem", volumeAttributesClassName = "" } = claim.spec ?? {};
  const offered = volume.spec ?? {};
  return (
    volume.metadata.deletionTimestamp === undefined &&
    (offered.volumeMode ?? "Filesystem") === volumeMode &&
    accessModes.every((mode) => offered.accessModes?.includes(mode)) &&
    classOf(claim) === (offered.storageClassName ?? "") &&
    volumeAttributesClassName === (offered.volumeAttributesClassName ?? "") &&
    compareQuantity(sizeOf(volume), requestOf(claim)) >= 0
  );
}

/** The class a claim names; "" means that no class is wanted, and so does none where there is no default. */
export function classOf({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
}

function isSetAsideFor({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  const { name, namespace, uid } = claim.metadata;
  if (reference === undefined || reference.name !== name || reference.namespace !== namespace) return false;
  return (reference.uid ?? "") === "" || reference.uid === uid;
}

function isReachable({ spec }: PersistentVolume, node: Node | undefined): boolean {
  const required = spec?.nodeAffinity?.required;
  return node === undefined || required === undefined || matchesNodeSelector(required, node);
}

function requestOf({ spec }: PersistentVolumeClaim) {
  const request = spec?.resources?.requests?.storage;
  return request === undefined ? zeroQuantity : parseQuantity(request);
}

function sizeOf({ spec }: PersistentVolume) {
  const size = spec?.capacity?.storage;
  return size === undefined ? zeroQuantity : parseQuantity(size);
}

function bySize(left: PersistentVolume, right: PersistentVolume): number {
  const order = compareQuantity(sizeOf(left), sizeOf(right));
  if (order !== 0) return order;
  return (left.metadata.name ?? "") < (right.metadata.name ?? "") ? -1 : 1;
}
