import { cidrWarnings, ipWarnings } from "../../apimachinery/network-warnings.ts";
import * as field from "../../apimachinery/validation.ts";
import type { Service } from "./types.generated.ts";

/** What is allowed in a service, but does not do what it seems to (upstream's `pkg/api/service/warnings.go`). */
export function serviceWarnings({ metadata, spec }: Service, old?: Service): readonly string[] {
  // The spec of an update of the status is the old one.
  if (spec === old?.spec) return [];
  const { type, clusterIP, externalIPs = [], loadBalancerIP = "", sessionAffinity, externalName } = spec;
  const warnings: string[] = [];
  if (metadata.annotations?.["service.kubernetes.io/topology-aware-hints"] !== undefined)
    warnings.push(
      "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead",
    );
  for (const [index, ip] of (spec.clusterIPs ?? []).entries())
    warnings.push(...ipWarnings(field.at("spec.clusterIPs", index), ip));
  const isHeadless = type === "ClusterIP" && clusterIP === "None";
  if (isHeadless) {
    if (loadBalancerIP !== "") warnings.push("spec.loadBalancerIP is ignored for headless services");
    if (externalIPs.length > 0) warnings.push("spec.externalIPs is ignored for headless services");
    if (sessionAffinity !== "None") warnings.push("spec.SessionAffinity is ignored for headless services");
  }
  warnings.push(...externalIPs.flatMap((ip, index) => ipWarnings(field.at("spec.externalIPs", index), ip)));
  if (externalIPs.length > 0 && !isHeadless && type !== "ExternalName")
    warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  warnings.push(...ipWarnings("spec.loadBalancerIP", loadBalancerIP));
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries())
    warnings.push(...cidrWarnings(field.at("spec.loadBalancerSourceRanges", index), range));
  if (type === "ExternalName" && externalIPs.length > 0)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== "ExternalName" && externalName)
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === "PreferClose")
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}
