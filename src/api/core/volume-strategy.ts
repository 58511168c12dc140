import type { Strategy } from "../definition.ts";
import { dropField } from "../fill.ts";
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from "./claim-validation.ts";
import { nodeSelectorWarnings } from "./node-label-warnings.ts";
import { validatePersistentVolume, validatePersistentVolumeUpdate } from "./persistent-volume-validation.ts";
import { fractionWarnings, oldSourceWarnings } from "./pod-warnings.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "./types.generated.ts";
import { defaultClaim, defaultPersistentVolume } from "./volume-defaults.ts";

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  generationFields: [],
  defaults: defaultPersistentVolume,
  warnings: volumeWarnings,
  prepareForCreate: (volume) => {
    const { creationTimestamp: now } = volume.metadata;
    return { ...volume, status: { phase: "Pending", ...(now ? { lastPhaseTransitionTime: now } : {}) } };
  },
  validate: validatePersistentVolume,
  // Upstream's update validates the new volume of its own accord too, and tells what is wrong twice.
  validateUpdate: (volume, old) => [
    ...validatePersistentVolume(volume),
    ...validatePersistentVolumeUpdate(volume, old),
  ],
};

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  generationFields: [],
  defaults: defaultClaim,
  warnings: claimWarnings,
  prepareForCreate: (claim) => ({
    ...claim,
    spec: alignDataSources(withKnownSource(claim.spec)),
    status: { phase: "Pending" },
  }),
  prepareForUpdate: (claim, old) => {
    const isInUse = old.spec.dataSource !== undefined || old.spec.dataSourceRef !== undefined;
    return { ...claim, spec: alignDataSources(isInUse ? claim.spec : withKnownSource(claim.spec)) };
  },
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: validateClaimStatusUpdate,
};

/** What the older field does not know it forgets: claims and snapshots are all it can be filled from. */
function withKnownSource(given: PersistentVolumeClaim["spec"]): PersistentVolumeClaim["spec"] {
  // Sources of other namespaces are behind a gate that is off.
  const spec = given.dataSourceRef?.namespace ? dropField(given, "dataSourceRef") : given;
  if (spec.dataSourceRef !== undefined) return spec;
  const { kind, apiGroup = "" } = spec.dataSource ?? {};
  const isKnown =
    (kind === "PersistentVolumeClaim" && apiGroup === "") ||
    (kind === "VolumeSnapshot" && apiGroup === "snapshot.storage.k8s.io");
  return isKnown ? spec : dropField(spec, "dataSource");
}

/** The older and the newer field for what a volume is filled from say the same, where they can. */
function alignDataSources(spec: PersistentVolumeClaim["spec"]): PersistentVolumeClaim["spec"] {
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

const oldSources = ["cephfs", "photonPersistentDisk", "scaleIO", "storageos", "glusterfs", "rbd"];

function volumeWarnings(volume: PersistentVolume, old?: PersistentVolume): readonly string[] {
  if (volume.spec === old?.spec) return [];
  const { persistentVolumeReclaimPolicy: policy } = volume.spec;
  const recycle =
    "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";
  return [
    ...annotationWarnings(volume, [
      "volume.beta.kubernetes.io/storage-class",
      "volume.beta.kubernetes.io/mount-options",
    ]),
    ...(policy === "Recycle" ? [`spec.persistentVolumeReclaimPolicy: ${recycle}`] : []),
    ...nodeSelectorWarnings(
      "spec.nodeAffinity.required.nodeSelectorTerms",
      volume.spec.nodeAffinity?.required?.nodeSelectorTerms,
    ),
    ...oldSourceWarnings("spec", volume.spec, oldSources),
  ];
}

function claimWarnings(claim: PersistentVolumeClaim, old?: PersistentVolumeClaim): readonly string[] {
  if (claim.spec === old?.spec) return [];
  return [
    ...annotationWarnings(claim, ["volume.beta.kubernetes.io/storage-class"]),
    ...fractionWarnings("spec.resources.requests", claim.spec.resources?.requests, ["storage"]),
    ...fractionWarnings("spec.resources.limits", claim.spec.resources?.limits, ["storage"]),
  ];
}
