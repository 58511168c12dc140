import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { canonicalIpErrors, endpointIpErrors, ipErrors, parseIp } from "../../apimachinery/validation-ip.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "./types.generated.ts";

type Errors = readonly FieldError[];

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const maxAddresses = 100;
const maxEndpoints = 1000;
const maxPorts = 20_000;
const maxHints = 8;

export function validateEndpointSlice(slice: EndpointSlice, old?: EndpointSlice): Errors {
  const { addressType, endpoints = [], ports = [] } = slice;
  const errors = validateEndpoints(endpoints, addressType);
  // What an older version let in may stay.
  const isOld = errors.length > 0 && old !== undefined && field.semanticEqual(endpoints, old.endpoints);
  return [
    ...field.oneOf("addressType", addressType, addressTypes, { required: true }),
    ...validatePorts(ports),
    ...(isOld ? [] : errors),
  ];
}

function validateEndpoints(endpoints: readonly Endpoint[], addressType: string): Errors {
  return endpoints.length > maxEndpoints
    ? [field.tooMany("endpoints", endpoints.length, maxEndpoints)]
    : field.each("endpoints", endpoints, (endpoint, at) => validateEndpoint(at, endpoint, addressType));
}

function validateEndpoint(path: string, endpoint: Endpoint, addressType: string): Errors {
  const { addresses = [], nodeName, hostname, hints } = endpoint;
  const at = field.child(path, "addresses");
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(field.required(at, "must contain at least 1 address"));
  if (addresses.length > maxAddresses) errors.push(field.tooMany(at, addresses.length, maxAddresses));
  for (const [index, address] of addresses.entries())
    errors.push(...addressErrors(at, index, address, addressType));
  if (nodeName !== undefined)
    errors.push(...field.invalidEach(field.child(path, "nodeName"), nodeName, dns1123Subdomain(nodeName)));
  if (hostname !== undefined)
    errors.push(...field.invalidEach(field.child(path, "hostname"), hostname, dns1123Label(hostname)));
  const hintsPath = field.child(path, "hints");
  const zones = hintErrors(field.child(hintsPath, "forZones"), hints?.forZones, labelValue);
  return [
    ...errors,
    ...zones,
    ...hintErrors(field.child(hintsPath, "forNodes"), hints?.forNodes, dns1123Subdomain),
  ];
}

function hintErrors(
  path: string,
  hints: readonly { readonly name: string }[] = [],
  check: (name: string) => readonly string[],
): Errors {
  if (hints.length > maxHints) return [field.tooMany(path, hints.length, maxHints)];
  const names = new Set<string>();
  return field.each(path, hints, ({ name = "" }, at) => {
    const namePath = field.child(at, "name");
    const isRepeated = names.has(name);
    names.add(name);
    return [
      ...(isRepeated ? [field.duplicate(namePath, name)] : []),
      ...field.invalidEach(namePath, name, check(name)),
    ];
  });
}

function addressErrors(list: string, index: number, address: string, addressType: string): Errors {
  const path = field.at(list, index);
  if (addressType === "FQDN") return domainErrors(path, address);
  // Of a type that nobody knows nothing is known.
  if (addressType !== "IPv4" && addressType !== "IPv6") return [];
  const errors = addressType === "IPv4" ? ipErrors(path, address) : canonicalIpErrors(path, address);
  if (errors.length > 0) return errors;
  return [
    ...(addressType === `IPv${parseIp(address)?.family}`
      ? []
      : [field.invalid(list, address, `must be an ${addressType} address`)]),
    ...endpointIpErrors(path, address),
  ];
}

function domainErrors(path: string, address: string): Errors {
  if (address === "") return [field.required(path)];
  const name = address.endsWith(".") ? address.slice(0, -1) : address;
  const reasons = dns1123Subdomain(name);
  if (reasons.length > 0) return [field.invalid(path, name, reasons.join(","))];
  const labels = name.split(".");
  if (labels.length < 2)
    return [field.invalid(path, name, "should be a domain with at least two segments separated by dots")];
  const wrong = labels.find((label) => dns1123Label(label).length > 0);
  return wrong === undefined ? [] : [field.invalid(path, wrong, dns1123Label(wrong).join(","))];
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
      ...field.oneOf(field.child(at, "protocol"), protocol, ["SCTP", "TCP", "UDP"], { required: "present" }),
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
    ...validateEndpointSlice(object, old),
    ...field.immutable("addressType", object.addressType, old.addressType),
  ];
}
