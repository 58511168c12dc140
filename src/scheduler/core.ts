import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import { SchedulerCache } from "./cache/scheduler-cache.ts";
import { filters } from "./framework/decision.ts";
import type { Plugin } from "./framework/plugin.ts";
import { Rejection } from "./framework/status.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import { defaultPlugins, type PluginClient, type PluginListers } from "./plugins/default-plugins.ts";
import { Nominator } from "./queue/nominator.ts";
import { SchedulingQueue, type SchedulingQueueOptions } from "./queue/scheduling-queue.ts";
import { SchedulingLoop } from "./scheduler.ts";
import { StatusWriter } from "./status-writer.ts";

export interface CoreDependencies {
  readonly client: PluginClient;
  readonly recorder: Pick<EventRecorder, "event">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: SchedulerMetrics | undefined;
  /** Absent: a cluster without any of these. */
  readonly listers?: Partial<PluginListers>;
  readonly plugins?: readonly Plugin[];
  readonly disabledPlugins?: readonly string[];
}

/** The scheduler without its informers: whoever feeds the cache and the queue decides what it sees. */
export interface SchedulingCore {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly nominator: Nominator;
  readonly statuses: StatusWriter;
  readonly loop: SchedulingLoop;
}

export function createSchedulingCore(dependencies: CoreDependencies): SchedulingCore {
  const { client, recorder, clock, random, logger, metrics, listers = {} } = dependencies;
  const cache = new SchedulerCache();
  const nominator = new Nominator();
  const { table } = cache;
  const plugins: readonly Plugin[] = [
    ...defaultPlugins({
      ...{ client, recorder, clock, random, logger, nominator, table },
      listers: { ...noListers, ...listers },
      filters: () => plugins.filter(filters),
      failed: ({ uid }) => queue.disappoint(uid),
      metrics,
    }),
    ...(dependencies.plugins ?? []),
  ].filter(({ name }) => dependencies.disabledPlugins?.includes(name) !== true);
  const queue = new SchedulingQueue({
    clock,
    rules: new Map(plugins.flatMap(({ name, requeueOn }) => (requeueOn ? [[name, requeueOn]] : []))),
    preEnqueue: gatekeeper(plugins),
    ...(metrics && { incoming: (place, event) => metrics.incoming(place, event) }),
  });
  metrics?.observe(queue);
  const statuses = new StatusWriter(client, logger);
  const loop = new SchedulingLoop({
    ...{ cache, queue, nominator, plugins, statuses, recorder, clock, random, logger, metrics },
  });
  return { cache, queue, nominator, statuses, loop };
}

const nothing = { get: () => undefined, list: () => [] };

export const noListers: PluginListers = {
  persistentVolumeClaims: nothing,
  persistentVolumes: nothing,
  storageClasses: nothing,
  csiNodes: nothing,
  csiDrivers: nothing,
  csiStorageCapacities: nothing,
  resourceClaims: nothing,
  deviceClasses: nothing,
  resourceSlices: nothing,
  deviceSelectors: () => undefined,
  namespaces: nothing,
  services: nothing,
  replicationControllers: nothing,
  replicaSets: nothing,
  statefulSets: nothing,
  podDisruptionBudgets: nothing,
};

/** Asks the plugins that may hold a pod back from being tried at all. */
function gatekeeper(plugins: readonly Plugin[]): SchedulingQueueOptions["preEnqueue"] & {} {
  const gatekeepers = plugins.filter(({ preEnqueue }) => preEnqueue !== undefined);
  return (info) => {
    for (const plugin of gatekeepers) {
      const verdict = plugin.preEnqueue?.(info);
      if (verdict instanceof Rejection) return { plugin: plugin.name, verdict };
    }
    return undefined;
  };
}
