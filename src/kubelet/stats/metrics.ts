import type { Registry } from "prom-client";
import type { RuntimePod } from "../runtime-pod.ts";
import type { Summary } from "./summary.ts";

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** Counted as it happens, at the cost of an addition; put into words when somebody asks. */
export class KubeletCounters {
  readonly #counts = new Map<string, { readonly labels: Labels; value: number }>();

  add(name: CounterName, labels: Labels = {}): void {
    const key = `${name}${JSON.stringify(labels)}`;
    const entry = this.#counts.get(key);
    if (entry === undefined) this.#counts.set(key, { labels, value: 1 });
    else entry.value++;
  }

  /** The counts of one name by their labels. */
  of(name: CounterName): { readonly labels: Labels; readonly value: number }[] {
    return [...this.#counts].flatMap(([key, entry]) => (key.startsWith(`${name}{`) ? [entry] : []));
  }
}

type Labels = Readonly<Record<string, string>>;

const counters = {
  kubelet_started_pods_total: { help: "Pods whose sandbox was started", labels: [] },
  kubelet_started_pods_errors_total: { help: "Sandboxes that could not be started", labels: [] },
  kubelet_started_containers_total: { help: "Containers started", labels: ["container_type"] },
  kubelet_started_containers_errors_total: {
    help: "Containers that could not be started",
    labels: ["container_type", "code"],
  },
  kubelet_restarted_pods_total: { help: "Pods whose sandbox was replaced", labels: [] },
  kubelet_evictions: { help: "Pods evicted, by what ran short", labels: ["eviction_signal"] },
  kubelet_admission_rejections_total: { help: "Pods that the node did not take", labels: ["reason"] },
} as const;

export type CounterName = keyof typeof counters;

export interface MetricsInput {
  readonly nodeName: string;
  readonly version: string;
  readonly counters: KubeletCounters;
  /** The last listing of the runtime. */
  readonly listing: ReadonlyMap<string, RuntimePod>;
  readonly desiredPods: number;
  readonly plegLastSeenSeconds: number;
}

interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** `/metrics`: the kubelet about itself. */
export async function kubeletMetrics(input: MetricsInput): Promise<string> {
  const { Registry, Counter, Gauge } = (await import("prom-client")).default;
  const registry = new Registry();
  for (const [name, { help, labels }] of Object.entries(counters)) {
    const counter = new Counter({ name, help, labelNames: [...labels], registers: [registry] });
    for (const { labels: own, value } of input.counters.of(name as CounterName)) counter.inc(own, value);
  }
  const gauge = (name: string, help: string, samples: readonly Sample[]) =>
    setGauge(new Gauge({ name, help, labelNames: labelNames(samples), registers: [registry] }), samples);
  const pods = [...input.listing.values()];
  const states = new Map<string, number>();
  for (const { state } of pods.flatMap(({ containers }) => containers))
    states.set(state, (states.get(state) ?? 0) + 1);
  const running = pods.filter(({ sandboxes }) => sandboxes.some(({ state }) => state === "ready"));
  gauge("kubelet_node_name", "The node's name", [{ labels: { node: input.nodeName }, value: 1 }]);
  gauge("kubelet_running_pods", "Pods with a running sandbox", [{ value: running.length }]);
  gauge(
    "kubelet_running_containers",
    "Containers by state",
    [...states].map(([state, value]) => ({ labels: { container_state: state }, value })),
  );
  gauge("kubelet_desired_pods", "Pods this node is to run", [{ value: input.desiredPods }]);
  gauge("kubelet_pleg_last_seen_seconds", "When PLEG last had a listing", [
    { value: input.plegLastSeenSeconds },
  ]);
  gauge("kubernetes_build_info", "The version", [{ labels: { git_version: input.version }, value: 1 }]);
  return registry.metrics();
}

/** `/metrics/resource`: what the metrics server reads. */
export async function resourceMetrics(summary: Summary): Promise<string> {
  const { add, text } = await gauges();
  add("node_cpu_usage_seconds_total", "CPU time of the node", [
    { value: seconds(summary.node.cpu.usageCoreNanoSeconds) },
  ]);
  add("node_memory_working_set_bytes", "Working set of the node", [
    { value: summary.node.memory.workingSetBytes ?? 0 },
  ]);
  for (const [name, help, pick] of podMetrics) {
    add(
      name,
      help,
      summary.pods.map((pod) => ({
        labels: { namespace: pod.podRef.namespace, pod: pod.podRef.name },
        value: pick(pod),
      })),
    );
  }
  for (const [name, help, pick] of containerMetrics) add(name, help, containerSamples(summary, pick, false));
  add("resource_scrape_error", "1 if something could not be measured", [{ value: 0 }]);
  return text();
}

/** `/metrics/cadvisor`: containers under the names that cAdvisor's users know. */
export async function cadvisorMetrics(
  summary: Summary,
  machine: { readonly cpus: number; readonly memoryBytes: number },
): Promise<string> {
  const { add, text } = await gauges();
  add("machine_cpu_cores", "CPUs of the machine", [{ value: machine.cpus }]);
  add("machine_memory_bytes", "Memory of the machine", [{ value: machine.memoryBytes }]);
  for (const [name, help, pick] of [...containerMetrics, ...cadvisorOnly])
    add(name, help, containerSamples(summary, pick, true));
  return text();
}

type PodPick = (pod: Summary["pods"][number]) => number;
type ContainerPick = (container: Summary["pods"][number]["containers"][number]) => number;

const podMetrics: readonly (readonly [string, string, PodPick])[] = [
  ["pod_cpu_usage_seconds_total", "CPU time of the pod", ({ cpu }) => seconds(cpu.usageCoreNanoSeconds)],
  ["pod_memory_working_set_bytes", "Working set of the pod", ({ memory }) => memory.workingSetBytes ?? 0],
];

const containerMetrics: readonly (readonly [string, string, ContainerPick])[] = [
  [
    "container_cpu_usage_seconds_total",
    "CPU time of the container",
    ({ cpu }) => seconds(cpu?.usageCoreNanoSeconds ?? 0),
  ],
  [
    "container_memory_working_set_bytes",
    "Working set of the container",
    ({ memory }) => memory?.workingSetBytes ?? 0,
  ],
  [
    "container_start_time_seconds",
    "When the container started",
    ({ startTime }) => Date.parse(startTime) / 1000,
  ],
];

const cadvisorOnly: readonly (readonly [string, string, ContainerPick])[] = [
  [
    "container_memory_usage_bytes",
    "Memory of the container, caches too",
    ({ memory }) => memory?.usageBytes ?? 0,
  ],
  ["container_memory_rss", "Anonymous memory of the container", ({ memory }) => memory?.rssBytes ?? 0],
  ["container_fs_usage_bytes", "Writable layer of the container", ({ rootfs }) => rootfs?.usedBytes ?? 0],
];

function containerSamples({ pods }: Summary, pick: ContainerPick, withId: boolean): Sample[] {
  return pods.flatMap(({ podRef, containers }) =>
    containers.map((container) => ({
      labels: {
        container: container.name,
        namespace: podRef.namespace,
        pod: podRef.name,
        ...(withId ? { id: `/kubepods/pod${podRef.uid}/${container.name}` } : {}),
      },
      value: pick(container),
    })),
  );
}

async function gauges() {
  const { Registry, Gauge } = (await import("prom-client")).default;
  const registry: Registry = new Registry();
  const add = (name: string, help: string, samples: readonly Sample[]) =>
    setGauge(new Gauge({ name, help, labelNames: labelNames(samples), registers: [registry] }), samples);
  return { add, text: () => registry.metrics() };
}

function setGauge(gauge: { set(labels: Labels, value: number): void }, samples: readonly Sample[]): void {
  for (const { labels = {}, value } of samples) gauge.set(labels, value);
}

function labelNames(samples: readonly Sample[]): string[] {
  return Object.keys(samples[0]?.labels ?? {});
}

const seconds = (nanoSeconds: number) => nanoSeconds / 1e9;
