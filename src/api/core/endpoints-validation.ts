import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { endpointIpErrors, ipErrors } from "../../apimachinery/validation-ip.ts";
import { protocols } from "./container-validation.ts";
import type { EndpointAddress, EndpointPort, Endpoints } from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validateEndpoints({ subsets }: Endpoints): Errors {
  return field.each("subsets", subsets, ({ addresses = [], notReadyAddresses = [], ports = [] }, at) => [
    ...(addresses.length + notReadyAddresses.length === 0
      ? [field.required(at, "must specify `addresses` or `notReadyAddresses`")]
      : []),
    ...field.each(field.child(at, "addresses"), addresses, validateAddress),
    ...field.each(field.child(at, "notReadyAddresses"), notReadyAddresses, validateAddress),
    ...field.each(field.child(at, "ports"), ports, (port, portPath) =>
      validatePort(portPath, port, ports.length > 1),
    ),
  ]);
}

/** What was accepted once stays accepted while it does not change. */
export function validateEndpointsUpdate(object: Endpoints, old: Endpoints): Errors {
  const errors = validateEndpoints(object);
  return errors.length > 0 && field.semanticEqual(object.subsets, old.subsets) ? [] : errors;
}

function validateAddress({ ip = "", hostname = "", nodeName }: EndpointAddress, path: string): Errors {
  return [
    ...ipErrors(field.child(path, "ip"), ip),
    ...(hostname === ""
      ? []
      : field.invalidEach(field.child(path, "hostname"), hostname, dns1123Label(hostname))),
    ...(nodeName === undefined
      ? []
      : field.invalidEach(field.child(path, "nodeName"), nodeName, dns1123Subdomain(nodeName))),
    ...endpointIpErrors(field.child(path, "ip"), ip),
  ];
}

function validatePort(
  path: string,
  { name = "", port = 0, protocol, appProtocol }: EndpointPort,
  needsName: boolean,
): Errors {
  const namePath = field.child(path, "name");
  const nameErrors =
    name === ""
      ? needsName
        ? [field.required(namePath)]
        : []
      : field.invalidEach(namePath, name, dns1123Label(name));
  return [
    ...nameErrors,
    ...field.invalidEach(field.child(path, "port"), port, portNumber(port)),
    ...field.oneOf(field.child(path, "protocol"), protocol, protocols, { required: true }),
    ...(appProtocol === undefined
      ? []
      : field.invalidEach(field.child(path, "appProtocol"), appProtocol, qualifiedName(appProtocol))),
  ];
}
