import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "../api/apps/types.generated.ts";
import type { Pod, PodSpec } from "../api/core/types.generated.ts";
import {
  configMaps,
  daemonSets,
  deployments,
  jobs,
  nodes,
  podDisruptionBudgets,
  pods,
  replicaSets,
  statefulSets,
} from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { isConditionTrue } from "../client/conditions.ts";
import type { TestCluster } from "./cluster-types.ts";
import { startCluster } from "./index.ts";

const namespace = "default";
const web = { namespace, name: "web" };
const labels = { app: "web" };
const selector = { matchLabels: labels };
const container = { name: "a", image: "a:1" };
const template = (spec: Partial<PodSpec> = {}, annotations: Record<string, string> = {}) => ({
  metadata: { labels, annotations },
  spec: { containers: [container], ...spec },
});

const deployment = (spec: Partial<Deployment["spec"]> = {}): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: web,
  spec: { replicas: 4, selector, template: template(), ...spec },
});

const podsOf = async ({ client }: TestCluster): Promise<readonly Pod[]> =>
  (await client.list(pods, { namespace })).items;
const namesOf = async (cluster: TestCluster) =>
  (await podsOf(cluster)).map(({ metadata }) => metadata.name).sort();
const readyReplicas = async ({ client }: TestCluster) =>
  (await client.get(deployments, web)).status?.readyReplicas ?? 0;

/** The pods of the annotated containers need so long to become ready. */
const readyAfter = (ms: number) => ({
  "sim.k8ts.io/behavior": JSON.stringify({ a: { readyAfterMs: ms } }),
});
const readinessProbe = { tcpSocket: { port: 80 }, periodSeconds: 1 };

test("A rollout keeps to maxSurge and maxUnavailable, and one that gets nowhere says so at its deadline", async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const { client } = cluster;
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  await client.create(deployments, deployment({ strategy, progressDeadlineSeconds: 300 }));
  await cluster.until(async () => (await readyReplicas(cluster)) === 4);
  const roll = (image: string, ms: number) =>
    client.patch(deployments, web, {
      type: "merge",
      patch: {
        spec: {
          template: {
            metadata: { annotations: readyAfter(ms) },
            spec: { containers: [{ ...container, image, readinessProbe }] },
          },
        },
      },
    });
  await roll("a:2", 20_000);
  let fewest = 4;
  let most = 0;
  await cluster.until(async () => {
    fewest = Math.min(fewest, await readyReplicas(cluster));
    most = Math.max(
      most,
      (await podsOf(cluster)).filter(({ metadata }) => !metadata.deletionTimestamp).length,
    );
    return (
      (await client.get(deployments, web)).status?.updatedReplicas === 4 &&
      (await podsOf(cluster)).length === 4
    );
  });
  assert.deepEqual([fewest, most], [4, 5]);
  await roll("a:3", 3_600_000);
  await cluster.advance("6m");
  const { status } = await client.get(deployments, web);
  const progressing = status?.conditions?.find(({ type }) => type === "Progressing");
  assert.deepEqual([progressing?.status, progressing?.reason], ["False", "ProgressDeadlineExceeded"]);
  assert.equal(status?.readyReplicas, 4);
});

test("A StatefulSet makes its pods in order, each once the one before is ready, and ends them in the opposite order", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const spec = { containers: [{ ...container, readinessProbe }] };
  await client.create(statefulSets, {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: web,
    spec: { replicas: 3, serviceName: "web", selector, template: template(spec, readyAfter(30_000)) },
  });
  await cluster.advance("20s");
  assert.deepEqual(await namesOf(cluster), ["web-0"]);
  await cluster.advance("30s");
  assert.deepEqual(await namesOf(cluster), ["web-0", "web-1"]);
  await cluster.advance("1m");
  assert.deepEqual(await namesOf(cluster), ["web-0", "web-1", "web-2"]);
  await client.delete(pods, { namespace, name: "web-1" });
  await cluster.advance("2m");
  assert.deepEqual(await namesOf(cluster), ["web-0", "web-1", "web-2"]);
  await client.patch(statefulSets, web, { type: "merge", patch: { spec: { replicas: 1 } } });
  await cluster.advance("2m");
  assert.deepEqual(await namesOf(cluster), ["web-0"]);
});

test("A DaemonSet has a pod on each node that it tolerates", async () => {
  await using cluster = await startCluster({ nodes: 3 });
  const { client } = cluster;
  await client.patch(
    nodes,
    { name: "node-3" },
    {
      type: "merge",
      patch: { spec: { taints: [{ key: "only", value: "gpu", effect: "NoSchedule" }] } },
    },
  );
  await cluster.advance("1s");
  await client.create(daemonSets, {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: web,
    spec: { selector, template: template() },
  });
  const placed = async () => (await podsOf(cluster)).map(({ spec }) => spec.nodeName).sort();
  await cluster.advance("10s");
  assert.deepEqual(await placed(), ["node-1", "node-2"]);
  await client.patch(nodes, { name: "node-3" }, { type: "merge", patch: { spec: { taints: [] } } });
  await cluster.advance("10s");
  assert.deepEqual(await placed(), ["node-1", "node-2", "node-3"]);
});

test("An eviction waits for what a disruption budget allows", async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const { client } = cluster;
  await client.create(deployments, deployment({ replicas: 2 }));
  await client.create(podDisruptionBudgets, {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: web,
    spec: { minAvailable: 2, selector },
  });
  await cluster.until(async () => (await readyReplicas(cluster)) === 2);
  await cluster.advance("1s");
  const [victim = ""] = await namesOf(cluster);
  const evict = (name: string) =>
    client.createSubresource(pods, { namespace, name }, "eviction", {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { namespace, name },
    });
  // The client waits as often as the server says "later", on the cluster's clock.
  const refused = assert.rejects(evict(victim), (error) => isApiError(error, "TooManyRequests"));
  await cluster.advance("5m");
  await refused;
  await client.patch(deployments, web, { type: "merge", patch: { spec: { replicas: 3 } } });
  await cluster.until(async () => (await readyReplicas(cluster)) === 3);
  await cluster.advance("1s");
  await evict(victim);
  await cluster.until(
    async () => (await readyReplicas(cluster)) === 3 && !(await namesOf(cluster)).includes(victim),
  );
});

test("A Job tries again after longer and longer pauses, up to its limit", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const failing = { containers: [{ ...container, command: ["sh", "-c", "exit 3"] }], restartPolicy: "Never" };
  await client.create(jobs, {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: web,
    spec: { backoffLimit: 3, template: { spec: failing } },
  });
  await cluster.until(async () =>
    isConditionTrue((await client.get(jobs, web)).status?.conditions ?? [], "Failed"),
  );
  const { status } = await client.get(jobs, web);
  assert.deepEqual([status?.failed, status?.conditions?.at(-1)?.reason], [4, "BackoffLimitExceeded"]);
  const began = (await podsOf(cluster))
    .map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ""))
    .sort();
  const pauses = began.slice(1).map((time, index) => Math.round((time - (began[index] ?? 0)) / 10_000));
  assert.deepEqual(pauses, [1, 2, 4], "10 s, 20 s, 40 s");
});

test("Deleted in the foreground, an owner goes after what it owns; orphaned, what it owned stays", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const exists = async () => (await client.list(deployments, { namespace })).items.length > 0;
  await client.create(deployments, deployment());
  await cluster.until(async () => (await readyReplicas(cluster)) === 4);
  await client.delete(deployments, web, { propagationPolicy: "Foreground" });
  assert.deepEqual((await client.get(deployments, web)).metadata.finalizers, ["foregroundDeletion"]);
  await cluster.until(async () => {
    const owned = [...(await client.list(replicaSets, { namespace })).items, ...(await podsOf(cluster))];
    if (owned.length > 0) assert.ok(await exists(), "the owner went first");
    return owned.length === 0 && !(await exists());
  });
  await client.create(deployments, deployment());
  await cluster.until(async () => (await readyReplicas(cluster)) === 4);
  await client.delete(deployments, web, { propagationPolicy: "Orphan" });
  await cluster.until(async () => !(await exists()));
  const { items } = await client.list(replicaSets, { namespace });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.ownerReferences ?? []),
    [[]],
  );
  assert.equal((await podsOf(cluster)).length, 4);
});

test("What has two owners goes with the last of them", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { client } = cluster;
  const configMap = (name: string, owners: readonly { name: string; uid: string }[] = []) =>
    client.create(configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        namespace,
        name,
        ownerReferences: owners.map((owner) => ({ apiVersion: "v1", kind: "ConfigMap", ...owner })),
      },
    });
  const owners = [await configMap("first"), await configMap("second")];
  await configMap(
    "owned",
    owners.map(({ metadata }) => ({ name: metadata.name ?? "", uid: metadata.uid ?? "" })),
  );
  const left = async () =>
    (await client.list(configMaps, { namespace })).items
      .map(({ metadata }) => metadata.name)
      .filter((name) => name !== "kube-root-ca.crt");
  await client.delete(configMaps, { namespace, name: "first" });
  await cluster.advance("1m");
  assert.deepEqual(await left(), ["owned", "second"]);
  await client.delete(configMaps, { namespace, name: "second" });
  await cluster.advance("1m");
  assert.deepEqual(await left(), []);
});
