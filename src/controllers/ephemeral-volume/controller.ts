import type { PersistentVolumeClaim, Pod, Volume } from "../../api/core/types.generated.ts";
import { persistentVolumeClaims, pods } from "../../api/resources.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { create, event, type Intent } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";

export interface EphemeralSnapshot {
  readonly pod: Pod;
  /** Finds a claim of the pod's namespace by its name. */
  readonly claimOf: (name: string) => PersistentVolumeClaim | undefined;
}

/** Makes the claims of a pod's ephemeral volumes, which live and die with the pod. */
export function reconcileEphemeralVolumes({ pod, claimOf }: EphemeralSnapshot): Intent[] {
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  return (pod.spec.volumes ?? []).filter(isEphemeral).flatMap((volume) => {
    const name = `${pod.metadata.name}-${volume.name}`;
    const existing = claimOf(name);
    if (existing === undefined) return [createClaim(pod, volume, name)];
    const isOurs = existing.metadata.ownerReferences?.some(({ uid }) => uid === pod.metadata.uid) ?? false;
    const message = `PVC ${objectKey(existing)} was not created for pod ${objectKey(pod)} (pod is not owner)`;
    return isOurs ? [] : [event(pod, "Warning", "EphemeralVolumeClaimConflict", message)];
  });
}

function isEphemeral({ ephemeral }: Volume): boolean {
  return ephemeral?.volumeClaimTemplate !== undefined;
}

function createClaim(pod: Pod, { ephemeral }: Volume, name: string): Intent {
  const template = ephemeral?.volumeClaimTemplate;
  const { labels, annotations } = template?.metadata ?? {};
  const { namespace } = pod.metadata;
  const claim: PersistentVolumeClaim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(pod)],
    },
    spec: template?.spec ?? {},
  };
  return create(persistentVolumeClaims, claim, {
    ignore: ["AlreadyExists"],
    report: {
      regarding: pod,
      failed: (error) => ({
        type: "Warning",
        reason: "EphemeralVolumeClaimCreateFailed",
        message: `ephemeral volume controller failed to create the claim: ${error.message}`,
      }),
    },
  });
}

/** Keys are those of pods. */
export function ephemeralVolumeController({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<EphemeralSnapshot> {
  const podInformer = informers.informer(pods);
  const claimInformer = informers.informer(persistentVolumeClaims);
  const hasEphemeral = ({ spec }: Pod) => (spec.volumes ?? []).some(isEphemeral);
  return {
    name: "ephemeral-volume-controller",
    eventSource: "ephemeral_volume",
    watches: [
      watch(
        podInformer,
        (pod) => (hasEphemeral(pod) ? [objectKey(pod)] : []),
        () => false,
      ),
      watch(
        claimInformer,
        ({ metadata }) =>
          (metadata.ownerReferences ?? [])
            .filter(({ kind }) => kind === pods.kind)
            .map(({ name }) => `${metadata.namespace}/${name}`),
        () => false,
        { ignoresAdded: true },
      ),
    ],
    observe(key) {
      const pod = podInformer.lister.get(key);
      if (pod === undefined || !hasEphemeral(pod)) return undefined;
      return { pod, claimOf: (name) => claimInformer.lister.get(`${pod.metadata.namespace}/${name}`) };
    },
    reconcile: reconcileEphemeralVolumes,
  };
}
