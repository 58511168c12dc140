/** What was allocated to a claim, and what drivers report of it. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateConditions } from "../../apimachinery/validation-conditions.ts";
import { formatIp, parseCidr } from "../../apimachinery/validation-ip.ts";
import { validateNodeSelector } from "../core/affinity-validation.ts";
import { immutableStruct } from "../go-form.ts";
import { driverNameErrors } from "../storage/driver-name.ts";
import {
  type RequestNames,
  rawObjectErrors,
  requestNamesOf,
  requestReference,
  validateOpaque,
} from "./claim-validation.ts";
import { labelErrors, limitedErrors, limitedSetErrors, poolNameErrors } from "./device-names.ts";
import { validateBindingParameters, validateDeviceToleration } from "./device-taint-validation.ts";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxReservations = 256;
const maxResults = 32;
const maxConfigurations = 64;

interface DeviceIdentity {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string;
}

/** `driver/pool/device`, and which share of it. */
function identityOf({ driver, pool, device, shareID }: DeviceIdentity): string {
  return [driver, pool, device, ...(shareID === undefined ? [] : [shareID])].join("/");
}

export function validateClaimStatusUpdate(claim: ResourceClaim, old: ResourceClaim): Errors {
  const { allocation, reservedFor = [], devices } = claim.status ?? {};
  const allocated = new Set((allocation?.devices?.results ?? []).map(identityOf));
  const path = "status.reservedFor";
  const errors: FieldError[] = [
    ...limitedSetErrors(
      path,
      reservedFor,
      maxReservations,
      (user, at) =>
        (["resource", "name", "uid"] as const).flatMap((name) =>
          user[name] ? [] : [field.required(field.child(at, name))],
        ),
      ({ uid }) => uid,
    ),
    ...limitedSetErrors(
      "status.devices",
      devices,
      Number.POSITIVE_INFINITY,
      (device, at) => validateDeviceStatus(at, device, allocated),
      identityOf,
    ),
  ];
  if (reservedFor.length > 0 && allocation === undefined)
    errors.push(field.forbidden(path, "may not be specified when `allocated` is not set"));
  if (allocation !== undefined && claim.metadata.deletionTimestamp !== undefined) {
    const before = old.status?.reservedFor ?? [];
    if (reservedFor.some((user) => !before.some((other) => field.semanticEqual(user, other))))
      errors.push(
        field.forbidden(
          path,
          "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
        ),
      );
  }
  if (allocation === undefined) return errors;
  if (old.status?.allocation !== undefined)
    return [
      ...errors,
      ...immutableStruct("AllocationResult", "status.allocation", allocation, old.status.allocation),
    ];
  const names = requestNamesOf(claim.spec?.devices?.requests);
  return [...errors, ...validateAllocation("status.allocation", allocation, names)];
}

function validateAllocation(
  path: string,
  { devices, nodeSelector }: AllocationResult,
  names: RequestNames,
): Errors {
  const at = field.child(path, "devices");
  return [
    ...limitedErrors(field.child(at, "results"), devices?.results, maxResults, (result, each) =>
      validateResult(each, result, names),
    ),
    ...limitedErrors(field.child(at, "config"), devices?.config, maxConfigurations, (config, each) =>
      validateConfiguration(each, config, names),
    ),
    ...(nodeSelector === undefined
      ? []
      : validateNodeSelector(field.child(path, "nodeSelector"), nodeSelector)),
  ];
}

function validateResult(path: string, result: DeviceRequestAllocationResult, names: RequestNames): Errors {
  const at = (name: string) => field.child(path, name);
  return [
    ...requestReference(at("request"), result.request ?? "", names),
    ...deviceErrors(path, result),
    ...validateBindingParameters(path, result),
    ...field.each(at("tolerations"), result.tolerations, validateDeviceToleration),
  ];
}

function deviceErrors(path: string, { driver, pool, device, shareID }: DeviceIdentity): Errors {
  return [
    ...driverNameErrors(field.child(path, "driver"), driver),
    ...poolNameErrors(field.child(path, "pool"), pool),
    ...labelErrors(field.child(path, "device"), device),
    ...(shareID === undefined ? [] : uidErrors(field.child(path, "shareID"), shareID)),
  ];
}

/** How long a UID is, in each form that Go's library reads: plain, without dashes, in braces, as a URN. */
const uidLengths = [36, 32, 38, 45];

function uidErrors(path: string, uid: string): Errors {
  const plain = /^(urn:uuid:)?\{?([0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12})\}?$/i;
  if (!uidLengths.includes(byteLength(uid)))
    return [field.invalid(path, uid, `error validating uid: invalid UUID length: ${byteLength(uid)}`)];
  if (!plain.test(uid)) return [field.invalid(path, uid, "error validating uid: invalid UUID format")];
  if (/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(uid)) return [];
  const detail =
    "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";
  return [field.invalid(path, uid, detail)];
}

function validateConfiguration(
  path: string,
  { source, requests, opaque }: DeviceAllocationConfiguration,
  names: RequestNames,
): Errors {
  return [
    ...field.oneOf(field.child(path, "source"), source, ["FromClaim", "FromClass"], { required: true }),
    ...limitedSetErrors(
      field.child(path, "requests"),
      requests,
      maxResults,
      (reference, at) => requestReference(at, reference, names),
      (reference) => reference,
    ),
    ...validateOpaque(path, opaque),
  ];
}

const maxConditions = 8;
const maxDataBytes = 10 * 1024;

function validateDeviceStatus(
  path: string,
  device: AllocatedDeviceStatus,
  allocated: ReadonlySet<string>,
): Errors {
  const { conditions = [], data, networkData } = device;
  const at = (name: string) => field.child(path, name);
  const identity = identityOf(device);
  return [
    ...deviceErrors(path, device),
    ...(allocated.has(identity)
      ? []
      : [field.invalid(path, identity, "must be an allocated device in the claim")]),
    ...(conditions.length > maxConditions
      ? [field.tooMany(at("conditions"), conditions.length, maxConditions)]
      : []),
    ...validateConditions(at("conditions"), conditions),
    ...(data === undefined ? [] : rawObjectErrors(at("data"), data, maxDataBytes)),
    ...(networkData === undefined ? [] : validateNetworkData(at("networkData"), networkData)),
  ];
}

const maxInterfaceNameBytes = 256;
const maxHardwareAddressBytes = 128;
const maxAddresses = 16;

function validateNetworkData(path: string, data: NetworkDeviceData): Errors {
  const { interfaceName = "", hardwareAddress = "", ips } = data;
  return [
    ...(byteLength(interfaceName) > maxInterfaceNameBytes
      ? [field.tooLong(field.child(path, "interfaceName"), maxInterfaceNameBytes)]
      : []),
    ...(byteLength(hardwareAddress) > maxHardwareAddressBytes
      ? [field.tooLong(field.child(path, "hardwareAddress"), maxHardwareAddressBytes)]
      : []),
    ...limitedSetErrors(
      field.child(path, "ips"),
      ips,
      maxAddresses,
      (address, at) => addressErrors(at, address),
      (address) => address,
    ),
  ];
}

/** An address with the size of its network, in the canonical form. */
function addressErrors(path: string, address: string): Errors {
  const cidr = parseCidr(address);
  if (cidr === undefined) {
    const detail = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
    return [field.invalid(path, address, detail)];
  }
  const canonical = `${formatIp(cidr)}/${cidr.prefixLength}`;
  return canonical === address
    ? []
    : [field.invalid(path, address, `must be in canonical form ("${canonical}")`)];
}
