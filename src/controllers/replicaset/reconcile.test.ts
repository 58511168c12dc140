import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaSetStatus } from "../../api/apps/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { replicaSets } from "../../api/resources.generated.ts";
import { failure } from "../../apimachinery/api-error.ts";
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
import { type ReplicaOwner, reconcileReplicas } from "./reconcile.ts";

interface OwnerTraits {
  readonly replicas?: number;
  readonly deleted?: boolean;
  readonly minReadySeconds?: number;
  readonly status?: ReplicaSetStatus;
}

function replicaSet({ replicas = 1, deleted, minReadySeconds = 0, status }: OwnerTraits = {}): ReplicaOwner {
  return {
    object: {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: meta("web", deleted ? { deletionTimestamp: ago(1) } : {}),
      ...(status === undefined ? {} : { status }),
    },
    type: replicaSets as ReplicaOwner["type"],
    replicas,
    minReadySeconds,
    template: webTemplate,
    selects: selectionOf({ matchLabels: webLabels }),
    countsTerminating: true,
  };
}

const owner = replicaSet().object;
const own = (name: string, traits: Parameters<typeof pod>[1] = {}) =>
  pod(name, { owner, ready: true, ...traits });
const decide = (traits: OwnerTraits, candidates: readonly Pod[], canAdopt = true) =>
  reconcileReplicas({ owner: replicaSet(traits), candidates, related: candidates, canAdopt }, now);

interface Case {
  readonly name: string;
  readonly replicas?: number;
  readonly deleted?: boolean;
  readonly pods: readonly Pod[];
  readonly canAdopt?: boolean;
  readonly want: readonly string[];
}

const created = "create pods default/web-";
const cases: readonly Case[] = [
  {
    name: "creates what is missing (Replica Set, run basic image)",
    replicas: 2,
    pods: [],
    want: [created, created],
  },
  { name: "is quiet at the target", pods: [own("a")], want: [] },
  { name: "replaces a finished pod", pods: [own("a", { phase: "Failed" })], want: [created] },
  { name: "replaces a pod that is being deleted", pods: [own("a", { deleted: true })], want: [created] },
  { name: "creates nothing once it is deleted", replicas: 2, deleted: true, pods: [], want: [] },
  {
    name: "deletes an unready pod before a ready one",
    pods: [own("a"), own("b", { ready: false })],
    want: ["delete pods default/b"],
  },
  {
    name: "deletes a pod without a node before one with a node",
    pods: [own("a", { node: "n1", phase: "Pending" }), own("b", { phase: "Pending" })],
    want: ["delete pods default/b"],
  },
  {
    name: "deletes a pending pod before an unready running one",
    pods: [own("a", { node: "n1" }), own("b", { node: "n1", phase: "Pending" })],
    want: ["delete pods default/b"],
  },
  {
    name: "deletes the pod with the lower deletion cost first",
    pods: [
      own("a"),
      own("b", { meta: { annotations: { "controller.kubernetes.io/pod-deletion-cost": "-5" } } }),
    ],
    want: ["delete pods default/b"],
  },
  {
    name: "deletes from the crowded node first",
    replicas: 2,
    pods: [own("a", { node: "n1" }), own("b", { node: "n2" }), own("c", { node: "n2" })],
    want: ["delete pods default/b"],
  },
  {
    name: "deletes the pod that became ready last",
    pods: [own("a", { ready: 6000 }), own("b", { ready: 3 })],
    want: ["delete pods default/b"],
  },
  {
    name: "adopts a matching orphan instead of creating (Replica Set, adopt matching pods and release non matching pods)",
    pods: [pod("orphan", { ready: true })],
    want: ["patch pods default/orphan"],
  },
  {
    name: "leaves an orphan alone when the live owner is gone",
    pods: [pod("orphan")],
    canAdopt: false,
    want: [created],
  },
  {
    name: "releases a pod whose labels no longer match, and replaces it (Replica Set, adopt matching pods and release non matching pods)",
    pods: [own("a", { labels: { app: "debug" } })],
    want: ["patch pods default/a", created],
  },
  {
    name: "leaves another owner's pod alone",
    pods: [pod("a", { owner: { ...owner, metadata: meta("other") } })],
    want: [created],
  },
];

for (const { name, pods, want, canAdopt, ...traits } of cases) {
  test(`ReplicaSet ${name}`, () => {
    assert.deepEqual(actions(decide(traits, pods, canAdopt)), want);
  });
}

test("ReplicaSet counts replicas, labels, readiness, availability and terminating pods", () => {
  const intents = decide({ replicas: 3, minReadySeconds: 30 }, [
    own("old"),
    own("young", { ready: 10 }),
    own("unready", { ready: false }),
    own("leaving", { deleted: true }),
  ]);
  assert.deepEqual(writtenStatus(intents), {
    replicas: 3,
    fullyLabeledReplicas: 3,
    readyReplicas: 2,
    availableReplicas: 1,
    terminatingReplicas: 1,
    observedGeneration: 1,
  });
  assert.deepEqual(actions(intents), ["requeue after 20000 ms"]);
});

test("ReplicaSet says in its status why a create failed, and forgets it once one went well", () => {
  const [status] = decide({ replicas: 1 }, []).filter((intent) => intent.action === "updateStatus");
  assert.ok(status?.action === "updateStatus");
  const error = failure(403, "Forbidden", 'pods "web-x" is forbidden: exceeded quota');
  const failed = status.whenFailed?.({ action: "create", error }) as ReplicaSetStatus;
  assert.deepEqual(failed.conditions, [
    {
      type: "ReplicaFailure",
      status: "True",
      reason: "FailedCreate",
      message: 'pods "web-x" is forbidden: exceeded quota',
      lastTransitionTime: "2026-01-01T00:00:00Z",
    },
  ]);
  const healed = writtenStatus<ReplicaSetStatus>(decide({ status: failed }, [own("a")]));
  assert.equal(healed?.conditions, undefined);
});

test("ReplicaSet scales in bursts of 500", () => {
  assert.equal(actions(decide({ replicas: 2000 }, [])).length, 500);
});
