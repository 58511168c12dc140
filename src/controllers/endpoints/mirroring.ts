import type { EndpointAddress, EndpointSubset, Endpoints, Service } from "../../api/core/types.generated.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "../../api/discovery/types.generated.ts";
import { endpointSlices, endpoints as endpointsType, services } from "../../api/resources.generated.ts";
import { type ObjectMeta, objectKey } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { create, type Intent, remove, update } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";
import { familyOf, hasPodBackends, type IpFamily } from "./backends.ts";
import { managedByLabel, serviceNameLabel } from "./slice-controller.ts";
import { pack, portsKey } from "./slices.ts";

const managedByMirroring = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
const ownAnnotations = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "endpoints.kubernetes.io/last-change-trigger-time",
]);

/** Addresses of a subset that are mirrored at most. */
const maxEndpointsPerSubset = 1000;

export interface MirroringSnapshot {
  readonly endpoints: Endpoints | undefined;
  readonly service: Service | undefined;
  /** Those made here for these Endpoints. */
  readonly slices: readonly EndpointSlice[];
}

/** Copies Endpoints that someone keeps by hand into EndpointSlices, which is what proxies read. */
export function reconcileMirror({ endpoints, service, slices }: MirroringSnapshot): Intent[] {
  if (endpoints === undefined || service === undefined || !isMirrored(endpoints, service)) {
    return slices.map((slice) => remove(endpointSlices, slice));
  }
  const groups = mirroredGroups(endpoints.subsets ?? []);
  const left = new Set(slices);
  const intents: Intent[] = [];
  for (const { family, ports, endpoints: wanted } of groups) {
    const same = slices.filter(
      (slice) => slice.addressType === family && portsKey(slice.ports) === portsKey(ports),
    );
    const packing = pack(wanted, same, maxEndpointsPerSubset, semanticallyEqual);
    for (const slice of [...packing.unchanged, ...packing.updates.map(({ slice }) => slice)])
      left.delete(slice);
    const kept = packing.unchanged.map((slice) => ({ slice, endpoints: slice.endpoints ?? [] }));
    for (const { slice, endpoints: content } of [...packing.updates, ...kept]) {
      const metadata = { ...slice.metadata, ...mirroredMetadata(endpoints) };
      intents.push(update(endpointSlices, slice, { ...slice, metadata, endpoints: content }));
    }
    intents.push(
      ...packing.creates.map((content) =>
        create(endpointSlices, newSlice(endpoints, family, ports, content)),
      ),
    );
  }
  return [...intents, ...[...left].map((slice) => remove(endpointSlices, slice))];
}

function isMirrored({ metadata }: Endpoints, service: Service): boolean {
  return (
    !hasPodBackends(service) &&
    service.spec?.type !== "ExternalName" &&
    metadata.labels?.[skipLabel] !== "true" &&
    metadata.annotations?.[leaderAnnotation] === undefined
  );
}

interface MirroredGroup {
  readonly family: IpFamily;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

function mirroredGroups(subsets: readonly EndpointSubset[]): MirroredGroup[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports: own = [] }) => {
    const ports = own.map(({ name = "", port, protocol = "TCP", appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }));
    const all = [
      ...addresses.map((address) => mirroredEndpoint(address, true)),
      ...notReadyAddresses.map((address) => mirroredEndpoint(address, false)),
    ].slice(0, maxEndpointsPerSubset);
    return (["IPv4", "IPv6"] as const)
      .map((family) => ({
        family,
        ports,
        endpoints: all.filter((endpoint) => familyOf(endpoint.addresses[0] ?? "") === family),
      }))
      .filter(({ endpoints }) => endpoints.length > 0);
  });
}

function mirroredEndpoint({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

/** All labels and annotations go along, but those that speak of the Endpoints themselves. */
function mirroredMetadata({ metadata }: Endpoints): Pick<ObjectMeta, "labels" | "annotations"> {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([name]) => !ownAnnotations.has(name),
  );
  return {
    labels: {
      ...metadata.labels,
      [serviceNameLabel]: metadata.name ?? "",
      [managedByLabel]: managedByMirroring,
    },
    annotations: Object.fromEntries(annotations),
  };
}

function newSlice(
  endpoints: Endpoints,
  family: IpFamily,
  ports: readonly EndpointPort[],
  content: readonly Endpoint[],
): EndpointSlice {
  const { name = "", namespace } = endpoints.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      ...mirroredMetadata(endpoints),
      ownerReferences: [controllerReference(endpoints)],
    },
    addressType: family,
    endpoints: content,
    ports,
  };
}

/** Keys are those of Endpoints, which have the names of their services. */
export function endpointSliceMirroringController({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<MirroringSnapshot> {
  const endpointsInformer = informers.informer(endpointsType);
  const serviceInformer = informers.informer(services);
  const sliceInformer = informers.informer(endpointSlices);
  return {
    name: "endpointslice-mirroring-controller",
    watches: [
      watch(endpointsInformer, (endpoints) => [objectKey(endpoints)]),
      watch(
        serviceInformer,
        (service) => [objectKey(service)],
        (old, service) => old.spec !== service.spec,
      ),
      watch(sliceInformer, mirroredKeys),
    ],
    observe(key) {
      const endpoints = endpointsInformer.lister.get(key);
      const service = serviceInformer.lister.get(key);
      const namespace = key.slice(0, key.indexOf("/"));
      const slices = sliceInformer.lister
        .list({ namespace })
        .filter((slice) => mirroredKeys(slice).includes(key));
      return { endpoints, service, slices };
    },
    reconcile: reconcileMirror,
  };
}

function mirroredKeys({ metadata: { labels, namespace } }: EndpointSlice): string[] {
  const service = labels?.[serviceNameLabel];
  return service !== undefined && labels?.[managedByLabel] === managedByMirroring
    ? [`${namespace}/${service}`]
    : [];
}
