import assert from "node:assert/strict";
import { test } from "node:test";
import { isPodActive } from "../api/core/pod-conditions.ts";
import {
  daemonSets,
  deployments,
  jobs,
  namespaces,
  pods,
  replicaSets,
  statefulSets,
} from "../api/resources.generated.ts";
import { controllerOf } from "../apimachinery/meta.ts";
import { hasCondition } from "./framework/conditions.ts";
import { startTestCluster, type TestCluster } from "./test-support/cluster.ts";

const namespace = "shop";
const labels = (app: string) => ({ app });
const template = (app: string, image: string) => ({
  metadata: { labels: labels(app) },
  spec: { containers: [{ name: "c", image }] },
});
const selector = (app: string) => ({ matchLabels: labels(app) });
const meta = (name: string) => ({ name, namespace });

async function createWorkloads({ client }: TestCluster): Promise<void> {
  await client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
    spec: {},
  });
  await client.create(deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta("web"),
    spec: { replicas: 8, selector: selector("web"), template: template("web", "web:1") },
  });
  await client.create(statefulSets, {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: meta("db"),
    spec: { replicas: 3, serviceName: "db", selector: selector("db"), template: template("db", "db:1") },
  });
  await client.create(daemonSets, {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: meta("agent"),
    spec: { selector: selector("agent"), template: template("agent", "agent:1") },
  });
  const work = template("work", "work:1");
  await client.create(jobs, {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: meta("work"),
    spec: {
      completions: 6,
      parallelism: 3,
      template: { ...work, spec: { ...work.spec, restartPolicy: "Never" } },
    },
  });
}

async function hasConverged({ client }: TestCluster): Promise<boolean> {
  const web = await client.get(deployments, meta("web"));
  const db = await client.get(statefulSets, meta("db"));
  const agent = await client.get(daemonSets, meta("agent"));
  const work = await client.get(jobs, meta("work"));
  return (
    web.status?.availableReplicas === 8 &&
    web.status.updatedReplicas === 8 &&
    web.status.replicas === 8 &&
    web.status.observedGeneration === web.metadata.generation &&
    db.status?.availableReplicas === 3 &&
    agent.status?.numberAvailable === 2 &&
    hasCondition(work.status?.conditions, "Complete")
  );
}

/** Every active pod has an owner that is there and wants it. */
async function assertNoStrays(cluster: TestCluster): Promise<void> {
  const active = (await cluster.list(pods, namespace)).filter(isPodActive);
  const counts: Record<string, number> = {};
  for (const pod of active) {
    const owner = controllerOf(pod)?.kind ?? "nobody";
    counts[owner] = (counts[owner] ?? 0) + 1;
  }
  assert.deepEqual(counts, { ReplicaSet: 8, StatefulSet: 3, DaemonSet: 2 });
  const { status } = await cluster.client.get(jobs, meta("work"));
  assert.equal(status?.succeeded, 6, "each completion counted once");
  assert.equal(status?.failed ?? 0, 0);
  const sets = (await cluster.list(replicaSets, namespace)).map(
    ({ spec }) => spec.template?.spec.containers[0]?.image,
  );
  assert.deepEqual(sets.sort(), ["web:1", "web:2"], "one ReplicaSet for each template");
}

for (const seed of [1, 2, 3, 4]) {
  test(`all workloads converge though one write in five is lost (seed ${seed})`, async () => {
    const cluster = await startTestCluster({
      faults: { seed, rate: 0.2 },
      kubelet: {
        readyAfterMs: () => 5000,
        nodeOf: (pod) =>
          pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
            ?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0] ?? "n1",
        outcome: (pod) =>
          controllerOf(pod)?.kind === "Job" ? { afterMs: 10_000, status: { phase: "Succeeded" } } : undefined,
      },
    });
    const beats = [];
    for (const name of ["n1", "n2"]) {
      await cluster.addNode(name);
      beats.push(await cluster.keepAlive(name));
    }
    await createWorkloads(cluster);
    await cluster.until(() => hasConverged(cluster));
    const web = await cluster.client.get(deployments, meta("web"));
    await cluster.client.update(deployments, {
      ...web,
      spec: { ...web.spec, template: template("web", "web:2") },
    });
    await cluster.until(() => hasConverged(cluster));
    await cluster.clock.advance(60_000);
    await assertNoStrays(cluster);
    await cluster.client.delete(namespaces, { name: namespace });
    await cluster.until(async () => (await cluster.find(namespaces, namespace)) === undefined);
    assert.equal((await cluster.list(pods, namespace)).length, 0);
    for (const beat of beats) beat.stop();
    await cluster.close();
  });
}
