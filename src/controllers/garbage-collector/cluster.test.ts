import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Deployment } from "../../api/apps/types.generated.ts";
import type { ConfigMap } from "../../api/core/types.generated.ts";
import {
  configMaps,
  customResourceDefinitions,
  deployments,
  namespaces,
  pods,
  replicaSets,
  serviceAccounts,
} from "../../api/resources.generated.ts";
import type { AnyObject, OwnerReference, ResourceType } from "../../apimachinery/meta.ts";
import { startTestCluster, type TestCluster } from "../test-support/cluster.ts";
import { webLabels } from "../test-support/objects.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await startTestCluster({
    options: { rootCaPem: "a certificate" },
    kubelet: { readyAfterMs: () => 1000, nodeOf: () => "n1" },
  });
  await cluster.addNode("n1");
});
after(() => cluster.close());

async function deploy(name: string, namespace = "default"): Promise<void> {
  const labels = { ...webLabels, name };
  const deployment: Deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } },
    },
  };
  await cluster.client.create(deployments, deployment);
  const ready = async () =>
    (await cluster.find(deployments, name, namespace))?.status?.availableReplicas === 2;
  await cluster.until(ready);
}

const mine = (objects: readonly AnyObject[], name: string) =>
  objects.filter(({ metadata }) => metadata.labels?.name === name);
const count = async <T extends AnyObject>(type: ResourceType<T>, name: string, namespace = "default") =>
  mine(await cluster.list(type, namespace), name).length;
const podType = pods as unknown as ResourceType<AnyObject>;
const setType = replicaSets as unknown as ResourceType<AnyObject>;

test("a deployment deleted in the background takes its pods along (Garbage Collector, delete deployment,  propagation policy background)", async () => {
  await deploy("background");
  await cluster.client.delete(
    deployments,
    { namespace: "default", name: "background" },
    { propagationPolicy: "Background" },
  );
  assert.equal(await cluster.find(deployments, "background", "default"), undefined, "it is gone at once");
  await cluster.until(
    async () => (await count(setType, "background")) === 0 && (await count(podType, "background")) === 0,
  );
});

test("a deployment deleted in the foreground goes last", async () => {
  await deploy("foreground");
  await cluster.client.delete(
    deployments,
    { namespace: "default", name: "foreground" },
    { propagationPolicy: "Foreground" },
  );
  const going = await cluster.find(deployments, "foreground", "default");
  assert.deepEqual(going?.metadata.finalizers, ["foregroundDeletion"]);
  await cluster.until(async () => {
    const left = await count(podType, "foreground");
    const isThere = (await cluster.find(deployments, "foreground", "default")) !== undefined;
    assert.ok(isThere || left === 0, "the owner waits for its pods");
    return !isThere;
  });
  assert.equal(await count(setType, "foreground"), 0);
});

test("an orphaned ReplicaSet stays and no longer names its owner (Garbage Collector, delete deployment, propagation policy orphan)", async () => {
  await deploy("orphan");
  await cluster.client.delete(
    deployments,
    { namespace: "default", name: "orphan" },
    { propagationPolicy: "Orphan" },
  );
  await cluster.until(async () => (await cluster.find(deployments, "orphan", "default")) === undefined);
  const [set] = mine(await cluster.list(setType, "default"), "orphan");
  assert.ok(set !== undefined);
  assert.deepEqual(set.metadata.ownerReferences ?? [], []);
  assert.equal(await count(podType, "orphan"), 2);
});

const configMap = (name: string, ownerReferences: readonly OwnerReference[] = []): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", ownerReferences },
});

const ownedBy = ({ metadata }: ConfigMap, uid = metadata.uid ?? ""): OwnerReference => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name: metadata.name ?? "",
  uid,
  blockOwnerDeletion: true,
});

test("an object with two owners outlives the first of them (Garbage Collector, multiple owners)", async () => {
  const { client } = cluster;
  const first = await client.create(configMaps, configMap("first"));
  const second = await client.create(configMaps, configMap("second"));
  await client.create(configMaps, configMap("shared", [ownedBy(first), ownedBy(second)]));
  await client.delete(
    configMaps,
    { namespace: "default", name: "first" },
    { propagationPolicy: "Foreground" },
  );
  await cluster.until(async () => (await cluster.find(configMaps, "first", "default")) === undefined);
  const shared = await cluster.find(configMaps, "shared", "default");
  assert.deepEqual(
    shared?.metadata.ownerReferences?.map(({ name }) => name),
    ["second"],
  );
  await client.delete(configMaps, { namespace: "default", name: "second" });
  await cluster.until(async () => (await cluster.find(configMaps, "shared", "default")) === undefined);
});

test("a circle of owners can be deleted (Garbage Collector, dependency cycle)", async () => {
  const { client } = cluster;
  const names = ["circle-a", "circle-b", "circle-c"];
  const made: ConfigMap[] = [];
  for (const name of names) made.push(await client.create(configMaps, configMap(name)));
  for (const [index, object] of made.entries()) {
    const owner = made[(index + 2) % 3] as ConfigMap;
    const metadata = { ...object.metadata, ownerReferences: [ownedBy(owner)] };
    await client.update(configMaps, { ...object, metadata });
  }
  await cluster.clock.settle();
  await client.delete(
    configMaps,
    { namespace: "default", name: "circle-a" },
    { propagationPolicy: "Foreground" },
  );
  await cluster.until(async () => {
    const left = await cluster.list(configMaps, "default");
    return left.every(({ metadata }) => !names.includes(metadata.name ?? ""));
  });
});

test("an object whose owner has another UID by now is collected", async () => {
  const owner = await cluster.client.create(configMaps, configMap("reborn"));
  await cluster.client.create(configMaps, configMap("stale", [ownedBy(owner, "uid-from-before")]));
  await cluster.until(async () => (await cluster.find(configMaps, "stale", "default")) === undefined);
  assert.ok(await cluster.find(configMaps, "reborn", "default"));
});

test("each namespace has a service account and the root certificate (RootCA ConfigMap test)", async () => {
  await cluster.client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shop" },
    spec: {},
  });
  await cluster.until(async () => (await cluster.find(serviceAccounts, "default", "shop")) !== undefined);
  const rootCa = await cluster.find(configMaps, "kube-root-ca.crt", "shop");
  assert.deepEqual(rootCa?.data, { "ca.crt": "a certificate" });
  await cluster.client.update(configMaps, { ...(rootCa as ConfigMap), data: { "ca.crt": "tampered" } });
  const isRestored = async () =>
    (await cluster.find(configMaps, "kube-root-ca.crt", "shop"))?.data?.["ca.crt"] === "a certificate";
  await cluster.until(isRestored);
});

test("deleting a namespace leaves nothing of it (namespace-deletion-removes-pods)", async () => {
  await deploy("inside", "shop");
  await cluster.client.delete(namespaces, { name: "shop" });
  await cluster.until(async () => (await cluster.find(namespaces, "shop")) === undefined);
  assert.equal(await count(podType, "inside", "shop"), 0);
  assert.equal((await cluster.list(configMaps, "shop")).length, 0);
  assert.equal((await cluster.list(serviceAccounts, "shop")).length, 0);
});
test("custom objects are collected too (Garbage Collector over custom resources)", async () => {
  const { client } = cluster;
  await client.create(customResourceDefinitions, {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  });
  const widgets: ResourceType<AnyObject> = {
    group: "example.com",
    version: "v1",
    resource: "widgets",
    kind: "Widget",
    namespaced: true,
  };
  const isServed = () =>
    client.list(widgets, { namespace: "default" }).then(
      () => true,
      () => false,
    );
  await cluster.until(isServed);
  const metadata = { name: "one", namespace: "default" };
  const widget = await client.create(widgets, { apiVersion: "example.com/v1", kind: "Widget", metadata });
  const { uid = "" } = widget.metadata;
  const reference = { apiVersion: "example.com/v1", kind: "Widget", name: "one", uid };
  await client.create(configMaps, configMap("of-widget", [reference]));
  await client.delete(widgets, metadata);
  await cluster.until(async () => (await cluster.find(configMaps, "of-widget", "default")) === undefined);
});
