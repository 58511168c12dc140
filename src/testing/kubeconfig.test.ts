import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  makeInformer,
  type V1ConfigMap,
  type V1Deployment,
} from "@kubernetes/client-node";
import { configMaps } from "../api/resources.generated.ts";
import { connect } from "../client/index.ts";
import { startCluster } from "./index.ts";

const run = promisify(execFile);
const hasKubectl = (process.env.PATH ?? "")
  .split(delimiter)
  .some((folder) => existsSync(join(folder, "kubectl")));

const deployment: V1Deployment = {
  metadata: { name: "web" },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "a", image: "a:1" }] } },
  },
};

test("Kubernetes' own client creates, reads, changes, watches and deletes, on virtual time", async () => {
  await using cluster = await startCluster();
  const { text } = await cluster.kubeconfig();
  const config = new KubeConfig();
  config.loadFromString(text);
  const core = config.makeApiClient(CoreV1Api);
  const namespace = "default";
  const informer = makeInformer<V1ConfigMap>(config, "/api/v1/namespaces/default/configmaps", () =>
    core.listNamespacedConfigMap({ namespace }),
  );
  const seen: string[] = [];
  informer.on("add", ({ metadata, data }) => seen.push(`add ${metadata?.name} ${data?.a}`));
  informer.on("update", ({ metadata, data }) => seen.push(`update ${metadata?.name} ${data?.a}`));
  informer.on("delete", ({ metadata }) => seen.push(`delete ${metadata?.name}`));
  await informer.start();
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "a" }, data: { a: "1" } } });
  const read = await core.readNamespacedConfigMap({ namespace, name: "a" });
  await core.replaceNamespacedConfigMap({ namespace, name: "a", body: { ...read, data: { a: "2" } } });
  await core.deleteNamespacedConfigMap({ namespace, name: "a" });
  const ofTest = () => seen.filter((line) => line.includes(" a"));
  await cluster.during(whenever(() => ofTest().length === 3));
  await informer.stop();
  assert.deepEqual(ofTest(), ["add a 1", "update a 2", "delete a"]);

  const apps = config.makeApiClient(AppsV1Api);
  await apps.createNamespacedDeployment({ namespace, body: deployment });
  await cluster.until(
    async () => (await apps.readNamespacedDeployment({ namespace, name: "web" })).status?.readyReplicas === 2,
  );
});

test("kubectl waits for a rollout while time passes for it", {
  skip: !hasKubectl && "no kubectl",
}, async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const { path } = await cluster.kubeconfig();
  const kubectl = async (...args: string[]) =>
    (await run("kubectl", args, { env: { ...process.env, KUBECONFIG: path } })).stdout;
  await kubectl("create", "deployment", "web", "--image=web:1");
  assert.match(
    await cluster.during(kubectl("rollout", "status", "deployment/web"), { speed: 10 }),
    /successfully rolled out/,
  );
  assert.match(await kubectl("get", "pods", "-o", "wide"), /web-.*Running.*node-/);
});

test("This library connects too, and faults hit clients from outside as those in process", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { path, text } = await cluster.kubeconfig();
  assert.equal((await cluster.kubeconfig()).text, text);
  const { client } = await connect({ kubeconfig: path });
  const list = () => client.list(configMaps, { namespace: "default" });
  await list();
  const tooMany = cluster.faults.answer(403, { resource: "configmaps" });
  await assert.rejects(list(), /403/);
  tooMany.heal();
  const partition = cluster.faults.partition("kubernetes-admin");
  await assert.rejects(list(), { name: "TransportError" });
  partition.heal();
  await list();
  await client.close();
});

test("Closing takes the listener and the file away", async () => {
  const cluster = await startCluster({ nodes: 0 });
  const { path, server } = await cluster.kubeconfig();
  assert.ok(existsSync(path));
  await cluster.close();
  assert.equal(existsSync(path), false);
  await assert.rejects(fetch(`${server}/version`));
});

/** Real time: what comes over a socket is not waited for by the cluster's clock. */
async function whenever(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
