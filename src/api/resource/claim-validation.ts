/** Claims of devices, their templates and classes (upstream's `pkg/apis/resource/validation`). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateAnnotations, validateLabels } from "../../apimachinery/labels.ts";
import { byteLength, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { isExtendedResource } from "../core/resource-validation.ts";
import { immutableStruct } from "../go-form.ts";
import { driverNameErrors } from "../storage/driver-name.ts";
import { fullyQualifiedNameErrors, labelErrors, limitedErrors, limitedSetErrors } from "./device-names.ts";
import { validateDeviceToleration } from "./device-taint-validation.ts";
import type {
  DeviceClaim,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
  ResourceClaim,
  ResourceClaimTemplate,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxRequests = 32;
const maxAlternatives = 8;
const maxConstraints = 32;
const maxConfigurations = 32;
const maxSelectors = 32;
const maxTolerations = 16;
const maxExpressionBytes = 10 * 1024;
const maxParametersBytes = 10 * 1024;

export function validateClaim({ spec }: ResourceClaim): Errors {
  return validateDeviceClaim("spec.devices", spec?.devices ?? {});
}

export function validateClaimUpdate(claim: ResourceClaim, old: ResourceClaim): Errors {
  return immutableStruct("ResourceClaimSpec", "spec", claim.spec, old.spec);
}

export function validateClaimTemplate({ spec }: ResourceClaimTemplate): Errors {
  return [
    ...validateLabels("spec.metadata.labels", spec?.metadata?.labels),
    ...validateAnnotations("spec.metadata.annotations", spec?.metadata?.annotations),
    ...validateDeviceClaim("spec.spec.devices", spec?.spec?.devices ?? {}),
  ];
}

export function validateClaimTemplateUpdate(
  template: ResourceClaimTemplate,
  old: ResourceClaimTemplate,
): Errors {
  return immutableStruct("ResourceClaimTemplateSpec", "spec", template.spec, old.spec);
}

export function validateDeviceClass({ spec }: DeviceClass): Errors {
  const { selectors, config, extendedResourceName: name } = spec ?? {};
  return [
    ...limitedErrors("spec.selectors", selectors, maxSelectors, validateSelector),
    ...limitedErrors("spec.config", config, maxConfigurations, ({ opaque }, at) =>
      validateOpaque(at, opaque),
    ),
    ...(name === undefined || isExtendedResource(name)
      ? []
      : [field.invalid("spec.extendedResourceName", name, "must be a valid extended resource name")]),
  ];
}

/** The names by which a claim's requests can be referred to, each with its alternatives. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

export function requestNamesOf(requests: readonly DeviceRequest[] | undefined): RequestNames {
  return new Map(
    (requests ?? []).map(({ name, firstAvailable }) => [
      name,
      new Set((firstAvailable ?? []).map((alternative) => alternative.name)),
    ]),
  );
}

function validateDeviceClaim(path: string, { requests, constraints, config }: DeviceClaim): Errors {
  const names = requestNamesOf(requests);
  const at = (name: string) => field.child(path, name);
  return [
    ...limitedSetErrors(at("requests"), requests, maxRequests, validateRequest, ({ name }) => name),
    ...limitedErrors(at("constraints"), constraints, maxConstraints, (constraint, each) =>
      validateConstraint(each, constraint, names),
    ),
    ...limitedErrors(at("config"), config, maxConfigurations, (configuration, each) => [
      ...requestReferenceErrors(field.child(each, "requests"), configuration.requests, names),
      ...validateOpaque(each, configuration.opaque),
    ]),
  ];
}

function validateRequest({ name, exactly, firstAvailable = [] }: DeviceRequest, path: string): Errors {
  const errors: FieldError[] = [...labelErrors(field.child(path, "name"), name)];
  const rule = "exactly one of `exactly` or `firstAvailable` is required";
  if (exactly !== undefined && firstAvailable.length > 0)
    return [...errors, field.invalid(path, undefined, `${rule}, but multiple fields are set`)];
  if (exactly !== undefined) return [...errors, ...validateExact(field.child(path, "exactly"), exactly)];
  if (firstAvailable.length === 0) return [...errors, field.required(path, rule)];
  return [
    ...errors,
    ...limitedSetErrors(
      field.child(path, "firstAvailable"),
      firstAvailable,
      maxAlternatives,
      (alternative, at) => [
        ...labelErrors(field.child(at, "name"), alternative.name),
        ...validateExact(at, alternative),
      ],
      (alternative) => alternative.name,
    ),
  ];
}

function validateExact(path: string, request: ExactDeviceRequest): Errors {
  const { deviceClassName: className, selectors, allocationMode, count = 0, tolerations } = request;
  const at = (name: string) => field.child(path, name);
  return [
    ...(className
      ? field.invalidEach(at("deviceClassName"), className, dns1123Subdomain(className))
      : [field.required(at("deviceClassName"))]),
    ...limitedErrors(at("selectors"), selectors, maxSelectors, validateSelector),
    ...allocationErrors(path, allocationMode ?? "", count),
    ...limitedErrors(at("tolerations"), tolerations, maxTolerations, validateDeviceToleration),
  ];
}

function allocationErrors(path: string, mode: string, count: number): Errors {
  const at = field.child(path, "count");
  if (mode === "All")
    return count === 0
      ? []
      : [field.invalid(at, count, "must not be specified when allocationMode is 'All'")];
  if (mode === "ExactCount") return count > 0 ? [] : [field.invalid(at, count, "must be greater than zero")];
  return [field.notSupported(field.child(path, "allocationMode"), mode, ["All", "ExactCount"])];
}

function validateSelector({ cel }: DeviceSelector, path: string): Errors {
  if (cel === undefined) return [field.required(field.child(path, "cel"))];
  return byteLength(cel.expression ?? "") > maxExpressionBytes
    ? [field.tooLong(field.child(path, "cel", "expression"), maxExpressionBytes)]
    : [];
}

function validateConstraint(path: string, constraint: DeviceConstraint, names: RequestNames): Errors {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  const errors = requestReferenceErrors(field.child(path, "requests"), requests, names);
  if (matchAttribute !== undefined)
    return [...errors, ...fullyQualifiedNameErrors(field.child(path, "matchAttribute"), matchAttribute)];
  if (distinctAttribute !== undefined)
    return [
      ...errors,
      ...fullyQualifiedNameErrors(field.child(path, "distinctAttribute"), distinctAttribute),
    ];
  const detail =
    'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
  return [...errors, field.required(path, detail)];
}

function requestReferenceErrors(
  path: string,
  references: readonly string[] | undefined,
  names: RequestNames,
): Errors {
  const check = (reference: string, at: string) => requestReference(at, reference, names);
  return limitedSetErrors(path, references, maxRequests, check, (reference) => reference);
}

/** `request`, or `request/alternative`. */
export function requestReference(path: string, reference: string, names: RequestNames): Errors {
  const detail =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  const parts = reference.split("/");
  if (parts.length > 2) return [field.invalid(path, reference, detail)];
  const errors = parts.flatMap((part) => labelErrors(path, part));
  const [request = "", alternative] = parts;
  const known = names.get(request);
  const isKnown = known !== undefined && (alternative === undefined || known.has(alternative));
  return isKnown ? errors : [...errors, field.invalid(path, reference, detail)];
}

/** Configuration for a driver, which alone knows what it means. */
export function validateOpaque(path: string, opaque: OpaqueDeviceConfiguration | undefined): Errors {
  const at = field.child(path, "opaque");
  if (opaque === undefined) return [field.required(at)];
  return [
    ...driverNameErrors(field.child(at, "driver"), opaque.driver),
    ...rawObjectErrors(field.child(at, "parameters"), opaque.parameters, maxParametersBytes),
  ];
}

export function rawObjectErrors(path: string, value: unknown, maxBytes: number): Errors {
  if (value === undefined || value === null) return [field.required(path)];
  if (byteLength(JSON.stringify(value)) > maxBytes) return [field.tooLong(path, maxBytes)];
  const isObject = typeof value === "object" && !Array.isArray(value);
  return isObject ? [] : [field.invalid(path, "<value omitted>", "must be a valid JSON object")];
}
