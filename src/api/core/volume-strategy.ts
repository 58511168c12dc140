import type { Strategy } from "../definition.ts";
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from "./claim-validation.ts";
import { validatePersistentVolume, validatePersistentVolumeUpdate } from "./persistent-volume-validation.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "./types.generated.ts";
import { defaultClaim, defaultPersistentVolume } from "./volume-defaults.ts";

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  generationFields: [],
  defaults: defaultPersistentVolume,
  prepareForCreate: (volume) => ({ ...volume, status: { phase: "Pending" } }),
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
};

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  generationFields: [],
  defaults: defaultClaim,
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
