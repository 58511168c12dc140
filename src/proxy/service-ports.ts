import type { Service } from "../api/core/types.generated.ts";
import type { EndpointSlice } from "../api/discovery/types.generated.ts";

/** One port of a service with where its traffic goes: what the packet rules are made from. */
export interface ServicePort {
  /** "namespace/name:port". */
  readonly key: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly port: number;
  readonly clusterIps: readonly string[];
  /** External and load-balancer addresses that are answered here too. */
  readonly externalIps: readonly string[];
  /** 0: none. */
  readonly nodePort: number;
  /** Seconds a client stays with its endpoint; 0: no affinity. */
  readonly affinitySeconds: number;
  /** For traffic from inside the cluster. */
  readonly internalEndpoints: readonly Endpoint[];
  /** For traffic from outside: only this node's where the policy is Local. */
  readonly externalEndpoints: readonly Endpoint[];
  /** External traffic keeps its source address. */
  readonly externalLocal: boolean;
  readonly loadBalancerSourceRanges: readonly string[];
}

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

type IpFamily = "IPv4" | "IPv6";

/** All ports of all services of one address family, by key; what has no cluster address has no rules. */
export function servicePorts(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  nodeName: string,
  family: IpFamily,
): ServicePort[] {
  const slicesOf = groupSlices(slices, family);
  const result: ServicePort[] = [];
  for (const service of services) {
    const { name = "", namespace = "" } = service.metadata;
    const { spec } = service;
    if (spec.type === "ExternalName" || spec.clusterIP === undefined || ["", "None"].includes(spec.clusterIP))
      continue;
    const clusterIps = (spec.clusterIPs ?? [spec.clusterIP]).filter((ip) => familyOf(ip) === family);
    if (clusterIps.length === 0) continue;
    const own = slicesOf.get(`${namespace}/${name}`) ?? [];
    const balancerIps = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
      ip === undefined || ipMode === "Proxy" ? [] : [ip],
    );
    const externalIps = [...(spec.externalIPs ?? []), ...balancerIps].filter((ip) => familyOf(ip) === family);
    const affinity =
      spec.sessionAffinity === "ClientIP"
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
        : 0;
    const externalLocal = spec.externalTrafficPolicy === "Local";
    for (const port of spec.ports ?? []) {
      const targets = endpointsOf(own, port.name ?? "", nodeName);
      result.push({
        key: `${namespace}/${name}:${port.name ?? ""}`,
        protocol: protocolOf(port.protocol),
        port: port.port,
        clusterIps,
        externalIps,
        nodePort: port.nodePort ?? 0,
        affinitySeconds: affinity,
        internalEndpoints:
          spec.internalTrafficPolicy === "Local"
            ? targets.local
            : preferClose(targets, spec.trafficDistribution),
        externalEndpoints: externalLocal ? targets.local : targets.all,
        externalLocal,
        loadBalancerSourceRanges: spec.loadBalancerSourceRanges ?? [],
      });
    }
  }
  return result.sort((a, b) => (a.key < b.key ? -1 : 1));
}

const defaultAffinitySeconds = 10_800;

function protocolOf(protocol: string | undefined): ServicePort["protocol"] {
  return protocol === "UDP" ? "udp" : protocol === "SCTP" ? "sctp" : "tcp";
}

function groupSlices(slices: readonly EndpointSlice[], family: IpFamily): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels?.["kubernetes.io/service-name"];
    if (service === undefined || slice.addressType !== family) continue;
    const key = `${slice.metadata.namespace}/${service}`;
    groups.set(key, [...(groups.get(key) ?? []), slice]);
  }
  return groups;
}

interface Targets {
  readonly all: readonly Endpoint[];
  readonly local: readonly Endpoint[];
}

/** Ready endpoints; where there are none, those that still serve while they terminate (KEP-1669). */
function endpointsOf(slices: readonly EndpointSlice[], portName: string, nodeName: string): Targets {
  const ready = new Map<string, { endpoint: Endpoint; local: boolean }>();
  const terminating = new Map<string, { endpoint: Endpoint; local: boolean }>();
  for (const slice of slices) {
    const port = slice.ports?.find((candidate) => (candidate.name ?? "") === portName)?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions = {}, nodeName: home } of slice.endpoints ?? []) {
      const [ip] = addresses;
      if (ip === undefined) continue;
      const entry = { endpoint: { ip, port }, local: home === nodeName };
      if (conditions.ready !== false) ready.set(`${ip}:${port}`, entry);
      else if (conditions.serving === true && conditions.terminating === true)
        terminating.set(`${ip}:${port}`, entry);
    }
  }
  const pick = (filter: (entry: { local: boolean }) => boolean) => {
    const wanted = [...ready.values()].filter(filter);
    const chosen = wanted.length > 0 ? wanted : [...terminating.values()].filter(filter);
    return chosen
      .map(({ endpoint }) => endpoint)
      .sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
  };
  return { all: pick(() => true), local: pick(({ local }) => local) };
}

function preferClose(targets: Targets, distribution: string | undefined): readonly Endpoint[] {
  if (distribution === "PreferSameNode" && targets.local.length > 0) return targets.local;
  return targets.all;
}

function familyOf(ip: string): IpFamily {
  return ip.includes(":") ? "IPv6" : "IPv4";
}
