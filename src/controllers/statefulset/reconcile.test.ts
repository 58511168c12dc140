import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from "../../api/apps/types.generated.ts";
import type { PersistentVolumeClaim, Pod } from "../../api/core/types.generated.ts";
import type { Intent } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";
import { revisionData } from "../framework/revisions.ts";
import { selectionOf } from "../framework/selection.ts";
import { ago, meta, now, pod, webLabels, webTemplate, writtenStatus } from "../test-support/objects.ts";
import { reconcileStatefulSet, type StatefulSetSnapshot } from "./reconcile.ts";

type Traits = Partial<StatefulSet["spec"]> & { status?: StatefulSetStatus; deleted?: boolean };

function statefulSet({ status, deleted, ...spec }: Traits = {}): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: meta("web", deleted ? { deletionTimestamp: ago(1) } : {}),
    spec: {
      replicas: 3,
      serviceName: "web",
      selector: { matchLabels: webLabels },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      template: webTemplate,
      ...spec,
    },
    status: { replicas: 0, currentRevision: "web-new", ...status },
  };
}

const owner = statefulSet();
const revision = (name: string, number: number, image = "web:1"): ControllerRevision => ({
  apiVersion: "apps/v1",
  kind: "ControllerRevision",
  metadata: meta(name, { ownerReferences: [controllerReference(owner)] }),
  data: revisionData({ ...webTemplate, spec: { containers: [{ name: "web", image }] } }),
  revision: number,
});
const revisions = [revision("web-old", 1, "web:0"), revision("web-new", 2)];

function own(ordinal: number, traits: Parameters<typeof pod>[1] = {}, of = "web-new"): Pod {
  const name = `web-${ordinal}`;
  const labels = {
    ...webLabels,
    "controller-revision-hash": of,
    "statefulset.kubernetes.io/pod-name": name,
    "apps.kubernetes.io/pod-index": String(ordinal),
  };
  return pod(name, { owner, ready: true, labels, ...traits });
}

function decide(traits: Traits, pods: readonly Pod[], more: Partial<StatefulSetSnapshot> = {}): Intent[] {
  return reconcileStatefulSet(
    {
      set: statefulSet(traits),
      selects: selectionOf({ matchLabels: webLabels }),
      candidates: pods,
      revisions,
      claimOf: () => undefined,
      canAdopt: true,
      backoffMs: () => 0,
      ...more,
    },
    now,
  );
}

const changes = (intents: readonly Intent[]) =>
  intents.flatMap((intent) =>
    intent.action === "create" || intent.action === "delete"
      ? [`${intent.action} ${intent.object.metadata.name}`]
      : [],
  );

const parallel: Traits = { podManagementPolicy: "Parallel" };
const unready = { ready: false };

interface Case {
  readonly name: string;
  readonly traits?: Traits;
  readonly pods?: readonly Pod[];
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  { name: "creates its first pod alone", want: ["create web-0"] },
  {
    name: "creates the next when the one before is ready (StatefulSet, Scaling)",
    pods: [own(0)],
    want: ["create web-1"],
  },
  { name: "waits for a pod that is not ready (StatefulSet, Scaling)", pods: [own(0, unready)], want: [] },
  {
    name: "waits for a pod that has not been ready for long enough",
    traits: { minReadySeconds: 10 },
    pods: [own(0, { ready: 5 })],
    want: [],
  },
  {
    name: "creates all at once with Parallel (StatefulSet, Burst Scaling)",
    traits: parallel,
    pods: [own(0, unready)],
    want: ["create web-1", "create web-2"],
  },
  {
    name: "fills a gap below",
    pods: [own(0), own(2)],
    want: ["create web-1"],
  },
  {
    name: "deletes the highest ordinal first (StatefulSet, Scaling)",
    traits: { replicas: 1 },
    pods: [own(0), own(1), own(2)],
    want: ["delete web-2"],
  },
  {
    name: "deletes nothing while another pod is unhealthy (StatefulSet, Scaling)",
    traits: { replicas: 1 },
    pods: [own(0, unready), own(1), own(2)],
    want: [],
  },
  {
    name: "deletes one at a time",
    traits: { replicas: 1 },
    pods: [own(0), own(1), own(2, { deleted: true })],
    want: [],
  },
  {
    name: "deletes all at once with Parallel (StatefulSet, Burst Scaling)",
    traits: { ...parallel, replicas: 1 },
    pods: [own(0), own(1), own(2)],
    want: ["delete web-2", "delete web-1"],
  },
  {
    name: "deletes a failed pod to create it anew (StatefulSet, Recreate Failed Pod)",
    traits: { replicas: 1 },
    pods: [own(0, { phase: "Failed" })],
    want: ["delete web-0"],
  },
  {
    name: "replaces old pods from the highest ordinal (StatefulSet, Rolling Update)",
    pods: [own(0, {}, "web-old"), own(1, {}, "web-old"), own(2, {}, "web-old")],
    want: ["delete web-2"],
  },
  {
    name: "replaces the next when the last one is ready (StatefulSet, Rolling Update)",
    pods: [own(0, {}, "web-old"), own(1, {}, "web-old"), own(2)],
    want: ["delete web-1"],
  },
  {
    name: "replaces several at once where several may be missing",
    traits: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 2 } } },
    pods: [own(0, {}, "web-old"), own(1, {}, "web-old"), own(2, {}, "web-old")],
    want: ["delete web-2", "delete web-1"],
  },
  {
    name: "leaves pods below the partition (StatefulSet, Rolling Update with Partition)",
    traits: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } },
    pods: [own(0, {}, "web-old"), own(1, {}, "web-old"), own(2)],
    want: [],
  },
  {
    name: "leaves old pods with OnDelete",
    traits: { updateStrategy: { type: "OnDelete" } },
    pods: [own(0, {}, "web-old"), own(1), own(2)],
    want: [],
  },
  {
    name: "counts from its first ordinal",
    traits: { ordinals: { start: 5 }, replicas: 1 },
    pods: [own(0)],
    want: ["create web-5"],
  },
  { name: "does nothing once it is deleted", traits: { deleted: true }, want: [] },
];

for (const { name, traits = {}, pods = [], want } of cases) {
  test(`StatefulSet ${name}`, () => assert.deepEqual(changes(decide(traits, pods)), want));
}

function createdPod(intents: readonly Intent[]): Pod {
  const found = intents.find((intent) => intent.action === "create" && intent.type.resource === "pods");
  assert.ok(found?.action === "create");
  return found.object as Pod;
}

test("StatefulSet below the partition creates pods of the old revision (StatefulSet, Rolling Update with Partition)", () => {
  const traits: Traits = {
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } },
    status: { replicas: 3, currentRevision: "web-old" },
  };
  const below = createdPod(decide(traits, []));
  assert.equal(below.spec.containers[0]?.image, "web:0");
  assert.equal(below.metadata.labels?.["controller-revision-hash"], "web-old");
  const above = createdPod(decide(traits, [own(0, {}, "web-old"), own(1, {}, "web-old")]));
  assert.equal(above.spec.containers[0]?.image, "web:1");
});

const claims: Traits = {
  volumeClaimTemplates: [
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"] },
    },
  ],
};

test("StatefulSet gives each pod its name, hostname, labels and claim", () => {
  const intents = decide(claims, []);
  assert.deepEqual(changes(intents), ["create data-web-0", "create web-0"]);
  const { metadata, spec } = createdPod(intents);
  assert.equal(metadata.generateName, undefined);
  assert.deepEqual([spec.hostname, spec.subdomain], ["web-0", "web"]);
  assert.deepEqual(spec.volumes, [{ name: "data", persistentVolumeClaim: { claimName: "data-web-0" } }]);
  assert.equal(metadata.labels?.["apps.kubernetes.io/pod-index"], "0");
});

test("StatefulSet hands a claim over to the pod that is scaled away, where the policy says Delete", () => {
  const claim: PersistentVolumeClaim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: meta("data-web-1"),
    spec: {},
  };
  const traits: Traits = {
    ...claims,
    replicas: 1,
    persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete" },
  };
  const intents = decide(traits, [own(0), own(1)], {
    claimOf: (name) => (name === "data-web-1" ? claim : undefined),
  });
  const [handed] = intents;
  assert.ok(handed?.action === "update");
  assert.deepEqual(
    handed.object.metadata.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`),
    ["Pod web-1"],
  );
  assert.deepEqual(changes(intents), ["delete web-1"]);
});

test("StatefulSet waits for a claim that is being deleted", () => {
  const claim = { metadata: { deletionTimestamp: ago(1) } } as PersistentVolumeClaim;
  assert.deepEqual(changes(decide(claims, [], { claimOf: () => claim })), []);
});

test("StatefulSet counts its pods, and calls the new revision current when all have it (StatefulSet, status sub-resource)", () => {
  const traits: Traits = { status: { replicas: 3, currentRevision: "web-old" } };
  const rolling = writtenStatus<StatefulSetStatus>(
    decide(traits, [own(0, {}, "web-old"), own(1, {}, "web-old"), own(2, unready)]),
  );
  assert.deepEqual(rolling, {
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 2,
    availableReplicas: 2,
    currentReplicas: 2,
    updatedReplicas: 1,
    currentRevision: "web-old",
    updateRevision: "web-new",
    collisionCount: 0,
  });
  const done = writtenStatus<StatefulSetStatus>(decide(traits, [own(0), own(1), own(2)]));
  assert.deepEqual([done?.currentRevision, done?.currentReplicas], ["web-new", 3]);
});
