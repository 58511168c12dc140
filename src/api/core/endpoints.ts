import { ipWarnings } from "../../apimachinery/network-warnings.ts";
import { ageColumn, firstFew, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { endpoints } from "../resources.generated.ts";
import { validateEndpoints, validateEndpointsUpdate } from "./endpoints-validation.ts";
import type { Endpoints } from "./types.generated.ts";

/** An address and a port as a URL has them. */
function joinHostPort(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function addresses({ subsets }: Endpoints): string {
  if ((subsets ?? []).length === 0) return "<none>";
  const all = (subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => joinHostPort(ip, port))),
  );
  return firstFew(all, 3);
}

function withEndpointsDefaults(object: Endpoints): Endpoints {
  const incomplete = object.subsets?.some(({ ports }) => ports?.some(({ protocol }) => !protocol));
  if (incomplete !== true) return object;
  return {
    ...object,
    subsets: (object.subsets ?? []).map((subset) =>
      subset.ports === undefined
        ? subset
        : { ...subset, ports: subset.ports.map((port) => ({ ...port, protocol: port.protocol || "TCP" })) },
    ),
  };
}

export const endpointsDefinition = defineResource(endpoints, {
  shortNames: ["ep"],
  deprecationWarning: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
  listKind: "EndpointsList",
  singular: "endpoints",
  columns: [nameColumn, stringColumn("Endpoints", "The first addresses.", addresses), ageColumn],
  strategy: {
    createOnUpdate: true,
    defaults: withEndpointsDefaults,
    validate: validateEndpoints,
    validateUpdate: validateEndpointsUpdate,
    warnings: ({ subsets = [] }) =>
      subsets.flatMap(({ addresses = [], notReadyAddresses = [] }, subset) =>
        Object.entries({ addresses, notReadyAddresses }).flatMap(([name, list]) =>
          list.flatMap(({ ip }, index) => ipWarnings(`subsets[${subset}].${name}[${index}].ip`, ip)),
        ),
      ),
  },
});
