import type { Node, Pod, Service } from "../../api/core/types.generated.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "../../api/discovery/types.generated.ts";
import { endpointSlices, nodes, pods, services } from "../../api/resources.generated.ts";
import type { ObjectMeta } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { MetricSources } from "../../base/metrics/metric-sources.ts";
import type { InformerFactory, SharedInformer } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { create, type Intent, remove, requeueAfter, update } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";
import { hasPodBackends, type IpFamily, ipFamiliesOf, isHeadless } from "./backends.ts";
import { EndpointSliceMetrics } from "./metrics.ts";
import { type PortGroup, pack, portGroups, portsKey } from "./slices.ts";
import { batchMs, podsOf, serviceWatches } from "./watches.ts";

export const serviceNameLabel = "kubernetes.io/service-name";
export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const headlessLabel = "service.kubernetes.io/headless";
const managedByThis = "endpointslice-controller.k8s.io";

const maxEndpointsPerSlice = 100;

/** How long until a service is looked at again one of whose pods is on a node that is not known (yet). */
const unknownNodeRetryMs = 10_000;

export interface SlicesSnapshot {
  readonly service: Service;
  readonly pods: readonly Pod[];
  readonly nodeOf: (name: string) => Node | undefined;
  /** Those this controller made for the service. */
  readonly slices: readonly EndpointSlice[];
}

/** Keeps a service's EndpointSlices to its pods. */
export function reconcileSlices({ service, pods, nodeOf, slices }: SlicesSnapshot): Intent[] {
  if (!hasPodBackends(service) || service.metadata.deletionTimestamp !== undefined) return [];
  const families = ipFamiliesOf(service);
  const stale = slices.filter(({ addressType }) => !families.includes(addressType as IpFamily)); // Any string may stand there.
  const intents: Intent[] = [];
  let isIncomplete = false;
  for (const family of families) {
    const wanted = portGroups(service, pods, family, nodeOf);
    isIncomplete ||= wanted.isIncomplete;
    const existing = slices.filter(({ addressType }) => addressType === family);
    intents.push(...reconcileFamily(service, family, wanted.groups, existing));
  }
  return [
    ...intents,
    ...stale.map((slice) => remove(endpointSlices, slice)),
    ...(isIncomplete ? [requeueAfter(unknownNodeRetryMs)] : []),
  ];
}

function reconcileFamily(
  service: Service,
  family: IpFamily,
  groups: readonly PortGroup[],
  existing: readonly EndpointSlice[],
): Intent[] {
  const labels = sliceLabels(service);
  const creates: EndpointSlice[] = [];
  const updates: Intent[] = [];
  let deletes: EndpointSlice[] = [];
  const groupKeys = new Set(groups.map(({ ports }) => portsKey(ports)));
  for (const { ports, endpoints } of groups) {
    const same = existing.filter((slice) => portsKey(slice.ports) === portsKey(ports));
    const packing = pack(endpoints, same, maxEndpointsPerSlice, semanticallyEqual);
    for (const each of packing.updates) updates.push(updateSlice(each.slice, labels, each.endpoints));
    for (const slice of packing.unchanged) updates.push(updateSlice(slice, labels, slice.endpoints ?? []));
    creates.push(...packing.creates.map((each) => newSlice(service, family, ports, each, labels)));
    deletes.push(...packing.deletes);
  }
  deletes.push(...existing.filter((slice) => !groupKeys.has(portsKey(slice.ports))));

  // A service without pods has one empty slice, so that "no endpoints" can be told from "not looked at yet".
  if (creates.length === 0 && updates.length === 0) {
    const placeholder = newSlice(service, family, [], [], labels);
    const [empty] = deletes.filter((slice) => isPlaceholder(slice));
    if (empty === undefined) creates.push(placeholder);
    else {
      deletes = deletes.filter((slice) => slice !== empty);
      updates.push(updateSlice(empty, labels, []));
    }
  }
  return [...recycle(creates, deletes), ...updates];
}

function isPlaceholder({ endpoints = [], ports = [] }: EndpointSlice): boolean {
  return endpoints.length === 0 && ports.length === 0;
}

/** A slice that would be deleted becomes one that would be created: one write instead of two. */
function recycle(creates: readonly EndpointSlice[], deletes: readonly EndpointSlice[]): Intent[] {
  const recycled = Math.min(creates.length, deletes.length);
  const changed = deletes.slice(0, recycled).map((slice, index) => {
    const { ports = [], endpoints = [], metadata } = creates[index] ?? slice;
    const labels = metadata.labels ?? {};
    return update(endpointSlices, slice, {
      ...slice,
      metadata: { ...slice.metadata, labels },
      ports,
      endpoints,
    });
  });
  return [
    ...creates.slice(recycled).map((slice) => create(endpointSlices, slice)),
    ...changed,
    ...deletes.slice(recycled).map((slice) => remove(endpointSlices, slice)),
  ];
}

function updateSlice(
  slice: EndpointSlice,
  labels: Readonly<Record<string, string>>,
  endpoints: readonly Endpoint[],
): Intent {
  return update(endpointSlices, slice, { ...slice, metadata: { ...slice.metadata, labels }, endpoints });
}

function newSlice(
  service: Service,
  family: IpFamily,
  ports: readonly EndpointPort[],
  endpoints: readonly Endpoint[],
  labels: Readonly<Record<string, string>>,
): EndpointSlice {
  const { name = "", namespace } = service.metadata;
  const metadata: ObjectMeta = {
    generateName: `${name}-`,
    ...(namespace === undefined ? {} : { namespace }),
    labels,
    ownerReferences: [controllerReference(service)],
  };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata,
    addressType: family,
    endpoints,
    ports,
  };
}

function sliceLabels(service: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _, ...own } = service.metadata.labels ?? {};
  return {
    ...own,
    ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
    [serviceNameLabel]: service.metadata.name ?? "",
    [managedByLabel]: managedByThis,
  };
}

const byService = "byService";
const indexed = new WeakSet<SharedInformer<EndpointSlice>>();

/** Keys are those of services. */
export function endpointSliceController({
  informers,
  metrics: sources,
}: {
  readonly informers: InformerFactory;
  readonly metrics?: MetricSources | undefined;
}): Controller<SlicesSnapshot> {
  const serviceInformer = informers.informer(services);
  const podInformer = informers.informer(pods);
  const nodeInformer = informers.informer(nodes);
  const sliceInformer = informers.informer(endpointSlices);
  if (!indexed.has(sliceInformer)) {
    indexed.add(sliceInformer);
    sliceInformer.addIndex(byService, (slice) => serviceKeys(slice));
  }
  const metrics = new EndpointSliceMetrics({
    services: () => serviceInformer.lister.list(),
    slices: () => sliceInformer.lister.list().filter((slice) => serviceKeys(slice).length > 0),
    slicesOf: wellPacked,
  });
  sources?.add(metrics);
  return {
    name: "endpointslice-controller",
    reconciled: (told) => metrics.reconciled(told),
    eventSource: "endpoint-slice-controller",
    pauseMs: batchMs,
    watches: [
      ...serviceWatches(informers),
      watch(sliceInformer, serviceKeys, (old, slice) => !semanticallyEqual(old, slice)),
    ],
    observe(key) {
      const service = serviceInformer.lister.get(key);
      if (service === undefined) return undefined;
      return {
        service,
        pods: podsOf(service, podInformer),
        nodeOf: (name) => nodeInformer.lister.get(name),
        slices: sliceInformer.lister.byIndex(byService, key),
      };
    },
    reconcile: reconcileSlices,
  };
}

/** How many slices there would be if each but the last of a service's ports were full. */
function wellPacked(slices: readonly EndpointSlice[]): number {
  const alike = Map.groupBy(slices, (slice) =>
    [...serviceKeys(slice), slice.addressType, portsKey(slice.ports)].join("\u0000"),
  );
  let wanted = 0;
  for (const same of alike.values()) {
    const endpoints = same.reduce((sum, slice) => sum + (slice.endpoints ?? []).length, 0);
    wanted += Math.max(1, Math.ceil(endpoints / maxEndpointsPerSlice));
  }
  return wanted;
}

function serviceKeys({ metadata: { labels, namespace } }: EndpointSlice): string[] {
  const service = labels?.[serviceNameLabel];
  return service !== undefined && labels?.[managedByLabel] === managedByThis
    ? [`${namespace}/${service}`]
    : [];
}
