import { counter, counterOf, gauge, type MetricFamily } from "../../base/metrics/family.ts";
import { type NumberSeries, numberSeries, type SeriesMap } from "../../base/metrics/series.ts";
import { textOf } from "../../base/metrics/text-format.ts";
import type { ProbeCounts } from "../probes/probe-manager.ts";
import type { RuntimePod } from "../runtime-pod.ts";
import type { Summary } from "./summary.ts";

type Labels = Readonly<Record<string, string>>;

const counters = {
  kubelet_started_pods_total: { help: "[ALPHA] Cumulative number of pods started", labels: [] },
  kubelet_started_pods_errors_total: {
    help: "[ALPHA] Cumulative number of errors when starting pods",
    labels: [],
  },
  kubelet_started_containers_total: {
    help: "[ALPHA] Cumulative number of containers started",
    labels: ["container_type"],
  },
  kubelet_started_containers_errors_total: {
    help: "[ALPHA] Cumulative number of errors when starting containers",
    labels: ["container_type", "code"],
  },
  kubelet_restarted_pods_total: { help: "[ALPHA] Number of pods whose sandbox was replaced", labels: [] },
  kubelet_evictions: {
    help: "[ALPHA] Cumulative number of pod evictions by eviction signal",
    labels: ["eviction_signal"],
  },
  kubelet_admission_rejections_total: {
    help: "[ALPHA] Cumulative number pod admission rejections by the Kubelet.",
    labels: ["reason"],
  },
  kubelet_image_volume_requested_total: { help: "[BETA] Number of requested image volumes.", labels: [] },
  kubelet_image_volume_mounted_succeed_total: {
    help: "[BETA] Number of successful image volume mounts.",
    labels: [],
  },
  kubelet_image_volume_mounted_errors_total: {
    help: "[BETA] Number of failed image volume mounts.",
    labels: [],
  },
} as const satisfies Readonly<Record<string, { readonly help: string; readonly labels: readonly string[] }>>;

export type CounterName = keyof typeof counters;

/** Counted as it happens, at the cost of an addition; put into words when somebody asks. */
export class KubeletCounters {
  readonly #series = new Map<string, SeriesMap<NumberSeries>>(
    Object.keys(counters).map((name) => [name, numberSeries()]),
  );

  add(name: CounterName, labels: Labels = {}, more = 1): void {
    const series = this.#series.get(name)?.of(...counters[name].labels.map((label) => labels[label] ?? ""));
    if (series !== undefined) series.value += more;
  }

  families(): readonly MetricFamily[] {
    return Object.entries(counters).map(([name, heading]) =>
      counterOf({ name, ...heading }, this.#series.get(name) ?? numberSeries()),
    );
  }
}

export interface MetricsInput {
  readonly nodeName: string;
  readonly version: string;
  readonly counters: KubeletCounters;
  /** The last listing of the runtime. */
  readonly listing: ReadonlyMap<string, RuntimePod>;
  readonly desiredPods: number;
  readonly plegLastSeenSeconds: number;
}

const one = (value: number, ...labels: readonly string[]) => [{ labels, value }];

/** `/metrics`: the kubelet about itself. */
export function kubeletMetrics(input: MetricsInput): string {
  const pods = [...input.listing.values()];
  const states = new Map<string, number>();
  for (const { state } of pods.flatMap(({ containers }) => containers))
    states.set(state, (states.get(state) ?? 0) + 1);
  const running = pods.filter(({ sandboxes }) => sandboxes.some(({ state }) => state === "ready"));
  const alpha = (name: string, help: string, labels: readonly string[] = []) => ({
    name,
    help: `[ALPHA] ${help}`,
    labels,
  });
  return textOf([
    ...input.counters.families(),
    gauge(
      alpha("kubelet_node_name", "The node's name. The count is always 1.", ["node"]),
      one(1, input.nodeName),
    ),
    gauge(
      alpha("kubelet_running_pods", "Number of pods that have a running pod sandbox"),
      one(running.length),
    ),
    gauge(
      alpha("kubelet_running_containers", "Number of containers currently running", ["container_state"]),
      [...states].map(([state, value]) => ({ labels: [state], value })),
    ),
    gauge(
      alpha("kubelet_desired_pods", "The number of pods the kubelet is being instructed to run"),
      one(input.desiredPods),
    ),
    gauge(
      alpha("kubelet_pleg_last_seen_seconds", "Timestamp in seconds when PLEG was last seen active."),
      one(input.plegLastSeenSeconds),
    ),
    gauge(
      { name: "kubernetes_build_info", help: "[BETA] The version", labels: ["git_version"] },
      one(1, input.version),
    ),
  ]);
}

const probeTypes = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" } as const;
const probeResults = { success: "successful", failure: "failed", unknown: "unknown" } as const;

/** `/metrics/probes`: what the probes of the containers that run found. */
export function probeMetrics(counts: readonly ProbeCounts[]): string {
  const points = counts.flatMap(({ kind, container, pod: { metadata }, outcomes }) =>
    [...outcomes].map(([outcome, value]) => ({
      labels: [
        container,
        metadata.namespace ?? "",
        metadata.name ?? "",
        metadata.uid ?? "",
        probeTypes[kind],
        probeResults[outcome],
      ],
      value,
    })),
  );
  const labels = ["container", "namespace", "pod", "pod_uid", "probe_type", "result"];
  const help =
    "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.";
  return textOf([counter({ name: "prober_probe_total", help, labels }, points)]);
}

/** A number, and when it was measured. */
interface Measured {
  readonly value: number;
  readonly time?: string | undefined;
}

interface Measure<T> {
  readonly name: string;
  readonly help: string;
  readonly type?: "counter" | "gauge";
  /** Undefined: it was not measured. */
  readonly of: (subject: T) => Measured | undefined;
}

type PodStats = Summary["pods"][number];
type ContainerStats = PodStats["containers"][number];
type Subject<T> = readonly [subject: T, labels: readonly string[]];

function familyOf<T>(
  { name, help, type = "gauge", of }: Measure<T>,
  labels: readonly string[],
  subjects: readonly Subject<T>[],
): MetricFamily {
  const points = subjects.flatMap(([subject, values]) => {
    const found = of(subject);
    if (found === undefined) return [];
    const point = { labels: values, value: found.value };
    return [found.time === undefined ? point : { ...point, timestampMs: Date.parse(found.time) }];
  });
  return (type === "counter" ? counter : gauge)({ name, help, labels }, points);
}

const cpuOf = ({ cpu }: Pick<ContainerStats, "cpu">): Measured | undefined =>
  cpu && { value: cpu.usageCoreNanoSeconds / 1e9, time: cpu.time };
const memoryOf = ({ memory }: Pick<ContainerStats, "memory">): Measured | undefined =>
  memory?.workingSetBytes === undefined ? undefined : { value: memory.workingSetBytes, time: memory.time };

const containerCpu: Measure<ContainerStats> = {
  name: "container_cpu_usage_seconds_total",
  help: "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
  type: "counter",
  of: cpuOf,
};
const containerMemory: Measure<ContainerStats> = {
  name: "container_memory_working_set_bytes",
  help: "[STABLE] Current working set of the container in bytes",
  of: memoryOf,
};
const containerStart: Measure<ContainerStats> = {
  name: "container_start_time_seconds",
  help: "[STABLE] Start time of the container since unix epoch in seconds",
  of: ({ startTime }) => ({ value: Date.parse(startTime) / 1000 }),
};

/** `/metrics/resource`: what the metrics server reads. */
export function resourceMetrics({ node, pods }: Summary): string {
  const ofNode: readonly Measure<Summary["node"]>[] = [
    {
      name: "node_cpu_usage_seconds_total",
      help: "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
      type: "counter",
      of: cpuOf,
    },
    {
      name: "node_memory_working_set_bytes",
      help: "[STABLE] Current working set of the node in bytes",
      of: memoryOf,
    },
  ];
  const ofPods: readonly Measure<PodStats>[] = [
    {
      name: "pod_cpu_usage_seconds_total",
      help: "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
      type: "counter",
      of: cpuOf,
    },
    {
      name: "pod_memory_working_set_bytes",
      help: "[STABLE] Current working set of the pod in bytes",
      of: memoryOf,
    },
  ];
  const podLabels = ({ podRef }: PodStats) => [podRef.namespace, podRef.name];
  const containers = pods.flatMap((pod) =>
    pod.containers.map((each): Subject<ContainerStats> => [each, [each.name, ...podLabels(pod)]]),
  );
  const error = "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise";
  return textOf([
    ...[containerCpu, containerMemory, containerStart].map((each) =>
      familyOf(each, ["container", "namespace", "pod"], containers),
    ),
    ...ofNode.map((each) => familyOf(each, [], [[node, []]])),
    ...ofPods.map((each) =>
      familyOf(
        each,
        ["namespace", "pod"],
        pods.map((pod) => [pod, podLabels(pod)]),
      ),
    ),
    gauge({ name: "resource_scrape_error", help: error, labels: [] }, one(0)),
  ]);
}

const containerMore: readonly Measure<ContainerStats>[] = [
  {
    name: "container_memory_usage_bytes",
    help: "Current memory usage in bytes, including all memory regardless of when it was accessed",
    of: ({ memory }) => memory && { value: memory.usageBytes ?? 0, time: memory.time },
  },
  {
    name: "container_memory_rss",
    help: "Size of RSS in bytes.",
    of: ({ memory }) => memory && { value: memory.rssBytes ?? 0, time: memory.time },
  },
  {
    name: "container_fs_usage_bytes",
    help: "Number of bytes that are consumed by the container on this filesystem.",
    of: ({ rootfs }) => rootfs && { value: rootfs.usedBytes ?? 0, time: rootfs.time },
  },
];

/** `/metrics/cadvisor`: containers under the names that cAdvisor's users know. */
export function cadvisorMetrics(
  { pods }: Summary,
  machine: { readonly cpus: number; readonly memoryBytes: number },
): string {
  const labels = ["container", "id", "namespace", "pod"];
  const containers = pods.flatMap(({ podRef, containers }) =>
    containers.map((each): Subject<ContainerStats> => {
      const id = `/kubepods/pod${podRef.uid}/${each.name}`;
      return [each, [each.name, id, podRef.namespace, podRef.name]];
    }),
  );
  const plain = ({ help, ...rest }: Measure<ContainerStats>) => ({
    ...rest,
    help: help.replace("[STABLE] ", ""),
  });
  const heading = (name: string, help: string) => ({ name, help, labels: [] });
  return textOf([
    ...[containerCpu, containerMemory, containerStart]
      .map(plain)
      .concat(containerMore)
      .map((each) => familyOf(each, labels, containers)),
    gauge(heading("machine_cpu_cores", "Number of logical CPU cores."), one(machine.cpus)),
    gauge(
      heading("machine_memory_bytes", "Amount of memory installed on the machine."),
      one(machine.memoryBytes),
    ),
  ]);
}
