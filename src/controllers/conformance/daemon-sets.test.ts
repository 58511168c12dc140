import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ControllerRevision, DaemonSet } from "../../api/apps/types.generated.ts";
import type { Node } from "../../api/core/types.generated.ts";
import { controllerRevisions, daemonSets, events, nodes, pods } from "../../api/resources.generated.ts";
import {
  missingImage,
  ready,
  startWholeCluster,
  template,
  type WholeCluster,
} from "../test-support/whole-cluster.ts";

// The steps of upstream's end-to-end tests of DaemonSets and ControllerRevisions, in order and with their numbers.

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster();
});
after(() => whole[Symbol.asyncDispose]());

const name = "daemon-set";
const labels = { "daemonset-name": name };
const labelSelector = `daemonset-name=${name}`;
const hashLabel = "controller-revision-hash";

function daemonSet(namespace: string, image = "webserver:1"): DaemonSet {
  const ports = [{ containerPort: 9376 }];
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name, namespace, labels },
    spec: {
      selector: { matchLabels: labels },
      template: template(labels, { containers: [{ name: "app", image, ports, securityContext: {} }] }),
    },
  };
}

const get = (namespace: string) => whole.client.get(daemonSets, { namespace, name });

/** Available pods of the set by node: exactly one on each of these. */
const runsOn = (namespace: string, wanted: readonly string[]) => async () =>
  String(
    ready(await whole.pods(namespace))
      .map(({ spec }) => spec.nodeName)
      .toSorted(),
  ) === String(wanted.toSorted());

const allNodes = async () =>
  (await whole.client.list(nodes)).items.map(({ metadata }) => metadata.name ?? "");

async function runningEverywhere(
  namespace: string,
  shape: DaemonSet = daemonSet(namespace),
): Promise<DaemonSet> {
  await whole.namespace(namespace);
  const created = await whole.client.create(daemonSets, shape);
  await whole.until(runsOn(namespace, await allNodes()));
  const { status } = await get(namespace);
  // Upstream's test looks once.
  const { desiredNumberScheduled, currentNumberScheduled, numberReady } = status ?? {};
  assert.deepEqual([desiredNumberScheduled, currentNumberScheduled, numberReady], [2, 2, 2]);
  return created;
}

const revisionsOf = async (namespace: string) =>
  (await whole.client.list(controllerRevisions, { namespace, labelSelector })).items;
const hashes = async (namespace: string) =>
  new Set((await whole.pods(namespace)).map(({ metadata }) => metadata.labels?.[hashLabel]));
const setImage = (namespace: string, image: string) =>
  whole.client.patch(
    daemonSets,
    { namespace, name },
    { type: "strategic", patch: { spec: { template: { spec: { containers: [{ name: "app", image }] } } } } },
  );

test("a daemon that is deleted comes back (DaemonSet-Creation)", async () => {
  const namespace = "creation";
  await runningEverywhere(namespace);
  const [pod] = await whole.pods(namespace);
  await whole.client.delete(pods, { namespace, name: pod?.metadata.name ?? "" });
  await whole.until(
    async () =>
      (await runsOn(namespace, await allNodes())()) &&
      !(await whole.pods(namespace)).some(({ metadata }) => metadata.uid === pod?.metadata.uid),
  );
});

test("daemons follow the labels of nodes (DaemonSet-NodeSelection)", async () => {
  const namespace = await whole.namespace("selection");
  const [node = ""] = await allNodes();
  const label = (color: string | undefined) =>
    whole.change(nodes, { name: node }, (object): Node => {
      const { "daemonset-color": _, ...others } = object.metadata.labels ?? {};
      const next = color === undefined ? others : { ...others, "daemonset-color": color };
      return { ...object, metadata: { ...object.metadata, labels: next } };
    });
  const shape = daemonSet(namespace);
  const spec = { ...shape.spec.template.spec, nodeSelector: { "daemonset-color": "blue" } };
  await whole.client.create(daemonSets, {
    ...shape,
    spec: { ...shape.spec, template: { ...shape.spec.template, spec } },
  });
  await whole.cluster.advance("5s");
  assert.deepEqual(await whole.pods(namespace), []);
  await label("blue");
  await whole.until(runsOn(namespace, [node]));
  await label("green");
  await whole.until(runsOn(namespace, []));
  const patch = {
    spec: {
      template: { spec: { nodeSelector: { "daemonset-color": "green" } } },
      updateStrategy: { type: "RollingUpdate" },
    },
  };
  await whole.client.patch(daemonSets, { namespace, name }, { type: "strategic", patch });
  await whole.until(runsOn(namespace, [node]));
  const { desiredNumberScheduled, currentNumberScheduled, numberReady } = (await get(namespace)).status ?? {};
  assert.deepEqual([desiredNumberScheduled, currentNumberScheduled, numberReady], [1, 1, 1]);
  await label(undefined);
  await whole.client.delete(daemonSets, { namespace, name });
});

test("a daemon whose phase somebody sets to Failed is replaced (DaemonSet-FailedPodCreation)", async () => {
  const namespace = "failed";
  await runningEverywhere(namespace);
  const [pod] = await whole.pods(namespace);
  assert.ok(pod !== undefined);
  const { resourceVersion: _, ...metadata } = pod.metadata;
  await whole.client.update(
    pods,
    { ...pod, metadata, status: { ...pod.status, phase: "Failed" } },
    { subresource: "status" },
  );
  await whole.until(
    async () => !(await whole.pods(namespace)).some(({ metadata: { uid } }) => uid === pod.metadata.uid),
  );
  await whole.until(runsOn(namespace, await allNodes()));
  const seen = (await whole.client.list(events, { namespace })).items;
  assert.ok(seen.some(({ reason }) => reason === "FailedDaemonPod"));
});

test("a new template is a new revision that all pods carry (DaemonSet-RollingUpdate)", async () => {
  const namespace = "rolling";
  await runningEverywhere(namespace);
  const [first] = await revisionsOf(namespace);
  assert.equal(first?.revision, 1);
  assert.deepEqual(await hashes(namespace), new Set([first?.metadata.labels?.[hashLabel]]));
  await setImage(namespace, "agnhost:2");
  await whole.until(async () => {
    const all = await whole.pods(namespace);
    const available = ready(all);
    assert.ok(available.length >= 1, "no more than one is missing");
    return available.length === 2 && available.every(({ spec }) => spec.containers[0]?.image === "agnhost:2");
  });
  await whole.until(async () => (await revisionsOf(namespace)).length === 2);
  const second = (await revisionsOf(namespace)).find(({ revision }) => revision === 2);
  assert.deepEqual(await hashes(namespace), new Set([second?.metadata.labels?.[hashLabel]]));
});

test("a rollback leaves the pods alone that it did not reach (DaemonSet-Rollback)", async () => {
  const namespace = "rollback";
  await runningEverywhere(namespace);
  await setImage(namespace, missingImage);
  const isNew = (image: string | undefined) => image === missingImage;
  const imagesOf = async () => (await whole.pods(namespace)).map(({ spec }) => spec.containers[0]?.image);
  await whole.until(async () => (await imagesOf()).some(isNew));
  const kept = (await whole.pods(namespace)).filter(({ spec }) => !isNew(spec.containers[0]?.image));
  assert.equal(kept.length, 1);
  await setImage(namespace, "webserver:1");
  await whole.until(async () => {
    const all = (await whole.pods(namespace)).filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined,
    );
    assert.ok(all.length - ready(all).length <= 1);
    return !(await imagesOf()).some(isNew) && all.length === 2;
  });
  await whole.until(runsOn(namespace, await allNodes()));
  const names = (await whole.pods(namespace)).map(({ metadata }) => metadata.name);
  assert.ok(names.includes(kept[0]?.metadata.name));
});

test("DaemonSets are listed and deleted by their label (DaemonSet, list and delete a collection of DaemonSets)", async () => {
  const namespace = "collection";
  await runningEverywhere(namespace);
  const selection = { namespace, labelSelector };
  assert.equal((await whole.client.list(daemonSets, selection)).items.length, 1);
  await whole.client.deleteCollection(daemonSets, selection, { gracePeriodSeconds: 1 });
  assert.equal((await whole.client.list(daemonSets, selection)).items.length, 0);
});

test("conditions of others are kept and their patches seen (DaemonSet, status sub-resource)", async () => {
  const namespace = await whole.namespace("daemon-status");
  const seen = await whole.record(daemonSets, { namespace, labelSelector });
  await whole.client.create(daemonSets, daemonSet(namespace));
  await whole.until(runsOn(namespace, await allNodes()));
  const types = ({ status }: DaemonSet) => (status?.conditions ?? []).map(({ type }) => type);
  const added = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from e2e test" };
  await whole.change(
    daemonSets,
    { namespace, name },
    (set) => ({ ...set, status: { ...set.status, conditions: [added] } as NonNullable<DaemonSet["status"]> }),
    "status",
  );
  await whole.until(() => seen.events.some(({ object }) => types(object).includes("StatusUpdate")));
  // What Go writes of a status of which only the conditions are filled.
  const patch = {
    status: {
      conditions: [{ type: "StatusPatched", status: "True", lastTransitionTime: null }],
      currentNumberScheduled: 0,
      desiredNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
    },
  };
  await whole.client.patch(
    daemonSets,
    { namespace, name },
    { type: "merge", patch },
    { subresource: "status" },
  );
  await whole.until(() => seen.events.some(({ object }) => types(object).includes("StatusPatched")));
  await whole.until(async () => (await get(namespace)).status?.numberReady === 2);
  assert.deepEqual(types(await get(namespace)), ["StatusPatched"]);
  seen.stop();
});

test("somebody else's revision is let be, and counted on (ControllerRevision, resource lifecycle)", async () => {
  const namespace = "revisions";
  const set = await runningEverywhere(namespace);
  const before = (await whole.pods(namespace)).map(({ metadata }) => metadata.uid).toSorted();
  const [initial] = await revisionsOf(namespace);
  assert.ok(initial !== undefined);
  const initialName = initial.metadata.name ?? "";
  assert.equal(initial.metadata.ownerReferences?.[0]?.uid, set.metadata.uid);
  const label = { metadata: { labels: { [initialName]: "patched" } } };
  const patched = await whole.client.patch(
    controllerRevisions,
    { namespace, name: initialName },
    { type: "strategic", patch: label },
  );
  assert.equal(patched.metadata.labels?.[initialName], "patched");
  const other: ControllerRevision = {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name}-6f8d7cdd96`,
      namespace,
      labels: { ...labels, [hashLabel]: "6f8d7cdd96" },
      ...(initial.metadata.ownerReferences === undefined
        ? {}
        : { ownerReferences: initial.metadata.ownerReferences }),
    },
    data: initial.data,
    revision: (initial.revision ?? 0) + 1,
  };
  await whole.client.create(controllerRevisions, other);
  await whole.cluster.advance("1s");
  assert.equal((await revisionsOf(namespace)).length, 2);
  await whole.client.delete(controllerRevisions, { namespace, name: initialName });
  await whole.until(async () => (await revisionsOf(namespace)).length === 1);
  const current = (await revisionsOf(namespace))[0]?.metadata.name ?? "";
  await whole.change(controllerRevisions, { namespace, name: current }, (revision) => ({
    ...revision,
    metadata: { ...revision.metadata, labels: { ...revision.metadata.labels, [current]: "updated" } },
  }));
  await whole.cluster.advance("5s");
  const uids = (await whole.pods(namespace)).map(({ metadata }) => metadata.uid).toSorted();
  assert.deepEqual(uids, before, "the template did not change, so no pod does");
  const patch = {
    spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } },
    updateStrategy: { type: "RollingUpdate" },
  };
  await whole.client.patch(daemonSets, { namespace, name }, { type: "strategic", patch });
  await whole.until(async () => (await revisionsOf(namespace)).length === 2);
  const selection = { namespace, labelSelector: `${current}=updated` };
  await whole.client.deleteCollection(controllerRevisions, selection);
  await whole.until(async () => (await revisionsOf(namespace)).length === 1);
  assert.equal((await whole.client.list(controllerRevisions, { namespace })).items[0]?.revision, 3);
});
