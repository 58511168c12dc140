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

for (const { name, seed, rate, restartEveryMs } of [
  { name: "though one write in five is lost", seed: 1, rate: 0.2, restartEveryMs: undefined },
  {
    name: "though one write in five is lost, in another order",
    seed: 2,
    rate: 0.2,
    restartEveryMs: undefined,
  },
  { name: "though half of all writes are lost", seed: 3, rate: 0.5, restartEveryMs: undefined },
  { name: "though the controllers are restarted every few seconds", seed: 4, rate: 0, restartEveryMs: 3000 },
  { name: "though writes are lost and the controllers restarted", seed: 5, rate: 0.2, restartEveryMs: 7000 },
]) {
  test(`all workloads converge ${name}`, async () => {
    const cluster = await startTestCluster({
      faults: { seed, rate },
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
    let nextRestartMs = cluster.clock.now();
    const converged = async () => {
      if (restartEveryMs !== undefined && cluster.clock.now() >= nextRestartMs) {
        nextRestartMs = cluster.clock.now() + restartEveryMs;
        await cluster.restartControllers();
      }
      return hasConverged(cluster);
    };
    await createWorkloads(cluster);
    await cluster.until(converged);
    const web = await cluster.client.get(deployments, meta("web"));
    await cluster.client.update(deployments, {
      ...web,
      spec: { ...web.spec, template: template("web", "web:2") },
    });
    await cluster.until(converged);
    await cluster.clock.advance(60_000);
    await assertNoStrays(cluster);
    await cluster.client.delete(namespaces, { name: namespace });
    await cluster.until(async () => (await cluster.find(namespaces, namespace)) === undefined);
    assert.equal((await cluster.list(pods, namespace)).length, 0);
    for (const beat of beats) beat.stop();
    await cluster.close();
  });
}
