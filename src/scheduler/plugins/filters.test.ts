import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace, Node, Pod } from "../../api/core/types.generated.ts";
import type { Plugin } from "../framework/plugin.ts";
import { outcome } from "../test-support/core.ts";
import { node, pod } from "../test-support/objects.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";
import { taintToleration } from "./taint-toleration.ts";

interface Case {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly pods?: readonly Pod[];
  /** Other plugins that take part. */
  readonly beside?: readonly Plugin[];
  readonly pod: Pod;
  /** The node, or the message. */
  readonly want: string;
}

function table(plugin: Plugin, cases: readonly Case[]): void {
  for (const { name, nodes, pods = [], beside = [], pod, want } of cases)
    test(`${plugin.name} ${name}`, () => {
      assert.equal(outcome({ nodes, pods, plugins: [...beside, plugin] }, pod), want);
    });
}

const none = (reason: string, nodes = 1) => `0/${nodes} nodes are available: ${reason}.`;

table(nodeName, [
  {
    name: "keeps a pod to the node it names",
    nodes: [node("a"), node("b")],
    pod: pod("p", { node: "b" }),
    want: "b",
  },
  {
    name: "rejects other nodes",
    nodes: [node("a")],
    pod: pod("p", { node: "b" }),
    want: none("1 node(s) didn't match the requested node name"),
  },
]);

table(nodeUnschedulable, [
  {
    name: "rejects cordoned nodes",
    nodes: [node("a", { unschedulable: true })],
    pod: pod("p"),
    want: none("1 node(s) were unschedulable"),
  },
  {
    name: "lets pods in that tolerate it, as a DaemonSet's do",
    nodes: [node("a", { unschedulable: true })],
    pod: pod("p", {
      spec: {
        tolerations: [{ key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" }],
      },
    }),
    want: "a",
  },
]);

const taint = (effect: string) => [{ key: "dedicated", value: "gpu", effect }];

table(taintToleration, [
  {
    name: "rejects nodes with a taint that is not tolerated",
    nodes: [node("a", { taints: taint("NoSchedule") }), node("b", { taints: taint("NoExecute") })],
    pod: pod("p"),
    want: none("2 node(s) had untolerated taint(s)", 2),
  },
  {
    name: "accepts a taint of the right value",
    nodes: [node("a", { taints: taint("NoSchedule") })],
    pod: pod("p", { spec: { tolerations: [{ key: "dedicated", operator: "Equal", value: "gpu" }] } }),
    want: "a",
  },
  {
    name: "prefers nodes that do not ask to be avoided",
    nodes: [node("a", { taints: taint("PreferNoSchedule") }), node("b")],
    pod: pod("p"),
    want: "b",
  },
]);

const required = (key: string, operator: string, values?: readonly string[]) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator, ...(values ? { values } : {}) }] }],
      },
    },
  },
});

table(nodeAffinity, [
  {
    name: "respects a node selector that matches [Scheduler, node selector matching]",
    nodes: [node("a"), node("b", { labels: { disk: "ssd" } })],
    pod: pod("p", { spec: { nodeSelector: { disk: "ssd" } } }),
    want: "b",
  },
  {
    name: "respects a node selector that matches no node [Scheduler, node selector not matching]",
    nodes: [node("a"), node("b", { labels: { disk: "hdd" } })],
    pod: pod("p", { spec: { nodeSelector: { disk: "ssd" } } }),
    want: none("2 node(s) didn't match Pod's node affinity/selector", 2),
  },
  {
    name: "knows In",
    nodes: [node("a", { labels: { zone: "x" } }), node("b", { labels: { zone: "y" } })],
    pod: pod("p", { spec: required("zone", "In", ["y", "z"]) }),
    want: "b",
  },
  {
    name: "knows Gt",
    nodes: [node("a", { labels: { size: "3" } }), node("b", { labels: { size: "5" } })],
    pod: pod("p", { spec: required("size", "Gt", ["4"]) }),
    want: "b",
  },
  {
    name: "looks only at the nodes that a pod names by field",
    nodes: [node("a"), node("b"), node("c")],
    pod: pod("p", {
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchFields: [{ key: "metadata.name", operator: "In", values: ["gone"] }] },
              ],
            },
          },
        },
      },
    }),
    want: none("3 node(s) didn't satisfy plugin(s) [NodeAffinity]", 3),
  },
  {
    name: "prefers the nodes of the heavier preference",
    nodes: [node("a", { labels: { disk: "ssd" } }), node("b", { labels: { zone: "x" } })],
    pod: pod("p", {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 10, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } },
              { weight: 20, preference: { matchExpressions: [{ key: "zone", operator: "Exists" }] } },
            ],
          },
        },
      },
    }),
    want: "b",
  },
]);

const port = (hostPort: number, more: object = {}) => ({
  spec: { containers: [{ name: "main", image: "web:1", ports: [{ containerPort: 80, hostPort, ...more }] }] },
});
const portsTaken = none("1 node(s) didn't have free ports for the requested pod ports");

table(nodePorts, [
  {
    name: "rejects a port that is taken",
    nodes: [node("a")],
    pods: [pod("other", { node: "a", ...port(8080) })],
    pod: pod("p", port(8080)),
    want: none("1 node(s) didn't have free ports for the requested pod ports"),
  },
  {
    name: "tells protocols apart",
    nodes: [node("a")],
    pods: [pod("other", { node: "a", spec: { ...port(8080, { protocol: "UDP" }).spec, nodeName: "a" } })],
    pod: pod("p", port(8080)),
    want: "a",
  },
  {
    name: "sees that all addresses hold each one [Scheduling, HostPort and Protocol match, HostIPs different but one is default HostIP (0.0.0.0)]",
    nodes: [node("a")],
    pods: [pod("other", { spec: { ...port(8080).spec, nodeName: "a" } })],
    pod: pod("p", port(8080, { hostIP: "10.0.0.1" })),
    want: portsTaken,
  },
  {
    name: "lets two addresses have the same port",
    nodes: [node("a")],
    pods: [pod("other", { spec: { ...port(8080, { hostIP: "10.0.0.2" }).spec, nodeName: "a" } })],
    pod: pod("p", port(8080, { hostIP: "10.0.0.1" })),
    want: "a",
  },
]);

const gpu = "example.com/gpu";

table(nodeResourcesFit, [
  {
    name: "names everything that is short",
    nodes: [node("a", { allocatable: { cpu: "1", memory: "1Gi" } })],
    pod: pod("p", { requests: { cpu: "2", memory: "2Gi" } }),
    want: none("1 Insufficient cpu, 1 Insufficient memory"),
  },
  {
    name: "counts what the pods of the node take",
    nodes: [node("a"), node("b")],
    pods: [pod("other", { node: "a", requests: { cpu: "3" } })],
    pod: pod("p", { requests: { cpu: "2" } }),
    want: "b",
  },
  {
    name: "counts pods",
    nodes: [node("a", { allocatable: { pods: "1" } })],
    pods: [pod("other", { node: "a" })],
    pod: pod("p"),
    want: none("1 Too many pods"),
  },
  {
    name: "counts extended resources",
    nodes: [
      node("a"),
      node("b", { allocatable: { [gpu]: "1" } }),
      node("c", { allocatable: { [gpu]: "2" } }),
    ],
    pods: [pod("other", { node: "b", requests: { [gpu]: "1" } })],
    pod: pod("p", { requests: { [gpu]: "2" } }),
    want: "c",
  },
  {
    name: "adds the overhead of the sandbox",
    nodes: [node("a", { allocatable: { cpu: "2" } })],
    pod: pod("p", { requests: { cpu: "2" }, spec: { overhead: { cpu: "250m" } } }),
    want: none("1 Insufficient cpu"),
  },
  {
    name: "goes by what the pod as a whole asks for",
    nodes: [node("a", { allocatable: { cpu: "2" } })],
    pod: pod("p", { requests: { cpu: "1" }, spec: { resources: { requests: { cpu: "3" } } } }),
    want: none("1 Insufficient cpu"),
  },
  {
    name: "takes the largest of the init containers",
    nodes: [node("a", { allocatable: { cpu: "2" } })],
    pod: pod("p", {
      requests: { cpu: "1" },
      spec: { initContainers: [{ name: "init", image: "i", resources: { requests: { cpu: "3" } } }] },
    }),
    want: none("1 Insufficient cpu"),
  },
  {
    name: "lets a pod in that asks for nothing, however full the node is",
    nodes: [node("a", { allocatable: { cpu: "1" } })],
    pods: [pod("other", { node: "a", requests: { cpu: "1" } })],
    pod: pod("p"),
    want: "a",
  },
  {
    name: "prefers the node that has the most left",
    nodes: [node("a"), node("b"), node("c")],
    pods: [pod("x", { node: "a", requests: { cpu: "2" } }), pod("y", { node: "c", requests: { cpu: "1" } })],
    pod: pod("p", { requests: { cpu: "1" } }),
    want: "b",
  },
]);

const zoned = (name: string, zone: string) => node(name, { labels: { zone } });
const term = (app: string, topologyKey = "zone", more: object = {}) => ({
  topologyKey,
  labelSelector: { matchLabels: { app } },
  ...more,
});
const near = (...terms: object[]) => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms as never } },
});
const apart = (...terms: object[]) => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms as never } },
});
const twoZones = [zoned("a", "x"), zoned("b", "x"), zoned("c", "y")];
const namespaces: readonly Namespace[] = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "team", labels: { team: "blue" } }, spec: {} },
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "default", labels: {} }, spec: {} },
];
const affinityPlugin = interPodAffinity({
  get: (name) => namespaces.find(({ metadata }) => metadata.name === name),
  list: () => namespaces,
});

table(affinityPlugin, [
  {
    name: "puts a pod into the zone of the one it wants",
    nodes: [zoned("a", "x"), zoned("c", "y")],
    pods: [pod("db", { node: "c", labels: { app: "db" } })],
    pod: pod("p", { spec: near(term("db")) }),
    want: "c",
  },
  {
    name: "rejects all nodes where nobody is whom it wants",
    nodes: twoZones,
    pod: pod("p", { labels: { app: "web" }, spec: near(term("db")) }),
    want: none("3 node(s) didn't match pod affinity rules", 3),
  },
  {
    name: "lets the first of a group go anywhere with the label",
    nodes: [node("nowhere"), zoned("a", "x")],
    pod: pod("p", { labels: { app: "db" }, spec: near(term("db")) }),
    want: "a",
  },
  {
    name: "keeps a pod out of the zone of the one it avoids",
    nodes: twoZones,
    pods: [pod("db", { node: "a", labels: { app: "db" } })],
    pod: pod("p", { spec: apart(term("db")) }),
    want: "c",
  },
  {
    name: "says when all zones have one it avoids",
    nodes: [zoned("a", "x")],
    pods: [pod("db", { node: "a", labels: { app: "db" } })],
    pod: pod("p", { spec: apart(term("db")) }),
    want: none("1 node(s) didn't match pod anti-affinity rules"),
  },
  {
    name: "respects the anti-affinity of the pods that are there",
    nodes: [zoned("a", "x")],
    pods: [pod("db", { node: "a", spec: { ...apart(term("web")), nodeName: "a" } })],
    pod: pod("p", { labels: { app: "web" } }),
    want: none("1 node(s) didn't satisfy existing pods anti-affinity rules"),
  },
  {
    name: "sees pods of its own namespace only",
    nodes: [zoned("a", "x")],
    pods: [pod("db", { node: "a", namespace: "team", labels: { app: "db" } })],
    pod: pod("p", { spec: apart(term("db")) }),
    want: "a",
  },
  {
    name: "sees pods of the namespaces it selects",
    nodes: [zoned("a", "x")],
    pods: [pod("db", { node: "a", namespace: "team", labels: { app: "db" } })],
    pod: pod("p", {
      spec: apart(term("db", "zone", { namespaceSelector: { matchLabels: { team: "blue" } } })),
    }),
    want: none("1 node(s) didn't match pod anti-affinity rules"),
  },
  {
    name: "tells revisions apart by matchLabelKeys",
    nodes: [zoned("a", "x")],
    pods: [pod("old", { node: "a", labels: { app: "web", revision: "1" } })],
    pod: pod("p", {
      labels: { app: "web", revision: "2" },
      spec: apart(term("web", "zone", { matchLabelKeys: ["revision"] })),
    }),
    want: "a",
  },
  {
    name: "prefers the zone of a pod it would like to be near",
    nodes: [zoned("a", "x"), zoned("c", "y")],
    pods: [pod("db", { node: "c", labels: { app: "db" } })],
    pod: pod("p", {
      spec: {
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, podAffinityTerm: term("db") }],
          },
        },
      },
    }),
    want: "c",
  },
]);

const spread = (more: object = {}) => ({
  topologySpreadConstraints: [
    { ...term("web"), maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", ...more } as never,
  ],
});
const web = (name: string, on: string) => pod(name, { node: on, labels: { app: "web" } });
const asked = (more: object = {}) => pod("p", { labels: { app: "web" }, spec: spread(more) });

table(
  podTopologySpread(() => undefined),
  [
    {
      name: "evens out zones",
      nodes: twoZones,
      pods: [web("w1", "a")],
      pod: asked(),
      want: "c",
    },
    {
      name: "leaves out zones that the pod cannot go to",
      beside: [nodeAffinity],
      nodes: [zoned("a", "x"), node("full", { labels: { zone: "y", full: "yes" } })],
      pods: [web("w1", "a"), web("w2", "a")],
      pod: pod("p", {
        labels: { app: "web" },
        spec: { ...spread(), ...required("full", "DoesNotExist") },
      }),
      want: "a",
    },
    {
      name: "counts zones that the pod cannot go to, if told so",
      beside: [nodeAffinity],
      nodes: [zoned("a", "x"), node("full", { labels: { zone: "y", full: "yes" } })],
      pods: [web("w1", "a")],
      pod: pod("p", {
        labels: { app: "web" },
        spec: { ...spread({ nodeAffinityPolicy: "Ignore" }), ...required("full", "DoesNotExist") },
      }),
      want: none(
        "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) didn't match pod topology spread constraints",
        2,
      ),
    },
    {
      name: "takes domains that are missing for empty",
      nodes: [zoned("a", "x")],
      pods: [web("w1", "a")],
      pod: asked({ minDomains: 2 }),
      want: none("1 node(s) didn't match pod topology spread constraints"),
    },
    {
      name: "rejects nodes without the label",
      nodes: [node("nowhere")],
      pod: asked(),
      want: none("1 node(s) didn't match pod topology spread constraints (missing required label)"),
    },
    {
      name: "prefers the emptier zone where it only should",
      nodes: [zoned("a", "x"), zoned("c", "y")],
      pods: [web("w1", "a"), web("w2", "a"), web("w3", "c")],
      pod: asked({ whenUnsatisfiable: "ScheduleAnyway" }),
      want: "c",
    },
  ],
);

table(
  podTopologySpread(() => [{ key: "app", operator: "in", values: ["web"] }]),
  [
    {
      name: "spreads the pods of a service by itself",
      nodes: [node("a"), node("b")],
      pods: [web("w1", "a")],
      pod: pod("p", { labels: { app: "web" } }),
      want: "b",
    },
  ],
);
