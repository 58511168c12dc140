import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerRevision, DaemonSet, DaemonSetStatus } from "../../api/apps/types.generated.ts";
import type { Node, Pod, Taint } from "../../api/core/types.generated.ts";
import { describeIntent, type Intent } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";
import { revisionData } from "../framework/revisions.ts";
import { selectionOf } from "../framework/selection.ts";
import { ago, meta, now, pod, webLabels, webTemplate, writtenStatus } from "../test-support/objects.ts";
import { type DaemonSetSnapshot, reconcileDaemonSet } from "./reconcile.ts";

function daemonSet(spec: Partial<DaemonSet["spec"]> = {}): DaemonSet {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: meta("web"),
    spec: { selector: { matchLabels: webLabels }, template: webTemplate, ...spec },
  };
}

const owner = daemonSet();
const revision: ControllerRevision = {
  apiVersion: "apps/v1",
  kind: "ControllerRevision",
  metadata: meta("web-new", {
    labels: { "controller-revision-hash": "new" },
    ownerReferences: [controllerReference(owner)],
  }),
  data: revisionData(webTemplate),
  revision: 2,
};

const node = (name: string, taints: readonly Taint[] = [], labels: Record<string, string> = {}): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels },
  spec: { taints },
});

const on = (
  nodeName: string,
  hash: string,
  traits: Parameters<typeof pod>[1] = {},
  name = `${nodeName}-${hash}`,
) =>
  pod(name, {
    owner,
    node: nodeName,
    ready: true,
    labels: { ...webLabels, "controller-revision-hash": hash },
    ...traits,
  });

function decide(
  spec: Partial<DaemonSet["spec"]>,
  nodes: readonly Node[],
  pods: readonly Pod[],
  more: Partial<DaemonSetSnapshot> = {},
) {
  return reconcileDaemonSet(
    {
      daemonSet: daemonSet(spec),
      selects: selectionOf({ matchLabels: webLabels }),
      selectsEverything: false,
      nodes,
      candidates: pods,
      revisions: [revision],
      canAdopt: true,
      backoffMs: () => 0,
      ...more,
    },
    now,
  );
}

/** "create n1" for a pod pinned to n1, "delete x". */
function changes(intents: readonly Intent[]): string[] {
  return intents.flatMap((intent) => {
    if (intent.action === "delete") return [`delete ${intent.object.metadata.name}`];
    if (intent.action !== "create" || intent.type.resource !== "pods") return [];
    const { affinity } = (intent.object as Pod).spec;
    const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    return [`create ${required?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0]}`];
  });
}

const three = ["n1", "n2", "n3"].map((name) => node(name));
const surge = {
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
};

interface Case {
  readonly name: string;
  readonly spec?: Partial<DaemonSet["spec"]>;
  readonly nodes: readonly Node[];
  readonly pods?: readonly Pod[];
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "puts a pod on every node (DaemonSet-Creation)",
    nodes: three,
    pods: [on("n1", "new")],
    want: ["create n2", "create n3"],
  },
  {
    name: "puts pods only where the node selector says (DaemonSet-NodeSelection)",
    spec: { template: { ...webTemplate, spec: { ...webTemplate.spec, nodeSelector: { color: "blue" } } } },
    nodes: [node("n1", [], { color: "blue" }), node("n2", [], { color: "green" })],
    pods: [on("n2", "new")],
    want: ["create n1", "delete n2-new"],
  },
  {
    name: "stays off a node whose taint it does not tolerate, and leaves a running pod",
    nodes: [
      node("n1", [{ key: "gpu", effect: "NoSchedule" }]),
      node("n2", [{ key: "gpu", effect: "NoSchedule" }]),
    ],
    pods: [on("n1", "new")],
    want: [],
  },
  {
    name: "leaves a node that drives pods off",
    nodes: [node("n1", [{ key: "gpu", effect: "NoExecute" }])],
    pods: [on("n1", "new")],
    want: ["delete n1-new"],
  },
  {
    name: "runs on nodes that are not ready, cordoned or short of memory",
    nodes: [
      node("n1", [
        { key: "node.kubernetes.io/not-ready", effect: "NoExecute" },
        { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" },
        { key: "node.kubernetes.io/memory-pressure", effect: "NoSchedule" },
      ]),
    ],
    want: ["create n1"],
  },
  {
    name: "replaces a failed pod (DaemonSet-FailedPodCreation)",
    nodes: [node("n1")],
    pods: [on("n1", "new", { phase: "Failed" })],
    want: ["delete n1-new"],
  },
  {
    name: "keeps the oldest of two pods on a node",
    nodes: [node("n1")],
    pods: [on("n1", "new", { meta: { creationTimestamp: ago(10) } }, "young"), on("n1", "new", {}, "old")],
    want: ["delete young"],
  },
  {
    name: "deletes a pod that waits for a node that is gone",
    nodes: [],
    pods: [pod("lost", { owner, labels: { ...webLabels, "controller-revision-hash": "new" } })],
    want: ["delete lost"],
  },
  {
    name: "replaces one old pod at a time (DaemonSet-RollingUpdate)",
    nodes: three,
    pods: three.map(({ metadata: { name = "" } }) => on(name, "old")),
    want: ["delete n1-old"],
  },
  {
    name: "waits for the new pod before it replaces the next (DaemonSet-RollingUpdate)",
    nodes: three,
    pods: [on("n1", "new", { ready: false }), on("n2", "old"), on("n3", "old")],
    want: [],
  },
  {
    name: "replaces old pods that do not serve at once",
    nodes: three,
    pods: [on("n1", "new", { ready: false }), on("n2", "old"), on("n3", "old", { ready: false })],
    want: ["delete n3-old"],
  },
  {
    name: "leaves old pods to be deleted by hand with OnDelete",
    spec: { updateStrategy: { type: "OnDelete" } },
    nodes: three.slice(0, 1),
    pods: [on("n1", "old")],
    want: [],
  },
  {
    name: "with a surge starts the new pod beside the old one",
    spec: surge,
    nodes: three.slice(0, 2),
    pods: [on("n1", "old"), on("n2", "old")],
    want: ["create n1"],
  },
  {
    name: "with a surge deletes the old pod once the new one serves",
    spec: surge,
    nodes: three.slice(0, 2),
    pods: [on("n1", "old"), on("n1", "new"), on("n2", "old")],
    want: ["delete n1-old"],
  },
];

for (const { name, spec = {}, nodes, pods = [], want } of cases) {
  test(`DaemonSet ${name}`, () => {
    const template = spec.template ?? webTemplate;
    const revisions = [{ ...revision, data: revisionData(template) }];
    assert.deepEqual(changes(decide(spec, nodes, pods, { revisions })), want);
  });
}

test("DaemonSet waits before it replaces a pod that keeps failing", () => {
  const intents = decide({}, [node("n1")], [on("n1", "new", { phase: "Failed" })], { backoffMs: () => 4000 });
  assert.deepEqual(changes(intents), []);
  assert.ok(intents.map(describeIntent).includes("requeue after 4000 ms"));
});

test("DaemonSet keeps its templates as revisions, to roll back to (DaemonSet-Rollback)", () => {
  const first = decide({}, [node("n1")], [], { revisions: [] });
  const [made] = first;
  assert.ok(made?.action === "create" && made.type.resource === "controllerrevisions");
  const object = made.object as ControllerRevision;
  assert.equal(object.revision, 1);
  assert.deepEqual(object.data, { spec: { template: { ...webTemplate, $patch: "replace" } } });
  assert.match(
    JSON.stringify(object.data),
    /^\{"spec":\{"template":\{"\$patch":"replace","metadata":.*"image":.*"name":/,
  );

  const older = {
    ...revision,
    metadata: meta("web-old", { labels: { "controller-revision-hash": "old" } }),
    revision: 1,
  };
  const other = { ...revision, data: revisionData({ ...webTemplate, metadata: {} }) };
  const [raised] = decide({}, [], [], { revisions: [older, other] });
  assert.ok(raised?.action === "update");
  assert.equal((raised.object as ControllerRevision).metadata.name, "web-old");
  assert.equal((raised.object as ControllerRevision).revision, 3);
});

test("DaemonSet counts its pods by node (DaemonSet, status sub-resource)", () => {
  const tainted = node("n4", [{ key: "gpu", effect: "NoSchedule" }]);
  const pods = [on("n1", "new"), on("n2", "old", { ready: false }), on("n4", "new")];
  assert.deepEqual(writtenStatus<DaemonSetStatus>(decide({}, [...three, tainted], pods)), {
    observedGeneration: 1,
    desiredNumberScheduled: 3,
    currentNumberScheduled: 2,
    numberMisscheduled: 1,
    numberReady: 1,
    updatedNumberScheduled: 1,
    numberAvailable: 1,
    numberUnavailable: 2,
  });
});
