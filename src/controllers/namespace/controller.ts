import type { Pod } from "../../api/core/types.generated.ts";
import { namespaces, pods } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { type Discovered, type DiscoveredResource, discoverResources } from "../framework/discovery.ts";
import { nameOf } from "./namespace-state.ts";
import { type NamespaceSnapshot, type Remaining, reconcileNamespace } from "./reconcile.ts";

/** Resources asked at once about what they have in a namespace. */
const listConcurrency = 8;

/** Deletes what is in a namespace that is being deleted. Keys are namespaces' names. */
export function namespaceController({
  client,
  informers,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
}): Controller<NamespaceSnapshot> {
  const namespaceInformer = informers.informer(namespaces);
  const podInformer = informers.informer(pods);
  const isTerminating = (name: string) =>
    namespaceInformer.lister.get(name)?.metadata.deletionTimestamp !== undefined;

  return {
    name: "namespace-controller",
    workers: 10,
    watches: [
      watch(namespaceInformer, (namespace) =>
        namespace.metadata.deletionTimestamp === undefined ? [] : [nameOf(namespace)],
      ),
      // Updates do not bring an end nearer; the deletion of a pod may.
      watch(
        podInformer,
        ({ metadata: { namespace = "" } }: Pod) => (isTerminating(namespace) ? [namespace] : []),
        () => false,
      ),
    ],
    async observe(name) {
      const namespace = await liveNamespace(client, name);
      if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
      const discovered = await discoverResources(client);
      const { remaining, failures } = await contentOf(client, name, discovered);
      return { namespace, remaining, discoveryFailures: failures };
    },
    reconcile: reconcileNamespace,
  };
}

/** A stale cache would see content in a namespace of the same name that came after. */
async function liveNamespace(client: Client, name: string) {
  try {
    return await client.get(namespaces, { name });
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

async function contentOf(
  client: Client,
  namespace: string,
  { resources, failures }: Discovered,
): Promise<{ remaining: Remaining[]; failures: string[] }> {
  const deletable = resources.filter(
    ({ namespaced, verbs }) => namespaced && verbs.includes("delete") && verbs.includes("list"),
  );
  const failed = [...failures].map(([groupVersion, why]) => `${groupVersion}: ${why}`);
  const remaining: Remaining[] = [];
  for (let start = 0; start < deletable.length; start += listConcurrency) {
    const found = await Promise.all(
      deletable
        .slice(start, start + listConcurrency)
        .map((resource) => remainingOf(client, namespace, resource)),
    );
    remaining.push(...found.filter(({ objects }) => objects.length > 0));
  }
  return { remaining, failures: failed };
}

async function remainingOf(
  client: Client,
  namespace: string,
  resource: DiscoveredResource,
): Promise<Remaining> {
  try {
    const { items } = await client.list(resource, { namespace });
    return { resource, objects: items };
  } catch (error) {
    // The resource went between discovery and now (a CRD was deleted): nothing of it is left.
    if (isApiError(error, "NotFound") || isApiError(error, "MethodNotAllowed"))
      return { resource, objects: [] };
    throw error;
  }
}
