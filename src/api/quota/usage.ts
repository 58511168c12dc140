import type { KubeObject } from "../../apimachinery/meta.ts";
import {
  addQuantity,
  compareQuantity,
  parseQuantity,
  type Quantity,
  quantityOf,
} from "../../apimachinery/quantity.ts";
import { isPodTerminal } from "../core/pod-conditions.ts";
import { isPodLevelResource, podLimits, podRequests, type ResourceAmounts } from "../core/pod-resources.ts";
import type {
  Container,
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  Service,
} from "../core/types.generated.ts";

/**
 * What one object counts for in a resource quota: upstream's quota evaluators as pure functions. Admission adds an object's
 * usage up, the quota controller that of all objects.
 */
export type Usage = Readonly<Record<string, Quantity>>;

export interface QuotaResource {
  readonly group: string;
  /** The plural: "pods". */
  readonly resource: string;
}

const one = quantityOf(1);
const none = quantityOf(0);

/** The name under which any object of a resource is counted: "count/deployments.apps". */
function countName({ group, resource }: QuotaResource): string {
  return `count/${group === "" ? resource : `${resource}.${group}`}`;
}

/** Counted under their own name too, from before `count/` was. */
const plainCounts: ReadonlySet<string> = new Set([
  "configmaps",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
]);

export function usageOf(resource: QuotaResource, object: KubeObject, nowMs: number): Usage {
  const counted = { [countName(resource)]: one };
  if (resource.group !== "") return counted;
  // The resource says what the object is.
  switch (resource.resource) {
    case "pods":
      return podUsage(object as KubeObject & Pod, nowMs);
    case "services":
      return { ...counted, ...serviceUsage(object as KubeObject & Service) };
    case "persistentvolumeclaims":
      return { ...counted, ...claimUsage(object as KubeObject & PersistentVolumeClaim) };
    default:
      return plainCounts.has(resource.resource) ? { ...counted, [resource.resource]: one } : counted;
  }
}

/** Those names of a quota that objects of this resource count for. */
export function matchingNames(resource: QuotaResource, names: readonly string[]): string[] {
  const own = countName(resource);
  if (resource.group !== "") return names.filter((name) => name === own);
  switch (resource.resource) {
    case "pods":
      return names.filter((name) => name === own || isPodName(name));
    case "services":
      return names.filter((name) => name === own || serviceNames.has(name));
    case "persistentvolumeclaims":
      return names.filter((name) => name === own || isClaimName(name));
    default:
      return names.filter((name) => name === own || (plainCounts.has(name) && name === resource.resource));
  }
}

const podNames: ReadonlySet<string> = new Set([
  "pods",
  "cpu",
  "memory",
  "ephemeral-storage",
  "requests.cpu",
  "requests.memory",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
]);

function isPodName(name: string): boolean {
  if (podNames.has(name) || name.startsWith("hugepages-") || name.startsWith("requests.hugepages-"))
    return true;
  return name.startsWith("requests.") && isExtendedResource(name.slice("requests.".length));
}

/** A device or other resource that a node advertises under a domain of its own. */
function isExtendedResource(name: string): boolean {
  if (!name.includes("/") || name.startsWith("requests.")) return false;
  const domain = name.slice(0, name.indexOf("/"));
  return domain !== "kubernetes.io" && !domain.endsWith(".kubernetes.io");
}

/** A pod that has ended, or is long past its end, needs nothing any more; it is still an object. */
function podUsage(pod: Pod, nowMs: number): Usage {
  const counted = { "count/pods": one };
  if (!isQuotaPod(pod, nowMs)) return counted;
  return { ...counted, pods: one, ...computeUsage(podRequests(pod), podLimits(pod)) };
}

function isQuotaPod(pod: Pod, nowMs: number): boolean {
  if (isPodTerminal(pod)) return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function computeUsage(requests: ResourceAmounts, limits: ResourceAmounts): Usage {
  const usage: Record<string, Quantity> = {};
  for (const [name, amount] of Object.entries(requests)) {
    if (
      name === "cpu" ||
      name === "memory" ||
      name === "ephemeral-storage" ||
      name.startsWith("hugepages-")
    ) {
      usage[name] = amount;
      usage[`requests.${name}`] = amount;
    } else if (isExtendedResource(name)) {
      usage[`requests.${name}`] = amount;
    }
  }
  for (const name of ["cpu", "memory", "ephemeral-storage"]) {
    const amount = limits[name];
    if (amount !== undefined) usage[`limits.${name}`] = amount;
  }
  return usage;
}

const requiredPodNames: ReadonlySet<string> = new Set([
  "cpu",
  "memory",
  "requests.cpu",
  "requests.memory",
  "limits.cpu",
  "limits.memory",
]);

/** Where CPU or memory is under quota, every container must say what it needs; undefined: they all do. */
export function podConstraintError(pod: Pod, restricted: readonly string[]): string | undefined {
  const podLevel = computeUsage(
    quantities(pod.spec.resources?.requests),
    quantities(pod.spec.resources?.limits),
  );
  const covered = (name: string) =>
    podLevel[name] !== undefined && isPodLevelResource(name.split(".").at(-1) ?? "");
  const required = restricted.filter((name) => requiredPodNames.has(name) && !covered(name));
  const missing = new Map<string, string[]>();
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    const given = containerUsage(container);
    for (const name of required) {
      if (given[name] === undefined) missing.set(name, [...(missing.get(name) ?? []), container.name]);
    }
  }
  if (missing.size === 0) return undefined;
  const parts = [...missing]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, containers]) => `${name} for: ${[...new Set(containers)].sort().join(",")}`);
  return `must specify ${parts.join("; ")}`;
}

function containerUsage({ resources }: Container): Usage {
  return computeUsage(quantities(resources?.requests), quantities(resources?.limits));
}

function quantities(amounts: Readonly<Record<string, string>> | undefined): Record<string, Quantity> {
  return Object.fromEntries(Object.entries(amounts ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
}

const serviceNames: ReadonlySet<string> = new Set([
  "services",
  "services.nodeports",
  "services.loadbalancers",
]);

function serviceUsage({ spec }: Service): Usage {
  const ports = spec.ports ?? [];
  switch (spec.type) {
    case "NodePort":
      return {
        services: one,
        "services.nodeports": quantityOf(ports.length),
        "services.loadbalancers": none,
      };
    case "LoadBalancer": {
      const allocated =
        spec.allocateLoadBalancerNodePorts === false
          ? ports.filter((port) => (port.nodePort ?? 0) !== 0).length
          : ports.length;
      return { services: one, "services.nodeports": quantityOf(allocated), "services.loadbalancers": one };
    }
    default:
      return { services: one, "services.nodeports": none, "services.loadbalancers": none };
  }
}

const classSuffix = ".storageclass.storage.k8s.io/";

function isClaimName(name: string): boolean {
  if (name === "persistentvolumeclaims" || name === "requests.storage") return true;
  return (
    name.endsWith(`${classSuffix}requests.storage`) || name.endsWith(`${classSuffix}persistentvolumeclaims`)
  );
}

function claimUsage(claim: PersistentVolumeClaim): Usage {
  const usage: Record<string, Quantity> = { persistentvolumeclaims: one };
  const className =
    claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ??
    claim.spec.storageClassName ??
    "";
  if (className !== "") usage[`${className}${classSuffix}persistentvolumeclaims`] = one;
  const requested = claim.spec.resources?.requests?.storage;
  if (requested === undefined) return usage;
  // While a volume grows, what was allocated already counts if it is more.
  const allocated = claim.status?.allocatedResources?.storage;
  const amounts = [requested, ...(allocated === undefined ? [] : [allocated])].map(parseQuantity);
  const amount = amounts.reduce((most, next) => (compareQuantity(next, most) > 0 ? next : most));
  usage["requests.storage"] = amount;
  if (className !== "") usage[`${className}${classSuffix}requests.storage`] = amount;
  return usage;
}

/** Two usages together. */
export function addUsage(a: Usage, b: Usage): Usage {
  const sum: Record<string, Quantity> = { ...a };
  for (const [name, amount] of Object.entries(b)) {
    const held = sum[name];
    sum[name] = held === undefined ? amount : addQuantity(held, amount);
  }
  return sum;
}

/** Terms of a pod's affinity that look into other namespaces: such pods can be kept out by quota. */
export function usesCrossNamespaceAffinity(pod: Pod): boolean {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity): PodAffinityTerm[] => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
  ]);
  return terms.some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined);
}
