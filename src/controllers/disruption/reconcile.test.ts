import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "../../api/policy/types.generated.ts";
import { actions, ago, meta, now, pod, webLabels, writtenStatus } from "../test-support/objects.ts";
import { reconcileDisruption } from "./reconcile.ts";

const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: meta("web") };
const own = (name: string, traits: Parameters<typeof pod>[1] = {}) =>
  pod(name, { owner, ready: true, ...traits });

function budget(
  spec: PodDisruptionBudget["spec"],
  status?: Partial<PodDisruptionBudgetStatus>,
): PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: meta("web"),
    spec: { selector: { matchLabels: webLabels }, ...spec },
    status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0, ...status },
  };
}

const decide = (of: PodDisruptionBudget, pods: readonly Pod[], replicas = pods.length, isKnown = true) =>
  reconcileDisruption(
    { budget: of, pods, wanting: new Map(isKnown ? [["uid-web", { uid: "deployment", replicas }]] : []) },
    now,
  );

const three = [own("a"), own("b"), own("c")];

for (const { name, of, pods = three, replicas, want } of [
  { name: "lets go what is more than the minimum", of: budget({ minAvailable: 2 }), want: [1, 3, 2, 3] },
  { name: "rounds a minimum in percent up", of: budget({ minAvailable: "50%" }), want: [1, 3, 2, 3] },
  {
    name: "counts from what the controller wants, not from what there is",
    of: budget({ maxUnavailable: 1 }),
    replicas: 4,
    want: [0, 3, 3, 4],
  },
  { name: "rounds a maximum in percent up", of: budget({ maxUnavailable: "30%" }), want: [1, 3, 2, 3] },
  {
    name: "allows nothing while a pod is not ready",
    of: budget({ maxUnavailable: 1 }),
    pods: [own("a"), own("b"), own("c", { ready: false })],
    want: [0, 2, 2, 3],
  },
  {
    name: "does not count a pod that is going",
    of: budget({ minAvailable: 2 }),
    pods: [own("a"), own("b"), own("c", { deleted: true })],
    want: [0, 2, 2, 3],
  },
  {
    name: "does not count a pod whose eviction was granted",
    of: budget({ minAvailable: 1 }, { disruptedPods: { a: ago(10) } }),
    want: [1, 2, 1, 3],
  },
  { name: "allows nothing without pods", of: budget({ maxUnavailable: 1 }), pods: [], want: [0, 0, 0, 0] },
]) {
  test(`PodDisruptionBudget ${name}`, () => {
    const status = writtenStatus<PodDisruptionBudgetStatus>(decide(of, pods, replicas));
    assert.deepEqual(
      [status?.disruptionsAllowed, status?.currentHealthy, status?.desiredHealthy, status?.expectedPods],
      want,
    );
  });
}

test("PodDisruptionBudget says in a condition whether pods may be disrupted (PodDisruptionBudget: Status updates)", () => {
  const reason = (of: PodDisruptionBudget) => {
    const [condition] = writtenStatus<PodDisruptionBudgetStatus>(decide(of, three))?.conditions ?? [];
    return `${condition?.type} ${condition?.status} ${condition?.reason} ${condition?.observedGeneration}`;
  };
  assert.equal(reason(budget({ minAvailable: 2 })), "DisruptionAllowed True SufficientPods 1");
  assert.equal(reason(budget({ minAvailable: 3 })), "DisruptionAllowed False InsufficientPods 1");
});

test("PodDisruptionBudget allows nothing where it cannot be told how many pods there should be", () => {
  const intents = decide(budget({ maxUnavailable: 1 }, { disruptionsAllowed: 2 }), three, 3, false);
  assert.equal(writtenStatus<PodDisruptionBudgetStatus>(intents)?.disruptionsAllowed, 0);
  assert.deepEqual(actions(intents), [
    'event Warning CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: found no controllers for pod "a"',
  ]);
});

test("PodDisruptionBudget forgets an eviction that did not come about", () => {
  const intents = decide(budget({ minAvailable: 1 }, { disruptedPods: { a: ago(121), b: ago(60) } }), three);
  assert.deepEqual(writtenStatus<PodDisruptionBudgetStatus>(intents)?.disruptedPods, { b: ago(60) });
  assert.deepEqual(actions(intents), [
    "event Warning NotDeleted: Pod was expected by PDB default/web to be deleted but it wasn't",
    "requeue after 60000 ms",
  ]);
});
