import { fillAbsent, fillEmpty, mapField, mapItems } from "../fill.ts";
import type { Service, ServicePort, ServiceSpec } from "./types.generated.ts";

export const internalPolicies: readonly string[] = ["Cluster", "Local"];

/** How long a client stays with one endpoint: three hours. */
const defaultSessionAffinitySeconds = 10_800;

/** What a service has that its author left out (upstream's SetDefaults_Service). */
export function defaultService(service: Service): Service {
  const spec = defaultServiceSpec(service.spec ?? {});
  const status = { ...service.status, loadBalancer: service.status?.loadBalancer ?? {} };
  if (spec.type !== "LoadBalancer") return { ...service, spec, status };
  const loadBalancer = mapField(status.loadBalancer, "ingress", (ingress) =>
    mapItems(ingress, (entry) => (entry.ip ? fillAbsent(entry, { ipMode: "VIP" }) : entry)),
  );
  return { ...service, spec, status: { ...status, loadBalancer } };
}

function defaultServiceSpec(given: ServiceSpec): ServiceSpec {
  let spec = fillEmpty(given, { sessionAffinity: "None", type: "ClusterIP" });
  spec = defaultAffinity(spec);
  spec = mapField(spec, "ports", (ports) => mapItems(ports, defaultPort));
  if (isExternallyAccessible(spec)) spec = fillEmpty(spec, { externalTrafficPolicy: "Cluster" });
  if (spec.type !== "ExternalName") spec = fillAbsent(spec, { internalTrafficPolicy: "Cluster" });
  return spec.type === "LoadBalancer" ? fillAbsent(spec, { allocateLoadBalancerNodePorts: true }) : spec;
}

function defaultAffinity(spec: ServiceSpec): ServiceSpec {
  if (spec.sessionAffinity === "None" && spec.sessionAffinityConfig !== undefined) {
    const { sessionAffinityConfig: _unused, ...rest } = spec;
    return rest;
  }
  if (spec.sessionAffinity !== "ClientIP") return spec;
  if (typeof spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === "number") return spec;
  return { ...spec, sessionAffinityConfig: { clientIP: { timeoutSeconds: defaultSessionAffinitySeconds } } };
}

function defaultPort(port: ServicePort): ServicePort {
  return fillEmpty(port, { protocol: "TCP", targetPort: port.port });
}

/** Reached from outside the cluster: node ports, a load balancer, or addresses that are routed to the nodes. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return (
    spec.type === "LoadBalancer" ||
    spec.type === "NodePort" ||
    (spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0)
  );
}
