import type { KubeObject } from "../../apimachinery/meta.ts";
import { podQosClass } from "../core/pod-qos.ts";
import type {
  PersistentVolumeClaim,
  Pod,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
} from "../core/types.generated.ts";
import { matchingNames, type QuotaResource, usesCrossNamespaceAffinity } from "./usage.ts";

/** Whether a quota is about this object: it counts something of it, and the object is within all of its scopes. */
export function quotaMatches(quota: ResourceQuota, resource: QuotaResource, object: KubeObject): boolean {
  const names = Object.keys(quota.status?.hard ?? {});
  if (matchingNames(resource, names).length === 0) return false;
  return scopesOf(quota).every((requirement) => inScope(requirement, resource, object));
}

/** What a quota says of whom it is about, its plain scopes too. */
export function scopesOf({ spec }: ResourceQuota): ScopedResourceSelectorRequirement[] {
  const plain = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" }));
  return [...plain, ...(spec?.scopeSelector?.matchExpressions ?? [])];
}

/** Whether an object is in a scope; only pods and claims ever are. */
export function inScope(
  requirement: ScopedResourceSelectorRequirement,
  { group, resource }: QuotaResource,
  object: KubeObject,
): boolean {
  // The resource says what the object is.
  if (group === "" && resource === "pods") return podInScope(requirement, object as KubeObject & Pod);
  if (
    group === "" &&
    resource === "persistentvolumeclaims" &&
    requirement.scopeName === "VolumeAttributesClass"
  )
    return claimInScope(requirement, object as KubeObject & PersistentVolumeClaim);
  return false;
}

function podInScope(requirement: ScopedResourceSelectorRequirement, pod: Pod): boolean {
  const { activeDeadlineSeconds, priorityClassName = "" } = pod.spec;
  switch (requirement.scopeName) {
    case "Terminating":
      return activeDeadlineSeconds !== undefined && activeDeadlineSeconds >= 0;
    case "NotTerminating":
      return activeDeadlineSeconds === undefined || activeDeadlineSeconds < 0;
    case "BestEffort":
      return podQosClass(pod) === "BestEffort";
    case "NotBestEffort":
      return podQosClass(pod) !== "BestEffort";
    case "PriorityClass":
      return selects(requirement, priorityClassName === "" ? [] : [priorityClassName]);
    case "CrossNamespacePodAffinity":
      return usesCrossNamespaceAffinity(pod);
    default:
      return false;
  }
}

function claimInScope(requirement: ScopedResourceSelectorRequirement, claim: PersistentVolumeClaim): boolean {
  const names = [
    claim.spec.volumeAttributesClassName,
    claim.status?.currentVolumeAttributesClassName,
    claim.status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name) => name !== undefined && name !== "");
  return selects(requirement, names as string[]);
}

function selects(
  { operator, values = [] }: ScopedResourceSelectorRequirement,
  held: readonly string[],
): boolean {
  switch (operator) {
    case "Exists":
      return held.length > 0;
    case "DoesNotExist":
      return held.length === 0;
    case "In":
      return held.some((value) => values.includes(value));
    case "NotIn":
      return !held.some((value) => values.includes(value));
    default:
      return false;
  }
}
