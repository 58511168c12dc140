import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  deviceClasses,
  namespaces,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  replicaSets,
  replicationControllers,
  resourceClaims,
  resourceSlices,
  services,
  statefulSets,
  storageClasses,
} from "../api/resources.generated.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { MetricSource } from "../base/metrics/family.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import type { InformerFactory } from "../client/informer.ts";
import { createSchedulingCore } from "./core.ts";
import type { DeviceSelectors } from "./devices/device-selectors.ts";
import { watchCluster } from "./event-handlers.ts";
import type { DecisionRecord } from "./framework/decision.ts";
import type { Plugin } from "./framework/plugin.ts";
import { SchedulerMetrics } from "./metrics.ts";
import type { PluginListers } from "./plugins/default-plugins.ts";
import type { QueuePlace } from "./queue/queued-pod.ts";

export interface SchedulerOptions {
  /** Whose pods it schedules: those whose spec.schedulerName says so. */
  readonly schedulerName?: string;
  /** Beside the default ones. */
  readonly plugins?: readonly Plugin[];
  /** Names of default plugins that are left out. */
  readonly disabledPlugins?: readonly string[];
}

export interface SchedulerDependencies {
  readonly client: Client;
  /** Started by `run`. */
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly options?: SchedulerOptions;
}

export interface Scheduler {
  /** Schedules until the signal aborts; resolves once nothing is under way any more. */
  run(signal: AbortSignal): Promise<void>;
  /** How the last attempt for a pod ("namespace/name") went; undefined where it is too long ago. */
  explain(podKey: string): DecisionRecord | undefined;
  /** How many pods wait, by where they wait (upstream's scheduler_pending_pods). */
  pending(): Readonly<Partial<Record<QueuePlace, number>>>;
  /** scheduler_*. */
  readonly metrics: MetricSource;
}

/** What plugins look up, from informers that are shared with whoever asks for the same. */
function listersOf(
  informers: InformerFactory,
  deviceSelectors: PluginListers["deviceSelectors"],
): PluginListers {
  return {
    namespaces: informers.informer(namespaces).lister,
    services: informers.informer(services).lister,
    replicationControllers: informers.informer(replicationControllers).lister,
    replicaSets: informers.informer(replicaSets).lister,
    statefulSets: informers.informer(statefulSets).lister,
    podDisruptionBudgets: informers.informer(podDisruptionBudgets).lister,
    persistentVolumeClaims: informers.informer(persistentVolumeClaims).lister,
    persistentVolumes: informers.informer(persistentVolumes).lister,
    storageClasses: informers.informer(storageClasses).lister,
    csiNodes: informers.informer(csiNodes).lister,
    csiDrivers: informers.informer(csiDrivers).lister,
    csiStorageCapacities: informers.informer(csiStorageCapacities).lister,
    resourceClaims: informers.informer(resourceClaims).lister,
    deviceClasses: informers.informer(deviceClasses).lister,
    resourceSlices: informers.informer(resourceSlices).lister,
    deviceSelectors,
  };
}

/** kube-scheduler with its default profile. */
export function createScheduler(dependencies: SchedulerDependencies): Scheduler {
  const { informers, options = {} } = dependencies;
  const { schedulerName = "default-scheduler", ...pluginOptions } = options;
  const logger = dependencies.logger.child({ component: schedulerName });
  const metrics = new SchedulerMetrics(schedulerName);
  let selectors: DeviceSelectors | undefined;
  const core = createSchedulingCore({
    ...dependencies,
    ...pluginOptions,
    logger,
    metrics,
    listers: listersOf(informers, () => selectors),
  });
  const { queue, statuses, loop } = core;
  watchCluster(informers, { ...core, schedulerName });
  let isLoading = false;
  informers.informer(deviceClasses).addHandler({
    // CEL takes memory that a cluster without devices has better uses for.
    added() {
      if (isLoading) return;
      isLoading = true;
      import("./devices/device-selectors.ts").then(
        ({ createDeviceSelectors }) => {
          selectors = createDeviceSelectors();
          queue.notify({ resource: "deviceclasses", actions: ["update"] });
        },
        (error: unknown) => logger.error({ error }, "the rules of device classes could not be loaded"),
      );
    },
  });

  return {
    async run(signal) {
      if (signal.aborted) return;
      statuses.start(signal);
      signal.addEventListener("abort", () => queue.close(), { once: true });
      informers.start(signal);
      try {
        await informers.waitForSync({ signal });
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      await loop.run(signal);
    },
    explain: (podKey) => loop.explain(podKey),
    pending: () => queue.depths(),
    metrics,
  };
}
