import { isPodReady } from "../../api/core/pod-conditions.ts";
import type { Node, Pod, Service } from "../../api/core/types.generated.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "../../api/discovery/types.generated.ts";
import {
  canBeBackend,
  familyOf,
  hostnameFor,
  type IpFamily,
  podAddresses,
  referenceTo,
  targetPortOf,
} from "./backends.ts";

/** Endpoints that are reached at the same ports, in one address family: what fills one or more slices. */
export interface PortGroup {
  readonly family: IpFamily;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

const zoneLabel = "topology.kubernetes.io/zone";

/** What a service's slices should hold in one family, and whether a pod had to be left out because its node is unknown. */
export function portGroups(
  service: Service,
  pods: readonly Pod[],
  family: IpFamily,
  nodeOf: (name: string) => Node | undefined,
): { readonly groups: readonly PortGroup[]; readonly isIncomplete: boolean } {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  let isIncomplete = false;
  const publishNotReady = service.spec?.publishNotReadyAddresses === true;
  for (const pod of pods) {
    const addresses = podAddresses(pod).filter((address) => familyOf(address) === family);
    if (addresses.length === 0 || !canBeBackend(pod, { includeTerminating: true })) continue;
    const node = nodeOf(pod.spec.nodeName ?? "");
    if (node === undefined && !publishNotReady) {
      isIncomplete = true;
      continue;
    }
    const ports = portsOf(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, addresses, node));
    groups.set(key, group);
  }
  const hinted = [...groups.values()].map(({ ports, endpoints }) => ({
    family,
    ports,
    endpoints: endpoints.map((endpoint) => withHints(endpoint, service)),
  }));
  return { groups: hinted, isIncomplete };
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

export function portsKey(ports: readonly EndpointPort[] | undefined): string {
  const texts = (ports ?? []).map(({ name = "", port, protocol = "TCP", appProtocol = "" }) =>
    [name, port, protocol, appProtocol].join("|"),
  );
  return texts.sort().join();
}

function endpointOf(
  service: Service,
  pod: Pod,
  addresses: readonly string[],
  node: Node | undefined,
): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = hostnameFor(pod, service);
  const zone = node?.metadata.labels?.[zoneLabel];
  const { nodeName } = pod.spec;
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: referenceTo(pod),
    ...(zone === undefined ? {} : { zone }),
  };
}

/** `trafficDistribution`: who is near an endpoint is told to prefer it. */
function withHints(endpoint: Endpoint, { spec }: Service): Endpoint {
  const { zone, nodeName, conditions } = endpoint;
  const distribution = spec?.trafficDistribution;
  if (conditions?.ready !== true || zone === undefined) return endpoint;
  switch (distribution) {
    case "PreferClose":
    case "PreferSameZone":
      return { ...endpoint, hints: { forZones: [{ name: zone }] } };
    case "PreferSameNode": {
      const forNodes = nodeName === undefined ? {} : { forNodes: [{ name: nodeName }] };
      return { ...endpoint, hints: { ...forNodes, forZones: [{ name: zone }] } };
    }
    default:
      return endpoint;
  }
}

/** Tells apart what a slice holds; one pod has one endpoint in a slice. */
function endpointKey({ targetRef, addresses }: Endpoint): string {
  return `${targetRef?.kind}/${targetRef?.namespace}/${targetRef?.uid ?? targetRef?.name} ${addresses.join()}`;
}

/** How existing slices become the wanted endpoints of their port group. */
export interface Packing {
  readonly updates: readonly { readonly slice: EndpointSlice; readonly endpoints: readonly Endpoint[] }[];
  readonly unchanged: readonly EndpointSlice[];
  /** One new slice for each. */
  readonly creates: readonly (readonly Endpoint[])[];
  readonly deletes: readonly EndpointSlice[];
}

/**
 * Fits the wanted endpoints into the slices that are there with as few slices touched as can be, since every touched
 * slice goes to every node: what is in a slice stays there, what is new goes first to slices that change anyway.
 */
export function pack(
  wanted: readonly Endpoint[],
  existing: readonly EndpointSlice[],
  maxEndpoints: number,
  isSame: (left: Endpoint, right: Endpoint) => boolean,
): Packing {
  const left = new Map(wanted.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const changed: { slice: EndpointSlice; endpoints: Endpoint[] }[] = [];
  const unchanged: { slice: EndpointSlice; endpoints: Endpoint[] }[] = [];
  const deletes: EndpointSlice[] = [];
  for (const slice of existing) {
    let isChanged = false;
    const endpoints: Endpoint[] = [];
    for (const old of slice.endpoints ?? []) {
      const key = endpointKey(old);
      const now = left.get(key);
      left.delete(key);
      if (now !== undefined) endpoints.push(now);
      if (now === undefined || !isSame(old, now)) isChanged = true;
    }
    if (endpoints.length === 0) deletes.push(slice);
    else (isChanged ? changed : unchanged).push({ slice, endpoints });
  }
  const rest = [...left.values()];
  for (const { endpoints } of changed) {
    endpoints.push(...rest.splice(0, Math.max(0, maxEndpoints - endpoints.length)));
  }
  // A slice that has room for all of the rest is filled up rather than a new one made.
  if (rest.length > 0 && rest.length < maxEndpoints) {
    const roomy = unchanged
      .filter(({ endpoints }) => endpoints.length + rest.length <= maxEndpoints)
      .sort((one, other) => other.endpoints.length - one.endpoints.length)[0];
    if (roomy !== undefined) {
      unchanged.splice(unchanged.indexOf(roomy), 1);
      changed.push({ slice: roomy.slice, endpoints: [...roomy.endpoints, ...rest.splice(0)] });
    }
  }
  const creates: Endpoint[][] = [];
  while (rest.length > 0) creates.push(rest.splice(0, maxEndpoints));
  return { updates: changed, unchanged: unchanged.map(({ slice }) => slice), creates, deletes };
}
