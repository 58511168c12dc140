import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "../../api/apps/types.generated.ts";
import { deployments, pods, replicaSets } from "../../api/resources.generated.ts";
import { startTestCluster } from "../test-support/cluster.ts";
import { webLabels } from "../test-support/objects.ts";

const minute = 60_000;

function deployment(replicas: number, image: string): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: webLabels },
      template: { metadata: { labels: webLabels }, spec: { containers: [{ name: "web", image }] } },
    },
  };
}

const isRolledOut = ({ metadata, spec, status }: Deployment) =>
  status?.observedGeneration === metadata.generation &&
  status?.updatedReplicas === spec.replicas &&
  status?.availableReplicas === spec.replicas &&
  status?.replicas === spec.replicas;

test("a rolling update of 50 replicas that take minutes to become ready (Deployment RollingUpdate)", async () => {
  const cluster = await startTestCluster({
    options: { disabled: ["garbage-collector-controller"] },
    kubelet: { readyAfterMs: () => 3 * minute },
  });
  const { client, clock } = cluster;
  const name = { namespace: "default", name: "web" };
  const rolledOut = async () => isRolledOut(await client.get(deployments, name));
  await client.create(deployments, deployment(50, "web:1"));
  await cluster.until(rolledOut);
  const start = process.cpuUsage();
  const virtualStartMs = clock.now();

  const current = await client.get(deployments, name);
  await client.update(deployments, { ...current, spec: deployment(50, "web:2").spec });
  let most = 0;
  let fewest = 50;
  await cluster.until(async () => {
    const active = (await cluster.list(pods, "default")).filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined,
    );
    const ready = active.filter(({ status }) => status?.conditions?.some(({ status: is }) => is === "True"));
    most = Math.max(most, active.length);
    fewest = Math.min(fewest, ready.length);
    return rolledOut();
  });
  const images = (await cluster.list(pods, "default"))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ spec }) => spec.containers[0]?.image);
  assert.deepEqual(new Set(images), new Set(["web:2"]));
  assert.equal(images.length, 50);
  assert.ok(most <= 63, `at most a quarter more than 50 at once, had ${most}`);
  assert.ok(fewest >= 38, `at least three quarters of 50 ready at all times, had ${fewest}`);
  assert.ok(clock.now() - virtualStartMs >= 6 * minute, "it took minutes of virtual time");
  // This process's own time: other work on the machine does not count.
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 20_000_000, `and took ${(user + system) / 1000} ms of real time`);

  const sets = await cluster.list(replicaSets, "default");
  const revisions = sets.map(({ metadata }) => metadata.annotations?.["deployment.kubernetes.io/revision"]);
  assert.deepEqual(revisions.sort(), ["1", "2"]);
  await cluster.close();
});
