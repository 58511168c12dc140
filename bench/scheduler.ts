import { availableParallelism, cpus } from "node:os";
import type { Node, Pod } from "../src/api/core/types.generated.ts";
import { silentLogger } from "../src/base/log.ts";
import { seededRandom } from "../src/base/random.ts";
import { systemClock } from "../src/base/system-clock.ts";
import { podInfoOf } from "../src/scheduler/cache/pod-info.ts";
import { createSchedulingCore } from "../src/scheduler/core.ts";
import type { BenchResult } from "./bench.ts";

const nodeCount = 5000;
const podsBefore = 1000;
const zones = 50;

/** Pods a second from the queue to a node that counts them, with bindings that succeed at once. */
export async function run(): Promise<BenchResult> {
  const figures: Record<string, number> = {};
  for (const [name, podCount, podOf] of workloads) {
    const { podsPerS, slowestMs } = await measure(podCount, podOf);
    console.log(`${name}: ${podsPerS} pods/s, the slowest took ${slowestMs} ms`);
    figures[`${name}PodsPerS`] = podsPerS;
    figures[`${name}SlowestMs`] = slowestMs;
  }
  const preemption = await measurePreemption();
  console.log(`preemption: ${preemption} pods/s`);
  figures.preemptionPodsPerS = preemption;
  return {
    name: "scheduler",
    ...figures,
    units: { PodsPerS: "pods per second", SlowestMs: "milliseconds" },
    conditions: {
      nodes: nodeCount,
      podsBefore,
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? "unknown",
      node: process.version,
    },
  };
}

type Workload = readonly [name: string, podCount: number, podOf: (index: number) => Pod];

const hostname = "kubernetes.io/hostname";
const zone = "topology.kubernetes.io/zone";
const colour = (value: string) => ({ matchLabels: { color: value } });

/** As in kube-scheduler's own performance tests: plain pods, and pods with terms that all others have to be asked about. */
const workloads: readonly Workload[] = [
  ["basic", 20_000, () => pod({})],
  ["mixed", 20_000, (index) => pod({ cpu: `${50 + (index % 97)}m` })],
  [
    "antiAffinity",
    2000,
    () =>
      pod({
        labels: { color: "green" },
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: hostname, labelSelector: colour("green") },
            ],
          },
        },
      }),
  ],
  [
    "affinity",
    5000,
    (index) =>
      pod({
        labels: { color: `c${index % 20}` },
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: zone, labelSelector: colour(`c${index % 20}`) },
            ],
          },
        },
      }),
  ],
  [
    "spreading",
    5000,
    () =>
      pod({
        labels: { color: "blue" },
        topologySpreadConstraints: [
          {
            maxSkew: 5,
            topologyKey: zone,
            whenUnsatisfiable: "DoNotSchedule",
            labelSelector: colour("blue"),
          },
        ],
      }),
  ],
];

async function measure(podCount: number, podOf: (index: number) => Pod) {
  const core = createSchedulingCore({
    client: instantClient,
    recorder: { event() {} },
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  for (let index = 0; index < nodeCount; index++) core.cache.setNode(node(index));
  const schedule = async (first: number, count: number) => {
    for (let index = first; index < first + count; index++)
      core.queue.add(podInfoOf(named(podOf(index), index)));
    let slowestMs = 0;
    const { signal } = new AbortController();
    const startMs = performance.now();
    for (let beganMs = startMs, next = core.queue.pop(); next !== undefined; next = core.queue.pop()) {
      core.loop.scheduleOne(next, signal);
      const doneMs = performance.now();
      slowestMs = Math.max(slowestMs, doneMs - beganMs);
      // Bindings end in turns of their own, as they do in the loop.
      if (next.ticket % 64 === 0) await systemClock.yield();
      beganMs = performance.now();
    }
    return { elapsedMs: performance.now() - startMs, slowestMs };
  };
  await schedule(0, podsBefore);
  const { elapsedMs, slowestMs } = await schedule(podsBefore, podCount);
  const placed = core.cache.podCount;
  if (placed !== podsBefore + podCount) throw new Error(`only ${placed} pods found a node`);
  return { podsPerS: Math.round(podCount / (elapsedMs / 1000)), slowestMs: Number(slowestMs.toFixed(2)) };
}

/** Pods a second that get a node only because less important ones are deleted, on nodes that are all full. */
async function measurePreemption(): Promise<number> {
  const preemptorCount = 500;
  const core = createSchedulingCore({
    client: {
      ...instantClient,
      delete: async (_type, { name }) => {
        const uid = name.replace("pod-", "uid-");
        const victim = core.cache.removePod(uid);
        if (victim !== undefined)
          core.queue.notify({ resource: "pods", actions: ["delete"], object: victim.pod });
        return {} as never;
      },
    },
    recorder: { event() {} },
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  const perNode = 4;
  for (let index = 0; index < nodeCount; index++) {
    core.cache.setNode(node(index));
    for (let at = 0; at < perNode; at++) {
      const low = named(pod({ cpu: "900m", priority: 1 }), index * perNode + at);
      core.cache.setPod(podInfoOf({ ...low, spec: { ...low.spec, nodeName: `node-${index}` } }));
    }
  }
  for (let at = 0; at < preemptorCount; at++)
    core.queue.add(podInfoOf(named(pod({ cpu: "3", priority: 100 }), nodeCount * perNode + at)));
  const { signal } = new AbortController();
  const startMs = performance.now();
  while (core.queue.size > 0) {
    const next = core.queue.pop();
    if (next === undefined) await systemClock.yield();
    else core.loop.scheduleOne(next, signal);
  }
  return Math.round(preemptorCount / ((performance.now() - startMs) / 1000));
}

const instantClient = {
  get: async () => ({}) as never,
  createSubresource: async () => ({}) as never,
  update: async () => ({}) as never,
  patch: async () => ({}) as never,
  delete: async () => ({}) as never,
};

function node(index: number): Node {
  const name = `node-${index}`;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { [hostname]: name, [zone]: `zone-${index % zones}` } },
    spec: {},
    status: { allocatable: { cpu: "4", memory: "32Gi", pods: "110" } },
  };
}

function pod({
  cpu = "100m",
  labels = {},
  ...spec
}: { cpu?: string; labels?: Readonly<Record<string, string>> } & Partial<Pod["spec"]>): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { labels },
    spec: {
      containers: [
        {
          name: "pause",
          image: "registry.k8s.io/pause:3.10",
          resources: { requests: { cpu, memory: "500Mi" } },
        },
      ],
      ...spec,
    },
  };
}

function named(pod: Pod, index: number): Pod {
  const name = `pod-${index}`;
  return { ...pod, metadata: { ...pod.metadata, name, namespace: "default", uid: `uid-${index}` } };
}
