import { ipWarnings } from "../../apimachinery/network-warnings.ts";
import type { Strategy } from "../definition.ts";
import { dropField, fillAbsent, mapField, mapItems } from "../fill.ts";
import { validateEndpointSlice, validateEndpointSliceUpdate } from "./endpoint-slice-validation.ts";
import type { EndpointSlice } from "./types.generated.ts";

/** Controllers that put addresses in their standard form themselves: theirs are not looked at. */
const careful = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  validate: (slice) => validateEndpointSlice(slice),
  validateUpdate: validateEndpointSliceUpdate,
  warnings: ({ metadata, addressType, endpoints = [] }, old) => [
    // Upstream's path, though there is no spec.
    ...(addressType === "FQDN" && old === undefined
      ? ["spec.addressType: FQDN endpoints are deprecated"]
      : []),
    ...(careful.includes(metadata.labels?.["endpointslice.kubernetes.io/managed-by"] ?? "")
      ? []
      : endpoints.flatMap(({ addresses = [] }, endpoint) =>
          addresses.flatMap((ip, index) => ipWarnings(`endpoints[${endpoint}].addresses[${index}]`, ip)),
        )),
  ],
  // Of versions that are served no more.
  prepareForCreate: withoutTopology,
  prepareForUpdate: (slice) => withoutTopology(slice),
  generationFields: ["addressType", "endpoints", "ports", "metadata.labels"],
  defaults: (slice) =>
    mapField({ ...slice, endpoints: slice.endpoints ?? [] }, "ports", (ports) =>
      mapItems(ports, (port) => fillAbsent(port, { name: "", protocol: "TCP" })),
    ),
};

function withoutTopology(slice: EndpointSlice): EndpointSlice {
  return mapField(slice, "endpoints", (endpoints) =>
    mapItems(endpoints, (endpoint) => dropField(endpoint, "deprecatedTopology")),
  );
}
