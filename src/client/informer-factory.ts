import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { abortable } from "../base/abortable.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import type { Random } from "../base/random.ts";
import { checkedResource } from "./checked-resource.ts";
import type { Client } from "./client.ts";
import type { InformerFactory, InformerOptions, SharedInformer } from "./informer.ts";
import type { ReflectorPolicy } from "./reflector-machine.ts";
import { createSharedInformer, type RunnableInformer } from "./shared-informer.ts";

/** What its informers read through, and how they behave unless they say so themselves. */
export interface InformerFactoryOptions {
  readonly client: Pick<Client, "list" | "watch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** For handlers that do not say; 0 or absent: no resyncs. */
  readonly defaultResyncMs?: number;
  /** Notifications a handler may be behind before it gets differences instead. */
  readonly handlerQueueLimit?: number;
  /** Deep-freezes everything that is cached. For tests. */
  readonly detectMutations?: boolean;
  /** How to list, watch and back off, where the defaults do not fit. */
  readonly policy?: Partial<ReflectorPolicy>;
}

export const informerOptionNames: OptionNames<InformerOptions<KubeObject>> = {
  namespace: true,
  labelSelector: true,
  fieldSelector: true,
  transform: true,
  metadataOnly: true,
};

/** One informer for each resource and selection, shared by all who ask for it. */
export function createInformerFactory(options: InformerFactoryOptions): InformerFactory {
  // Each holds informers of another T; the key says which.
  const informers = new Map<string, { readonly informer: RunnableInformer<KubeObject>; started: boolean }>();
  const transformIds = new Map<unknown, number>();

  function keyOf(type: ResourceType<KubeObject>, selection: InformerOptions<KubeObject>): string {
    const { namespace, labelSelector, fieldSelector, transform, metadataOnly } = selection;
    if (transform !== undefined && !transformIds.has(transform))
      transformIds.set(transform, transformIds.size);
    const transformId = transform === undefined ? undefined : transformIds.get(transform);
    const { group, version, resource } = type;
    return JSON.stringify([
      group,
      version,
      resource,
      namespace,
      labelSelector,
      fieldSelector,
      metadataOnly === true,
      transformId,
    ]);
  }

  return {
    informer<T extends KubeObject>(
      type: ResourceType<T>,
      selection: InformerOptions<T> = {},
    ): SharedInformer<T> {
      checkNames(`informer of ${checkedResource(type).resource}`, selection, informerOptionNames);
      // One key means one type of objects, so that what is found under it is an informer of T.
      const key = keyOf(type, selection as unknown as InformerOptions<KubeObject>);
      const known = informers.get(key);
      if (known !== undefined) return known.informer as unknown as SharedInformer<T>;
      const informer = createSharedInformer<T>({ ...options, type, selection });
      informers.set(key, { informer: informer as unknown as RunnableInformer<KubeObject>, started: false });
      return informer;
    },

    start(signal) {
      for (const entry of informers.values()) {
        if (entry.started) continue;
        entry.started = true;
        entry.informer.run(signal);
      }
    },

    async waitForSync({ signal } = {}) {
      const started = [...informers.values()].filter((entry) => entry.started);
      await abortable(Promise.all(started.map(({ informer }) => informer.synced())), signal);
    },
  };
}
