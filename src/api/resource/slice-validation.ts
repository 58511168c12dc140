/** Slices of pools: the devices that a driver offers, and where. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, dns1123Subdomain } from "../../apimachinery/names.ts";
import {
  addQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity,
  scaledTo,
} from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateNodeSelector } from "../core/affinity-validation.ts";
import { inGoForm } from "../go-form.ts";
import { driverNameErrors } from "../storage/driver-name.ts";
import {
  labelErrors,
  limitedErrors,
  limitedSetErrors,
  poolNameErrors,
  qualifiedNameErrors,
} from "./device-names.ts";
import { validateBindingParameters, validateDeviceTaint } from "./device-taint-validation.ts";
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  Counter,
  Device,
  DeviceAttribute,
  DeviceCapacity,
  ResourcePool,
  ResourceSlice,
  ResourceSliceSpec,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxDevices = 128;
/** Where devices have taints, counters or lists, which cost more to look at. */
const maxElaborateDevices = 64;
const maxCounterSets = 8;
const maxCounters = 32;

export function validateSlice({ spec }: ResourceSlice): Errors {
  const { driver, pool, devices, sharedCounters } = spec;
  const isElaborate = (devices ?? []).some(
    (device) =>
      (device.taints ?? []).length > 0 ||
      (device.consumesCounters ?? []).length > 0 ||
      Object.values(device.attributes ?? {}).some(isList),
  );
  return [
    ...driverNameErrors("spec.driver", driver),
    ...validatePool("spec.pool", pool ?? {}),
    ...validatePlace(spec),
    ...(sharedCounters !== undefined && devices !== undefined
      ? [field.invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed")]
      : []),
    ...limitedSetErrors(
      "spec.devices",
      devices,
      isElaborate ? maxElaborateDevices : maxDevices,
      (device, at) => validateDevice(at, device, spec.perDeviceNodeSelection === true),
      ({ name }) => name,
    ),
    ...limitedSetErrors(
      "spec.sharedCounters",
      sharedCounters,
      maxCounterSets,
      ({ name, counters }, at) => [
        ...nameErrors(field.child(at, "name"), name),
        ...counterErrors(field.child(at, "counters"), counters),
      ],
      ({ name }) => name,
    ),
  ];
}

export function validateSliceUpdate(slice: ResourceSlice, old: ResourceSlice): Errors {
  return [
    ...validateSlice(slice),
    ...field.immutable("spec.pool.name", slice.spec.pool?.name, old.spec.pool?.name),
    ...field.immutable("spec.driver", slice.spec.driver, old.spec.driver),
    ...field.immutable("spec.nodeName", slice.spec.nodeName, old.spec.nodeName),
  ];
}

function validatePool(
  path: string,
  { name, generation = 0, resourceSliceCount = 0 }: Partial<ResourcePool>,
): Errors {
  const errors: FieldError[] = [...poolNameErrors(field.child(path, "name"), name)];
  if (resourceSliceCount <= 0)
    errors.push(
      field.invalid(field.child(path, "resourceSliceCount"), resourceSliceCount, "must be greater than zero"),
    );
  if (generation < 0)
    errors.push(
      field.invalid(field.child(path, "generation"), generation, "must be greater than or equal to zero"),
    );
  return errors;
}

/** One way, and one only, of saying which nodes can use the devices. */
function validatePlace(spec: ResourceSliceSpec): Errors {
  const { nodeName, nodeSelector, allNodes, perDeviceNodeSelection } = spec;
  const errors: FieldError[] = [];
  const given: string[] = [];
  if (nodeName === "")
    errors.push(
      field.invalid("spec.nodeName", nodeName, "must be either unset or set to a non-empty string"),
    );
  else if (nodeName !== undefined) {
    given.push("`nodeName`");
    errors.push(...field.invalidEach("spec.nodeName", nodeName, dns1123Subdomain(nodeName)));
  }
  if (nodeSelector !== undefined) {
    given.push("`nodeSelector`");
    errors.push(...validateNodeSelector("spec.nodeSelector", nodeSelector));
    const terms = nodeSelector.nodeSelectorTerms ?? [];
    if (terms.length !== 1)
      errors.push(
        field.invalid(
          "spec.nodeSelector.nodeSelectorTerms",
          inGoForm("NodeSelectorTerm", terms),
          "must have exactly one node selector term",
        ),
      );
  }
  for (const [name, value] of Object.entries({ allNodes, perDeviceNodeSelection })) {
    if (value === true) given.push(`\`${name}\``);
    else if (value === false)
      errors.push(field.invalid(field.child("spec", name), value, "must be either unset or set to true"));
  }
  const rule = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  if (given.length === 0) errors.push(field.required("spec", rule));
  if (given.length > 1)
    errors.push(field.invalid("spec", `{${given.join(", ")}}`, `${rule}, but multiple fields are set`));
  return errors;
}

function nameErrors(path: string, name: string | undefined): Errors {
  return name ? labelErrors(path, name) : [field.required(path)];
}

function counterErrors(path: string, counters: Readonly<Record<string, Counter>> | undefined): Errors {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) return [field.required(path)];
  if (names.length > maxCounters) return [field.tooMany(path, names.length, maxCounters)];
  return names.flatMap((name) => labelErrors(path, name));
}

const maxProperties = 32;
const maxAttributeValues = 48;
const maxTaints = 16;
const maxConsumptions = 2;

function validateDevice(path: string, device: Device, choosesNodes: boolean): Errors {
  const { name, attributes = {}, capacity = {}, taints, consumesCounters } = device;
  const at = (part: string) => field.child(path, part);
  const errors: FieldError[] = [...labelErrors(at("name"), name)];
  const properties = Object.keys(attributes).length + Object.keys(capacity).length;
  if (properties > maxProperties) {
    const detail = `the total number of attributes and capacities must not exceed ${maxProperties}`;
    errors.push(field.invalid(path, properties, detail));
  }
  const values = Object.values(attributes).reduce((sum, attribute) => sum + countValues(attribute), 0);
  if (values > maxAttributeValues)
    errors.push(
      field.invalid(
        path,
        values,
        `the total number of attribute values must not exceed ${maxAttributeValues}`,
      ),
    );
  for (const [key, attribute] of Object.entries(attributes)) {
    errors.push(...qualifiedNameErrors(at("attributes"), key));
    errors.push(...validateAttribute(field.at(at("attributes"), key), attribute));
  }
  for (const [key, amount] of Object.entries(capacity)) {
    errors.push(...qualifiedNameErrors(at("capacity"), key));
    errors.push(
      ...validateCapacity(field.at(at("capacity"), key), amount, device.allowMultipleAllocations === true),
    );
  }
  return [
    ...errors,
    ...limitedErrors(at("taints"), taints, maxTaints, validateDeviceTaint),
    ...limitedSetErrors(
      at("consumesCounters"),
      consumesCounters,
      maxConsumptions,
      ({ counterSet, counters }, each) => [
        ...nameErrors(field.child(each, "counterSet"), counterSet),
        ...counterErrors(field.child(each, "counters"), counters),
      ],
      ({ counterSet }) => counterSet,
    ),
    ...validateDevicePlace(path, device, choosesNodes),
    ...validateBindingParameters(path, device),
  ];
}

function validateDevicePlace(path: string, device: Device, choosesNodes: boolean): Errors {
  const { nodeName, nodeSelector, allNodes } = device;
  const isPlaced = nodeName !== undefined || nodeSelector !== undefined || allNodes !== undefined;
  if (!choosesNodes) {
    const detail =
      "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    return isPlaced ? [field.invalid(path, undefined, detail)] : [];
  }
  const errors: FieldError[] = [];
  const given: string[] = [];
  const namePath = field.child(path, "nodeName");
  if (nodeName === "") errors.push(field.invalid(namePath, nodeName, "must not be empty"));
  else if (nodeName !== undefined) {
    given.push("`nodeName`");
    errors.push(...field.invalidEach(namePath, nodeName, dns1123Subdomain(nodeName)));
  }
  if (nodeSelector !== undefined) {
    given.push("`nodeSelector`");
    errors.push(...validateNodeSelector(field.child(path, "nodeSelector"), nodeSelector));
  }
  if (allNodes === true) given.push("`allNodes`");
  else if (allNodes === false)
    errors.push(
      field.invalid(field.child(path, "allNodes"), allNodes, "must be either unset or set to true"),
    );
  const rule =
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  if (given.length === 0) errors.push(field.required(path, rule));
  if (given.length > 1) errors.push(field.invalid(path, `{${given.join(", ")}}`, rule));
  return errors;
}

const listFields = ["bools", "ints", "strings", "versions"] as const;
const valueFields = ["bool", "int", "string", "version", ...listFields] as const;
const maxValueBytes = 64;
const semanticVersion =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

function isList(attribute: DeviceAttribute): boolean {
  return listFields.some((name) => attribute[name] !== undefined);
}

function countValues(attribute: DeviceAttribute): number {
  const items = listFields.reduce((sum, name) => sum + (attribute[name]?.length ?? 0), 0);
  return Math.max(1, items);
}

function validateAttribute(path: string, attribute: DeviceAttribute): Errors {
  const errors: FieldError[] = [];
  const given = valueFields.filter((name) => attribute[name] !== undefined);
  const { string, version, strings, versions } = attribute;
  if (string !== undefined) errors.push(...textErrors(field.child(path, "string"), string));
  if (version !== undefined) errors.push(...versionErrors(field.child(path, "version"), version));
  for (const name of listFields)
    if (attribute[name]?.length === 0)
      errors.push(field.invalid(field.child(path, name), attribute[name], "must not be empty if specified"));
  errors.push(...field.each(field.child(path, "strings"), strings, (text, at) => textErrors(at, text)));
  errors.push(...field.each(field.child(path, "versions"), versions, (text, at) => versionErrors(at, text)));
  if (given.length !== 1)
    errors.push(
      field.invalid(
        path,
        given.length === 0 ? "" : inGoForm("DeviceAttribute", attribute),
        "exactly one value must be specified",
      ),
    );
  return errors;
}

function textErrors(path: string, text: string): Errors {
  return byteLength(text) > maxValueBytes ? [field.tooLong(path, maxValueBytes)] : [];
}

function versionErrors(path: string, text: string): Errors {
  const isVersion = semanticVersion.test(text);
  const detail = "must be a string compatible with semver.org spec 2.0.0";
  return [...(isVersion ? [] : [field.invalid(path, text, detail)]), ...textErrors(path, text)];
}

/** How much of a device's capacity can be asked for, where several may share it. */
function validateCapacity(path: string, { value, requestPolicy }: DeviceCapacity, isShared: boolean): Errors {
  if (requestPolicy === undefined) return [];
  const at = field.child(path, "requestPolicy");
  return isShared
    ? validatePolicy(at, requestPolicy, parseQuantity(value))
    : [field.forbidden(at, "allowMultipleAllocations must be true")];
}

function validatePolicy(path: string, policy: CapacityRequestPolicy, capacity: Quantity): Errors {
  const { validValues = [], validRange, default: preset } = policy;
  if (validValues.length > 0 && validRange !== undefined)
    return [
      field.forbidden(
        path,
        'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time',
      ),
    ];
  const defaultPath = field.child(path, "default");
  if (validValues.length > 0)
    return preset === undefined
      ? [field.required(defaultPath, "required when validValues is defined")]
      : validateValues(field.child(path, "validValues"), validValues, preset, capacity);
  if (validRange === undefined) return [];
  return preset === undefined
    ? [field.required(defaultPath, "required when validRange is defined")]
    : validateRange(field.child(path, "validRange"), validRange, preset, capacity);
}

const maxValidValues = 10;

function validateValues(path: string, values: readonly string[], preset: string, capacity: Quantity): Errors {
  const amounts = values.map(parseQuantity);
  const errors: FieldError[] = amounts.flatMap((amount, index) => {
    const previous = amounts[index - 1];
    return previous !== undefined && compareQuantity(previous, amount) > 0
      ? [field.invalid(field.at(path, index), values[index], "values must be sorted in ascending order")]
      : [];
  });
  const larger = (value: string, at: string) =>
    compareQuantity(parseQuantity(value), capacity) > 0
      ? [field.invalid(at, value, `option is larger than capacity value: ${formatQuantity(capacity)}`)]
      : [];
  errors.push(...limitedSetErrors(path, values, maxValidValues, larger, (value) => value));
  if (!amounts.some((amount) => compareQuantity(amount, parseQuantity(preset)) === 0))
    errors.push(field.invalid(path, preset, "default value is not valid according to the requestPolicy"));
  return errors;
}

function validateRange(
  path: string,
  { min, max, step }: CapacityRequestPolicyRange,
  preset: string,
  capacity: Quantity,
): Errors {
  const shown = formatQuantity(capacity);
  const over = (left: string, right: string | Quantity) =>
    compareQuantity(parseQuantity(left), typeof right === "string" ? parseQuantity(right) : right) > 0;
  const errors: FieldError[] = [];
  const wrong = (name: string, value: string, detail: string) =>
    errors.push(field.invalid(field.child(path, name), value, detail));
  if (min === undefined)
    return [field.required(field.child(path, "min"), "required when validRange is defined")];
  if (over(min, capacity)) wrong("min", min, `min is larger than capacity value: ${shown}`);
  if (over(min, preset)) wrong("default", preset, `default is less than min: ${min}`);
  if (max !== undefined) {
    if (over(min, max)) wrong("max", min, `min is larger than max: ${max}`);
    if (over(max, capacity)) wrong("max", max, `max is larger than capacity value: ${shown}`);
    if (over(preset, max)) wrong("default", preset, `default is more than max: ${max}`);
  }
  if (step === undefined) return errors;
  const stepAmount = parseQuantity(step);
  if (stepAmount.unscaled <= 0n) {
    wrong("step", step, "must be greater than zero");
    return errors;
  }
  const oneStep = addQuantity(parseQuantity(min), stepAmount);
  if (compareQuantity(oneStep, capacity) > 0)
    wrong("step", step, `one step ${formatQuantity(oneStep)} is larger than capacity value: ${shown}`);
  for (const value of [preset, max])
    if (value !== undefined && !isOnStep(value, min, step))
      wrong("step", value, `value is not a multiple of a given step (${step}) from (${min})`);
  return errors;
}

function isOnStep(value: string, min: string, step: string): boolean {
  const nano = (text: string) => scaledTo(parseQuantity(text), -9);
  return (nano(value) - nano(min)) % nano(step) === 0n;
}
