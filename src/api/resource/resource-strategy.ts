import type { Strategy } from "../definition.ts";
import { fillAbsent, fillEmpty, mapField, mapItems } from "../fill.ts";
import { validateClaimStatusUpdate } from "./allocation-validation.ts";
import {
  validateClaim,
  validateClaimTemplate,
  validateClaimTemplateUpdate,
  validateClaimUpdate,
  validateDeviceClass,
} from "./claim-validation.ts";
import { validateSlice, validateSliceUpdate } from "./slice-validation.ts";
import type {
  DeviceClaim,
  DeviceClass,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from "./types.generated.ts";

export const deviceClassStrategy: Strategy<DeviceClass> = {
  defaults: (object) => ({ ...object, spec: object.spec ?? {} }),
  validate: validateDeviceClass,
  validateUpdate: validateDeviceClass,
};

export const resourceClaimStrategy: Strategy<ResourceClaim> = {
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: validateClaimStatusUpdate,
  generationFields: [],
  defaults: (object) => ({
    ...object,
    spec: mapField(object.spec ?? {}, "devices", defaultDevices),
    status: object.status ?? {},
  }),
  prepareForCreate: (object) => ({ ...object, status: {} }),
};

export const resourceClaimTemplateStrategy: Strategy<ResourceClaimTemplate> = {
  validate: validateClaimTemplate,
  validateUpdate: validateClaimTemplateUpdate,
  generationFields: [],
  defaults: (object) =>
    mapField(object, "spec", (template) =>
      mapField(template, "spec", (spec) => mapField(spec, "devices", defaultDevices)),
    ),
};

const emptyPool = { name: "", generation: 0, resourceSliceCount: 0 };

export const resourceSliceStrategy: Strategy<ResourceSlice> = {
  defaults: (object) => fillAbsent(object, { spec: { driver: "", pool: emptyPool } }),
  validate: validateSlice,
  validateUpdate: validateSliceUpdate,
};

type Countable = Pick<ExactDeviceRequest, "allocationMode" | "count" | "tolerations">;

/** A request without a number is for one device; what is tolerated is what equals, unless it says more. */
function defaultRequest<T extends Countable>(given: T): T {
  const filled = fillEmpty<Countable>(given, { allocationMode: "ExactCount" });
  const request = mapField(filled, "tolerations", (tolerations) =>
    mapItems(tolerations, (toleration) => fillEmpty(toleration, { operator: "Equal" })),
  );
  return (request.allocationMode === "ExactCount" ? fillEmpty(request, { count: 1 }) : request) as T; // only copies
}

function defaultDevices(claim: DeviceClaim): DeviceClaim {
  return mapField(claim, "requests", (requests) =>
    mapItems(requests, (request) =>
      mapField(mapField(request, "exactly", defaultRequest), "firstAvailable", (alternatives) =>
        mapItems(alternatives, defaultRequest),
      ),
    ),
  );
}
