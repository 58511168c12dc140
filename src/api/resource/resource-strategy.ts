import type { Strategy } from "../definition.ts";
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from "./types.generated.ts";

export const deviceClassStrategy: Strategy<DeviceClass> = {};
export const resourceClaimStrategy: Strategy<ResourceClaim> = { generationFields: [] };
export const resourceClaimTemplateStrategy: Strategy<ResourceClaimTemplate> = { generationFields: [] };
export const resourceSliceStrategy: Strategy<ResourceSlice> = {};
