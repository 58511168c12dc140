import { endpointSlices, namespaces, services } from "../api/resources.generated.ts";
import type { InformerFactory } from "../client/informer.ts";
import type { ClusterRecords } from "./records.ts";

/** The records of a cluster, kept current by informers and found by index. */
export function watchClusterRecords(informers: InformerFactory, clusterDomain: string): ClusterRecords {
  const serviceInformer = informers.informer(services);
  const sliceInformer = informers.informer(endpointSlices);
  const namespaceInformer = informers.informer(namespaces, { metadataOnly: true });
  serviceInformer.addIndex("ip", ({ spec }) => (spec.clusterIPs ?? []).filter((ip) => ip !== "None"));
  sliceInformer.addIndex("service", ({ metadata }) => {
    const name = metadata.labels?.["kubernetes.io/service-name"];
    return name === undefined ? [] : [`${metadata.namespace}/${name}`];
  });
  sliceInformer.addIndex("ip", ({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
  return {
    clusterDomain,
    service: (key) => serviceInformer.lister.get(key),
    slicesOf: (key) => sliceInformer.lister.byIndex("service", key),
    namespaceExists: (name) => namespaceInformer.lister.get(name) !== undefined,
    serviceByIp: (ip) => serviceInformer.lister.byIndex("ip", ip)[0],
    slicesByIp: (ip) => sliceInformer.lister.byIndex("ip", ip),
  };
}
