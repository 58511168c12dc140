import { podLimits, podRequests } from "../../api/core/pod-resources.ts";
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from "../../api/core/types.generated.ts";
import { limitRanges } from "../../api/resources.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import {
  compareQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityMilliValue,
} from "../../apimachinery/quantity.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, refuse } from "./dependencies.ts";

/** Fills a namespace's default requests and limits into its containers, and holds pods and claims to its bounds. */
export function limitRanger({ informers }: AdmissionDependencies): AdmissionPlugin {
  const lister = informers.informer(limitRanges).lister;
  return {
    name: "LimitRanger",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    admit(attributes) {
      const { object, namespace, operation } = attributes;
      if (object === undefined || !isPod(attributes) || operation !== "CREATE") return object;
      // The resource says that it is a pod.
      return lister
        .list({ namespace })
        .reduce<AnyObject & Pod>((pod, range) => withDefaults(pod, range), object as AnyObject & Pod);
    },
    validate(attributes) {
      const { object, namespace, operation } = attributes;
      if (object === undefined) return;
      const ranges = lister.list({ namespace });
      if (ranges.length === 0) return;
      if (isPod(attributes) && (operation === "CREATE" || attributes.subresource === "resize"))
        // The resource says what the object is.
        check(attributes, ranges, (item) => podErrors(object as AnyObject & Pod, item));
      else if (isClaim(attributes))
        check(attributes, ranges, (item) => claimErrors(object as AnyObject & PersistentVolumeClaim, item));
    },
  };
}

function isPod({ resource, subresource }: AdmissionAttributes): boolean {
  return (
    resource.group === "" && resource.resource === "pods" && (subresource === "" || subresource === "resize")
  );
}

function isClaim({ resource, subresource, object }: AdmissionAttributes): boolean {
  return (
    resource.group === "" &&
    resource.resource === "persistentvolumeclaims" &&
    subresource === "" &&
    object?.metadata.deletionTimestamp === undefined
  );
}

function check(
  attributes: AdmissionAttributes,
  ranges: readonly LimitRange[],
  errorsOf: (item: LimitRangeItem) => readonly string[],
): void {
  for (const range of ranges) {
    const errors = (range.spec.limits ?? []).flatMap(errorsOf);
    if (errors.length > 0)
      throw refuse(attributes, errors.length === 1 ? (errors[0] ?? "") : `[${errors.join(", ")}]`);
  }
}

type Amounts = Readonly<Record<string, string>>;

/** A pod with one limit range's defaults filled into containers that say nothing; noted in an annotation. */
function withDefaults<T extends Pod>(pod: T, range: LimitRange): T {
  const item = { requests: {} as Record<string, string>, limits: {} as Record<string, string> };
  for (const limit of range.spec.limits ?? []) {
    if (limit.type !== "Container") continue;
    Object.assign(item.requests, limit.defaultRequest);
    Object.assign(item.limits, limit.default);
  }
  if (Object.keys(item.requests).length + Object.keys(item.limits).length === 0) return pod;
  const notes: string[] = [];
  const fill = (label: string) => (container: Container) => fillContainer(container, item, label, notes);
  const containers = pod.spec.containers.map(fill("container"));
  const initContainers = (pod.spec.initContainers ?? []).map(fill("init container"));
  if (notes.length === 0) return pod;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: {
        ...pod.metadata.annotations,
        "kubernetes.io/limit-ranger": `LimitRanger plugin set: ${notes.join("; ")}`,
      },
    },
    spec: { ...pod.spec, containers, ...(initContainers.length === 0 ? {} : { initContainers }) },
  };
}

function fillContainer(
  container: Container,
  defaults: { readonly requests: Amounts; readonly limits: Amounts },
  label: string,
  notes: string[],
): Container {
  const resources = container.resources ?? {};
  const missing = (given: Amounts | undefined, wanted: Amounts) =>
    Object.keys(wanted).filter((name) => given?.[name] === undefined);
  const limits = missing(resources.limits, defaults.limits);
  const requests = missing(resources.requests, defaults.requests);
  if (requests.length > 0) notes.push(`${requests.sort().join(", ")} request for ${label} ${container.name}`);
  if (limits.length > 0) notes.push(`${limits.sort().join(", ")} limit for ${label} ${container.name}`);
  if (limits.length + requests.length === 0) return container;
  return {
    ...container,
    resources: {
      ...resources,
      limits: { ...defaults.limits, ...resources.limits },
      requests: { ...defaults.requests, ...resources.requests },
    },
  };
}

interface Usage {
  readonly requests: Readonly<Record<string, Quantity>>;
  readonly limits: Readonly<Record<string, Quantity>>;
}

/** What one item of a limit range has against a pod. */
function podErrors(pod: Pod, item: LimitRangeItem): string[] {
  if (item.type === "Pod")
    return boundErrors("Pod", item, { requests: podRequests(pod), limits: podLimits(pod) });
  if (item.type !== "Container") return [];
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(({ resources }) =>
    boundErrors("Container", item, {
      requests: quantities(resources?.requests),
      limits: quantities(resources?.limits),
    }),
  );
}

function claimErrors(claim: PersistentVolumeClaim, item: LimitRangeItem): string[] {
  if (item.type !== "PersistentVolumeClaim") return [];
  const requests = quantities(claim.spec.resources?.requests);
  return [
    ...boundsOf(item.min).flatMap(([name, bound]) =>
      minimumError(name, bound, item.type, { requests, limits: {} }),
    ),
    ...boundsOf(item.max).flatMap(([name, bound]) => maximumRequestError(name, bound, item.type, requests)),
  ];
}

function quantities(amounts: Amounts | undefined): Record<string, Quantity> {
  return Object.fromEntries(
    Object.entries(amounts ?? {}).map(([name, amount]) => [name, parseQuantity(amount)]),
  );
}

function boundsOf(bounds: Amounts | undefined): [string, Quantity][] {
  return Object.entries(quantities(bounds)).sort(([a], [b]) => (a < b ? -1 : 1));
}

function boundErrors(type: string, item: LimitRangeItem, usage: Usage): string[] {
  return [
    ...boundsOf(item.min).flatMap(([name, bound]) => minimumError(name, bound, type, usage)),
    ...boundsOf(item.max).flatMap(([name, bound]) => maximumError(name, bound, type, usage)),
    ...boundsOf(item.maxLimitRequestRatio).flatMap(([name, bound]) => ratioError(name, bound, type, usage)),
  ];
}

const exceeds = (a: Quantity, b: Quantity) => compareQuantity(a, b) > 0;

function minimumError(name: string, bound: Quantity, type: string, { requests, limits }: Usage): string[] {
  const text = `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = requests[name];
  const limit = limits[name];
  if (request === undefined) return [`${text}.  No request is specified`];
  if (exceeds(bound, request)) return [`${text}, but request is ${formatQuantity(request)}`];
  if (limit !== undefined && exceeds(bound, limit)) return [`${text}, but limit is ${formatQuantity(limit)}`];
  return [];
}

function maximumError(name: string, bound: Quantity, type: string, { requests, limits }: Usage): string[] {
  const text = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = requests[name];
  const limit = limits[name];
  if (limit === undefined) return [`${text}.  No limit is specified`];
  if (exceeds(limit, bound)) return [`${text}, but limit is ${formatQuantity(limit)}`];
  if (request !== undefined && exceeds(request, bound))
    return [`${text}, but request is ${formatQuantity(request)}`];
  return [];
}

function maximumRequestError(
  name: string,
  bound: Quantity,
  type: string,
  requests: Usage["requests"],
): string[] {
  const text = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = requests[name];
  if (request === undefined) return [`${text}.  No request is specified`];
  return exceeds(request, bound) ? [`${text}, but request is ${formatQuantity(request)}`] : [];
}

function ratioError(name: string, bound: Quantity, type: string, { requests, limits }: Usage): string[] {
  const text = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`;
  const request = requests[name];
  const limit = limits[name];
  if (request === undefined || quantityMilliValue(request) === 0)
    return [`${text}, but no request is specified or request is 0`];
  if (limit === undefined || quantityMilliValue(limit) === 0)
    return [`${text}, but no limit is specified or limit is 0`];
  const ratio = quantityMilliValue(limit) / quantityMilliValue(request);
  return ratio > quantityMilliValue(bound) / 1000
    ? [`${text}, but provided ratio is ${ratio.toFixed(6)}`]
    : [];
}
