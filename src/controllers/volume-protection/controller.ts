import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/core/types.generated.ts";
import { persistentVolumeClaims, persistentVolumes, pods } from "../../api/resources.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { type ProtectionSnapshot, reconcileProtection } from "./reconcile.ts";

const byClaim = "byClaim";

/** Keeps claims that pods use. */
export function claimProtection({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<ProtectionSnapshot> {
  const claimInformer = informers.informer(persistentVolumeClaims);
  const podInformer = informers.informer(pods);
  podInformer.addIndex(byClaim, claimKeysOf);
  return {
    name: "persistentvolumeclaim-protection-controller",
    workers: 1,
    watches: [
      watch(claimInformer, (claim) => [objectKey(claim)]),
      watch(podInformer, claimKeysOf, (old, pod) => old.spec.nodeName !== pod.spec.nodeName),
    ],
    observe(key) {
      const claim: PersistentVolumeClaim | undefined = claimInformer.lister.get(key);
      if (claim === undefined) return undefined;
      const users = podInformer.lister.byIndex(byClaim, key);
      return {
        type: persistentVolumeClaims,
        object: claim,
        finalizer: "kubernetes.io/pvc-protection",
        // A pod without a node has not touched its volumes, and will find its claim gone.
        isInUse: users.some(({ spec }) => (spec.nodeName ?? "") !== ""),
      };
    },
    reconcile: reconcileProtection,
  };
}

/** The claims a pod names, those of its ephemeral volumes too. */
function claimKeysOf({ metadata: { namespace, name }, spec }: Pod): string[] {
  return (spec.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined)
      return [`${namespace}/${volume.persistentVolumeClaim.claimName}`];
    return volume.ephemeral === undefined ? [] : [`${namespace}/${name}-${volume.name}`];
  });
}

/** Keeps volumes that are bound. */
export function volumeProtection({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<ProtectionSnapshot> {
  const informer = informers.informer(persistentVolumes);
  return {
    name: "persistentvolume-protection-controller",
    workers: 1,
    watches: [watch(informer, ({ metadata: { name = "" } }: PersistentVolume) => [name])],
    observe(name) {
      const volume = informer.lister.get(name);
      if (volume === undefined) return undefined;
      const isInUse = volume.status?.phase === "Bound";
      return { type: persistentVolumes, object: volume, finalizer: "kubernetes.io/pv-protection", isInUse };
    },
    reconcile: reconcileProtection,
  };
}
