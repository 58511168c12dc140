/** Names and amounts of resources. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, qualifiedName } from "../../apimachinery/names.ts";
import {
  compareQuantity,
  formatQuantity,
  parseQuantity,
  quantityMilliValue,
} from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import type { ResourceList } from "./pod-resources.ts";
import { isPodLevelResource } from "./pod-resources.ts";
import type { ResourceRequirements } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** Counted in whole objects. */
const countedObjects = [
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const containerResources = ["cpu", "memory", "ephemeral-storage"];
const quotaResources = new Set([
  ...containerResources,
  ...containerResources.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  "requests.storage",
  ...countedObjects,
]);
const standardResources = new Set([...quotaResources, "storage"]);

export function isHugePages(name: string): boolean {
  return name.startsWith("hugepages-");
}

/** A resource of Kubernetes itself, whose name needs no domain. */
function isNative(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

/** A resource that some device or operator offers: `example.com/gpu`. */
export function isExtendedResource(name: string): boolean {
  return !isNative(name) && !name.startsWith("requests.") && qualifiedName(`requests.${name}`).length === 0;
}

function isWhole(name: string): boolean {
  return countedObjects.includes(name) || isExtendedResource(name);
}

/** More can be promised than there is. */
function canOvercommit(name: string): boolean {
  return isNative(name) && !isHugePages(name);
}

export function resourceNameErrors(path: string, name: string): Errors {
  const errors = field.invalidEach(path, name, qualifiedName(name));
  if (errors.length > 0 || name.includes("/")) return errors;
  const isStandard =
    standardResources.has(name) || isHugePages(name) || name.startsWith("requests.hugepages-");
  return isStandard ? [] : [field.invalid(path, name, "must be a standard resource type or fully qualified")];
}

export function containerResourceNameErrors(path: string, name: string): Errors {
  const errors = [...resourceNameErrors(path, name)];
  if (!name.includes("/")) {
    if (!containerResources.includes(name) && !isHugePages(name))
      errors.push(field.invalid(path, name, "must be a standard resource for containers"));
  } else if (!isNative(name) && !isExtendedResource(name))
    errors.push(field.invalid(path, name, "doesn't follow extended resource name standard"));
  return errors;
}

function podResourceNameErrors(path: string, name: string): Errors {
  const errors = resourceNameErrors(path, name);
  if (errors.length > 0 || isPodLevelResource(name)) return errors;
  return [field.notSupported(path, name, ["cpu", "hugepages-", "memory"])];
}

export function quotaResourceNameErrors(path: string, name: string): Errors {
  const errors = [...resourceNameErrors(path, name)];
  const isStandard = quotaResources.has(name) || isHugePages(name) || name.startsWith("requests.hugepages-");
  if (!name.includes("/") && !isStandard)
    errors.push(field.invalid(path, name, "must be a standard resource for quota"));
  return errors;
}

/** An amount: not negative, and whole for what is counted in pieces. */
export function resourceAmountErrors(path: string, name: string, amount: string): Errors {
  const errors: FieldError[] = [];
  const quantity = parseQuantity(amount);
  if (quantity.unscaled < 0n) errors.push(field.invalid(path, amount, "must be greater than or equal to 0"));
  if (isWhole(name) && quantityMilliValue(quantity) % 1000 !== 0)
    errors.push(field.invalid(path, amount, "must be an integer"));
  return errors;
}

export function validateContainerResources(
  path: string,
  requirements: ResourceRequirements | undefined,
  claimNames: readonly string[],
): Errors {
  return validateRequirements(path, requirements, claimNames, containerResourceNameErrors);
}

export function validatePodLevelRequirements(
  path: string,
  requirements: ResourceRequirements | undefined,
  claimNames: readonly string[],
): Errors {
  return validateRequirements(path, requirements, claimNames, podResourceNameErrors);
}

function validateRequirements(
  path: string,
  requirements: ResourceRequirements | undefined,
  claimNames: readonly string[],
  nameErrors: (path: string, name: string) => Errors,
): Errors {
  if (requirements === undefined) return [];
  const { limits = {}, requests = {}, claims } = requirements;
  const limitsPath = field.child(path, "limits");
  const requestsPath = field.child(path, "requests");
  const errors: FieldError[] = [];
  for (const [name, amount] of Object.entries(limits))
    errors.push(...amountErrors(field.at(limitsPath, name), name, amount, nameErrors));
  for (const [name, amount] of Object.entries(requests)) {
    errors.push(...amountErrors(field.at(requestsPath, name), name, amount, nameErrors));
    errors.push(...requestAgainstLimit(name, amount, limits, { limitsPath, requestsPath }));
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.some((name) => name === "cpu" || name === "memory"))
    errors.push(field.forbidden(path, "HugePages require cpu or memory"));
  errors.push(...validateClaimNames(field.child(path, "claims"), claims, claimNames));
  return errors;
}

function amountErrors(
  path: string,
  name: string,
  amount: string,
  nameErrors: (path: string, name: string) => Errors,
): Errors {
  const errors = [...nameErrors(path, name), ...resourceAmountErrors(path, name, amount)];
  if (isHugePages(name) && !isMultipleOfPage(name, amount))
    errors.push(field.invalid(path, amount, `${amount} is not positive integer multiple of ${name}`));
  return errors;
}

function isMultipleOfPage(name: string, amount: string): boolean {
  try {
    const page = quantityMilliValue(name.slice("hugepages-".length));
    return page > 0 && quantityMilliValue(amount) % page === 0;
  } catch {
    // A page size that cannot be read is told of as a wrong name.
    return false;
  }
}

function requestAgainstLimit(
  name: string,
  request: string,
  limits: ResourceList,
  { limitsPath, requestsPath }: { readonly limitsPath: string; readonly requestsPath: string },
): Errors {
  const limit = limits[name];
  if (limit === undefined)
    return canOvercommit(name)
      ? []
      : [field.required(limitsPath, "Limit must be set for non overcommitable resources")];
  const order = compareQuantity(parseQuantity(request), parseQuantity(limit));
  const shown = formatQuantity(parseQuantity(limit));
  if (order !== 0 && !canOvercommit(name))
    return [field.invalid(requestsPath, request, `must be equal to ${name} limit of ${shown}`)];
  if (order > 0)
    return [field.invalid(requestsPath, request, `must be less than or equal to ${name} limit of ${shown}`)];
  return [];
}

function validateClaimNames(
  path: string,
  claims: ResourceRequirements["claims"],
  known: readonly string[],
): Errors {
  const seen = new Set<string>();
  return field.each(path, claims, ({ name, request = "" }, at) => {
    if (name === "") return [field.required(at)];
    const errors: FieldError[] = [];
    const key = request === "" ? name : `${name}/${request}`;
    if (request !== "")
      errors.push(...field.invalidEach(field.child(at, "request"), request, dns1123Label(request)));
    const overlaps = request === "" && [...seen].some((other) => other.startsWith(`${name}/`));
    if (seen.has(name) || seen.has(key) || overlaps)
      errors.push(field.duplicate(at, seen.has(name) ? name : key));
    seen.add(key);
    if (!known.includes(name)) {
      const list = known.length === 0 ? " which is empty" : `: ${known.toSorted().join(", ")}`;
      const missing = field.notFound(at, name);
      errors.push({
        ...missing,
        message: `${missing.message}: must be one of the names in pod.spec.resourceClaims${list}`,
      });
    }
    return errors;
  });
}
