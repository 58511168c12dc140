import assert from "node:assert/strict";
import { test } from "node:test";
import { configMaps, pods } from "../../api/resources.generated.ts";
import { isReady, statusOf, TestNode } from "../test-support/test-node.ts";

const manifest = (image: string) => `
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  containers:
  - name: c
    image: ${image}
`;
const file = "/manifests/web.yaml";
const options = { kubelet: { staticPodPath: "/manifests" } };
const name = "web-node-1";

async function nodeWith(text: string): Promise<TestNode> {
  const node = await TestNode.start(options);
  node.host.texts.set(file, text);
  return node;
}

const appears = (node: TestNode) => node.until(() => node.exists(name), 60_000);

test("A static pod runs, and the API shows it with its status", async () => {
  await using node = await nodeWith(manifest("app:1"));
  await appears(node);
  const pod = await node.untilRunning(name);
  assert.equal(statusOf(pod).image, "app:1");
  assert.deepEqual(pod.metadata.labels, { app: "web" });
  assert.equal(pod.metadata.ownerReferences?.[0]?.kind, "Node");
  assert.notEqual(pod.metadata.annotations?.["kubernetes.io/config.mirror"], undefined);
});

test("A mirror that is deleted comes back; the containers know nothing of it", async () => {
  await using node = await nodeWith(manifest("app:1"));
  await appears(node);
  const before = await node.untilRunning(name);
  await node.delete(name);
  const after = await node.untilPod(
    name,
    (pod) =>
      pod.metadata.uid !== before.metadata.uid &&
      pod.metadata.deletionTimestamp === undefined &&
      isReady(pod),
  );
  assert.equal(statusOf(after).containerID, statusOf(before).containerID);
});

test("A changed manifest replaces the pod, a removed one ends it", async () => {
  await using node = await nodeWith(manifest("app:1"));
  await appears(node);
  await node.untilRunning(name);
  node.host.texts.set(file, manifest("app:2"));
  await node.until(async () => {
    const list = await node.client.list(pods, { namespace: "default" });
    return list.items.some((pod) => isReady(pod) && statusOf(pod).image === "app:2");
  }, 120_000);
  assert.equal((await node.runtime.runtime.listPodSandboxes({ state: "ready" })).length, 1);
  node.host.texts.delete(file);
  await node.until(async () => !(await node.exists(name)), 120_000);
  await node.until(async () => (await node.runtime.runtime.listPodSandboxes()).length === 0, 120_000);
});

test("A new kubelet adopts the static pods that run", async () => {
  await using node = await nodeWith(manifest("app:1"));
  await appears(node);
  const before = await node.untilRunning(name);
  await node.stopKubelet();
  node.startKubelet();
  await node.clock.advance(120_000);
  const after = await node.pod(name);
  assert.equal(statusOf(after).containerID, statusOf(before).containerID);
  assert.equal(statusOf(after).restartCount, 0);
  assert.ok(isReady(after));
});

test("A manifest that is no pod is left aside, the others run", async () => {
  await using node = await nodeWith(manifest("app:1"));
  node.host.texts.set("/manifests/a.yaml", "kind: [");
  node.host.texts.set("/manifests/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n");
  await appears(node);
  await node.untilRunning(name);
  assert.deepEqual((await node.client.list(configMaps, { namespace: "default" })).items, []);
});
