import {
  namespaces,
  podDisruptionBudgets,
  replicaSets,
  replicationControllers,
  services,
  statefulSets,
} from "../api/resources.generated.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import type { InformerFactory } from "../client/informer.ts";
import { SchedulerCache } from "./cache/scheduler-cache.ts";
import { watchCluster } from "./event-handlers.ts";
import { type DecisionRecord, filters } from "./framework/decision.ts";
import type { Plugin } from "./framework/plugin.ts";
import { Rejection } from "./framework/status.ts";
import { defaultPlugins } from "./plugins/default-plugins.ts";
import { StatusWriter } from "./pod-writer.ts";
import { Nominator } from "./queue/nominator.ts";
import { SchedulingQueue, type SchedulingQueueOptions } from "./queue/scheduling-queue.ts";
import { SchedulingLoop } from "./scheduler.ts";

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
}

/** kube-scheduler with its default profile. */
export function createScheduler(dependencies: SchedulerDependencies): Scheduler {
  const { client, informers, recorder, clock, random, options = {} } = dependencies;
  const { schedulerName = "default-scheduler" } = options;
  const logger = dependencies.logger.child({ component: schedulerName });
  const cache = new SchedulerCache();
  const nominator = new Nominator();
  const plugins = pluginsOf({ ...dependencies, logger }, cache, nominator, (uid) => queue.activate([uid]));
  const queue = new SchedulingQueue({
    clock,
    rules: new Map(plugins.flatMap(({ name, requeueOn }) => (requeueOn ? [[name, requeueOn]] : []))),
    preEnqueue: gatekeeper(plugins),
  });
  const statuses = new StatusWriter(client, logger);
  const loop = new SchedulingLoop({
    ...{ cache, queue, nominator, plugins, statuses, recorder, clock, random, logger },
  });
  watchCluster(informers, { cache, queue, nominator, statuses, schedulerName });

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
  };
}

function pluginsOf(
  { client, informers, recorder, clock, random, logger, options = {} }: SchedulerDependencies,
  { table }: SchedulerCache,
  nominator: Nominator,
  activate: (uid: string) => void,
): readonly Plugin[] {
  const budgets = informers.informer(podDisruptionBudgets).lister;
  const plugins: readonly Plugin[] = [
    ...defaultPlugins({
      ...{ client, recorder, clock, random, logger, nominator, table },
      namespaces: informers.informer(namespaces).lister,
      groups: {
        services: informers.informer(services).lister,
        replicationControllers: informers.informer(replicationControllers).lister,
        replicaSets: informers.informer(replicaSets).lister,
        statefulSets: informers.informer(statefulSets).lister,
      },
      budgets: () => budgets.list(),
      filters: () => plugins.filter(filters),
      failed: ({ uid }) => activate(uid),
    }),
    ...(options.plugins ?? []),
  ].filter(({ name }) => options.disabledPlugins?.includes(name) !== true);
  return plugins;
}

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
