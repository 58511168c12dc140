import { type KubeObject, objectKey, type ResourceType } from "../../apimachinery/meta.ts";
import type { InformerFactory, SharedInformer } from "../../client/informer.ts";

/** Objects by resource ("pods", "clusterroles"). */
export type StaticObjects = Readonly<Record<string, readonly KubeObject[]>>;

/** Informers over a fixed set of objects: decisions are tested against them, without an API server. */
export function staticInformers(objects: StaticObjects): InformerFactory {
  return {
    informer: <T extends KubeObject>(type: ResourceType<T>) =>
      // The caller put objects of this type under the resource's name.
      staticInformer(type, (objects[type.resource] ?? []) as readonly T[]),
    start() {},
    waitForSync: async () => {},
  };
}

function staticInformer<T extends KubeObject>(
  type: ResourceType<T>,
  objects: readonly T[],
): SharedInformer<T> {
  const indexes = new Map<string, (object: T) => readonly string[]>();
  return {
    type,
    hasSynced: true,
    lastSyncResourceVersion: "1",
    lister: {
      get: (key) => objects.find((object) => objectKey(object) === key),
      list: (options) =>
        objects.filter(
          (object) => options?.namespace === undefined || object.metadata.namespace === options.namespace,
        ),
      byIndex: (name, value) => objects.filter((object) => indexes.get(name)?.(object).includes(value)),
    },
    addIndex: (name, values) => {
      indexes.set(name, values);
    },
    addHandler(handler) {
      for (const object of objects) handler.added?.(object, { isInInitialList: true });
      return { hasSynced: true, remove() {} };
    },
  };
}
