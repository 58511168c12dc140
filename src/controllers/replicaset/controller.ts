import type { ReplicaSet } from "../../api/apps/types.generated.ts";
import type { Pod, PodTemplateSpec, ReplicationController } from "../../api/core/types.generated.ts";
import { pods, replicaSets, replicationControllers } from "../../api/resources.generated.ts";
import { controllerOf, type KubeObject, objectKey } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory, SharedInformer } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { controlledBy, indexByController, mayAdopt, orphansIn } from "../framework/ownership.ts";
import { selectionOf } from "../framework/selection.ts";
import { type ReplicaOwner, type ReplicaSnapshot, reconcileReplicas } from "./reconcile.ts";

interface Sources {
  readonly client: Client;
  readonly informers: InformerFactory;
}

const emptyTemplate: PodTemplateSpec = { spec: { containers: [] } };

/** Keeps as many pods as a ReplicaSet asks for. */
export function replicaSetController({ client, informers }: Sources): Controller<ReplicaSnapshot> {
  const owners = informers.informer(replicaSets);
  const describe = (object: ReplicaSet): ReplicaOwner => ({
    object,
    type: replicaSets as ReplicaOwner["type"], // Its objects are `object`'s kind.
    replicas: object.spec.replicas ?? 1,
    minReadySeconds: object.spec.minReadySeconds ?? 0,
    template: object.spec.template ?? emptyTemplate,
    selects: selectionOf(object.spec.selector, { emptySelectsNothing: true }),
    countsTerminating: true,
  });
  return replicaController({ name: "replicaset-controller", client, informers, owners, describe });
}

/** The same for a ReplicationController. */
export function replicationController({ client, informers }: Sources): Controller<ReplicaSnapshot> {
  const owners = informers.informer(replicationControllers);
  const describe = (object: ReplicationController): ReplicaOwner => ({
    object,
    type: replicationControllers as ReplicaOwner["type"], // Its objects are `object`'s kind.
    replicas: object.spec?.replicas ?? 1,
    minReadySeconds: object.spec?.minReadySeconds ?? 0,
    template: object.spec?.template ?? emptyTemplate,
    selects: selectionOf({ matchLabels: object.spec?.selector ?? {} }, { emptySelectsNothing: true }),
    countsTerminating: false,
  });
  const names = { name: "replicationcontroller-controller", eventSource: "replication-controller" };
  return replicaController({ ...names, client, informers, owners, describe });
}

interface Parts<T extends KubeObject> extends Sources {
  readonly name: string;
  readonly eventSource?: string;
  readonly owners: SharedInformer<T>;
  readonly describe: (object: T) => ReplicaOwner;
}

function replicaController<T extends KubeObject>(parts: Parts<T>): Controller<ReplicaSnapshot> {
  const { name, eventSource = name, client, informers, owners, describe } = parts;
  const podInformer = informers.informer(pods);
  indexByController(podInformer);
  indexByController(owners);

  return {
    name,
    eventSource,
    watches: [
      watch(owners, (owner) => [objectKey(owner)]),
      watch(podInformer, (pod) => ownersOfPod(pod, owners, describe)),
    ],
    async observe(key) {
      const object = owners.lister.get(key);
      if (object === undefined) return undefined;
      const owner = describe(object);
      const orphans = orphansIn(podInformer, object.metadata.namespace ?? "").filter(owner.selects);
      const candidates = [...controlledBy(podInformer, object), ...orphans];
      return {
        owner,
        candidates,
        related: candidates.length > owner.replicas ? relatedPods(object, owners, podInformer) : [],
        canAdopt: orphans.length > 0 && (await mayAdopt(client, owners.type, object)),
      };
    },
    reconcile: reconcileReplicas,
  };
}

/** The keys of its owner, or, of an orphan, of all that would adopt it. */
function ownersOfPod<T extends KubeObject>(
  pod: Pod,
  owners: SharedInformer<T>,
  describe: (object: T) => ReplicaOwner,
): string[] {
  const { namespace = "" } = pod.metadata;
  const controller = controllerOf(pod);
  if (controller !== undefined) {
    return controller.kind === owners.type.kind ? [`${namespace}/${controller.name}`] : [];
  }
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  return owners.lister
    .list({ namespace })
    .filter((object) => describe(object).selects(pod))
    .map(objectKey);
}

/** All pods of the owners that share this one's controller: a Deployment's old and new pods count together. */
function relatedPods<T extends KubeObject>(
  object: T,
  owners: SharedInformer<T>,
  podInformer: SharedInformer<Pod>,
): readonly Pod[] {
  const controller = controllerOf(object);
  if (controller === undefined) return controlledBy(podInformer, object);
  const siblings = owners.lister.byIndex("byController", controller.uid);
  return siblings.flatMap((sibling) => controlledBy(podInformer, sibling));
}
