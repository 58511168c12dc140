import { isPodTerminal } from "../../api/core/pod-conditions.ts";
import type { ObjectReference, Pod, Service, ServicePort } from "../../api/core/types.generated.ts";

/** What the pods behind a service have in common, for Endpoints and EndpointSlices. */

export type IpFamily = "IPv4" | "IPv6";

/** The pod has an address and may serve; one that is being deleted counts only where `includeTerminating`. */
export function canBeBackend(
  pod: Pod,
  { includeTerminating }: { readonly includeTerminating: boolean },
): boolean {
  if (!includeTerminating && pod.metadata.deletionTimestamp !== undefined) return false;
  return !isPodTerminal(pod) && podAddresses(pod).length > 0;
}

export function podAddresses({ status }: Pod): readonly string[] {
  const all = (status?.podIPs ?? []).map(({ ip }) => ip);
  return all.length > 0 || status?.podIP === undefined || status.podIP === "" ? all : [status.podIP];
}

export function familyOf(ip: string): IpFamily {
  return ip.includes(":") ? "IPv6" : "IPv4";
}

/** The families a service is served in; a service from before there was a choice has that of its address. */
export function ipFamiliesOf({ spec }: Service): readonly IpFamily[] {
  const families = (spec?.ipFamilies ?? []).filter((family) => family === "IPv4" || family === "IPv6");
  if (families.length > 0) return families;
  const { clusterIP = "" } = spec ?? {};
  return [clusterIP === "" || clusterIP === "None" ? "IPv4" : familyOf(clusterIP)];
}

export function isHeadless({ spec }: Service): boolean {
  return spec?.clusterIP === "None";
}

/** A service whose backends are its pods; others bring their own, or have none. */
export function hasPodBackends({ spec }: Service): boolean {
  return spec?.type !== "ExternalName" && Object.keys(spec?.selector ?? {}).length > 0;
}

/** Where a service's port leads in this pod; undefined where the pod has no port of that name. */
export function targetPortOf(
  pod: Pod,
  { targetPort, port, protocol = "TCP" }: ServicePort,
): number | undefined {
  if (targetPort === undefined || targetPort === 0) return port;
  if (typeof targetPort === "number") return targetPort;
  const { containers, initContainers = [] } = pod.spec;
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  for (const { ports = [] } of [...containers, ...sidecars]) {
    const found = ports.find((each) => each.name === targetPort && (each.protocol ?? "TCP") === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

/** The name by which DNS knows this one pod below a headless service, if it asked for one. */
export function hostnameFor(pod: Pod, service: Service): string | undefined {
  const { hostname = "", subdomain } = pod.spec;
  const belongs =
    subdomain === service.metadata.name && pod.metadata.namespace === service.metadata.namespace;
  return hostname !== "" && belongs ? hostname : undefined;
}

export function referenceTo({ metadata }: Pod): ObjectReference {
  const { namespace, name, uid } = metadata;
  return {
    kind: "Pod",
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }),
  };
}
