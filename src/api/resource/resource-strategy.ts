import type { Strategy } from "../definition.ts";
import { fillEmpty, mapField, mapItems } from "../fill.ts";
import type {
  DeviceClaim,
  DeviceClass,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from "./types.generated.ts";

export const deviceClassStrategy: Strategy<DeviceClass> = {};

export const resourceClaimStrategy: Strategy<ResourceClaim> = {
  generationFields: [],
  defaults: (object) => ({
    ...object,
    spec: mapField(object.spec ?? {}, "devices", defaultDevices),
    status: object.status ?? {},
  }),
  prepareForCreate: (object) => ({ ...object, status: {} }),
};

export const resourceClaimTemplateStrategy: Strategy<ResourceClaimTemplate> = {
  generationFields: [],
  defaults: (object) =>
    mapField(object, "spec", (template) =>
      mapField(template, "spec", (spec) => mapField(spec, "devices", defaultDevices)),
    ),
};

export const resourceSliceStrategy: Strategy<ResourceSlice> = {};

/** A request without a number is for one device. */
function defaultRequest<T extends Pick<ExactDeviceRequest, "allocationMode" | "count">>(given: T): T {
  const request = fillEmpty<Pick<ExactDeviceRequest, "allocationMode" | "count">>(given, {
    allocationMode: "ExactCount",
  });
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
