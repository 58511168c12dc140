import { isPodReady } from "../../api/core/pod-conditions.ts";
import type {
  EndpointAddress,
  EndpointPort,
  EndpointSubset,
  Endpoints,
  Pod,
  Service,
} from "../../api/core/types.generated.ts";
import { endpoints as endpointsType, pods, services } from "../../api/resources.generated.ts";
import { objectKey, splitObjectKey } from "../../apimachinery/meta.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { create, type Intent, remove, update } from "../framework/intent.ts";
import {
  canBeBackend,
  familyOf,
  hasPodBackends,
  hostnameFor,
  ipFamiliesOf,
  isHeadless,
  podAddresses,
  referenceTo,
  targetPortOf,
} from "./backends.ts";
import { batchMs, podsOf, serviceWatches } from "./watches.ts";

const headlessLabel = "service.kubernetes.io/headless";
const managedByLabel = "endpoints.kubernetes.io/managed-by";
const overCapacityAnnotation = "endpoints.kubernetes.io/over-capacity";

/** The most addresses one Endpoints object holds; EndpointSlices have no such limit. */
const maxAddresses = 1000;

export interface EndpointsSnapshot {
  readonly namespace: string;
  readonly name: string;
  readonly service: Service | undefined;
  readonly pods: readonly Pod[];
  readonly current: Endpoints | undefined;
}

/** Keeps the Endpoints of a service to the addresses of its pods. */
export function reconcileEndpoints({ namespace, name, service, pods, current }: EndpointsSnapshot): Intent[] {
  if (service === undefined) {
    return current === undefined ? [] : [remove(endpointsType, current)];
  }
  if (!hasPodBackends(service)) return [];
  const { subsets, overCapacity } = truncated(subsetsOf(service, pods));
  const { [headlessLabel]: _label, ...own } = service.metadata.labels ?? {};
  const labels = {
    ...own,
    ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
    [managedByLabel]: "endpoint-controller",
  };
  const { [overCapacityAnnotation]: _, ...kept } = current?.metadata.annotations ?? {};
  const annotations = overCapacity ? { ...kept, [overCapacityAnnotation]: "truncated" } : kept;
  const failed = (verb: string, word: string) => ({
    regarding: service,
    failed: (error: Error) =>
      ({
        type: "Warning",
        reason: `FailedTo${verb}Endpoint`,
        message: `Failed to ${word} endpoint for service ${namespace}/${name}: ${error.message}`,
      }) as const,
  });
  if (current === undefined) {
    const metadata = { namespace, name, labels, annotations };
    const wanted: Endpoints = { apiVersion: "v1", kind: "Endpoints", metadata, subsets };
    return [create(endpointsType, wanted, { report: failed("Create", "create") })];
  }
  const metadata = { ...current.metadata, labels, annotations };
  return [
    update(endpointsType, current, { ...current, metadata, subsets }, { report: failed("Update", "update") }),
  ];
}

interface Backend {
  readonly address: EndpointAddress;
  readonly ready: boolean;
  /** Orders and tells apart backends. */
  readonly key: string;
}

/** Pods of a service that are reached at the same ports form a subset. */
function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const backendsByPort = new Map<string, { port: EndpointPort | undefined; backends: Backend[] }>();
  const add = (port: EndpointPort | undefined, backend: Backend) => {
    const key = JSON.stringify(port ?? null);
    const group = backendsByPort.get(key) ?? { port, backends: [] };
    group.backends.push(backend);
    backendsByPort.set(key, group);
  };
  for (const pod of pods) {
    const backend = backendOf(service, pod);
    if (backend === undefined) continue;
    const { ports = [] } = service.spec ?? {};
    if (ports.length === 0 && isHeadless(service)) add(undefined, backend);
    for (const servicePort of ports) {
      const number = targetPortOf(pod, servicePort);
      if (number === undefined) continue;
      const { name, protocol = "TCP", appProtocol } = servicePort;
      add(
        {
          ...(name === undefined || name === "" ? {} : { name }),
          port: number,
          protocol,
          ...(appProtocol === undefined ? {} : { appProtocol }),
        },
        backend,
      );
    }
  }
  return repack([...backendsByPort.values()]);
}

function backendOf(service: Service, pod: Pod): Backend | undefined {
  const publishNotReady = service.spec?.publishNotReadyAddresses === true;
  if (!canBeBackend(pod, { includeTerminating: publishNotReady })) return undefined;
  const [family] = ipFamiliesOf(service);
  const ip = podAddresses(pod).find((address) => familyOf(address) === family);
  if (ip === undefined) return undefined;
  const hostname = hostnameFor(pod, service);
  const { nodeName } = pod.spec;
  const address: EndpointAddress = {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: referenceTo(pod),
  };
  const ready = publishNotReady || isPodReady(pod);
  return { address, ready, key: `${ip} ${pod.metadata.uid} ${ready}` };
}

/** Ports with the same backends share a subset; all in a fixed order, so that equal content is equal. */
function repack(
  groups: readonly { readonly port: EndpointPort | undefined; readonly backends: readonly Backend[] }[],
): EndpointSubset[] {
  const byBackends = new Map<string, { backends: readonly Backend[]; ports: EndpointPort[] }>();
  for (const { port, backends } of groups) {
    const sorted = backends.toSorted((left, right) => compareText(left.key, right.key));
    const key = sorted.map((backend) => backend.key).join();
    const subset = byBackends.get(key) ?? { backends: sorted, ports: [] };
    if (port !== undefined) subset.ports.push(port);
    byBackends.set(key, subset);
  }
  return [...byBackends.entries()]
    .sort(([left], [right]) => compareText(left, right))
    .map(([, { backends, ports }]) => ({
      ...list(
        "addresses",
        backends.filter(({ ready }) => ready).map(({ address }) => address),
      ),
      ...list(
        "notReadyAddresses",
        backends.filter(({ ready }) => !ready).map(({ address }) => address),
      ),
      ...list(
        "ports",
        ports.toSorted(
          (left, right) => compareText(left.name ?? "", right.name ?? "") || left.port - right.port,
        ),
      ),
    }));
}

function list<K extends string, T>(name: K, items: readonly T[]): { readonly [P in K]?: readonly T[] } {
  // A computed name widens to string; it is K.
  return (items.length === 0 ? {} : { [name]: items }) as { readonly [P in K]?: readonly T[] };
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Past the limit, ready addresses stay before those that are not. */
function truncated(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; overCapacity: boolean } {
  const count = (pick: (subset: EndpointSubset) => readonly unknown[] | undefined) =>
    subsets.reduce((total, subset) => total + (pick(subset)?.length ?? 0), 0);
  const readyCount = count(({ addresses }) => addresses);
  if (readyCount + count(({ notReadyAddresses }) => notReadyAddresses) <= maxAddresses) {
    return { subsets, overCapacity: false };
  }
  let readyLeft = maxAddresses;
  let notReadyLeft = Math.max(0, maxAddresses - readyCount);
  const cut = subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const ready = addresses.slice(0, readyLeft);
    const notReady = notReadyAddresses.slice(0, notReadyLeft);
    readyLeft -= ready.length;
    notReadyLeft -= notReady.length;
    return { ...list("addresses", ready), ...list("notReadyAddresses", notReady), ...list("ports", ports) };
  });
  return {
    subsets: cut.filter((subset) => "addresses" in subset || "notReadyAddresses" in subset),
    overCapacity: true,
  };
}

/** Keys are those of services. */
export function endpointsController({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<EndpointsSnapshot> {
  const serviceInformer = informers.informer(services);
  const podInformer = informers.informer(pods);
  const endpointsInformer = informers.informer(endpointsType);
  /** Keys of services seen alive: Endpoints that never had one are somebody's own, and stay. */
  const known = new Set<string>();
  return {
    name: "endpoints-controller",
    eventSource: "endpoint-controller",
    pauseMs: batchMs,
    watches: [
      ...serviceWatches(informers),
      // Someone else deleted it; what is written here comes from here.
      watch(
        endpointsInformer,
        (endpoints) => [objectKey(endpoints)],
        () => false,
      ),
    ],
    observe(key) {
      const service = serviceInformer.lister.get(key);
      const current = endpointsInformer.lister.get(key);
      if (service !== undefined) known.add(key);
      else if (!known.delete(key) && !isManagedHere(current)) return undefined;
      return {
        ...splitObjectKey(key),
        service,
        current,
        pods: service === undefined ? [] : podsOf(service, podInformer),
      };
    },
    reconcile: reconcileEndpoints,
  };
}

function isManagedHere(endpoints: Endpoints | undefined): boolean {
  return endpoints?.metadata.labels?.[managedByLabel] === "endpoint-controller";
}
