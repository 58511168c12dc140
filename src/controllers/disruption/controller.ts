import type { Pod } from "../../api/core/types.generated.ts";
import type { PodDisruptionBudget } from "../../api/policy/types.generated.ts";
import {
  deployments,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { controllerOf, type KubeObject, objectKey, parseApiVersion } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { discoverResources } from "../framework/discovery.ts";
import { selectionOf } from "../framework/selection.ts";
import { type DisruptionSnapshot, reconcileDisruption, type Wanting } from "./reconcile.ts";

interface Sources {
  readonly client: Client;
  readonly informers: InformerFactory;
}

/** Says in a PodDisruptionBudget's status how many pods may be evicted. */
export function disruptionController({ client, informers }: Sources): Controller<DisruptionSnapshot> {
  const budgetInformer = informers.informer(podDisruptionBudgets);
  const podInformer = informers.informer(pods);
  const scales = new Scales({ client, informers });
  const select = ({ metadata, spec }: PodDisruptionBudget) =>
    podInformer.lister.list({ namespace: metadata.namespace ?? "" }).filter(selectionOf(spec?.selector));
  return {
    name: "disruption-controller",
    eventSource: "controllermanager",
    watches: [
      watch(budgetInformer, (budget) => [objectKey(budget)]),
      watch(podInformer, (pod) =>
        budgetInformer.lister
          .list({ namespace: pod.metadata.namespace ?? "" })
          .filter(({ spec }) => selectionOf(spec?.selector)(pod))
          .map(objectKey),
      ),
    ],
    async observe(key) {
      const budget = budgetInformer.lister.get(key);
      if (budget === undefined) return undefined;
      const selected = select(budget);
      return { budget, pods: selected, wanting: await scales.of(selected) };
    },
    reconcile: reconcileDisruption,
  };
}

/** How many pods the controllers of pods want. */
class Scales {
  readonly #client: Client;
  readonly #replicaSets;
  readonly #deployments;
  readonly #statefulSets;
  readonly #replicationControllers;

  constructor({ client, informers }: Sources) {
    this.#client = client;
    this.#replicaSets = informers.informer(replicaSets);
    this.#deployments = informers.informer(deployments);
    this.#statefulSets = informers.informer(statefulSets);
    this.#replicationControllers = informers.informer(replicationControllers);
  }

  /** By the UID of a pod's controller; where nothing is known of one, it is left out. */
  async of(selected: readonly Pod[]): Promise<ReadonlyMap<string, Wanting>> {
    const found = new Map<string, Wanting>();
    for (const pod of selected) {
      const uid = controllerOf(pod)?.uid;
      if (uid === undefined || found.has(uid)) continue;
      const wanting = this.#builtIn(pod) ?? (await this.#byScaleSubresource(pod));
      if (wanting !== undefined) found.set(uid, wanting);
    }
    return found;
  }

  #builtIn(pod: Pod): Wanting | undefined {
    const { namespace } = pod.metadata;
    const controller = controllerOf(pod);
    const key = `${namespace}/${controller?.name}`;
    switch (controller?.kind) {
      case "ReplicaSet":
        return this.#ofReplicaSet(key);
      case "StatefulSet":
        return wantingOf(this.#statefulSets.lister.get(key));
      case "ReplicationController":
        return wantingOf(this.#replicationControllers.lister.get(key));
      default:
        return undefined;
    }
  }

  /** A Deployment's ReplicaSets share its pods: what it wants counts once, over all of them. */
  #ofReplicaSet(key: string): Wanting | undefined {
    const set = this.#replicaSets.lister.get(key);
    const owner = set && controllerOf(set);
    const deployment =
      owner?.kind === "Deployment"
        ? this.#deployments.lister.get(`${set?.metadata.namespace}/${owner.name}`)
        : undefined;
    return wantingOf(deployment ?? set);
  }

  /** Any other kind says it under /scale, if it has that. */
  async #byScaleSubresource(pod: Pod): Promise<Wanting | undefined> {
    const controller = controllerOf(pod);
    if (controller === undefined) return undefined;
    const { group } = parseApiVersion(controller.apiVersion);
    const { resources } = await discoverResources(this.#client);
    const type = resources.find((each) => each.group === group && each.kind === controller.kind);
    if (type === undefined) return undefined;
    const prefix = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
    const path = `${prefix}/namespaces/${pod.metadata.namespace}/${type.resource}/${controller.name}/scale`;
    try {
      const scale = (await this.#client.raw(path)) as { readonly spec?: { readonly replicas?: number } }; // autoscaling/v1 Scale
      return { uid: controller.uid, replicas: scale.spec?.replicas ?? 0 };
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      throw error;
    }
  }
}

function wantingOf(
  owner: (KubeObject & { readonly spec?: { readonly replicas?: number } }) | undefined,
): Wanting | undefined {
  return owner && { uid: owner.metadata.uid ?? "", replicas: owner.spec?.replicas ?? 1 };
}
