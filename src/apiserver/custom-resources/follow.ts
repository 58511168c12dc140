import type { Service } from "../../api/core/types.generated.ts";
import type { ResourceDefinition } from "../../api/definition.ts";
import { apiVersionOf } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { WebhookTransport } from "../admission/webhooks/caller.ts";
import type { RuleMetrics } from "../metrics/rule-metrics.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { Resources } from "../resources.ts";

export interface FollowDependencies {
  /** Of CustomResourceDefinitions. */
  readonly store: ResourceStore;
  /** Writes what is decided of them. */
  readonly client: Client;
  readonly resources: Resources;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly webhookTransport?: WebhookTransport;
  readonly ruleMetrics: RuleMetrics;
  readonly signal: AbortSignal;
}

/**
 * Serves custom kinds from now on. Resolves when those of now are served. Nothing of it is loaded before there is a
 * definition: a cluster without custom kinds pays for one watch of an empty cache.
 */
export async function followDefinitions(dependencies: FollowDependencies): Promise<void> {
  const { store, signal, logger } = dependencies;
  const { items, revision } = await store.cache.list({ selection: { namespace: "" }, signal });
  if (items.length > 0) return begin(dependencies);
  const events = await store.cache.watch({ selection: { namespace: "" }, afterRevision: revision, signal });
  void (async () => {
    try {
      // Whatever the first event is, or if the watch ends early: the present is read again by who takes over.
      for await (const _ of events) break;
      if (!signal.aborted) await begin(dependencies);
    } catch (error) {
      if (!signal.aborted) logger.error({ error }, "custom resource definitions are not followed");
    }
  })();
}

async function begin(dependencies: FollowDependencies): Promise<void> {
  const { resources, ...rest } = dependencies;
  const { CustomResources } = await import("./controller.ts");
  const { prepareDefinition } = await import("./prepare.ts");
  const { convertedCache } = await import("./converted-cache.ts");
  const { ConvertingStorage } = await import("./converting-storage.ts");
  const addKind = (definition: ResourceDefinition): ResourceStore => {
    const { convertAll } = definition.custom ?? {};
    if (convertAll === undefined) return resources.add(definition);
    const { group, storageVersion = "" } = definition;
    const storedVersion = apiVersionOf({ group, version: storageVersion });
    return resources.addVersions(definition, (version, storage) => {
      const apiVersion = apiVersionOf({ group, version });
      const converting = new ConvertingStorage({ storage, apiVersion, storedVersion, convertAll });
      return { storage: converting, cached: (cache) => convertedCache(cache, converting) };
    });
  };
  const findService = async (namespace: string, name: string): Promise<Service | undefined> => {
    const store = resources.table.storeOf({ group: "", plural: "services" });
    // The store is that of services.
    return (await store?.find({ namespace, name })) as Service | undefined;
  };
  const builtIn = new Set(resources.table.all().map(({ group, plural }) => `${group}/${plural}`));
  await new CustomResources({
    ...rest,
    kinds: {
      add: (definition) => addKind(definition),
      remove: (definition) => resources.remove(definition),
      isBuiltIn: (group, plural) => builtIn.has(`${group}/${plural}`),
    },
    prepare: (crd) =>
      prepareDefinition(crd, {
        transport: rest.webhookTransport,
        random: rest.random,
        signal: rest.signal,
        findService,
        ruleMetrics: rest.ruleMetrics,
      }),
  }).start();
}
