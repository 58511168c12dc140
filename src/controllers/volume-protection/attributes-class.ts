import type { PersistentVolume, PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  volumeAttributesClasses,
} from "../../api/resources.generated.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { type ProtectionSnapshot, reconcileProtection } from "./reconcile.ts";

const byAttributesClass = "byAttributesClass";

/** Keeps volume attributes classes that claims or volumes name. */
export function attributesClassProtection({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<ProtectionSnapshot> {
  const classInformer = informers.informer(volumeAttributesClasses);
  const claimInformer = informers.informer(persistentVolumeClaims);
  const volumeInformer = informers.informer(persistentVolumes);
  claimInformer.addIndex(byAttributesClass, classesOfClaim);
  volumeInformer.addIndex(byAttributesClass, classesOfVolume);
  return {
    name: "volumeattributesclass-protection-controller",
    workers: 1,
    watches: [
      watch(classInformer, ({ metadata: { name = "" } }) => [name]),
      watch(claimInformer, classesOfClaim, undefined, { ignoresAdded: true }),
      watch(volumeInformer, classesOfVolume, undefined, { ignoresAdded: true }),
    ],
    observe(name) {
      const object = classInformer.lister.get(name);
      if (object === undefined) return undefined;
      const isInUse = [claimInformer, volumeInformer].some(
        ({ lister }) => lister.byIndex(byAttributesClass, name).length > 0,
      );
      return { type: volumeAttributesClasses, object, finalizer: "kubernetes.io/vac-protection", isInUse };
    },
    reconcile: reconcileProtection,
  };
}

/** The classes a claim asks for, has, and is on its way to: while it changes these are different ones. */
function classesOfClaim({ spec, status }: PersistentVolumeClaim): string[] {
  return distinct(
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  );
}

function classesOfVolume({ spec }: PersistentVolume): string[] {
  return distinct(spec.volumeAttributesClassName);
}

/** An empty name is none. */
function distinct(...names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.flatMap((name = "") => (name === "" ? [] : [name])))];
}
