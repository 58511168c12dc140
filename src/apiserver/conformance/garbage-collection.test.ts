import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

type Policy = "Background" | "Foreground" | "Orphan";

const template = (labels: object) => ({
  metadata: { labels },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "nginx", image: "nginx:1" }] },
});

const controller = (name: string, replicas: number, labels: object) => ({
  apiVersion: "v1",
  kind: "ReplicationController",
  metadata: { name },
  spec: { replicas, selector: labels, template: template(labels) },
});

const deployment = (name: string, labels: object) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    strategy: { type: "RollingUpdate" },
    template: template(labels),
  },
});

/** As many as the suite makes where nodes allow it. */
const many = 100;

function suite({ api, named }: Suite): void {
  const items = async (path: string) => (await api().get<KubeList>(path)).items;
  const counts = async (paths: readonly string[]) =>
    Promise.all(paths.map(async (path) => (await items(path)).length));
  const remove = (path: string, { metadata }: AnyObject, propagationPolicy: Policy) =>
    api().delete(path, {
      kind: "DeleteOptions",
      apiVersion: "v1",
      propagationPolicy,
      preconditions: { uid: metadata.uid },
    });
  const replicated = (path: string, replicas: number) =>
    eventually(`${path} has ${replicas} replicas`, async () => {
      const { status } = await api().get<{ status: { replicas: number } }>(path);
      return status.replicas === replicas;
    });
  const prepare = async (name: string) => {
    const namespace = await api().namespace(named(name));
    return {
      namespace,
      labels: { [named("gctest")]: name },
      pods: `${namespace}/pods`,
      controllers: `${namespace}/replicationcontrollers`,
      apps: namespace.replace("/api/v1", "/apis/apps/v1"),
    };
  };
  /** Whatever is left is deleted, so that 100 pods here do not fill the nodes for the other tests. */
  const empty = (pods: string) => api().ok("DELETE", pods, { body: { gracePeriodSeconds: 0 } });

  test("Garbage Collector, delete replication controller, propagation policy background: its pods go", async () => {
    const { controllers, pods, labels } = await prepare("gc-background");
    const made = await api().create(controllers, controller("simpletest.rc", 2, labels));
    await eventually("some pods", async () => (await items(pods)).length > 0);
    await remove(`${controllers}/simpletest.rc`, made, "Background");
    await eventually("all is gone", async () =>
      (await counts([controllers, pods])).every((left) => left === 0),
    );
  });

  test("Garbage Collector, delete replication controller, propagation policy orphan: its hundred pods stay, and have no owner", async () => {
    const { controllers, pods, labels } = await prepare("gc-orphan");
    const made = await api().create(controllers, controller("simpletest.rc", many, labels));
    await replicated(`${controllers}/simpletest.rc`, many);
    await remove(`${controllers}/simpletest.rc`, made, "Orphan");
    await eventually("the controller is gone", async () => (await items(controllers)).length === 0);
    const left = await items(pods);
    assert.equal(left.length, many);
    for (const { metadata } of left) {
      assert.equal(metadata.ownerReferences?.length ?? 0, 0);
      assert.equal(metadata.deletionTimestamp, undefined);
    }
    await empty(pods);
  });

  test("Garbage Collector, delete deployment,  propagation policy background: its replica sets and pods go", async () => {
    const { apps, pods, labels } = await prepare("gc-deployment");
    const made = await api().create(`${apps}/deployments`, deployment("simpletest.deployment", labels));
    await eventually("a replica set", async () => (await items(`${apps}/replicasets`)).length > 0);
    await remove(`${apps}/deployments/simpletest.deployment`, made, "Background");
    await eventually("all is gone", async () =>
      (await counts([`${apps}/deployments`, `${apps}/replicasets`, pods])).every((left) => left === 0),
    );
  });

  test("Garbage Collector, delete deployment, propagation policy orphan: once it is gone its replica set has no controller, and both pods run", async () => {
    const { apps, pods, labels } = await prepare("gc-deployment-orphan");
    const made = await api().create(`${apps}/deployments`, deployment("simpletest.deployment", labels));
    const sets = `${apps}/replicasets`;
    await eventually("a replica set", async () => (await items(sets)).length > 0);
    const [set] = await items(sets);
    await replicated(`${sets}/${set?.metadata.name}`, 2);
    await remove(`${apps}/deployments/simpletest.deployment`, made, "Orphan");
    await eventually("the deployment is gone", async () => (await items(`${apps}/deployments`)).length === 0);
    assert.deepEqual(await counts([`${apps}/deployments`, sets, pods]), [0, 1, 2]);
    for (const { metadata } of await items(sets))
      assert.equal(metadata.ownerReferences?.some(({ controller }) => controller === true) ?? false, false);
  });

  test("Garbage Collector, delete replication controller, after owned pods: the controller stays until the last pod is gone", async () => {
    const { controllers, pods, labels } = await prepare("gc-foreground");
    const path = `${controllers}/simpletest.rc`;
    const made = await api().create(controllers, controller("simpletest.rc", many, labels));
    await replicated(path, many);
    await remove(path, made, "Foreground");
    await eventually("the controller is gone", () => api().isGone(path));
    assert.equal((await items(pods)).length, 0);
  });

  test("Garbage Collector, multiple owners: what another owner holds is not deleted with one that waits for its dependents", async () => {
    const { controllers, pods, labels } = await prepare("gc-two-owners");
    const leaving = await api().create(controllers, controller("to-be-deleted", many, labels));
    const staying = await api().create(controllers, controller("to-stay", 0, { another: "key" }));
    await replicated(`${controllers}/to-be-deleted`, many);
    const half = (await items(pods)).slice(0, many / 2);
    const owner = {
      apiVersion: "v1",
      kind: "ReplicationController",
      name: "to-stay",
      uid: staying.metadata.uid,
    };
    for (const { metadata } of half)
      await api().strategic(`${pods}/${metadata.name}`, {
        metadata: { ownerReferences: [owner], uid: metadata.uid },
      });
    await remove(`${controllers}/to-be-deleted`, leaving, "Foreground");
    await eventually("the controller is gone", () => api().isGone(`${controllers}/to-be-deleted`), 60_000);
    const left = await items(pods);
    assert.equal(left.length, many / 2);
    for (const { metadata } of left) {
      assert.equal(metadata.deletionTimestamp, undefined);
      assert.deepEqual(
        metadata.ownerReferences?.map(({ name }) => name),
        ["to-stay"],
      );
    }
    await empty(pods);
  });

  test("Garbage Collector, dependency cycle: three pods that own each other all go", async () => {
    const { pods } = await prepare("gc-circle");
    const names = ["pod1", "pod2", "pod3"];
    const made: AnyObject[] = [];
    for (const name of names)
      made.push(
        await api().create(pods, { apiVersion: "v1", kind: "Pod", ...template({}), metadata: { name } }),
      );
    for (const [index, name] of names.entries()) {
      const owner = made[(index + 2) % 3];
      const reference = {
        apiVersion: "v1",
        kind: "Pod",
        name: owner?.metadata.name,
        uid: owner?.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      };
      const patched = await api().strategic(`${pods}/${name}`, {
        metadata: { ownerReferences: [reference], uid: made[index]?.metadata.uid },
      });
      assert.equal(patched.metadata.ownerReferences?.length, 1);
    }
    await remove(`${pods}/pod1`, made[0] as AnyObject, "Foreground");
    await eventually("all pods are gone", async () => (await items(pods)).length === 0);
  });
}

overBothTransports("Garbage collection", suite, { nodes: 3 });
