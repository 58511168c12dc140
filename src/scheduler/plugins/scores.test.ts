import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "../../api/core/types.generated.ts";
import { podInfoOf } from "../cache/pod-info.ts";
import { SchedulerCache } from "../cache/scheduler-cache.ts";
import { FilterPass, runPreFilters } from "../framework/evaluation.ts";
import type { Plugin } from "../framework/plugin.ts";
import { skip } from "../framework/status.ts";
import { node, pod } from "../test-support/objects.ts";
import { balancedAllocation } from "./balanced-allocation.ts";
import { imageLocality } from "./image-locality.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeResourcesFit } from "./node-resources-fit.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";
import { taintToleration } from "./taint-toleration.ts";

interface Case {
  readonly name: string;
  readonly plugin: Plugin;
  readonly nodes: readonly Node[];
  readonly pods?: readonly Pod[];
  readonly pod: Pod;
  /** By node; "skip" where the plugin has nothing to say. */
  readonly want: readonly number[] | "skip";
}

/** The normalized scores of one plugin for all nodes, in their order. */
function scoresOf({ plugin, nodes, pods = [], pod }: Case): readonly number[] | "skip" {
  const cache = new SchedulerCache();
  for (const object of nodes) cache.setNode(object);
  for (const placed of pods) cache.setPod(podInfoOf(placed));
  const { table } = cache;
  const info = podInfoOf(pod);
  const feasible = new FilterPass();
  feasible.run(table, runPreFilters([], info, table));
  const state = plugin.preScore?.(info, table, feasible);
  if (state === skip) return "skip";
  const scores = Float64Array.from(nodes, ({ metadata }) => {
    const found = table.get(metadata.name ?? "");
    assert.ok(found);
    return plugin.score?.(state, found) ?? 0;
  });
  plugin.normalize?.(state, scores, feasible);
  return [...scores];
}

const sized = (name: string, cpu: string, memory: string) => node(name, { allocatable: { cpu, memory } });
const asking = (cpu: string, memory: string) => pod("p", { requests: { cpu, memory } });
const image = (name: string, sizeBytes: number) => ({ status: { images: [{ names: [name], sizeBytes }] } });
const mega = 1024 * 1024;
const namespaces = { get: () => undefined, list: () => [] };
const zoned = (name: string, zone: string) => node(name, { labels: { zone } });
const web = (name: string, on: string, spec = {}) =>
  pod(name, { labels: { app: "web" }, spec: { ...spec, nodeName: on } });
const likes = (weight: number) => ({
  weight,
  podAffinityTerm: { topologyKey: "zone", labelSelector: { matchLabels: { app: "web" } } },
});

for (const row of [
  {
    name: "LeastAllocated: what is left of cpu and memory, on average",
    plugin: nodeResourcesFit,
    nodes: [sized("a", "4", "10000"), sized("b", "6", "10000")],
    pod: asking("3", "5000"),
    want: [37, 50],
  },
  {
    name: "LeastAllocated: a container that says nothing is taken to need a little",
    plugin: nodeResourcesFit,
    nodes: [sized("a", "1", "1000Mi")],
    pods: [web("other", "a")],
    pod: pod("p"),
    want: [70],
  },
  {
    name: "LeastAllocated: nothing where it does not fit",
    plugin: nodeResourcesFit,
    nodes: [sized("a", "2", "10000")],
    pod: asking("3", "5000"),
    want: [25],
  },
  {
    name: "BalancedAllocation: better where the pod evens out what is there",
    plugin: balancedAllocation,
    nodes: [sized("a", "10", "10000"), sized("b", "10", "10000")],
    pods: [
      pod("x", { node: "a", requests: { cpu: "5" } }),
      pod("y", { node: "b", requests: { memory: "5000" } }),
    ],
    pod: asking("0", "5000"),
    want: [87, 62],
  },
  {
    name: "BalancedAllocation: says nothing of pods that ask for nothing",
    plugin: balancedAllocation,
    nodes: [sized("a", "10", "10000")],
    pod: pod("p"),
    want: "skip",
  },
  {
    name: "ImageLocality: the larger the image that is there, weighed by how many nodes have it",
    plugin: imageLocality,
    nodes: [node("a", image("web:1", 500 * mega)), node("b", image("db:1", 900 * mega))],
    pod: pod("p"),
    want: [23, 0],
  },
  {
    name: "ImageLocality: says nothing where no node has an image",
    plugin: imageLocality,
    nodes: [node("a")],
    pod: pod("p"),
    want: "skip",
  },
  {
    name: "TaintToleration: the fewer taints are not tolerated",
    plugin: taintToleration,
    nodes: [0, 1, 2].map((count) =>
      node(`n${count}`, {
        taints: Array.from({ length: count }, (_, at) => ({ key: `k${at}`, effect: "PreferNoSchedule" })),
      }),
    ),
    pod: pod("p"),
    want: [100, 50, 0],
  },
  {
    name: "NodeAffinity: the sum of the weights that apply, the best being 100",
    plugin: nodeAffinity,
    nodes: [
      node("a", { labels: { x: "1" } }),
      node("b", { labels: { y: "1" } }),
      node("c", { labels: { x: "1", y: "1" } }),
    ],
    pod: pod("p", {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: ["x", "y"].map((key, at) => ({
              weight: 1 + 2 * at,
              preference: { matchExpressions: [{ key, operator: "Exists" }] },
            })),
          },
        },
      },
    }),
    want: [25, 75, 100],
  },
  {
    name: "InterPodAffinity: from the zone least liked to the one most liked",
    plugin: interPodAffinity(namespaces),
    nodes: [zoned("a", "x"), zoned("b", "y"), zoned("c", "z")],
    pods: [web("w1", "a"), web("w2", "a"), web("w3", "b")],
    pod: pod("p", {
      spec: {
        affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [likes(10)] } },
      },
    }),
    want: [100, 50, 0],
  },
  {
    name: "InterPodAffinity: pods that want this one near count for it, those that do not against",
    plugin: interPodAffinity(namespaces),
    nodes: [zoned("a", "x"), zoned("b", "y"), zoned("c", "z")],
    pods: [
      web("w1", "a", {
        affinity: {
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [likes(1).podAffinityTerm] },
        },
      }),
      web("w2", "b", {
        affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [likes(1)] } },
      }),
    ],
    pod: pod("p", { labels: { app: "web" } }),
    want: [100, 0, 50],
  },
  {
    name: "PodTopologySpread: the fewer pods of the group are in the zone",
    plugin: podTopologySpread(() => undefined),
    nodes: [zoned("a", "x"), zoned("b", "y"), node("nowhere")],
    pods: [web("w1", "a"), web("w2", "a"), web("w3", "a"), web("w4", "b")],
    pod: pod("p", {
      labels: { app: "web" },
      spec: {
        topologySpreadConstraints: [
          { ...likes(1).podAffinityTerm, maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway" },
        ],
      },
    }),
    // ln(2 zones + 2) a pod: 4 and 1; 100 * (4 + 1 - score) / 4. A node in no zone gets nothing.
    want: [25, 100, 0],
  },
] satisfies readonly Case[])
  test(row.name, () => {
    assert.deepEqual(scoresOf(row), row.want);
  });
