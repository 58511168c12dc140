import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Volume } from "../api/core/types.generated.ts";
import { configMaps, pods, secrets } from "../api/resources.generated.ts";
import { statusOf, TestNode } from "./test-support/test-node.ts";

const named = (name: string) => ({ name, namespace: "default" });

function configMap(node: TestNode, name: string, data: Record<string, string>, more = {}) {
  return node.client.create(configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: named(name),
    data,
    ...more,
  });
}

function secret(node: TestNode, name: string, data: Record<string, string>) {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)]));
  return node.client.create(secrets, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: named(name),
    data: encoded,
  });
}

const withVolume = (volume: Omit<Volume, "name">, more: Partial<Pod["spec"]> = {}): Partial<Pod["spec"]> => ({
  volumes: [{ name: "v", ...volume }],
  containers: [{ name: "c", image: "app:1", volumeMounts: [{ name: "v", mountPath: "/etc/v" }] }],
  ...more,
});

test("ConfigMap Volume, update: a change reaches the volume while the pod runs", async () => {
  await using node = await TestNode.start();
  await configMap(node, "cm", { a: "1", b: "2" });
  await node.create("web", withVolume({ configMap: { name: "cm" } }));
  await node.untilRunning("web");
  assert.equal(node.host.volumeText("v", "a"), "1");
  const patch = { data: { a: "one", b: null, c: "3" } };
  await node.client.patch(configMaps, named("cm"), { type: "merge", patch });
  await node.until(() => node.host.volumeText("v", "a") === "one", 5000);
  assert.equal(node.host.volumeText("v", "b"), undefined);
  assert.equal(node.host.volumeText("v", "c"), "3");
});

test("ConfigMap Volume, create, update and delete: optional ones come, change and go", async () => {
  await using node = await TestNode.start();
  await node.create("web", withVolume({ configMap: { name: "cm", optional: true } }));
  await node.untilRunning("web");
  assert.equal(node.host.volumeText("v", "a"), undefined);
  await configMap(node, "cm", { a: "1" });
  await node.until(() => node.host.volumeText("v", "a") === "1", 5000);
  await node.client.delete(configMaps, named("cm"));
  await node.until(() => node.host.volumeText("v", "a") === undefined, 5000);
});

test("Secrets Volume, create, update and delete: optional ones come, change and go", async () => {
  await using node = await TestNode.start();
  await node.create("web", withVolume({ secret: { secretName: "s", optional: true } }));
  await node.untilRunning("web");
  await secret(node, "s", { a: "1" });
  await node.until(() => node.host.volumeText("v", "a") === "1", 5000);
  await node.client.patch(secrets, named("s"), { type: "merge", patch: { data: { a: btoa("2") } } });
  await node.until(() => node.host.volumeText("v", "a") === "2", 5000);
  await node.client.delete(secrets, named("s"));
  await node.until(() => node.host.volumeText("v", "a") === undefined, 5000);
});

for (const { title, field, change } of [
  { title: "DownwardAPI volume, update label", field: "metadata.labels", change: { labels: { a: "2" } } },
  {
    title: "DownwardAPI volume, update annotations",
    field: "metadata.annotations",
    change: { annotations: { a: "2" } },
  },
]) {
  test(`${title}: a change of the pod reaches the volume`, async () => {
    await using node = await TestNode.start();
    const items = [{ path: "meta", fieldRef: { fieldPath: field } }];
    await node.create("web", withVolume({ downwardAPI: { items } }), {
      labels: { a: "1" },
      annotations: { a: "1" },
    });
    await node.untilRunning("web");
    assert.match(node.host.volumeText("v", "meta") ?? "", /^a="1"$/m);
    await node.client.patch(pods, named("web"), { type: "merge", patch: { metadata: change } });
    await node.until(() => /^a="2"$/m.test(node.host.volumeText("v", "meta") ?? ""), 5000);
  });
}

for (const { title, volume, create } of [
  {
    title: "config map",
    volume: { configMap: { name: "x" } },
    create: (node: TestNode) => configMap(node, "x", { a: "1" }),
  },
  {
    title: "secret",
    volume: { secret: { secretName: "x" } },
    create: (node: TestNode) => secret(node, "x", { a: "1" }),
  },
]) {
  test(`A volume of a ${title} that is not there holds the pod back until it is`, async () => {
    await using node = await TestNode.start();
    await node.create("web", withVolume(volume));
    await node.clock.advance(30_000);
    const waiting = await node.pod("web");
    assert.equal(statusOf(waiting).state?.waiting?.reason, "ContainerCreating");
    assert.deepEqual(await node.runtime.runtime.listPodSandboxes(), []);
    const why = `FailedMount: MountVolume.SetUp failed for volume "v" : ${title.replace(" ", "")} "x" not found`;
    assert.ok((await node.eventsOf("web")).includes(why), String(await node.eventsOf("web")));
    await create(node);
    await node.untilRunning("web");
    assert.equal(node.host.volumeText("v", "a"), "1");
  });
}

test("A variable from a config map that is not there: CreateContainerConfigError until it is", async () => {
  await using node = await TestNode.start();
  const env = [{ name: "A", valueFrom: { configMapKeyRef: { name: "x", key: "a" } } }];
  await node.create("web", { containers: [{ name: "c", image: "app:1", env }] });
  const pod = await node.untilPod(
    "web",
    (p) => statusOf(p).state?.waiting?.reason === "CreateContainerConfigError",
  );
  assert.equal(statusOf(pod).state?.waiting?.message, 'configmap "x" not found');
  await configMap(node, "x", { a: "1" });
  await node.untilRunning("web");
});

test("A token of a projected volume is renewed before it ends", async () => {
  await using node = await TestNode.start();
  const sources = [{ serviceAccountToken: { path: "token", expirationSeconds: 3600, audience: "vault" } }];
  await node.create("web", withVolume({ projected: { sources } }));
  await node.untilRunning("web");
  const first = node.host.volumeText("v", "token");
  assert.match(first ?? "", /^ey/);
  await node.clock.advance(40 * 60_000);
  assert.equal(node.host.volumeText("v", "token"), first, "four fifths of its life are not over");
  await node.clock.advance(12 * 60_000);
  assert.notEqual(node.host.volumeText("v", "token"), first);
});

test("Projected Volume, multiple projections: one folder for config map, secret and downward API", async () => {
  await using node = await TestNode.start();
  await configMap(node, "cm", { a: "1" });
  await secret(node, "s", { b: "2" });
  const sources = [
    { configMap: { name: "cm", items: [{ key: "a", path: "dir/a" }] } },
    { secret: { name: "s" } },
    { downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
  ];
  await node.create("web", withVolume({ projected: { sources } }));
  await node.untilRunning("web");
  const texts = ["dir/a", "b", "name"].map((path) => node.host.volumeText("v", path));
  assert.deepEqual(texts, ["1", "2", "web"]);
});

test("VolumeSubpathEnvExpansion, subpath expansion: the mount goes below the volume", async () => {
  await using node = await TestNode.start();
  const mount = { name: "v", mountPath: "/data", subPathExpr: "logs/$(POD)" };
  const env = [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }];
  await node.create("web", {
    volumes: [{ name: "v", emptyDir: {} }],
    containers: [{ name: "c", image: "app:1", env, volumeMounts: [mount] }],
  });
  const status = statusOf(await node.untilRunning("web"));
  const { mounts } = await node.runtime.runtime.containerStatus(status.containerID?.split("://")[1] ?? "");
  const found = mounts.find(({ containerPath }) => containerPath === "/data");
  assert.match(found?.hostPath ?? "", /kubernetes\.io~empty-dir\/v\/logs\/web$/);
  assert.deepEqual(status.volumeMounts, [{ name: "v", mountPath: "/data" }]);
});

for (const { title, annotation } of [
  { title: "VolumeSubpathEnvExpansion, subpath with absolute path", annotation: "/tmp" },
  { title: "VolumeSubpathEnvExpansion, subpath ready from failed state", annotation: "../up" },
]) {
  test(`${title}: the container is not made until the path is one inside the volume`, async () => {
    await using node = await TestNode.start();
    const mount = { name: "v", mountPath: "/data", subPathExpr: "$(P)" };
    const env = [{ name: "P", valueFrom: { fieldRef: { fieldPath: "metadata.annotations['p']" } } }];
    const spec = {
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [{ name: "c", image: "app:1", env, volumeMounts: [mount] }],
    };
    await node.create("web", spec, { annotations: { p: annotation } });
    await node.untilPod("web", (p) => statusOf(p).state?.waiting?.reason === "CreateContainerConfigError");
    await node.client.patch(pods, named("web"), {
      type: "merge",
      patch: { metadata: { annotations: { p: "ok" } } },
    });
    await node.untilRunning("web");
  });
}
