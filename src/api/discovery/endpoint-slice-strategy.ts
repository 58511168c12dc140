import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField, mapItems } from "../fill.ts";
import { validateEndpointSlice, validateEndpointSliceUpdate } from "./endpoint-slice-validation.ts";
import type { EndpointSlice } from "./types.generated.ts";

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  generationFields: ["addressType", "endpoints", "ports"],
  defaults: (slice) =>
    mapField({ ...slice, endpoints: slice.endpoints ?? [] }, "ports", (ports) =>
      mapItems(ports, (port) => fillAbsent(port, { name: "", protocol: "TCP" })),
    ),
};
