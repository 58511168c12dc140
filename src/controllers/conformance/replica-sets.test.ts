import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ReplicaSet } from "../../api/apps/types.generated.ts";
import type { Pod, ReplicationController } from "../../api/core/types.generated.ts";
import { pods, replicaSets, replicationControllers, resourceQuotas } from "../../api/resources.generated.ts";
import { controllerOf, type KubeObject, type ResourceType } from "../../apimachinery/meta.ts";
import { ready, startWholeCluster, template, type WholeCluster } from "../test-support/whole-cluster.ts";

// The steps of upstream's end-to-end tests of ReplicaSets and ReplicationControllers, in order and with their numbers.

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster();
});
after(() => whole[Symbol.asyncDispose]());

function replicaSet(
  namespace: string,
  name: string,
  replicas: number,
  labels: Readonly<Record<string, string>>,
): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace, labels },
    spec: { replicas, selector: { matchLabels: labels }, template: template(labels) },
  };
}

function replicationController(
  namespace: string,
  name: string,
  replicas: number,
  labels: Readonly<Record<string, string>>,
): ReplicationController {
  return {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name, namespace, labels },
    spec: { replicas, selector: labels, template: template(labels) },
  };
}

const allReady = (namespace: string, count: number) => async () =>
  ready(await whole.pods(namespace)).length === count;

interface Conditional extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly { readonly type: string }[];
  };
}

const hasFailed = async (type: ResourceType<KubeObject>, namespace: string, name: string) => {
  const { metadata, status } = (await whole.client.get(type, { namespace, name })) as Conditional;
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) return undefined;
  return (status?.conditions ?? []).some((condition) => condition.type === "ReplicaFailure");
};

async function limitPods(namespace: string): Promise<void> {
  await whole.namespace(namespace);
  const metadata = { name: "condition-test", namespace };
  await whole.client.create(resourceQuotas, {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata,
    spec: { hard: { pods: "2" } },
  });
  await whole.until(
    async () => (await whole.client.get(resourceQuotas, metadata)).status?.hard?.pods === "2",
  );
}

for (const { kind, type, make, testname } of [
  { kind: "ReplicaSet", type: replicaSets, make: replicaSet, testname: "not in the suite" },
  {
    kind: "ReplicationController",
    type: replicationControllers,
    make: replicationController,
    testname: "Replication Controller, check for issues like exceeding allocated quota",
  },
] as const) {
  test(`a quota that is too small shows on a ${kind} until it fits (${testname})`, async () => {
    const namespace = `quota-${kind.toLowerCase()}`;
    await limitPods(namespace);
    const name = "condition-test";
    const resource = type as ResourceType<KubeObject>;
    await whole.client.create(resource, make(namespace, name, 3, { name }));
    await whole.until(async () => (await hasFailed(resource, namespace, name)) === true, "1m");
    const edit = (object: KubeObject) => {
      const { spec } = object as ReplicaSet;
      return { ...object, spec: { ...spec, replicas: 2 } } as KubeObject;
    };
    await whole.change(resource, { namespace, name }, edit);
    await whole.until(async () => (await hasFailed(resource, namespace, name)) === false, "1m");
    assert.equal((await whole.pods(namespace)).length, 2);
  });
}

async function strayPod(namespace: string): Promise<Pod> {
  await whole.namespace(namespace);
  const name = "pod-adoption";
  await whole.client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { name } },
    spec: { containers: [{ name, image: "webserver:1" }] },
  });
  await whole.until(allReady(namespace, 1));
  return whole.client.get(pods, { namespace, name });
}

for (const { kind, type, make, testname } of [
  {
    kind: "ReplicaSet",
    type: replicaSets,
    make: replicaSet,
    testname: "Replica Set, adopt matching pods and release non matching pods",
  },
  {
    kind: "ReplicationController",
    type: replicationControllers,
    make: replicationController,
    testname: "Replication Controller, adopt matching pods; Replication Controller, release pods",
  },
] as const) {
  test(`a ${kind} takes a pod that matches and lets go one that does not (${testname})`, async () => {
    const namespace = `adopt-${kind.toLowerCase()}`;
    const pod = await strayPod(namespace);
    const name = "pod-adoption";
    const owner = await whole.client.create(
      type as ResourceType<KubeObject>,
      make(namespace, name, 1, { name }),
    );
    const ownerOf = async () => controllerOf(await whole.client.get(pods, { namespace, name }))?.uid;
    await whole.until(async () => (await ownerOf()) === owner.metadata.uid, "1m");
    assert.deepEqual(
      (await whole.pods(namespace)).map(({ metadata }) => metadata.uid),
      [pod.metadata.uid],
    );
    await whole.change(pods, { namespace, name }, (live) => ({
      ...live,
      metadata: { ...live.metadata, labels: { name: "not-matching-name" } },
    }));
    await whole.until(async () => (await ownerOf()) === undefined, "1m");
    await whole.until(allReady(namespace, 2));
  });
}

for (const { kind, type, make, path, testname } of [
  {
    kind: "ReplicaSet",
    type: replicaSets,
    make: replicaSet,
    path: (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/replicasets/test/scale`,
    testname: "ReplicaSet, completes the scaling of a ReplicaSet subresource",
  },
  {
    kind: "ReplicationController",
    type: replicationControllers,
    make: replicationController,
    path: (namespace: string) => `/api/v1/namespaces/${namespace}/replicationcontrollers/test/scale`,
    testname: "Replication Controller, get and update ReplicationController scale",
  },
] as const) {
  test(`a ${kind}'s scale is read, replaced and patched (${testname})`, async () => {
    const namespace = await whole.namespace(`scale-${kind.toLowerCase()}`);
    const resource = type as ResourceType<KubeObject>;
    const name = "test";
    await whole.client.create(resource, make(namespace, name, 1, { name: "sample-pod", pod: "httpd" }));
    await whole.until(allReady(namespace, 1));
    const scale = (await whole.client.raw(path(namespace))) as ReplicaSet;
    assert.deepEqual([scale.spec.replicas, scale.status?.replicas], [1, 1]);
    const { resourceVersion: _, ...metadata } = scale.metadata;
    const replaced = await whole.client.update(
      resource,
      { ...scale, metadata, spec: { replicas: 2 } } as KubeObject,
      {
        subresource: "scale",
      },
    );
    assert.equal((replaced as ReplicaSet).spec.replicas, 2);
    const replicas = async () =>
      ((await whole.client.get(resource, { namespace, name })) as ReplicaSet).spec.replicas;
    assert.equal(await replicas(), 2);
    const patch = { metadata: {}, spec: { replicas: 4 }, status: { replicas: 0 } };
    await whole.client.patch(
      resource,
      { namespace, name },
      { type: "strategic", patch },
      { subresource: "scale" },
    );
    assert.equal(await replicas(), 4);
    await whole.until(allReady(namespace, 4));
  });
}

test("a ReplicaSet is scaled and patched, and its pods follow (ReplicaSet, is created, Replaced and Patched)", async () => {
  const namespace = await whole.namespace("rs-lifecycle");
  const name = "test-rs";
  const labels = { name: "sample-pod", pod: "httpd" };
  const selection = { namespace, labelSelector: "test-rs=patched" };
  await whole.client.create(replicaSets, replicaSet(namespace, name, 1, labels));
  await whole.until(allReady(namespace, 1));
  const scale = { spec: { replicas: 2 } };
  await whole.client.patch(
    replicaSets,
    { namespace, name },
    { type: "merge", patch: scale },
    { subresource: "scale" },
  );
  await whole.until(allReady(namespace, 2));
  const seen = await whole.record(replicaSets, selection);
  const patch = {
    metadata: { labels: { "test-rs": "patched" } },
    spec: {
      replicas: 3,
      template: {
        spec: { TerminationGracePeriodSeconds: 0, containers: [{ name: "web", image: "pause:3" }] },
      },
    },
  };
  await whole.client.patch(replicaSets, { namespace, name }, { type: "strategic", patch });
  await whole.until(() =>
    seen.events.some(
      ({ object: { spec, status } }) =>
        spec.replicas === 3 &&
        status?.readyReplicas === 3 &&
        spec.template?.spec.containers[0]?.image === "pause:3",
    ),
  );
  seen.stop();
});

test("ReplicaSets are deleted by their label (ReplicaSet, list and delete a collection of ReplicaSets)", async () => {
  const namespace = await whole.namespace("rs-collection");
  const labels = { name: "sample-pod", pod: "httpd", e2e: "collection" };
  await whole.client.create(replicaSets, replicaSet(namespace, "test-rs", 3, labels));
  await whole.until(allReady(namespace, 3));
  const labelSelector = "e2e=collection";
  assert.equal((await whole.client.list(replicaSets, { labelSelector })).items.length, 1);
  await whole.client.deleteCollection(replicaSets, { namespace, labelSelector }, { gracePeriodSeconds: 1 });
  assert.equal((await whole.client.list(replicaSets, { labelSelector })).items.length, 0);
});

test("conditions of others are kept and their patches seen (ReplicaSet, status sub-resource)", async () => {
  const namespace = await whole.namespace("rs-status");
  const name = "test-rs";
  const labels = { name: "sample-pod", pod: "httpd" };
  await whole.client.create(replicaSets, replicaSet(namespace, name, 1, labels));
  await whole.until(allReady(namespace, 1));
  const seen = await whole.record(replicaSets, { namespace });
  const types = ({ status }: ReplicaSet) => (status?.conditions ?? []).map(({ type }) => type);
  const added = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from e2e test" };
  const edit = (set: ReplicaSet): ReplicaSet => ({
    ...set,
    status: {
      ...set.status,
      replicas: set.status?.replicas ?? 0,
      conditions: [...(set.status?.conditions ?? []), added],
    },
  });
  await whole.change(replicaSets, { namespace, name }, edit, "status");
  await whole.client.patch(
    replicaSets,
    { namespace, name },
    { type: "merge", patch: { spec: { replicas: 2 } } },
  );
  await whole.until(allReady(namespace, 2));
  await whole.cluster.advance("2s");
  assert.deepEqual(types(await whole.client.get(replicaSets, { namespace, name })), ["StatusUpdate"]);
  const patch = { status: { conditions: [{ type: "StatusPatched", status: "True" }] } };
  await whole.client.patch(
    replicaSets,
    { namespace, name },
    { type: "merge", patch },
    { subresource: "status" },
  );
  await whole.until(() => seen.events.some(({ object }) => types(object).includes("StatusPatched")));
  seen.stop();
});

test("a lifecycle is seen by one watch, each write after the other (Replication Controller, lifecycle)", async () => {
  const namespace = await whole.namespace("rc-lifecycle");
  const name = "rc-test";
  const labels = { "test-rc-static": "true" };
  const seen = await whole.record(replicationControllers, {
    namespace,
    labelSelector: "test-rc-static=true",
  });
  let passed = 0;
  const next = (holds: (object: ReplicationController, type: string) => boolean) =>
    whole.until(() => {
      const index = seen.events.findIndex(({ object, type }, at) => at >= passed && holds(object, type));
      if (index >= 0) passed = index + 1;
      return index >= 0;
    }, "2m");
  await whole.client.create(replicationControllers, replicationController(namespace, name, 1, labels));
  await next((_, type) => type === "ADDED");
  await next(({ status }) => status?.replicas === 1 && status.readyReplicas === 1);
  const label = { metadata: { labels: { "test-rc": "patched" } }, status: { replicas: 0 } };
  const patched = await whole.client.patch(
    replicationControllers,
    { namespace, name },
    { type: "strategic", patch: label },
  );
  assert.equal(patched.metadata.labels?.["test-rc"], "patched");
  await next((_, type) => type === "MODIFIED");
  const zero = { status: { readyReplicas: 0, availableReplicas: 0 } };
  const toStatus = { subresource: "status" };
  const status = await whole.client.patch(
    replicationControllers,
    { namespace, name },
    { type: "strategic", patch: zero },
    toStatus,
  );
  assert.equal(status.status?.readyReplicas ?? 0, 0);
  await next((_, type) => type === "MODIFIED");
  await next((object) => object.status?.replicas === 1);
  const path = `/api/v1/namespaces/${namespace}/replicationcontrollers/${name}/status`;
  assert.equal(((await whole.client.raw(path)) as ReplicationController).status?.replicas, 1);
  const scale = { metadata: {}, spec: { replicas: 2 }, status: { replicas: 0 } };
  await whole.client.patch(
    replicationControllers,
    { namespace, name },
    { type: "strategic", patch: scale },
    { subresource: "scale" },
  );
  await next((_, type) => type === "MODIFIED");
  await next((object) => object.status?.replicas === 2 && object.status.readyReplicas === 2);
  const live = await whole.client.get(replicationControllers, { namespace, name });
  assert.equal(live.metadata.labels?.["test-rc"], "patched");
  const fewer = { ...live, status: { ...live.status, replicas: 2, availableReplicas: 1, readyReplicas: 1 } };
  await whole.client.update(replicationControllers, fewer, toStatus);
  await next((_, type) => type === "MODIFIED");
  const selection = { namespace, labelSelector: "test-rc-static=true" };
  assert.equal((await whole.client.list(replicationControllers, selection)).items.length, 1);
  await whole.client.deleteCollection(replicationControllers, selection);
  await next((_, type) => type === "DELETED");
  seen.stop();
});
