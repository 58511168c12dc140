import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Deployment } from "../../api/apps/types.generated.ts";
import { deployments, pods, replicaSets } from "../../api/resources.generated.ts";
import { hasCondition } from "../framework/conditions.ts";
import { startTestCluster, type TestCluster } from "../test-support/cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await startTestCluster({
    kubelet: { readyAfterMs: (pod) => (pod.spec.containers[0]?.image === "broken" ? 10 ** 9 : 1000) },
  });
});
after(() => cluster.close());

const labels = (app: string) => ({ app });

function deployment(name: string, replicas: number, spec: Partial<Deployment["spec"]> = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default", labels: { test: "deployment" } },
    spec: {
      replicas,
      selector: { matchLabels: labels(name) },
      template: { metadata: { labels: labels(name) }, spec: { containers: [{ name: "c", image: "web:1" }] } },
      ...spec,
    },
  };
}

const named = (name: string) => ({ namespace: "default", name });
const find = (name: string) => cluster.client.get(deployments, named(name));
const isAvailable = (name: string, replicas: number) => async () => {
  const { metadata, status } = await find(name);
  return (
    status?.availableReplicas === replicas &&
    status.replicas === replicas &&
    status.updatedReplicas === replicas &&
    status.observedGeneration === metadata.generation
  );
};
const setImage = (name: string, image: string) =>
  cluster.client.patch(deployments, named(name), {
    type: "strategic",
    patch: { spec: { template: { spec: { containers: [{ name: "c", image }] } } } },
  });

test("a deployment is created, patched, scaled and deleted with all it owns (Deployment, completes the lifecycle of a Deployment)", async () => {
  await cluster.client.create(deployments, deployment("life", 1));
  await cluster.until(isAvailable("life", 1));
  await cluster.client.patch(deployments, named("life"), {
    type: "strategic",
    patch: { spec: { replicas: 2 } },
  });
  await setImage("life", "web:2");
  await cluster.until(isAvailable("life", 2));
  await cluster.client.deleteCollection(
    deployments,
    { namespace: "default", labelSelector: "test=deployment" },
    { propagationPolicy: "Background" },
  );
  await cluster.until(async () => (await cluster.list(pods, "default")).length === 0);
  assert.deepEqual(await cluster.list(replicaSets, "default"), []);
});

test("a deployment keeps conditions that others write in its status (Deployment, status sub-resource)", async () => {
  await cluster.client.create(deployments, deployment("status", 1));
  await cluster.until(isAvailable("status", 1));
  const current = await find("status");
  const condition = { type: "StatusUpdate", status: "True", reason: "Test", message: "set by a test" };
  const conditions = [...(current.status?.conditions ?? []), condition];
  await cluster.client.update(
    deployments,
    { ...current, status: { ...current.status, conditions } },
    { subresource: "status" },
  );
  await cluster.client.patch(deployments, named("status"), {
    type: "merge",
    patch: { spec: { replicas: 3 } },
  });
  await cluster.until(isAvailable("status", 3));
  assert.ok(hasCondition((await find("status")).status?.conditions, "StatusUpdate"));
});

test("a rollout that gets nowhere says so after its deadline, and an undo ends it (Deployment Rollover)", async () => {
  await cluster.client.create(deployments, deployment("stuck", 4, { progressDeadlineSeconds: 60 }));
  await cluster.until(isAvailable("stuck", 4));
  const startMs = cluster.clock.now();
  await setImage("stuck", "broken");
  const progressing = async () =>
    (await find("stuck")).status?.conditions?.find(({ type }) => type === "Progressing");
  await cluster.until(async () => (await progressing())?.reason === "ProgressDeadlineExceeded");
  const seconds = (cluster.clock.now() - startMs) / 1000;
  assert.ok(seconds >= 60 && seconds <= 65, `said so after ${seconds} s`);
  assert.equal((await find("stuck")).status?.availableReplicas, 3, "at most a quarter is missing");

  await setImage("stuck", "web:1");
  await cluster.until(isAvailable("stuck", 4));
  assert.equal((await progressing())?.reason, "NewReplicaSetAvailable");
  const sets = (await cluster.list(replicaSets, "default")).filter(
    ({ metadata }) => metadata.labels?.app === "stuck",
  );
  const revisions = sets.map(({ metadata, spec }) => [
    spec.template?.spec.containers[0]?.image,
    metadata.annotations?.["deployment.kubernetes.io/revision"],
  ]);
  assert.deepEqual(revisions.sort(), [
    ["broken", "2"],
    ["web:1", "3"],
  ]);
});

test("a recreating deployment never runs old and new pods together (Deployment Recreate)", async () => {
  await cluster.client.create(deployments, deployment("recreate", 3, { strategy: { type: "Recreate" } }));
  await cluster.until(isAvailable("recreate", 3));
  await setImage("recreate", "web:2");
  await cluster.until(async () => {
    const all = (await cluster.list(pods, "default")).filter(
      ({ metadata }) => metadata.labels?.app === "recreate",
    );
    assert.ok(new Set(all.map(({ spec }) => spec.containers[0]?.image)).size <= 1);
    return isAvailable("recreate", 3)();
  });
});
