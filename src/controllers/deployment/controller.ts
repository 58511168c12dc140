import type { Deployment, ReplicaSet } from "../../api/apps/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { deployments, pods, replicaSets } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { controllerOf, objectKey } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory, SharedInformer } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { controlledBy, indexByController, mayAdopt, orphansIn } from "../framework/ownership.ts";
import { selectionOf } from "../framework/selection.ts";
import { type DeploymentSnapshot, reconcileDeployment } from "./reconcile.ts";
import { buildReplicaSet, findNewReplicaSet } from "./revision.ts";

/** Rolls a Deployment's template out through ReplicaSets. */
export function deploymentController({
  client,
  informers,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
}): Controller<DeploymentSnapshot> {
  const deploymentInformer = informers.informer(deployments);
  const replicaSetInformer = informers.informer(replicaSets);
  const podInformer = informers.informer(pods);
  indexByController(replicaSetInformer);
  indexByController(podInformer);

  return {
    name: "deployment-controller",
    watches: [
      watch(deploymentInformer, (deployment) => [objectKey(deployment)]),
      watch(replicaSetInformer, (replicaSet) => deploymentsOf(replicaSet, deploymentInformer)),
      // Recreate waits for the last old pod to go.
      watch(
        podInformer,
        (pod) => recreatingDeploymentOf(pod, replicaSetInformer, deploymentInformer),
        (old, pod) => old.status?.phase !== pod.status?.phase,
      ),
    ],
    async observe(key) {
      const deployment = deploymentInformer.lister.get(key);
      if (deployment === undefined) return undefined;
      const selects = selectionOf(deployment.spec.selector, { emptySelectsNothing: true });
      const orphans = orphansIn(replicaSetInformer, deployment.metadata.namespace ?? "").filter(selects);
      const { matchLabels = {}, matchExpressions = [] } = deployment.spec.selector;
      const own = controlledBy(replicaSetInformer, deployment);
      const unseen = await unseenReplicaSet(client, deployment, own);
      return {
        deployment,
        selects,
        selectsEverything: Object.keys(matchLabels).length === 0 && matchExpressions.length === 0,
        candidates: [...own, ...unseen, ...orphans],
        canAdopt: orphans.length > 0 && (await mayAdopt(client, deployments, deployment)),
        podsOf: (replicaSet) => controlledBy(podInformer, replicaSet),
      };
    },
    reconcile: reconcileDeployment,
  };
}

/**
 * The ReplicaSet a rollout would create, where it was created already and the answer was lost: without this look a
 * deployment would take its own ReplicaSet for somebody else's, and start over under another name.
 */
async function unseenReplicaSet(
  client: Client,
  deployment: Deployment,
  own: readonly ReplicaSet[],
): Promise<readonly ReplicaSet[]> {
  const isIdle = deployment.spec.paused === true || deployment.metadata.deletionTimestamp !== undefined;
  if (isIdle || findNewReplicaSet(deployment, own) !== undefined) return [];
  const { namespace = "", name = "" } = buildReplicaSet(deployment, own).metadata;
  try {
    const live = await client.get(replicaSets, { namespace, name });
    return controllerOf(live)?.uid === deployment.metadata.uid ? [live] : [];
  } catch (error) {
    if (isApiError(error, "NotFound")) return [];
    throw error;
  }
}

function deploymentsOf(replicaSet: ReplicaSet, informer: SharedInformer<Deployment>): string[] {
  const { namespace = "" } = replicaSet.metadata;
  const controller = controllerOf(replicaSet);
  if (controller !== undefined) {
    return controller.kind === deployments.kind ? [`${namespace}/${controller.name}`] : [];
  }
  return informer.lister
    .list({ namespace })
    .filter(({ spec }) => selectionOf(spec.selector, { emptySelectsNothing: true })(replicaSet))
    .map(objectKey);
}

function recreatingDeploymentOf(
  pod: Pod,
  replicaSetInformer: SharedInformer<ReplicaSet>,
  deploymentInformer: SharedInformer<Deployment>,
): string[] {
  const controller = controllerOf(pod);
  if (controller?.kind !== replicaSets.kind) return [];
  const replicaSet = replicaSetInformer.lister.get(`${pod.metadata.namespace}/${controller.name}`);
  const owner = replicaSet && controllerOf(replicaSet);
  if (owner === undefined) return [];
  const deployment = deploymentInformer.lister.get(`${pod.metadata.namespace}/${owner.name}`);
  return deployment?.spec.strategy?.type === "Recreate" ? [objectKey(deployment)] : [];
}
