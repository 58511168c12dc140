import type { Pod } from "../../api/core/types.generated.ts";
import type { MachineInfo } from "../node-status.ts";
import type { ProbeCounts } from "../probes/probe-manager.ts";
import type { RuntimePod } from "../runtime-pod.ts";
import {
  cadvisorMetrics,
  type KubeletCounters,
  kubeletMetrics,
  probeMetrics,
  resourceMetrics,
} from "./metrics.ts";
import type { StatsProvider } from "./summary.ts";

/** What the kubelet shows of itself to those who may look. */
export interface KubeletViews {
  /** Pods as the API has them. */
  pods(): readonly Pod[];
  /** Pods as the runtime has them. */
  runningPods(): readonly Pod[];
  summary(): Promise<object>;
  metrics(): string;
  probeMetrics(): string;
  resourceMetrics(): Promise<string>;
  cadvisorMetrics(): Promise<string>;
  configuration(): object;
}

export interface ViewDependencies {
  readonly stats: StatsProvider;
  readonly counters: KubeletCounters;
  readonly probes: () => readonly ProbeCounts[];
  readonly pods: () => readonly Pod[];
  readonly listing: () => ReadonlyMap<string, RuntimePod>;
  readonly lastRelistMs: () => number;
  readonly machine: () => Promise<MachineInfo>;
  readonly nodeName: string;
  readonly version: string;
  readonly configuration: () => object;
}

export function createViews(dependencies: ViewDependencies): KubeletViews {
  const { stats, counters, pods, listing, lastRelistMs, machine, nodeName, version } = dependencies;
  return {
    pods,
    runningPods: () => [...listing().values()].flatMap(runningPod),
    summary: () => stats.summary(),
    metrics: () =>
      kubeletMetrics({
        nodeName,
        version,
        counters,
        listing: listing(),
        desiredPods: pods().length,
        plegLastSeenSeconds: lastRelistMs() / 1000,
      }),
    probeMetrics: () => probeMetrics(dependencies.probes()),
    resourceMetrics: async () => resourceMetrics(await stats.summary()),
    cadvisorMetrics: async () => cadvisorMetrics(await stats.summary(), await machine()),
    configuration: () => ({ kubeletconfig: dependencies.configuration() }),
  };
}

function runningPod({ uid, name, namespace, sandboxes, containers }: RuntimePod): Pod[] {
  if (!sandboxes.some(({ state }) => state === "ready")) return [];
  const running = containers.filter(({ state }) => state === "running");
  const spec = { containers: running.map(({ metadata, image }) => ({ name: metadata.name, image })) };
  return [{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace, uid }, spec }];
}
