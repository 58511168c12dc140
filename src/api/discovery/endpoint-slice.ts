import { ageColumn, firstFew, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { endpointSlices } from "../resources.generated.ts";
import { endpointSliceStrategy } from "./endpoint-slice-strategy.ts";
import type { EndpointSlice } from "./types.generated.ts";

function ports(slice: EndpointSlice): string {
  const shown = (slice.ports ?? []).map(({ port, name }) =>
    port === undefined ? (name ?? "*") : String(port),
  );
  return firstFew(shown, 3) || "<unset>";
}

function addresses(slice: EndpointSlice): string {
  return (
    firstFew(
      (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses),
      3,
    ) || "<unset>"
  );
}

export const endpointSliceDefinition = defineResource(endpointSlices, {
  columns: [
    nameColumn,
    stringColumn("AddressType", "IPv4, IPv6 or FQDN.", ({ addressType }) => addressType ?? ""),
    stringColumn("Ports", "The first ports.", ports),
    stringColumn("Endpoints", "The first addresses.", addresses),
    ageColumn,
  ],
  strategy: endpointSliceStrategy,
});
