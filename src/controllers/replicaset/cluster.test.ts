import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ReplicaSet } from "../../api/apps/types.generated.ts";
import type { Pod, ReplicationController } from "../../api/core/types.generated.ts";
import { pods, replicaSets, replicationControllers, resourceQuotas } from "../../api/resources.generated.ts";
import { controllerOf } from "../../apimachinery/meta.ts";
import { hasCondition } from "../framework/conditions.ts";
import { startTestCluster, type TestCluster } from "../test-support/cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await startTestCluster({ kubelet: { readyAfterMs: () => 1000 } });
});
after(() => cluster.close());

const labels = (app: string) => ({ app });
const template = (app: string, image = "web:1") => ({
  metadata: { labels: labels(app) },
  spec: { containers: [{ name: "c", image }] },
});

function controller(name: string, replicas: number): ReplicationController {
  return {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name, namespace: "default" },
    spec: { replicas, selector: labels(name), template: template(name) },
  };
}

function set(name: string, replicas: number): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace: "default" },
    spec: { replicas, selector: { matchLabels: labels(name) }, template: template(name) },
  };
}

const named = (name: string) => ({ namespace: "default", name });
const podsOf = async (app: string) =>
  (await cluster.list(pods, "default")).filter(({ metadata }) => metadata.labels?.app === app);
const findController = async (name: string) => cluster.client.get(replicationControllers, named(name));
const ready = async (name: string) => (await findController(name)).status?.readyReplicas ?? 0;

test("a replication controller runs its pods (Replication Controller, run basic image)", async () => {
  await cluster.client.create(replicationControllers, controller("basic", 2));
  await cluster.until(async () => (await ready("basic")) === 2);
  const owners = (await podsOf("basic")).map((pod) => controllerOf(pod)?.kind);
  assert.deepEqual(owners, ["ReplicationController", "ReplicationController"]);
});

const bare = (name: string, app: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", labels: labels(app) },
  spec: { containers: [{ name: "c", image: "web:1" }] },
});

test("a replication controller adopts a pod that was there (Replication Controller, adopt matching pods)", async () => {
  await cluster.client.create(pods, bare("foundling", "adopting"));
  await cluster.client.create(replicationControllers, controller("adopting", 1));
  await cluster.until(async () => (await ready("adopting")) === 1);
  const [only, ...others] = await podsOf("adopting");
  assert.deepEqual(others, []);
  assert.equal(only?.metadata.name, "foundling");
  assert.equal(controllerOf(only as Pod)?.name, "adopting");
});

test("a replication controller releases a pod whose label changes, and replaces it (Replication Controller, release pods)", async () => {
  await cluster.client.create(replicationControllers, controller("releasing", 1));
  await cluster.until(async () => (await ready("releasing")) === 1);
  const [first] = await podsOf("releasing");
  const name = first?.metadata.name ?? "";
  await cluster.client.patch(pods, named(name), {
    type: "merge",
    patch: { metadata: { labels: { app: "released" } } },
  });
  await cluster.until(async () => (await podsOf("releasing")).length === 1);
  await cluster.until(
    async () => controllerOf((await cluster.client.get(pods, named(name))) as Pod) === undefined,
  );
});

test("a full quota shows on the replication controller until it asks for less (Replication Controller, check for issues like exceeding allocated quota)", async () => {
  const before = (await cluster.list(pods, "default")).length;
  await cluster.client.create(resourceQuotas, {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: named("few"),
    spec: { hard: { pods: String(before + 2) } },
  });
  await cluster.until(
    async () => (await cluster.find(resourceQuotas, "few", "default"))?.status?.used !== undefined,
  );
  await cluster.client.create(replicationControllers, controller("greedy", 3));
  const conditions = async () => (await findController("greedy")).status?.conditions;
  await cluster.until(async () => hasCondition(await conditions(), "ReplicaFailure"));
  assert.match((await conditions())?.[0]?.message ?? "", /exceeded quota: few/);
  assert.equal((await podsOf("greedy")).length, 2);
  await cluster.client.patch(replicationControllers, named("greedy"), {
    type: "merge",
    patch: { spec: { replicas: 2 } },
  });
  await cluster.until(async () => !hasCondition(await conditions(), "ReplicaFailure"));
  await cluster.client.delete(resourceQuotas, named("few"));
});

test("a replication controller is changed, scaled and deleted with its pods (Replication Controller, lifecycle)", async () => {
  const { client } = cluster;
  await client.create(replicationControllers, controller("life", 1));
  await cluster.until(async () => (await ready("life")) === 1);
  await client.patch(replicationControllers, named("life"), {
    type: "strategic",
    patch: { metadata: { labels: { changed: "yes" } } },
  });
  const condition = { type: "StatusUpdate", status: "True", reason: "Test" };
  const status = { conditions: [condition] };
  await client.patch(
    replicationControllers,
    named("life"),
    { type: "merge", patch: { status } },
    { subresource: "status" },
  );
  await client.patch(replicationControllers, named("life"), {
    type: "merge",
    patch: { spec: { replicas: 2 } },
  });
  await cluster.until(async () => (await ready("life")) === 2);
  const now = await findController("life");
  assert.equal(now.metadata.labels?.changed, "yes");
  assert.ok(hasCondition(now.status?.conditions, "StatusUpdate"), "conditions of others stay");
  await client.deleteCollection(
    replicationControllers,
    { namespace: "default", fieldSelector: "metadata.name=life" },
    { propagationPolicy: "Background" },
  );
  await cluster.until(async () => (await podsOf("life")).length === 0);
});

for (const policy of ["Background", "Orphan"] as const) {
  test(`a replication controller deleted with policy ${policy} (Garbage Collector, delete replication controller, propagation policy ${policy.toLowerCase()})`, async () => {
    const name = `gone-${policy.toLowerCase()}`;
    await cluster.client.create(replicationControllers, controller(name, 2));
    await cluster.until(async () => (await ready(name)) === 2);
    await cluster.client.delete(replicationControllers, named(name), { propagationPolicy: policy });
    await cluster.until(
      async () => (await cluster.find(replicationControllers, name, "default")) === undefined,
    );
    if (policy === "Background") {
      await cluster.until(async () => (await podsOf(name)).length === 0);
      return;
    }
    await cluster.clock.advance(30_000);
    const left = await podsOf(name);
    assert.equal(left.length, 2);
    assert.deepEqual(left.map(controllerOf), [undefined, undefined]);
  });
}

test("a replica set is scaled and its template patched: pods that run are not touched (ReplicaSet, is created, Replaced and Patched)", async () => {
  const { client } = cluster;
  const find = () => client.get(replicaSets, named("patched"));
  await client.create(replicaSets, set("patched", 1));
  await cluster.until(async () => (await find()).status?.availableReplicas === 1);
  const before = (await podsOf("patched")).map(({ metadata }) => metadata.name);
  await client.patch(replicaSets, named("patched"), {
    type: "strategic",
    patch: { spec: { replicas: 2, template: { spec: { containers: [{ name: "c", image: "web:2" }] } } } },
  });
  await cluster.until(async () => (await find()).status?.availableReplicas === 2);
  const after = await podsOf("patched");
  const images = after.map(({ spec }) => spec.containers[0]?.image).sort();
  assert.deepEqual(images, ["web:1", "web:2"]);
  assert.ok(after.some(({ metadata }) => metadata.name === before[0]));
});

test("a replica set keeps conditions that others write in its status (ReplicaSet, status sub-resource)", async () => {
  const { client } = cluster;
  await client.create(replicaSets, set("status", 1));
  const find = () => client.get(replicaSets, named("status"));
  await cluster.until(async () => (await find()).status?.availableReplicas === 1);
  const current = await find();
  const conditions = [{ type: "StatusUpdate", status: "True", reason: "Test", message: "set by a test" }];
  const status = { replicas: 1, ...current.status, conditions };
  await client.update(replicaSets, { ...current, status }, { subresource: "status" });
  await client.patch(replicaSets, named("status"), { type: "merge", patch: { spec: { replicas: 2 } } });
  await cluster.until(async () => (await find()).status?.availableReplicas === 2);
  assert.ok(hasCondition((await find()).status?.conditions, "StatusUpdate"));
});
