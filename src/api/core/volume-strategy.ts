import type { Strategy } from "../definition.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "./types.generated.ts";

export const persistentVolumeStrategy: Strategy<PersistentVolume> = { generationFields: [] };
export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = { generationFields: [] };
