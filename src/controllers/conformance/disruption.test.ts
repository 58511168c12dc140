import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from "../../api/policy/types.generated.ts";
import { podDisruptionBudgets, pods, replicaSets } from "../../api/resources.generated.ts";
import {
  failure,
  ready,
  startWholeCluster,
  template,
  type WholeCluster,
} from "../test-support/whole-cluster.ts";

// The steps of upstream's end-to-end tests of disruption budgets, in order and with their numbers.

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster();
});
after(() => whole[Symbol.asyncDispose]());

const selector = { matchLabels: { foo: "bar" } };
const get = (namespace: string, name = "foo") => whole.client.get(podDisruptionBudgets, { namespace, name });
const isProcessed =
  (namespace: string, name = "foo") =>
  async () => {
    const { metadata, status } = await get(namespace, name);
    return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  };

async function budget(
  namespace: string,
  spec: Partial<PodDisruptionBudgetSpec>,
  {
    name = "foo",
    labels = {},
  }: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  await whole.client.create(podDisruptionBudgets, {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace, labels },
    spec: { selector, ...spec },
  });
  await whole.until(isProcessed(namespace, name));
}

async function createPods(namespace: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await whole.client.create(pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `pod-${index}`, namespace, labels: { foo: "bar" } },
      spec: { containers: [{ name: "donothing", image: "pause:3" }], restartPolicy: "Always" },
    });
  }
  await whole.until(allReady(namespace, count));
}

const allReady = (namespace: string, count: number) => async () =>
  ready(await whole.pods(namespace, "foo=bar")).length >= count;
const evict = (namespace: string, name: string) =>
  whole.client.createSubresource(pods, { namespace, name }, "eviction", {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name, namespace },
  });

test("budgets are listed across namespaces and deleted in one (PodDisruptionBudget: list and delete collection)", async () => {
  const [namespace, other] = [await whole.namespace("list"), await whole.namespace("list-2")];
  const labels = { foo_pdb: "bar_pdb" };
  await budget(namespace, { minAvailable: 2 }, { labels });
  await budget(namespace, { minAvailable: "1%" }, { name: "foo2", labels });
  await budget(other, { minAvailable: 2 }, { name: "foo3", labels });
  const names = async (selection: { readonly namespace?: string }) =>
    (
      await whole.client.list(podDisruptionBudgets, { ...selection, labelSelector: "foo_pdb=bar_pdb" })
    ).items.map(({ metadata }) => metadata.name);
  assert.deepEqual(new Set(await names({})), new Set(["foo", "foo2", "foo3"]));
  assert.deepEqual(await names({ namespace }), ["foo", "foo2"]);
  await whole.client.deleteCollection(podDisruptionBudgets, { namespace });
  assert.deepEqual(await names({}), ["foo3"]);
});

test("a budget is replaced, patched and deleted (PodDisruptionBudget: create, update, patch, and delete object)", async () => {
  const namespace = await whole.namespace("crud");
  const name = { namespace, name: "foo" };
  await budget(namespace, { minAvailable: "1%" });
  const edit = (object: PodDisruptionBudget) => ({ ...object, spec: { ...object.spec, minAvailable: "2%" } });
  assert.equal((await whole.change(podDisruptionBudgets, name, edit)).spec?.minAvailable, "2%");
  await whole.until(isProcessed(namespace));
  const patch = { spec: { minAvailable: "3%" } };
  const patched = await whole.client.patch(podDisruptionBudgets, name, { type: "merge", patch });
  assert.equal(patched.spec?.minAvailable, "3%");
  await whole.until(isProcessed(namespace));
  await whole.client.delete(podDisruptionBudgets, name);
  assert.equal(await whole.find(podDisruptionBudgets, namespace, "foo"), undefined);
});

test("the status says how many may go, and when none may why (PodDisruptionBudget: Status updates)", async () => {
  const namespace = await whole.namespace("observe");
  await budget(namespace, { minAvailable: 1 });
  const condition = async () => {
    const [only] = (await get(namespace)).status?.conditions ?? [];
    return [only?.type, only?.status, only?.reason, only?.observedGeneration];
  };
  assert.deepEqual(await condition(), ["DisruptionAllowed", "False", "InsufficientPods", 1]);
  await createPods(namespace, 3);
  await whole.until(async () => ((await get(namespace)).status?.disruptionsAllowed ?? 0) > 0, "1m");
  await whole.until(async () => (await get(namespace)).status?.disruptionsAllowed === 2);
  assert.deepEqual(await condition(), ["DisruptionAllowed", "True", "SufficientPods", 1]);
});

test("what others note in the status is kept (PodDisruptionBudget: update and patch status)", async () => {
  const namespace = await whole.namespace("pdb-status");
  await budget(namespace, { minAvailable: 1 });
  await createPods(namespace, 1);
  const at = new Date(whole.cluster.clock.now()).toISOString().replace(/\.\d+Z/, "Z");
  const noted = (object: PodDisruptionBudget) => ({
    ...object,
    status: { ...object.status, disruptedPods: { "pod-0": at } } as NonNullable<
      PodDisruptionBudget["status"]
    >,
  });
  await whole.change(podDisruptionBudgets, { namespace, name: "foo" }, noted, "status");
  await whole.until(isProcessed(namespace));
  await whole.cluster.advance("5s");
  const path = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/foo/status`;
  const shown = (await whole.client.raw(path)) as PodDisruptionBudget;
  assert.deepEqual(shown.status?.disruptedPods, { "pod-0": at });
  const patch = { status: { disruptedPods: null } };
  const patched = await whole.client.patch(
    podDisruptionBudgets,
    { namespace, name: "foo" },
    { type: "merge", patch },
    { subresource: "status" },
  );
  assert.deepEqual(patched.status?.disruptedPods ?? {}, {});
});

test("an eviction is refused, and allowed at once when the budget changes or goes (PodDisruptionBudget: block an eviction until the PDB is updated to allow it)", async () => {
  const namespace = await whole.namespace("block");
  await budget(namespace, { minAvailable: 3 });
  await whole.client.create(replicaSets, {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "rs", namespace },
    spec: { replicas: 3, selector, template: template({ foo: "bar" }) },
  });
  await whole.until(allReady(namespace, 3));
  const running = async () => ready(await whole.pods(namespace))[0]?.metadata.name ?? "";
  const isRefused = async (name: string) => {
    const { code, details } = await failure(evict(namespace, name));
    assert.deepEqual([code, details?.causes?.[0]?.reason], [429, "DisruptionBudget"]);
  };
  const first = await running();
  await isRefused(first);
  const edit = (object: PodDisruptionBudget) => ({ ...object, spec: { ...object.spec, minAvailable: 2 } });
  await whole.change(podDisruptionBudgets, { namespace, name: "foo" }, edit);
  await whole.until(isProcessed(namespace));
  await whole.until(async () => {
    const { currentHealthy, desiredHealthy } = (await get(namespace)).status ?? {};
    return currentHealthy === 3 && desiredHealthy === 2;
  });
  await evict(namespace, first);
  const patch = { spec: { minAvailable: null, maxUnavailable: 0 } };
  await whole.client.patch(podDisruptionBudgets, { namespace, name: "foo" }, { type: "merge", patch });
  await whole.until(isProcessed(namespace));
  await whole.until(allReady(namespace, 3));
  const second = await running();
  await isRefused(second);
  await whole.client.delete(podDisruptionBudgets, { namespace, name: "foo" });
  await evict(namespace, second);
});
