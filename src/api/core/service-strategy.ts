import type { Strategy } from "../definition.ts";
import { dropField } from "../fill.ts";
import { defaultService, internalPolicies, isExternallyAccessible } from "./service-defaults.ts";
import type { Service, ServiceSpec } from "./types.generated.ts";

/** Addresses and node ports are given by the API server's allocators, after `prepareForCreate` and before validation. */
export const serviceStrategy: Strategy<Service> = {
  createOnUpdate: true,
  generationFields: [],
  defaults: defaultService,
  prepareForCreate: (service) => ({
    ...service,
    spec: withoutUnusedPolicy(alignClusterIps(service.spec, undefined)),
    status: { loadBalancer: {} },
  }),
  prepareForUpdate: (service, old) => {
    const carried = alignClusterIps(carryOver(service.spec, old.spec), old.spec);
    const spec = withoutUnusedPolicy(dropWhatIsLost(carried, old.spec));
    return { ...service, spec, ...(spec.type === "LoadBalancer" ? {} : { status: { loadBalancer: {} } }) };
  },
};

/** What a client that sends the whole object without allocated fields means: leave them as they are. */
function carryOver(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let kept = spec;
  if (spec.type !== "ExternalName" && old.type !== "ExternalName") {
    if (!spec.clusterIP && old.clusterIP) kept = { ...kept, clusterIP: old.clusterIP };
    if ((spec.clusterIPs ?? []).length === 0 && old.clusterIPs !== undefined)
      kept = { ...kept, clusterIPs: old.clusterIPs };
    if (spec.ipFamilyPolicy === undefined && old.ipFamilyPolicy !== undefined)
      kept = { ...kept, ipFamilyPolicy: old.ipFamilyPolicy };
    if ((spec.ipFamilies ?? []).length === 0 && old.ipFamilies !== undefined)
      kept = { ...kept, ipFamilies: old.ipFamilies };
  }
  if (
    !spec.healthCheckNodePort &&
    old.healthCheckNodePort &&
    needsHealthCheckPort(spec) &&
    needsHealthCheckPort(old)
  )
    kept = { ...kept, healthCheckNodePort: old.healthCheckNodePort };
  return hasNodePorts(spec) && hasNodePorts(old) ? carryOverNodePorts(kept, old) : kept;
}

/** A port of the same name keeps its node port, unless that is there already. */
function carryOverNodePorts(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const claimed = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
  const before = new Map((old.ports ?? []).map(({ name = "", nodePort }) => [name, nodePort]));
  const ports = (spec.ports ?? []).map((port) => {
    const nodePort = before.get(port.name ?? "");
    return !port.nodePort && nodePort && !claimed.has(nodePort) ? { ...port, nodePort } : port;
  });
  return { ...spec, ports };
}

function hasNodePorts({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean {
  return type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);
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
  // Cleared by a client that knows only the one field.
  if (old.clusterIP && clusterIP === "" && sameList(clusterIPs, old.clusterIPs))
    return dropField(spec, "clusterIPs");
  if (clusterIP !== old.clusterIP && sameList(clusterIPs, old.clusterIPs) && clusterIP !== "")
    return { ...spec, clusterIPs: [clusterIP] };
  return spec;
}

function sameList(left: readonly string[], right: readonly string[] | undefined): boolean {
  return left.length === (right ?? []).length && left.every((item, index) => item === right?.[index]);
}

/** Fields that only the old state had a use for, and that the client did not change, go with it. */
function dropWhatIsLost(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const gone: (keyof ServiceSpec)[] = [];
  if (spec.type === "ExternalName" && old.type !== "ExternalName") {
    if (spec.clusterIP === old.clusterIP && sameList(spec.clusterIPs ?? [], old.clusterIPs))
      gone.push("clusterIP", "clusterIPs");
    if (sameList(spec.ipFamilies ?? [], old.ipFamilies)) gone.push("ipFamilies");
    if (spec.ipFamilyPolicy === old.ipFamilyPolicy) gone.push("ipFamilyPolicy");
  }
  if (
    needsHealthCheckPort(old) &&
    !needsHealthCheckPort(spec) &&
    spec.healthCheckNodePort === old.healthCheckNodePort
  )
    gone.push("healthCheckNodePort");
  if (
    isExternallyAccessible(old) &&
    !isExternallyAccessible(spec) &&
    spec.externalTrafficPolicy === old.externalTrafficPolicy
  )
    gone.push("externalTrafficPolicy");
  if (old.type === "LoadBalancer" && spec.type !== "LoadBalancer")
    for (const name of ["allocateLoadBalancerNodePorts", "loadBalancerClass"] as const)
      if (spec[name] === old[name]) gone.push(name);
  const left = gone.reduce<ServiceSpec>((rest, name) => dropField(rest, name), spec);
  return hasNodePorts(old) && !hasNodePorts(spec) && claimsNoNewNodePort(spec, old)
    ? { ...left, ports: (left.ports ?? []).map((port) => dropField(port, "nodePort")) }
    : left;
}

function claimsNoNewNodePort(spec: ServiceSpec, old: ServiceSpec): boolean {
  const before = new Set((old.ports ?? []).map(({ nodePort }) => nodePort));
  return (spec.ports ?? []).every(({ nodePort }) => !nodePort || before.has(nodePort));
}

/** Traffic to a name goes nowhere through the cluster; what validation would refuse is left for it. */
function withoutUnusedPolicy(spec: ServiceSpec): ServiceSpec {
  return spec.type === "ExternalName" && internalPolicies.includes(spec.internalTrafficPolicy ?? "")
    ? dropField(spec, "internalTrafficPolicy")
    : spec;
}
