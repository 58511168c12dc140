import type { PersistentVolume, PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
} from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { classOf } from "./match.ts";
import { type ClaimSnapshot, reconcileClaim, reconcileVolume, type VolumeSnapshot } from "./reconcile.ts";

type Snapshot = ({ readonly of: "claim" } & ClaimSnapshot) | ({ readonly of: "volume" } & VolumeSnapshot);

const claimKey = (key: string) => `claim ${key}`;
const volumeKey = (name: string) => `volume ${name}`;

/** Binds claims and volumes to each other. One at a time: a volume must not be promised twice. */
export function volumeBinder({
  client,
  informers,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
}): Controller<Snapshot> {
  const claimInformer = informers.informer(persistentVolumeClaims);
  const volumeInformer = informers.informer(persistentVolumes);
  const classInformer = informers.informer(storageClasses);
  const nodeInformer = informers.informer(nodes);

  const waitingClaims = () =>
    claimInformer.lister.list().filter(({ status }) => (status?.phase ?? "Pending") === "Pending");

  function observeClaim(key: string): Snapshot | undefined {
    const claim = claimInformer.lister.get(key);
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return undefined;
    const selectedNode = claim.metadata.annotations?.["volume.kubernetes.io/selected-node"];
    return {
      of: "claim",
      claim,
      volumes: volumeInformer.lister.list(),
      storageClass: classInformer.lister.get(classOf(claim)),
      node: selectedNode === undefined ? undefined : nodeInformer.lister.get(selectedNode),
    };
  }

  async function observeVolume(name: string): Promise<Snapshot | undefined> {
    const volume = volumeInformer.lister.get(name);
    return volume && { of: "volume", volume, claim: await claimOf(volume) };
  }

  /** Asked live before a volume counts as given back: what is on it may be deleted then. */
  async function claimOf({ spec }: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const { namespace = "", name = "", uid } = spec?.claimRef ?? {};
    if (name === "") return undefined;
    const cached = claimInformer.lister.get(`${namespace}/${name}`);
    if (cached !== undefined && cached.metadata.uid === uid) return cached;
    try {
      const live = await client.get(persistentVolumeClaims, { namespace, name });
      return live.metadata.uid === uid ? live : undefined;
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  return {
    name: "persistentvolume-binder-controller",
    eventSource: "persistentvolume-controller",
    workers: 1,
    watches: [
      watch(claimInformer, (claim) => {
        const volumeName = claim.spec?.volumeName;
        return [claimKey(objectKey(claim)), ...(volumeName ? [volumeKey(volumeName)] : [])];
      }),
      watch(volumeInformer, (volume) => {
        const { claimRef } = volume.spec ?? {};
        const claims =
          claimRef === undefined
            ? waitingClaims().map((claim) => claimKey(objectKey(claim)))
            : [claimKey(`${claimRef.namespace}/${claimRef.name}`)];
        return [volumeKey(volume.metadata.name ?? ""), ...claims];
      }),
      watch(classInformer, ({ metadata }) =>
        waitingClaims()
          .filter((claim) => classOf(claim) === metadata.name)
          .map((claim) => claimKey(objectKey(claim))),
      ),
    ],
    observe(key) {
      const [of, name = ""] = key.split(" ");
      return of === "claim" ? observeClaim(name) : observeVolume(name);
    },
    reconcile: (snapshot, context) =>
      snapshot.of === "claim" ? reconcileClaim(snapshot, context) : reconcileVolume(snapshot, context),
  };
}
