import type { Strategy } from "../definition.ts";
import { dropField } from "../fill.ts";
import { defaultService } from "./service-defaults.ts";
import type { Service, ServiceSpec } from "./types.generated.ts";

/** Addresses and node ports are given by the API server's allocators, after `prepareForCreate` and before validation. */
export const serviceStrategy: Strategy<Service> = {
  createOnUpdate: true,
  generationFields: [],
  defaults: defaultService,
  prepareForCreate: (service) => ({
    ...service,
    spec: alignClusterIps(service.spec, undefined),
    status: { loadBalancer: {} },
  }),
  prepareForUpdate: (service, old) => {
    const spec = dropWhatTypeLost(alignClusterIps(carryOver(service.spec, old.spec), old.spec), old.spec);
    const gone = spec.type !== "LoadBalancer" && old.spec.type === "LoadBalancer";
    return { ...service, spec, ...(gone ? { status: { loadBalancer: {} } } : {}) };
  },
};

/** What a client that sends the whole object without allocated fields means: leave them as they are. */
function carryOver(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let kept = spec;
  const needsIp = spec.type !== "ExternalName" && old.type !== "ExternalName";
  if (needsIp && !spec.clusterIP && old.clusterIP && (spec.clusterIPs ?? []).length === 0)
    kept = { ...kept, clusterIP: old.clusterIP, clusterIPs: old.clusterIPs ?? [old.clusterIP] };
  if (
    !spec.healthCheckNodePort &&
    old.healthCheckNodePort &&
    needsHealthCheckPort(spec) &&
    needsHealthCheckPort(old)
  )
    kept = { ...kept, healthCheckNodePort: old.healthCheckNodePort };
  if (hasNodePorts(spec) && hasNodePorts(old)) kept = carryOverNodePorts(kept, old);
  if (spec.ipFamilyPolicy === undefined && old.ipFamilyPolicy !== undefined && needsIp)
    kept = { ...kept, ipFamilyPolicy: old.ipFamilyPolicy };
  if ((spec.ipFamilies ?? []).length === 0 && old.ipFamilies !== undefined && needsIp)
    kept = { ...kept, ipFamilies: old.ipFamilies };
  return kept;
}

/** A port that is there again keeps its node port, unless another one claims it. */
function carryOverNodePorts(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  if (spec.allocateLoadBalancerNodePorts === false && spec.type === "LoadBalancer") return spec;
  const claimed = new Set((spec.ports ?? []).map(({ nodePort, protocol }) => `${nodePort}/${protocol}`));
  const ports = (spec.ports ?? []).map((port) => {
    if (port.nodePort) return port;
    const before = old.ports?.find(
      (candidate) => candidate.protocol === port.protocol && candidate.port === port.port,
    )?.nodePort;
    return before && !claimed.has(`${before}/${port.protocol}`) ? { ...port, nodePort: before } : port;
  });
  return { ...spec, ports };
}

function hasNodePorts({ type }: ServiceSpec): boolean {
  return type === "NodePort" || type === "LoadBalancer";
}

/** A load balancer that sends to nodes with local endpoints asks each node on a port of its own. */
export function needsHealthCheckPort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === "LoadBalancer" && externalTrafficPolicy === "Local";
}

/** `clusterIP` is the first of `clusterIPs`; who sets one of them means both. */
function alignClusterIps(spec: ServiceSpec, old: ServiceSpec | undefined): ServiceSpec {
  const { clusterIP = "", clusterIPs = [] } = spec;
  if (old === undefined) {
    if (clusterIP !== "" && clusterIPs.length === 0) return { ...spec, clusterIPs: [clusterIP] };
    return spec;
  }
  // Cleared by a client that knows only the one field, to have another address given.
  if (old.clusterIP && clusterIP === "" && sameList(clusterIPs, old.clusterIPs))
    return dropField(spec, "clusterIPs");
  if (clusterIP !== old.clusterIP && sameList(clusterIPs, old.clusterIPs) && clusterIP !== "")
    return { ...spec, clusterIPs: [clusterIP] };
  return spec;
}

function sameList(left: readonly string[], right: readonly string[] | undefined): boolean {
  return left.length === (right ?? []).length && left.every((item, index) => item === right?.[index]);
}

/** Fields that only the old type had, and that the client did not change, go with it. */
function dropWhatTypeLost(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  if (spec.type === old.type) return spec;
  let left = spec;
  if (spec.type === "ExternalName") {
    if (spec.clusterIP === old.clusterIP && sameList(spec.clusterIPs ?? [], old.clusterIPs))
      for (const name of ["clusterIP", "clusterIPs"] as const) left = dropField(left, name);
    if (sameList(spec.ipFamilies ?? [], old.ipFamilies)) left = dropField(left, "ipFamilies");
    for (const name of ["ipFamilyPolicy", "internalTrafficPolicy"] as const)
      if (spec[name] === old[name]) left = dropField(left, name);
  }
  if (!hasNodePorts(spec) && hasNodePorts(old))
    left = { ...left, ports: (left.ports ?? []).map((port) => dropUnchangedNodePort(port, old)) };
  if (!needsHealthCheckPort(spec) && spec.healthCheckNodePort === old.healthCheckNodePort)
    left = dropField(left, "healthCheckNodePort");
  if (!isReachedFromOutside(spec) && spec.externalTrafficPolicy === old.externalTrafficPolicy)
    left = dropField(left, "externalTrafficPolicy");
  if (old.type === "LoadBalancer") {
    if (spec.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts)
      left = dropField(left, "allocateLoadBalancerNodePorts");
    if (spec.loadBalancerClass === old.loadBalancerClass) left = dropField(left, "loadBalancerClass");
  }
  return left;
}

function isReachedFromOutside(spec: ServiceSpec): boolean {
  return hasNodePorts(spec) || (spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0);
}

function dropUnchangedNodePort(port: NonNullable<ServiceSpec["ports"]>[number], old: ServiceSpec) {
  const unchanged = old.ports?.some(
    ({ protocol, nodePort }) =>
      nodePort !== undefined && nodePort === port.nodePort && protocol === port.protocol,
  );
  return unchanged === true ? dropField(port, "nodePort") : port;
}
