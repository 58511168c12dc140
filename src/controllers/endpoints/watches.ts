import { isPodReady, isPodTerminal } from "../../api/core/pod-conditions.ts";
import type { Pod, Service } from "../../api/core/types.generated.ts";
import { pods, services } from "../../api/resources.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { InformerFactory, SharedInformer } from "../../client/informer.ts";
import { type Watch, watch } from "../framework/controller.ts";
import { podAddresses } from "./backends.ts";

/** A service whose pods change one after the other is written this often at most: each write goes to every node. */
export const batchMs = 100;

const bySelectorPair = "bySelectorPair";
const indexed = new WeakSet<SharedInformer<Service>>();

/** Keys are those of services: they change, or the pods they select do. */
export function serviceWatches(informers: InformerFactory): readonly Watch[] {
  const serviceInformer = informers.informer(services);
  if (!indexed.has(serviceInformer)) {
    indexed.add(serviceInformer);
    serviceInformer.addIndex(bySelectorPair, selectorPairOf);
  }
  return [
    watch(serviceInformer, (service) => [objectKey(service)]),
    watch(informers.informer(pods), (pod) => servicesOf(pod, serviceInformer), changesBackends),
  ];
}

/** One label a selected pod must have: enough to find the few services that may select a pod. */
function selectorPairOf({ metadata, spec }: Service): string[] {
  const [pair] = Object.entries(spec?.selector ?? {}).sort();
  return pair === undefined ? [] : [pairValue(metadata.namespace, ...pair)];
}

function pairValue(namespace: string | undefined, name: string, value: string): string {
  return `${namespace}|${name}=${value}`;
}

function servicesOf({ metadata }: Pod, serviceInformer: SharedInformer<Service>): string[] {
  const { labels = {}, namespace } = metadata;
  return Object.entries(labels).flatMap(([name, value]) =>
    serviceInformer.lister
      .byIndex(bySelectorPair, pairValue(namespace, name, value))
      .filter((service) => selects(service, labels))
      .map(objectKey),
  );
}

/** The pods behind a service. */
export function podsOf(service: Service, podInformer: SharedInformer<Pod>): readonly Pod[] {
  return podInformer.lister
    .list({ namespace: service.metadata.namespace ?? "" })
    .filter(({ metadata: { labels = {} } }) => selects(service, labels));
}

function selects({ spec }: Service, labels: Readonly<Record<string, string>>): boolean {
  const pairs = Object.entries(spec?.selector ?? {});
  return pairs.length > 0 && pairs.every(([name, value]) => labels[name] === value);
}

/** Most changes of a pod (probe results, restarts, annotations) do not change how it is reached. */
function changesBackends(old: Pod, pod: Pod): boolean {
  return (
    isPodReady(old) !== isPodReady(pod) ||
    isPodTerminal(old) !== isPodTerminal(pod) ||
    old.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp ||
    old.metadata.uid !== pod.metadata.uid ||
    old.spec.nodeName !== pod.spec.nodeName ||
    !semanticallyEqual(podAddresses(old), podAddresses(pod)) ||
    !semanticallyEqual(old.metadata.labels, pod.metadata.labels)
  );
}
