import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, dns1123Subdomain, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { endpointIpErrors, ipErrors, parseIp } from "../../apimachinery/validation-ip.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "./types.generated.ts";

type Errors = readonly FieldError[];

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const maxAddresses = 100;
const maxEndpoints = 1000;
const maxPorts = 20_000;
const maxHints = 8;

export function validateEndpointSlice({ addressType, endpoints = [], ports = [] }: EndpointSlice): Errors {
  const errors: FieldError[] = [];
  if (!addressType) errors.push(field.required("addressType"));
  else if (!addressTypes.includes(addressType))
    errors.push(field.notSupported("addressType", addressType, addressTypes));
  if (endpoints.length > maxEndpoints)
    errors.push(field.tooMany("endpoints", endpoints.length, maxEndpoints));
  else
    errors.push(
      ...field.each("endpoints", endpoints, (endpoint, at) => validateEndpoint(at, endpoint, addressType)),
    );
  return [...errors, ...validatePorts(ports)];
}

function validateEndpoint(path: string, endpoint: Endpoint, addressType: string): Errors {
  const { addresses = [], nodeName, hostname, hints } = endpoint;
  const at = field.child(path, "addresses");
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(field.required(at, "must contain at least 1 address"));
  if (addresses.length > maxAddresses) errors.push(field.tooMany(at, addresses.length, maxAddresses));
  else
    errors.push(
      ...field.each(at, addresses, (address, addressPath) =>
        addressErrors(addressPath, address, addressType),
      ),
    );
  if (nodeName !== undefined)
    errors.push(...field.invalidEach(field.child(path, "nodeName"), nodeName, dns1123Subdomain(nodeName)));
  if (hostname !== undefined)
    errors.push(...field.invalidEach(field.child(path, "hostname"), hostname, dns1123Label(hostname)));
  for (const name of ["forZones", "forNodes"] as const) {
    const list = hints?.[name] ?? [];
    const hintPath = field.child(path, "hints", name);
    if (list.length > maxHints) {
      errors.push(field.tooMany(hintPath, list.length, maxHints));
      continue;
    }
    errors.push(
      ...field.unique(
        list,
        (hint) => hint.name,
        (index, hint) => field.duplicate(field.child(field.at(hintPath, index), "name"), hint.name),
      ),
    );
  }
  return errors;
}

function addressErrors(path: string, address: string, addressType: string): Errors {
  if (addressType === "FQDN") {
    const name = address.endsWith(".") ? address.slice(0, -1) : address;
    const reasons = dns1123Subdomain(name);
    if (reasons.length > 0) return [field.invalid(path, address, reasons.join(","))];
    return name.includes(".")
      ? []
      : [field.invalid(path, address, "should be a domain with at least two segments separated by dots")];
  }
  const errors = ipErrors(path, address);
  if (errors.length > 0) return errors;
  const family = parseIp(address)?.family;
  if (addressType === "IPv4" && family !== 4)
    return [field.invalid(path, address, "must be an IPv4 address")];
  if (addressType === "IPv6" && family !== 6)
    return [field.invalid(path, address, "must be an IPv6 address")];
  return endpointIpErrors(path, address);
}

function validatePorts(ports: readonly EndpointPort[]): Errors {
  if (ports.length > maxPorts) return [field.tooMany("ports", ports.length, maxPorts)];
  const names = new Set<string>();
  return field.each("ports", ports, ({ name = "", protocol, appProtocol }, at) => {
    const errors: FieldError[] = [];
    const namePath = field.child(at, "name");
    if (name !== "") errors.push(...field.invalidEach(namePath, name, dns1123Label(name)));
    if (names.has(name)) errors.push(field.duplicate(namePath, name));
    names.add(name);
    errors.push(
      ...field.oneOf(field.child(at, "protocol"), protocol, ["SCTP", "TCP", "UDP"], { required: true }),
    );
    if (appProtocol !== undefined)
      errors.push(
        ...field.invalidEach(field.child(at, "appProtocol"), appProtocol, qualifiedName(appProtocol)),
      );
    return errors;
  });
}

export function validateEndpointSliceUpdate(object: EndpointSlice, old: EndpointSlice): Errors {
  return [
    ...validateEndpointSlice(object),
    ...field.immutable("addressType", object.addressType, old.addressType),
  ];
}
