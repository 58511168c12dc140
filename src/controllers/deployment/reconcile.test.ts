import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, DeploymentStatus, ReplicaSet } from "../../api/apps/types.generated.ts";
import { failure } from "../../apimachinery/api-error.ts";
import type { Intent } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";
import { selectionOf } from "../framework/selection.ts";
import {
  actions,
  ago,
  meta,
  now,
  pod,
  webLabels,
  webTemplate,
  writtenStatus,
} from "../test-support/objects.ts";
import { type DeploymentSnapshot, reconcileDeployment } from "./reconcile.ts";

const image = (version: number) => ({
  ...webTemplate,
  spec: { containers: [{ name: "web", image: `web:${version}` }] },
});

type Traits = Partial<Deployment["spec"]> & {
  status?: DeploymentStatus;
  revision?: number;
  deleted?: boolean;
};

function deployment({ status, revision = 2, deleted, ...spec }: Traits = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta("web", {
      annotations: { "deployment.kubernetes.io/revision": String(revision) },
      ...(deleted ? { deletionTimestamp: ago(1) } : {}),
    }),
    spec: {
      replicas: 10,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: webLabels },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      template: image(2),
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

interface SetTraits {
  readonly version: number;
  readonly replicas: number;
  readonly available?: number;
  readonly desired?: number;
  readonly max?: number;
  readonly age?: number;
}

function replicaSet(name: string, traits: SetTraits): ReplicaSet {
  const { version, replicas, available = replicas, desired = 10, max = 13, age = 1000 - version } = traits;
  const labels = { ...webLabels, "pod-template-hash": name };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: meta(name, {
      labels,
      creationTimestamp: ago(age),
      ownerReferences: [controllerReference(deployment())],
      annotations: {
        "deployment.kubernetes.io/revision": String(version),
        "deployment.kubernetes.io/desired-replicas": String(desired),
        "deployment.kubernetes.io/max-replicas": String(max),
      },
    }),
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { ...image(version), metadata: { labels } },
    },
    status: {
      replicas,
      readyReplicas: available,
      availableReplicas: available,
      terminatingReplicas: 0,
      observedGeneration: 1,
    },
  };
}

function decide(
  traits: Traits,
  sets: readonly ReplicaSet[],
  more: Partial<DeploymentSnapshot> = {},
): Intent[] {
  const selects = selectionOf({ matchLabels: webLabels });
  return reconcileDeployment(
    {
      deployment: deployment(traits),
      selects,
      selectsEverything: false,
      candidates: sets,
      canAdopt: true,
      podsOf: () => [],
      ...more,
    },
    now,
  );
}

/** "new 3 -> 5" for each ReplicaSet that is resized, "create 3" for a new one, "delete x". */
function sizes(intents: readonly Intent[]): string[] {
  return intents.flatMap((intent) => {
    if (intent.action === "create") return [`create ${(intent.object as ReplicaSet).spec.replicas}`];
    if (intent.action === "delete") return [`delete ${intent.object.metadata.name}`];
    if (intent.action !== "update" || intent.type.resource !== "replicasets") return [];
    const from = (intent.from as ReplicaSet).spec.replicas;
    const to = (intent.object as ReplicaSet).spec.replicas;
    return from === to ? [] : [`${intent.object.metadata.name} ${from} -> ${to}`];
  });
}

const complete = {
  replicas: 10,
  updatedReplicas: 10,
  readyReplicas: 10,
  availableReplicas: 10,
  observedGeneration: 1,
};

interface Case {
  readonly name: string;
  readonly traits?: Traits;
  readonly sets: readonly ReplicaSet[];
  readonly want: readonly string[];
}

const recreate: Traits = { strategy: { type: "Recreate" } };
const cases: readonly Case[] = [
  { name: "creates its first ReplicaSet in full size", sets: [], want: ["create 10"] },
  {
    name: "creates the new ReplicaSet as large as the surge allows and shrinks the old (Deployment RollingUpdate)",
    sets: [replicaSet("old", { version: 1, replicas: 10 })],
    want: ["create 3", "old 10 -> 8"],
  },
  {
    name: "grows the new ReplicaSet before it takes from the old",
    sets: [replicaSet("new", { version: 2, replicas: 3 }), replicaSet("old", { version: 1, replicas: 8 })],
    want: ["new 3 -> 5"],
  },
  {
    name: "takes from the old ReplicaSet what has become available in the new one",
    sets: [replicaSet("new", { version: 2, replicas: 5 }), replicaSet("old", { version: 1, replicas: 8 })],
    want: ["old 8 -> 3"],
  },
  {
    name: "waits while the new pods are unavailable",
    sets: [
      replicaSet("new", { version: 2, replicas: 5, available: 0 }),
      replicaSet("old", { version: 1, replicas: 8 }),
    ],
    want: [],
  },
  {
    name: "takes unhealthy old pods first, even while the new ones are not ready",
    sets: [
      replicaSet("new", { version: 2, replicas: 5, available: 0 }),
      replicaSet("older", { version: 0, replicas: 2, available: 0 }),
      replicaSet("old", { version: 1, replicas: 8 }),
    ],
    want: ["older 2 -> 0"],
  },
  {
    name: "is quiet when all is rolled out",
    traits: { status: complete },
    sets: [replicaSet("new", { version: 2, replicas: 10 })],
    want: [],
  },
  {
    name: "scales its only ReplicaSet at once (Deployment, completes the scaling of a Deployment subresource)",
    traits: { replicas: 12 },
    sets: [replicaSet("new", { version: 2, replicas: 10 })],
    want: ["new 10 -> 12"],
  },
  {
    name: "shares growth out in the middle of a rollout (Deployment Proportional Scaling)",
    traits: { replicas: 30, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } },
    sets: [
      replicaSet("new", { version: 2, replicas: 5, available: 0 }),
      replicaSet("old", { version: 1, replicas: 8 }),
    ],
    want: ["old 8 -> 20", "new 5 -> 13"],
  },
  {
    name: "scales while paused, and creates nothing",
    traits: { paused: true, replicas: 12 },
    sets: [replicaSet("old", { version: 1, replicas: 10 })],
    want: ["old 10 -> 12"],
  },
  {
    name: "keeps as many old ReplicaSets as the history limit says (Deployment RevisionHistoryLimit)",
    traits: { status: complete, revisionHistoryLimit: 0 },
    sets: [replicaSet("new", { version: 2, replicas: 10 }), replicaSet("old", { version: 1, replicas: 0 })],
    want: ["delete old"],
  },
  {
    name: "with Recreate stops the old pods first (Deployment Recreate)",
    traits: recreate,
    sets: [replicaSet("old", { version: 1, replicas: 10 })],
    want: ["old 10 -> 0"],
  },
  {
    name: "with Recreate creates the new ReplicaSet once the old pods are gone (Deployment Recreate)",
    traits: recreate,
    sets: [replicaSet("old", { version: 1, replicas: 0 })],
    want: ["create 10"],
  },
  { name: "leaves everything alone once it is deleted", traits: { deleted: true }, sets: [], want: [] },
];

for (const { name, traits = {}, sets, want } of cases) {
  test(`Deployment ${name}`, () => {
    assert.deepEqual(sizes(decide(traits, sets)), want);
  });
}

test("Deployment with Recreate waits for a terminating old pod (Deployment Recreate)", () => {
  const old = replicaSet("old", { version: 1, replicas: 0 });
  const podsOf = () => [pod("leaving", { owner: old, deleted: true })];
  assert.deepEqual(sizes(decide(recreate, [old], { podsOf })), []);
});

test("Deployment rolls back to an old template by raising that ReplicaSet's revision (Deployment Rollover)", () => {
  const intents = decide({ template: image(1) }, [
    replicaSet("new", { version: 2, replicas: 10 }),
    replicaSet("old", { version: 1, replicas: 0 }),
  ]);
  const [refresh] = intents;
  assert.ok(refresh?.action === "update");
  assert.equal(refresh.object.metadata.name, "old");
  assert.equal(refresh.object.metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
  assert.equal(refresh.object.metadata.annotations?.["deployment.kubernetes.io/revision-history"], "1");
  const noted = intents.find(
    (intent) => intent.action === "update" && intent.type.resource === "deployments",
  );
  assert.ok(noted?.action === "update");
  assert.equal(noted.subresource, "status", "a new generation for every revision");
  assert.equal(noted.object.metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
});

test("Deployment names its ReplicaSet and labels its pods after the template's hash", () => {
  const [created] = decide({}, []);
  assert.ok(created?.action === "create");
  const object = created.object as ReplicaSet;
  const hash = object.metadata.labels?.["pod-template-hash"];
  assert.equal(object.metadata.name, `web-${hash}`);
  assert.equal(object.spec.selector.matchLabels?.["pod-template-hash"], hash);
  assert.equal(object.spec.template?.metadata?.labels?.["pod-template-hash"], hash);
  assert.equal(object.metadata.annotations?.["deployment.kubernetes.io/max-replicas"], "13");
});

const progressing = (intents: readonly Intent[]) =>
  writtenStatus<DeploymentStatus>(intents)?.conditions?.find(({ type }) => type === "Progressing");

const running = (reason: string, secondsAgo: number) => ({
  ...complete,
  updatedReplicas: 5,
  replicas: 13,
  readyReplicas: 8,
  availableReplicas: 8,
  conditions: [
    {
      type: "Progressing",
      status: "True",
      reason,
      lastUpdateTime: ago(secondsAgo),
      lastTransitionTime: ago(secondsAgo),
    },
  ],
});

const half = [
  replicaSet("new", { version: 2, replicas: 5, available: 0 }),
  replicaSet("old", { version: 1, replicas: 8 }),
];

for (const { name, intents, want } of [
  {
    name: "created its ReplicaSet",
    intents: decide({}, []),
    want: "True NewReplicaSetCreated",
  },
  {
    name: "made progress",
    intents: decide({ status: { ...running("NewReplicaSetCreated", 10), updatedReplicas: 2 } }, half),
    want: "True ReplicaSetUpdated",
  },
  {
    name: "is complete",
    intents: decide({ status: running("ReplicaSetUpdated", 10) }, [
      replicaSet("new", { version: 2, replicas: 10 }),
    ]),
    want: "True NewReplicaSetAvailable",
  },
  {
    name: "stood still past its deadline",
    intents: decide({ status: running("ReplicaSetUpdated", 601) }, half),
    want: "False ProgressDeadlineExceeded",
  },
  {
    name: "is paused",
    intents: decide({ paused: true, status: running("ReplicaSetUpdated", 601) }, half),
    want: "Unknown DeploymentPaused",
  },
  {
    name: "is resumed",
    intents: decide({ status: running("DeploymentPaused", 601) }, half),
    want: "Unknown DeploymentResumed",
  },
]) {
  test(`Deployment says in Progressing that it ${name}`, () => {
    const condition = progressing(intents);
    assert.equal(`${condition?.status} ${condition?.reason}`, want);
  });
}

test("Deployment comes back when its progress deadline ends", () => {
  const intents = decide({ status: running("ReplicaSetUpdated", 100) }, half);
  assert.deepEqual(actions(intents), ["update replicasets default/new", "requeue after 501000 ms"]);
});

test("Deployment takes another hash when the ReplicaSet's name is taken", () => {
  const status = decide({}, []).find((intent) => intent.action === "updateStatus");
  assert.ok(status?.action === "updateStatus");
  const error = failure(409, "AlreadyExists", "taken");
  const after = status.whenFailed?.({ action: "create", error }) as DeploymentStatus;
  assert.equal(after.collisionCount, 1);
});
