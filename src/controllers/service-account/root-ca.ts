import type { ConfigMap, Namespace } from "../../api/core/types.generated.ts";
import { configMaps, namespaces } from "../../api/resources.generated.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { create, type Intent, update } from "../framework/intent.ts";
import { isActiveNamespace, nameOf } from "../namespace/namespace-state.ts";

const configMapName = "kube-root-ca.crt";
const descriptionAnnotation = "kubernetes.io/description";
const description =
  "The certificates that the API server's own certificate is checked against when it is reached from inside the cluster.";

interface Snapshot {
  readonly namespace: Namespace;
  readonly configMap: ConfigMap | undefined;
  /** PEM. */
  readonly rootCa: string;
}

/** Every active namespace has the config map that tells its pods whom to trust as the API server. */
export function reconcileRootCa({ namespace, configMap, rootCa }: Snapshot): Intent[] {
  if (!isActiveNamespace(namespace)) return [];
  const data = { "ca.crt": rootCa };
  if (configMap === undefined) {
    const metadata = {
      namespace: nameOf(namespace),
      name: configMapName,
      annotations: { [descriptionAnnotation]: description },
    };
    const wanted: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
    return [create(configMaps, wanted, { ignore: ["AlreadyExists", "Forbidden"] })];
  }
  const { annotations } = configMap.metadata;
  if (semanticallyEqual(configMap.data, data) && annotations?.[descriptionAnnotation] !== undefined)
    return [];
  const metadata = {
    ...configMap.metadata,
    annotations: { ...annotations, [descriptionAnnotation]: description },
  };
  return [update(configMaps, configMap, { ...configMap, metadata, data })];
}

/** Keys are namespaces' names. */
export function rootCaPublisher({
  informers,
  rootCa,
}: {
  readonly informers: InformerFactory;
  readonly rootCa: string;
}): Controller<Snapshot> {
  const namespaceInformer = informers.informer(namespaces);
  const configMapInformer = informers.informer(configMaps);
  return {
    name: "root-ca-certificate-publisher-controller",
    workers: 1,
    watches: [
      watch(namespaceInformer, (namespace) => [nameOf(namespace)]),
      watch(configMapInformer, ({ metadata }) =>
        metadata.name === configMapName && metadata.namespace !== undefined ? [metadata.namespace] : [],
      ),
    ],
    observe(name) {
      const namespace = namespaceInformer.lister.get(name);
      if (namespace === undefined) return undefined;
      return { namespace, configMap: configMapInformer.lister.get(`${name}/${configMapName}`), rootCa };
    },
    reconcile: reconcileRootCa,
  };
}
