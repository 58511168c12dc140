import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Deployment, ReplicaSet } from "../../api/apps/types.generated.ts";
import { deployments, pods, replicaSets } from "../../api/resources.generated.ts";
import {
  missingImage,
  ready,
  startWholeCluster,
  template,
  type WholeCluster,
} from "../test-support/whole-cluster.ts";

// The steps of upstream's end-to-end tests of Deployments, in order and with their numbers.

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster();
});
after(() => whole[Symbol.asyncDispose]());

const revision = "deployment.kubernetes.io/revision";

interface Shape {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly replicas: number;
  readonly image?: string;
  readonly spec?: Partial<Deployment["spec"]>;
}

function deployment({
  namespace,
  name,
  labels,
  replicas,
  image = "webserver:1",
  spec = {},
}: Shape): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: { type: "RollingUpdate" },
      template: template(labels, { containers: [{ name: "app", image, securityContext: {} }] }),
      ...spec,
    },
  };
}

function replicaSet(
  namespace: string,
  name: string,
  labels: Readonly<Record<string, string>>,
  annotations?: Readonly<Record<string, string>>,
): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace, labels, ...(annotations === undefined ? {} : { annotations }) },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: template(labels) },
  };
}

const get = (namespace: string, name: string) => whole.client.get(deployments, { namespace, name });

const isComplete = (namespace: string, name: string) => async () => {
  const { metadata, spec, status = {} } = await get(namespace, name);
  const wanted = spec.replicas;
  return (
    status.updatedReplicas === wanted &&
    status.replicas === wanted &&
    status.availableReplicas === wanted &&
    status.observedGeneration === metadata.generation
  );
};

async function setsOf(namespace: string): Promise<readonly ReplicaSet[]> {
  return (await whole.client.list(replicaSets, { namespace })).items;
}

const byImage = async (namespace: string, image: string) =>
  (await setsOf(namespace)).find(({ spec }) => spec.template?.spec.containers[0]?.image === image);

const isRevision = (namespace: string, name: string, wanted: string, image: string) => async () => {
  const { metadata } = await get(namespace, name);
  const newest = await byImage(namespace, image);
  return metadata.annotations?.[revision] === wanted && newest?.metadata.annotations?.[revision] === wanted;
};

async function runningReplicaSet(namespace: string, name: string, annotations?: Record<string, string>) {
  const labels = { name: "sample-pod", pod: "httpd" };
  await whole.client.create(replicaSets, replicaSet(namespace, name, labels, annotations));
  await whole.until(async () => ready(await whole.pods(namespace)).length === 1);
}

test("an adopted ReplicaSet's revision is counted on, to the last of its nineteen digits (Deployment RollingUpdate)", async () => {
  const namespace = await whole.namespace("rolling-update");
  await runningReplicaSet(namespace, "test-rolling-update-controller", { [revision]: "3546343826724305832" });
  const name = "test-rolling-update-deployment";
  await whole.client.create(
    deployments,
    deployment({ namespace, name, labels: { name: "sample-pod" }, replicas: 1, image: "agnhost:2" }),
  );
  await whole.until(isRevision(namespace, name, "3546343826724305833", "agnhost:2"));
  await whole.until(isComplete(namespace, name));
  const old = (await setsOf(namespace)).filter(({ spec }) => spec.replicas === 0);
  assert.deepEqual(
    old.map(({ metadata }) => [metadata.name, metadata.ownerReferences?.[0]?.name]),
    [["test-rolling-update-controller", name]],
  );
});

test("history past its limit goes, and the adopted ReplicaSet makes no pod again (Deployment RevisionHistoryLimit)", async () => {
  const namespace = await whole.namespace("cleanup");
  await runningReplicaSet(namespace, "test-cleanup-controller");
  const seen = await whole.record(pods, { namespace });
  await whole.client.create(
    deployments,
    deployment({
      namespace,
      name: "test-cleanup-deployment",
      labels: { name: "sample-pod" },
      replicas: 1,
      image: "agnhost:2",
      spec: { revisionHistoryLimit: 0 },
    }),
  );
  await whole.until(async () => (await setsOf(namespace)).length === 1);
  const added = seen.events
    .filter(({ type }) => type === "ADDED")
    .map(({ object }) => object.spec.containers[0]?.name);
  assert.deepEqual(added, ["app"]);
  seen.stop();
});

test("a rollout that is stuck is rolled over by the next one (Deployment Rollover)", async () => {
  const namespace = await whole.namespace("rollover");
  await runningReplicaSet(namespace, "test-rollover-controller");
  const name = "test-rollover-deployment";
  await whole.client.create(
    deployments,
    deployment({
      namespace,
      name,
      labels: { name: "sample-pod" },
      replicas: 1,
      image: missingImage,
      spec: {
        minReadySeconds: 10,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      },
    }),
  );
  await whole.until(async () => (await get(namespace, name)).status?.updatedReplicas === 1);
  assert.ok(await isRevision(namespace, name, "1", missingImage)());
  const counts = async (set: string) => {
    const { spec, status } = await whole.client.get(replicaSets, { namespace, name: set });
    return [spec.replicas, status?.replicas];
  };
  const stuck = (await byImage(namespace, missingImage))?.metadata.name ?? "";
  assert.deepEqual(
    [await counts("test-rollover-controller"), await counts(stuck)],
    [
      [1, 1],
      [1, 1],
    ],
  );
  await whole.change(deployments, { namespace, name }, (object) => ({
    ...object,
    spec: {
      ...object.spec,
      template: template({ name: "sample-pod" }, { containers: [{ name: "agnhost", image: "agnhost:2" }] }),
    },
  }));
  await whole.until(isRevision(namespace, name, "2", "agnhost:2"));
  const startMs = whole.cluster.clock.now();
  await whole.until(async () => {
    const { status = {} } = await get(namespace, name);
    assert.ok((status.availableReplicas ?? 0) >= 1, "one pod is there all the time");
    return isComplete(namespace, name)();
  });
  assert.ok(whole.cluster.clock.now() - startMs >= 9000, "the new pod has to be ready for ten seconds");
  assert.deepEqual(
    [await counts("test-rollover-controller"), await counts(stuck)],
    [
      [0, 0],
      [0, 0],
    ],
  );
});

test("a deployment scaled in mid-rollout shares the growth between its ReplicaSets (Deployment Proportional Scaling)", async () => {
  const namespace = await whole.namespace("proportional");
  const name = "webserver-deployment";
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
  await whole.client.create(
    deployments,
    deployment({ namespace, name, labels: { name: "httpd" }, replicas: 10, spec: { strategy } }),
  );
  await whole.until(isComplete(namespace, name));
  await whole.change(deployments, { namespace, name }, (object) => ({
    ...object,
    spec: {
      ...object.spec,
      template: template({ name: "httpd" }, { containers: [{ name: "app", image: missingImage }] }),
    },
  }));
  const sizes = async () => {
    const [first, second] = [await byImage(namespace, "webserver:1"), await byImage(namespace, missingImage)];
    return [
      first?.spec.replicas,
      first?.status?.availableReplicas,
      second?.spec.replicas,
      second?.status?.replicas,
    ];
  };
  await whole.until(async () => String(await sizes()) === "8,8,5,5");
  await whole.change(deployments, { namespace, name }, (object) => ({
    ...object,
    spec: { ...object.spec, replicas: 30 },
  }));
  await whole.until(async () => String(await sizes()) === "20,20,13,13");
});

test("new pods are not run beside old ones (Deployment Recreate)", async () => {
  const namespace = await whole.namespace("recreate");
  const name = "test-recreate-deployment";
  const labels = { name: "sample-pod-3" };
  await whole.client.create(
    deployments,
    deployment({ namespace, name, labels, replicas: 1, spec: { strategy: { type: "Recreate" } } }),
  );
  await whole.until(isRevision(namespace, name, "1", "webserver:1"));
  await whole.until(isComplete(namespace, name));
  const seen = await whole.record(deployments, { namespace });
  await whole.change(deployments, { namespace, name }, (object) => ({
    ...object,
    spec: {
      ...object.spec,
      template: template(labels, { containers: [{ name: "web", image: "webserver:2" }] }),
    },
  }));
  await whole.until(isComplete(namespace, name));
  for (const { object } of seen.events) {
    const { updatedReplicas = 0, replicas = 0 } = object.status ?? {};
    assert.ok(updatedReplicas === 0 || replicas === updatedReplicas, "old and new pods at once");
  }
  seen.stop();
});

test("scale is read, replaced and patched (Deployment, completes the scaling of a Deployment subresource)", async () => {
  const namespace = await whole.namespace("scale");
  const name = "test-new-deployment";
  await whole.client.create(
    deployments,
    deployment({ namespace, name, labels: { name: "httpd" }, replicas: 1 }),
  );
  await whole.until(isComplete(namespace, name));
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}/scale`;
  const scale = (await whole.client.raw(path)) as ReplicaSet;
  assert.deepEqual([scale.kind, scale.spec.replicas, scale.status?.replicas], ["Scale", 1, 1]);
  const { resourceVersion: _, ...metadata } = scale.metadata;
  const replaced = await whole.client.update(
    deployments,
    { ...scale, metadata, spec: { replicas: 2 } } as unknown as Deployment,
    { subresource: "scale" },
  );
  assert.equal(replaced.spec.replicas, 2);
  assert.equal((await get(namespace, name)).spec.replicas, 2);
  const patch = { metadata: {}, spec: { replicas: 4 }, status: { replicas: 0 } };
  await whole.client.patch(
    deployments,
    { namespace, name },
    { type: "strategic", patch },
    { subresource: "scale" },
  );
  assert.equal((await get(namespace, name)).spec.replicas, 4);
});

test("a lifecycle is seen by a watch that starts before it (Deployment, completes the lifecycle of a Deployment)", async () => {
  const namespace = await whole.namespace("lifecycle");
  const name = "test-deployment";
  const labels = { "test-deployment-static": "true" };
  const selection = { namespace, labelSelector: "test-deployment-static=true" };
  const start = (await whole.client.list(deployments, { labelSelector: selection.labelSelector })).metadata;
  const seen = await whole.record(deployments, {
    ...selection,
    resourceVersion: start.resourceVersion ?? "",
  });
  const saw = (holds: (object: Deployment) => boolean, type?: string) => () =>
    seen.events.some((event) => (type === undefined || event.type === type) && holds(event.object));
  const wanted = deployment({ namespace, name, labels, replicas: 2, image: "agnhost:2" });
  await whole.client.create(deployments, wanted);
  await whole.until(saw(() => true, "ADDED"));
  await whole.until(saw(({ status }) => status?.readyReplicas === 2));
  const patch = {
    metadata: { labels: { "test-deployment": "patched" } },
    spec: {
      replicas: 1,
      template: {
        spec: { terminationGracePeriodSeconds: 2, containers: [{ name: "app", image: "pause:3" }] },
      },
    },
  };
  await whole.client.patch(deployments, { namespace, name }, { type: "strategic", patch });
  await whole.until(
    saw(
      ({ spec, status = {} }) =>
        status.readyReplicas === 1 &&
        status.updatedReplicas === 1 &&
        (status.unavailableReplicas ?? 0) === 0 &&
        spec.template.spec.containers[0]?.image === "pause:3" &&
        spec.template.spec.terminationGracePeriodSeconds === 2,
    ),
  );
  // As a Go program sends what it made itself: without a kind, a version or a resource version, but with empty fields.
  const {
    apiVersion: _,
    kind: __,
    ...rest
  } = deployment({ namespace, name, labels, replicas: 2, image: "httpd:2" });
  const replacement = {
    ...rest,
    metadata: {
      ...rest.metadata,
      creationTimestamp: null,
      labels: { ...labels, "test-deployment": "updated" },
    },
    status: {},
  };
  await whole.client.update(deployments, replacement as unknown as Deployment);
  const isUpdated = ({ spec, status = {} }: Deployment) =>
    spec.template.spec.containers[0]?.image === "httpd:2" &&
    status.readyReplicas === 2 &&
    status.updatedReplicas === 2 &&
    (status.unavailableReplicas ?? 0) === 0;
  await whole.until(async () => isUpdated(await get(namespace, name)));
  const status = {
    metadata: { labels: { "test-deployment": "patched-status" } },
    status: { readyReplicas: 0, availableReplicas: 0 },
  };
  await whole.client.patch(
    deployments,
    { namespace, name },
    { type: "strategic", patch: status },
    { subresource: "status" },
  );
  await whole.until(async () => isUpdated(await get(namespace, name)));
  const after = await get(namespace, name);
  assert.equal(after.metadata.labels?.["test-deployment"], "updated", "a status' write leaves labels alone");
  await whole.client.deleteCollection(deployments, selection, { gracePeriodSeconds: 1 });
  await whole.until(
    saw(() => true, "DELETED"),
    "1m",
  );
  seen.stop();
});

test("conditions of others are kept and their patches seen (Deployment, status sub-resource)", async () => {
  const namespace = await whole.namespace("status");
  const name = "test-deployment-status";
  const labels = { name: "httpd", e2e: "testing" };
  await whole.client.create(deployments, deployment({ namespace, name, labels, replicas: 1 }));
  await whole.until(isRevision(namespace, name, "1", "webserver:1"));
  await whole.until(isComplete(namespace, name));
  const added = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from e2e test" };
  const types = (object: Deployment) => (object.status?.conditions ?? []).map(({ type }) => type);
  const updated = await whole.change(
    deployments,
    { namespace, name },
    (object) => ({
      ...object,
      status: { ...object.status, conditions: [...(object.status?.conditions ?? []), added] },
    }),
    "status",
  );
  assert.ok(types(updated).includes("StatusUpdate"));
  const seen = await whole.record(deployments, { namespace, labelSelector: "e2e=testing" });
  const patch = { status: { conditions: [{ type: "StatusPatched", status: "True" }] } };
  const patched = await whole.client.patch(
    deployments,
    { namespace, name },
    { type: "merge", patch },
    { subresource: "status" },
  );
  assert.deepEqual(types(patched), ["StatusPatched"]);
  await whole.until(() => seen.events.some(({ object }) => types(object).includes("StatusPatched")));
  seen.stop();
});
