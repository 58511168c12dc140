import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { StatefulSet } from "../../api/apps/types.generated.ts";
import { nodes, pods, services, statefulSets } from "../../api/resources.generated.ts";
import {
  probed,
  ready,
  startWholeCluster,
  template,
  type WholeCluster,
} from "../test-support/whole-cluster.ts";

// The steps of upstream's end-to-end tests of StatefulSets, in order and with their numbers.

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster();
});
after(() => whole[Symbol.asyncDispose]());

const labels = { foo: "bar", baz: "blah" };
const revisionLabel = "controller-revision-hash";

async function newSet(
  namespace: string,
  name: string,
  replicas: number,
  spec: Partial<StatefulSet["spec"]> = {},
): Promise<StatefulSet> {
  await whole.namespace(namespace);
  await whole.client.create(services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "test", namespace },
    spec: { clusterIP: "None", selector: labels, ports: [{ port: 80, name: "http", protocol: "TCP" }] },
  });
  return whole.client.create(statefulSets, {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace },
    spec: {
      serviceName: "test",
      replicas,
      selector: { matchLabels: labels },
      template: template(labels, { containers: [probed("webserver", "webserver:1")] }),
      ...spec,
    },
  });
}

const get = (namespace: string, name: string) => whole.client.get(statefulSets, { namespace, name });
const allReady = (namespace: string, count: number) => async () => {
  const all = await whole.pods(namespace);
  return all.length === count && ready(all).length === count;
};
const isObserved = (namespace: string, name: string) => async () => {
  const { metadata, status } = await get(namespace, name);
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
};
const setImage = (namespace: string, name: string, image: string, more: Partial<StatefulSet["spec"]> = {}) =>
  whole.change(statefulSets, { namespace, name }, (set) => ({
    ...set,
    spec: { ...set.spec, template: template(labels, { containers: [probed("webserver", image)] }), ...more },
  }));
const resize = (namespace: string, name: string, replicas: number) =>
  whole.change(statefulSets, { namespace, name }, (set) => ({ ...set, spec: { ...set.spec, replicas } }));
const images = async (namespace: string) =>
  (await whole.pods(namespace)).map(({ spec }) => spec.containers[0]?.image);
const revisions = async (namespace: string) =>
  (await whole.pods(namespace)).map(({ metadata }) => metadata.labels?.[revisionLabel]);
const remove = (namespace: string, name: string) => whole.client.delete(pods, { namespace, name });
const isRolledOut = (namespace: string, name: string, image: string) => async () => {
  const { status = { replicas: 0 }, spec } = await get(namespace, name);
  return (
    status.currentRevision === status.updateRevision &&
    status.updatedReplicas === spec.replicas &&
    (await images(namespace)).every((each) => each === image)
  );
};

test("a template rolls out from the top, waits for a sick pod, and rolls back to the old revision (StatefulSet, Rolling Update)", async () => {
  const [namespace, name] = ["rollback", "ss2"];
  await newSet(namespace, name, 3);
  await whole.until(allReady(namespace, 3));
  await whole.until(isObserved(namespace, name));
  const first = (await get(namespace, name)).status ?? { replicas: 0 };
  assert.equal(first.currentRevision, first.updateRevision);
  assert.deepEqual(new Set(await revisions(namespace)), new Set([first.currentRevision]));
  whole.broken.add("ss2-1");
  await whole.until(async () => ready(await whole.pods(namespace)).length === 2);
  await setImage(namespace, name, "webserver:2");
  await whole.until(isObserved(namespace, name));
  const second = (await get(namespace, name)).status ?? { replicas: 0 };
  assert.notEqual(second.currentRevision, second.updateRevision);
  await whole.cluster.advance("20s");
  assert.deepEqual(
    await images(namespace),
    ["webserver:1", "webserver:1", "webserver:1"],
    "it waits for ss2-1",
  );
  const deleted = await whole.record(pods, { namespace });
  whole.broken.delete("ss2-1");
  await whole.until(isRolledOut(namespace, name, "webserver:2"));
  const order = () =>
    deleted.events.filter(({ type }) => type === "DELETED").map(({ object }) => object.metadata.name);
  assert.deepEqual(order(), ["ss2-2", "ss2-1", "ss2-0"]);
  const done = (await get(namespace, name)).status;
  assert.equal(done?.currentRevision, second.updateRevision);

  await setImage(namespace, name, "webserver:1");
  await whole.until(isObserved(namespace, name));
  const third = (await get(namespace, name)).status;
  assert.equal(third?.updateRevision, first.currentRevision, "the revision of before, not a new one");
  await whole.until(isRolledOut(namespace, name, "webserver:1"));
  assert.deepEqual(order().slice(3), ["ss2-2", "ss2-1", "ss2-0"]);
  deleted.stop();
});

test("pods under the partition keep their revision, also when they are deleted (StatefulSet, Rolling Update with Partition)", async () => {
  const [namespace, name] = ["canary", "ss2"];
  const updateStrategy = (partition: number) => ({ type: "RollingUpdate", rollingUpdate: { partition } });
  await newSet(namespace, name, 3, { updateStrategy: updateStrategy(3) });
  await whole.until(allReady(namespace, 3));
  await whole.until(isObserved(namespace, name));
  await setImage(namespace, name, "webserver:2");
  await whole.until(isObserved(namespace, name));
  const { currentRevision, updateRevision } = (await get(namespace, name)).status ?? { replicas: 0 };
  assert.notEqual(currentRevision, updateRevision);
  assert.deepEqual(await revisions(namespace), [currentRevision, currentRevision, currentRevision]);
  // By setting the partition to the number of replicas less one, the highest pod becomes the canary.
  const setPartition = (partition: number) =>
    whole.change(statefulSets, { namespace, name }, (set) => ({
      ...set,
      spec: { ...set.spec, updateStrategy: updateStrategy(partition) },
    }));
  await setPartition(2);
  const expected = [currentRevision, currentRevision, updateRevision];
  await whole.until(
    async () => (await allReady(namespace, 3)()) && String(await revisions(namespace)) === String(expected),
  );
  await remove(namespace, "ss2-0");
  await remove(namespace, "ss2-2");
  await whole.until(async () => !(await allReady(namespace, 3)()));
  await whole.until(allReady(namespace, 3));
  assert.deepEqual(await revisions(namespace), expected);
  assert.equal((await get(namespace, name)).status?.currentRevision, currentRevision);
  await setPartition(1);
  await whole.until(
    async () =>
      (await allReady(namespace, 3)()) &&
      String(await revisions(namespace)) === String([currentRevision, updateRevision, updateRevision]),
  );
  await setPartition(0);
  await whole.until(isRolledOut(namespace, name, "webserver:2"));
});

test("it scales in order, and halts while a pod is sick (StatefulSet, Scaling)", async () => {
  const [namespace, name] = ["scaling", "ss"];
  await newSet(namespace, name, 1);
  const seen = await whole.record(pods, { namespace, labelSelector: "baz=blah,foo=bar" });
  const order = (kind: string) =>
    seen.events.filter(({ type }) => type === kind).map(({ object }) => object.metadata.name);
  await whole.until(allReady(namespace, 1));
  for (const pod of ["ss-0", "ss-1", "ss-2"]) whole.broken.add(pod);
  await whole.until(async () => ((await get(namespace, name)).status?.readyReplicas ?? 0) === 0);
  await resize(namespace, name, 3);
  await whole.cluster.advance("10s");
  assert.equal((await whole.pods(namespace)).length, 1);
  whole.broken.clear();
  await whole.until(allReady(namespace, 3));
  assert.deepEqual(order("ADDED").slice(-2), ["ss-1", "ss-2"]);
  for (const pod of ["ss-0", "ss-1", "ss-2"]) whole.broken.add(pod);
  await whole.until(async () => ((await get(namespace, name)).status?.readyReplicas ?? 0) === 0);
  await resize(namespace, name, 0);
  await whole.cluster.advance("10s");
  assert.equal((await whole.pods(namespace)).length, 3);
  whole.broken.clear();
  await whole.until(async () => (await whole.pods(namespace)).length === 0);
  assert.deepEqual(order("DELETED"), ["ss-2", "ss-1", "ss-0"]);
  await whole.until(async () => (await get(namespace, name)).status?.replicas === 0);
  seen.stop();
});

test("in parallel it scales whatever state its pods are in (StatefulSet, Burst Scaling)", async () => {
  const [namespace, name] = ["burst", "ss"];
  await newSet(namespace, name, 1, { podManagementPolicy: "Parallel" });
  await whole.until(allReady(namespace, 1));
  for (const pod of ["ss-0", "ss-1", "ss-2"]) whole.broken.add(pod);
  await whole.until(async () => ((await get(namespace, name)).status?.readyReplicas ?? 0) === 0);
  await resize(namespace, name, 3);
  await whole.until(async () => (await whole.pods(namespace)).length === 3, "10s");
  whole.broken.clear();
  await whole.until(allReady(namespace, 3));
  for (const pod of ["ss-0", "ss-1", "ss-2"]) whole.broken.add(pod);
  await whole.until(async () => ((await get(namespace, name)).status?.readyReplicas ?? 0) === 0);
  await resize(namespace, name, 0);
  await whole.until(async () => (await whole.pods(namespace)).length === 0, "30s");
  whole.broken.clear();
  await whole.until(async () => (await get(namespace, name)).status?.replicas === 0);
});

test("a pod that its node refuses for its host port is made anew until it fits (StatefulSet, Recreate Failed Pod)", async () => {
  const namespace = "evicted";
  const [node] = (await whole.client.list(nodes)).items;
  const nodeName = node?.metadata.name ?? "";
  const ports = [{ hostPort: 21017, containerPort: 21017, name: "conflict" }];
  const containers = [{ name: "webserver", image: "webserver:1", ports }];
  await newSet(namespace, "ss", 0, { template: template(labels, { containers, nodeName }) });
  await whole.client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "test-pod", namespace },
    spec: { containers, nodeName },
  });
  await whole.until(async () => ready(await whole.pods(namespace)).length === 1);
  const seen = await whole.record(pods, { namespace, labelSelector: "foo=bar" });
  await resize(namespace, "ss", 1);
  await whole.until(() => seen.events.some(({ type }) => type === "DELETED"));
  const failed = seen.events.find(({ object }) => object.status?.phase === "Failed");
  assert.match(failed?.object.status?.reason ?? "", /NodePorts/);
  await whole.client.delete(pods, { namespace, name: "test-pod" }, { gracePeriodSeconds: 0 });
  await whole.until(async () => (await whole.find(pods, namespace, "ss-0"))?.status?.phase === "Running");
  seen.stop();
});

test("scale is read, replaced and patched (StatefulSet resource Replica scaling)", async () => {
  const [namespace, name] = ["set-scale", "ss"];
  await newSet(namespace, name, 1);
  await whole.until(allReady(namespace, 1));
  await whole.until(async () => (await get(namespace, name)).status?.readyReplicas === 1);
  const path = `/apis/apps/v1/namespaces/${namespace}/statefulsets/${name}/scale`;
  const scale = (await whole.client.raw(path)) as StatefulSet;
  assert.deepEqual([scale.spec.replicas, scale.status?.replicas], [1, 1]);
  const { resourceVersion: _, ...metadata } = scale.metadata;
  const wanted = { ...scale, metadata, spec: { replicas: 2 } } as unknown as StatefulSet;
  await whole.client.update(statefulSets, wanted, { subresource: "scale" });
  assert.equal((await get(namespace, name)).spec.replicas, 2);
  const patch = { metadata: {}, spec: { replicas: 4 }, status: { replicas: 0 } };
  await whole.client.patch(
    statefulSets,
    { namespace, name },
    { type: "strategic", patch },
    { subresource: "scale" },
  );
  assert.equal((await get(namespace, name)).spec.replicas, 4);
});

test("a patch with a misspelt field is carried out (StatefulSet, list, patch and delete a collection of StatefulSets)", async () => {
  const [namespace, name] = ["set-collection", "test-ss"];
  await newSet(namespace, name, 1);
  await whole.until(allReady(namespace, 1));
  const patch = {
    metadata: { labels: { "test-ss": "patched" } },
    spec: {
      replicas: 2,
      template: {
        spec: { TerminationGracePeriodSeconds: 1, containers: [{ name: "test-ss", image: "pause:3" }] },
      },
    },
  };
  const patched = await whole.client.patch(statefulSets, { namespace, name }, { type: "strategic", patch });
  assert.equal(patched.spec.replicas, 2);
  assert.equal(patched.spec.template.spec.containers[0]?.image, "pause:3");
  await whole.until(allReady(namespace, 2));
  const labelSelector = "test-ss=patched";
  assert.equal((await whole.client.list(statefulSets, { labelSelector })).items.length, 1);
  await whole.client.deleteCollection(statefulSets, { namespace, labelSelector }, { gracePeriodSeconds: 1 });
  assert.equal((await whole.client.list(statefulSets, { labelSelector })).items.length, 0);
});

test("conditions of others are kept and their patches seen (StatefulSet, status sub-resource)", async () => {
  const [namespace, name] = ["set-status", "ss"];
  await newSet(namespace, name, 1);
  await whole.until(allReady(namespace, 1));
  await whole.until(isObserved(namespace, name));
  const label = { metadata: { labels: { e2e: "testing" } } };
  await whole.client.patch(statefulSets, { namespace, name }, { type: "strategic", patch: label });
  const seen = await whole.record(statefulSets, { namespace, labelSelector: "e2e=testing" });
  const types = (set: StatefulSet) => (set.status?.conditions ?? []).map(({ type }) => type);
  const added = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from e2e test" };
  const edit = (set: StatefulSet): StatefulSet => ({
    ...set,
    status: {
      ...set.status,
      replicas: set.status?.replicas ?? 0,
      conditions: [...(set.status?.conditions ?? []), added],
    },
  });
  assert.deepEqual(types(await whole.change(statefulSets, { namespace, name }, edit, "status")), [
    "StatusUpdate",
  ]);
  await resize(namespace, name, 2);
  await whole.until(allReady(namespace, 2));
  assert.deepEqual(types(await get(namespace, name)), ["StatusUpdate"]);
  const patch = { status: { conditions: [{ type: "StatusPatched", status: "True" }] } };
  await whole.client.patch(
    statefulSets,
    { namespace, name },
    { type: "merge", patch },
    { subresource: "status" },
  );
  await whole.until(() => seen.events.some(({ object }) => types(object).includes("StatusPatched")));
  seen.stop();
});
