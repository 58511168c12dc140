import * as field from "../../apimachinery/validation.ts";
import type { Strategy } from "../definition.ts";
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from "./claim-validation.ts";
import { validatePersistentVolume, validatePersistentVolumeUpdate } from "./persistent-volume-validation.ts";
import { fractionWarnings } from "./pod-warnings.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "./types.generated.ts";
import { defaultClaim, defaultPersistentVolume } from "./volume-defaults.ts";

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  generationFields: [],
  defaults: defaultPersistentVolume,
  warnings: volumeWarnings,
  prepareForCreate: (volume) => ({ ...volume, status: { phase: "Pending" } }),
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
};

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  generationFields: [],
  defaults: defaultClaim,
  warnings: claimWarnings,
  prepareForCreate: (claim) => ({ ...claim, spec: alignDataSources(claim), status: { phase: "Pending" } }),
  prepareForUpdate: (claim) => ({ ...claim, spec: alignDataSources(claim) }),
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: validateClaimStatusUpdate,
};

/** The older and the newer field for what a volume is filled from say the same, where they can. */
function alignDataSources({ spec }: PersistentVolumeClaim): PersistentVolumeClaim["spec"] {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined) return { ...spec, dataSourceRef: dataSource };
  if (dataSource === undefined && dataSourceRef !== undefined && !dataSourceRef.namespace) {
    const { namespace: _none, ...reference } = dataSourceRef;
    return { ...spec, dataSource: reference };
  }
  return spec;
}

const oldAnnotations = {
  "volume.beta.kubernetes.io/storage-class":
    'deprecated since v1.8; use "storageClassName" attribute instead',
  "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
};

function annotationWarnings(
  { metadata: { annotations = {} } }: PersistentVolume | PersistentVolumeClaim,
  names: readonly (keyof typeof oldAnnotations)[],
): readonly string[] {
  return names
    .filter((name) => annotations[name] !== undefined)
    .map((name) => `metadata.annotations[${name}]: ${oldAnnotations[name]}`);
}

function volumeWarnings(volume: PersistentVolume, old?: PersistentVolume): readonly string[] {
  if (old !== undefined && field.semanticEqual(volume.spec, old.spec)) return [];
  const { persistentVolumeReclaimPolicy: policy, capacity } = volume.spec;
  const recycle =
    "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";
  return [
    ...annotationWarnings(volume, [
      "volume.beta.kubernetes.io/storage-class",
      "volume.beta.kubernetes.io/mount-options",
    ]),
    ...(policy === "Recycle" ? [`spec.persistentVolumeReclaimPolicy: ${recycle}`] : []),
    ...fractionWarnings("spec.capacity", capacity, ["storage"]),
  ];
}

function claimWarnings(claim: PersistentVolumeClaim, old?: PersistentVolumeClaim): readonly string[] {
  if (old !== undefined && field.semanticEqual(claim.spec, old.spec)) return [];
  return [
    ...annotationWarnings(claim, ["volume.beta.kubernetes.io/storage-class"]),
    ...fractionWarnings("spec.resources.requests", claim.spec.resources?.requests, ["storage"]),
  ];
}
