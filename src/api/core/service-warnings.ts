import * as field from "../../apimachinery/validation.ts";
import { formatIp, parseIp } from "../../apimachinery/validation-ip.ts";
import type { Service } from "./types.generated.ts";

/** What is allowed in a service, but does not do what it seems to (upstream's `pkg/api/service/warnings.go`). */
export function serviceWarnings({ metadata, spec }: Service, old?: Service): readonly string[] {
  if (old !== undefined && field.semanticEqual(spec, old.spec)) return [];
  const { type, clusterIP, externalIPs = [], loadBalancerIP = "", sessionAffinity, externalName } = spec;
  const warnings: string[] = [];
  if (metadata.annotations?.["service.kubernetes.io/topology-aware-hints"] !== undefined)
    warnings.push(
      "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead",
    );
  const isHeadless = type === "ClusterIP" && clusterIP === "None";
  if (isHeadless) {
    if (loadBalancerIP !== "") warnings.push("spec.loadBalancerIP is ignored for headless services");
    if (externalIPs.length > 0) warnings.push("spec.externalIPs is ignored for headless services");
    if (sessionAffinity !== "None") warnings.push("spec.SessionAffinity is ignored for headless services");
  }
  warnings.push(
    ...externalIPs.flatMap((ip, index) => spellingWarnings(field.at("spec.externalIPs", index), ip)),
  );
  if (externalIPs.length > 0 && !isHeadless && type !== "ExternalName")
    warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  warnings.push(...spellingWarnings("spec.loadBalancerIP", loadBalancerIP));
  if (type === "ExternalName" && externalIPs.length > 0)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== "ExternalName" && externalName)
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === "PreferClose")
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}

function spellingWarnings(path: string, text: string): readonly string[] {
  const ip = parseIp(text);
  if (ip?.family !== 6 || formatIp(ip) === text) return [];
  return [`${path}: IPv6 address "${text}" should be in RFC 5952 canonical format ("${formatIp(ip)}")`];
}
