import assert from "node:assert/strict";
import { test } from "node:test";
import { compareQuantity, parseQuantity } from "../../apimachinery/quantity.ts";
import type { ConformanceClient } from "./test-support/client.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

/** What the suite's quota allows. */
const hard = {
  pods: "5",
  services: "10",
  "services.nodeports": "1",
  "services.loadbalancers": "1",
  replicationcontrollers: "10",
  resourcequotas: "1",
  cpu: "1",
  memory: "500Mi",
  configmaps: "10",
  secrets: "10",
  persistentvolumeclaims: "10",
  "requests.storage": "10Gi",
  "requests.ephemeral-storage": "50Gi",
  "requests.example.com/dongle": "3",
  "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "10",
  "gold.storageclass.storage.k8s.io/requests.storage": "10Gi",
  "count/replicasets.apps": "5",
};

type Amounts = Readonly<Record<string, string>>;

interface Quota {
  readonly metadata: { readonly resourceVersion: string; readonly labels?: Amounts };
  readonly spec: { readonly hard: Amounts };
  readonly status: { readonly hard?: Amounts; readonly used?: Amounts };
}

const same = (left: string | undefined, right: string) =>
  left !== undefined && compareQuantity(parseQuantity(left), parseQuantity(right)) === 0;

/** Waits for status.hard to be spec.hard, and for these amounts among what is used. */
async function used(api: ConformanceClient, path: string, amounts: Amounts): Promise<void> {
  await eventually(`${path} uses ${JSON.stringify(amounts)}`, async () => {
    const { spec, status } = await api.get<Quota>(path);
    return (
      Object.entries(spec.hard).every(([name, amount]) => same(status.hard?.[name], amount)) &&
      Object.entries(amounts).every(([name, amount]) => same(status.used?.[name], amount))
    );
  });
}

const quota = (name: string, spec: object, labels: Amounts = {}) => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name, labels },
  spec,
});

const pod = (name: string, requests: Amounts, limits: Amounts, activeDeadlineSeconds?: number) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: {
    containers: [{ name: "pause", image: "registry.k8s.io/pause:3.10", resources: { requests, limits } }],
    ...(activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds }),
  },
});

const service = (name: string, type: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { type, ports: [{ port: 80, targetPort: 80 }] },
});

const labels = { name: "nginx" };
const template = { metadata: { labels }, spec: { containers: [{ name: "nginx", image: "nginx" }] } };
const atOnce = { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0 };
const background = { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background" };

function suite({ api, named }: Suite): void {
  const started = async (name: string, more: Amounts = {}) => {
    const namespace = await api().namespace(named(`quota-${name}`));
    const path = `${namespace}/resourcequotas/test-quota`;
    await api().create(`${namespace}/resourcequotas`, quota("test-quota", { hard: { ...hard, ...more } }));
    await used(api(), path, { resourcequotas: "1" });
    return { namespace, path };
  };

  test("ResourceQuota, object count quota, resourcequotas", async () => {
    const { namespace } = await started("own");
    const second = await api().refused("POST", `${namespace}/resourcequotas`, {
      body: quota("second", { hard: { pods: "1" } }),
    });
    assert.equal(second.code, 403);
    assert.match(
      second.message ?? "",
      /exceeded quota: test-quota, requested: resourcequotas=1, used: resourcequotas=1, limited: resourcequotas=1/,
    );
  });

  test("ResourceQuota, object count quota, service", async () => {
    const { namespace, path } = await started("service");
    await api().create(`${namespace}/services`, service("test-service", "ClusterIP"));
    await api().create(`${namespace}/services`, service("test-service-np", "NodePort"));
    const refused = await api().refused("POST", `${namespace}/services`, {
      body: service("test-service-lb", "LoadBalancer"),
    });
    assert.equal(refused.code, 403);
    await used(api(), path, { resourcequotas: "1", services: "2", "services.nodeports": "1" });
    await api().delete(`${namespace}/services/test-service`);
    await api().delete(`${namespace}/services/test-service-np`);
    await used(api(), path, { resourcequotas: "1", services: "0", "services.nodeports": "0" });
  });

  for (const { kind, plural, body } of [
    { kind: "secret", plural: "secrets", body: { kind: "Secret", data: { "data-1": "dmFsdWUtMQ==" } } },
    { kind: "configmap", plural: "configmaps", body: { kind: "ConfigMap", data: { a: "b" } } },
  ])
    test(`ResourceQuota, object count quota, ${kind}`, async () => {
      const found = kind === "secret" ? 0 : 1; // the root authority's
      const { namespace, path } = await started(kind, { [plural]: `${found + 1}` });
      await used(api(), path, { [plural]: `${found}` });
      const object = { apiVersion: "v1", metadata: { name: `test-${kind}` }, ...body };
      await api().create(`${namespace}/${plural}`, object);
      await used(api(), path, { [plural]: `${found + 1}` });
      await api().delete(`${namespace}/${plural}/test-${kind}`);
      await used(api(), path, { [plural]: `${found}` });
    });

  test("ResourceQuota, object count quota, pod", async () => {
    const { namespace, path } = await started("pod");
    const dongles = { "example.com/dongle": "2" };
    const requests = { cpu: "500m", memory: "252Mi", "ephemeral-storage": "30Gi", ...dongles };
    const made = await api().create<{ spec: { containers: { resources: object }[] } }>(
      `${namespace}/pods`,
      pod("test-pod", requests, dongles),
    );
    const usage = {
      resourcequotas: "1",
      pods: "1",
      cpu: "500m",
      memory: "252Mi",
      "requests.ephemeral-storage": "30Gi",
      "requests.example.com/dongle": "2",
    };
    await used(api(), path, usage);
    for (const body of [
      pod("fail-pod", { cpu: "600m", memory: "100Mi" }, {}),
      pod("fail-pod-for-extended-resource", { ...requests, memory: "100Mi" }, dongles),
    ])
      assert.equal((await api().refused("POST", `${namespace}/pods`, { body })).code, 403);
    assert.equal(made.spec.containers.length, 1);
    const current = await api().get<typeof made>(`${namespace}/pods/test-pod`);
    const [container] = current.spec.containers;
    const changed = { cpu: "100m", memory: "100Mi", "ephemeral-storage": "10Gi" };
    const update = {
      ...current,
      spec: {
        ...current.spec,
        containers: [{ ...container, resources: { requests: changed, limits: dongles } }],
      },
    };
    assert.equal((await api().refused("PUT", `${namespace}/pods/test-pod`, { body: update })).code, 422);
    await used(api(), path, usage);
    await api().delete(`${namespace}/pods/test-pod`, atOnce);
    await used(api(), path, {
      pods: "0",
      cpu: "0",
      memory: "0",
      "requests.ephemeral-storage": "0",
      "requests.example.com/dongle": "0",
    });
  });

  for (const { title, path: plural, group, counted, body } of [
    {
      title: "ResourceQuota, object count quota, replicationController",
      path: "replicationcontrollers",
      group: "",
      counted: "replicationcontrollers",
      body: {
        apiVersion: "v1",
        kind: "ReplicationController",
        spec: { replicas: 0, selector: labels, template },
      },
    },
    {
      title: "ResourceQuota, object count quota, replicaSet",
      path: "replicasets",
      group: "apps",
      counted: "count/replicasets.apps",
      body: {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        spec: { replicas: 0, selector: { matchLabels: labels }, template },
      },
    },
  ])
    test(title, async () => {
      const { namespace, path } = await started(plural);
      await used(api(), path, { [counted]: "0" });
      const root = group === "" ? namespace : namespace.replace("/api/v1", `/apis/${group}/v1`);
      await api().create(`${root}/${plural}`, { ...body, metadata: { name: "test" } });
      await used(api(), path, { [counted]: "1" });
      await api().delete(`${root}/${plural}/test`, group === "" ? background : {});
      await used(api(), path, { [counted]: "0" });
    });

  test("ResourceQuota, quota scope, Terminating and NotTerminating scope", async () => {
    const namespace = await api().namespace(named("quota-terminating"));
    const path = (name: string) => `${namespace}/resourcequotas/${name}`;
    for (const [name, scope] of [
      ["terminating", "Terminating"],
      ["not-terminating", "NotTerminating"],
    ] as const) {
      await api().create(
        `${namespace}/resourcequotas`,
        quota(name, {
          hard: {
            pods: "5",
            "requests.cpu": "1",
            "requests.memory": "500Mi",
            "limits.cpu": "2",
            "limits.memory": "1Gi",
          },
          scopes: [scope],
        }),
      );
      await used(api(), path(name), { pods: "0" });
    }
    const amounts = [
      { cpu: "500m", memory: "200Mi" },
      { cpu: "1", memory: "400Mi" },
    ] as const;
    const usage = {
      pods: "1",
      "requests.cpu": "500m",
      "requests.memory": "200Mi",
      "limits.cpu": "1",
      "limits.memory": "400Mi",
    };
    const none = Object.fromEntries(Object.keys(usage).map((name) => [name, "0"]));
    for (const [name, deadline, counting, ignoring] of [
      ["test-pod", undefined, "not-terminating", "terminating"],
      ["terminating-pod", 3600, "terminating", "not-terminating"],
    ] as const) {
      await api().create(`${namespace}/pods`, pod(name, ...amounts, deadline));
      await used(api(), path(counting), usage);
      await used(api(), path(ignoring), none);
      await api().delete(`${namespace}/pods/${name}`, atOnce);
      await used(api(), path(counting), none);
    }
  });

  test("ResourceQuota, quota scope, BestEffort and NotBestEffort scope", async () => {
    const namespace = await api().namespace(named("quota-best-effort"));
    const path = (name: string) => `${namespace}/resourcequotas/${name}`;
    for (const [name, scope] of [
      ["besteffort", "BestEffort"],
      ["not-besteffort", "NotBestEffort"],
    ] as const) {
      await api().create(
        `${namespace}/resourcequotas`,
        quota(name, { hard: { pods: "5" }, scopes: [scope] }),
      );
      await used(api(), path(name), { pods: "0" });
    }
    const burstable = [
      { cpu: "500m", memory: "200Mi" },
      { cpu: "1", memory: "400Mi" },
    ] as const;
    for (const [body, counting, ignoring] of [
      [pod("pfpod", {}, {}), "besteffort", "not-besteffort"],
      [pod("burstable-pod", ...burstable), "not-besteffort", "besteffort"],
    ] as const) {
      await api().create(`${namespace}/pods`, body);
      await used(api(), path(counting), { pods: "1" });
      await used(api(), path(ignoring), { pods: "0" });
      await api().delete(`${namespace}/pods/${body.metadata.name}`, atOnce);
      await used(api(), path(counting), { pods: "0" });
    }
  });

  test("ResourceQuota, update and delete", async () => {
    const namespace = await api().namespace(named("quota-update"));
    const path = `${namespace}/resourcequotas/test-quota`;
    await api().create(
      `${namespace}/resourcequotas`,
      quota("test-quota", { hard: { cpu: "1", memory: "500Mi" } }),
    );
    assert.deepEqual((await api().get<Quota>(path)).spec.hard, { cpu: "1", memory: "500Mi" });
    // Without a resourceVersion, as the suite does it.
    const changed = quota("test-quota", { hard: { cpu: "2", memory: "1Gi" } });
    assert.deepEqual((await api().update<Quota>(path, changed)).spec.hard, { cpu: "2", memory: "1Gi" });
    assert.deepEqual((await api().get<Quota>(path)).spec.hard, { cpu: "2", memory: "1Gi" });
    await api().delete(path);
    assert.equal((await api().refused("GET", path)).reason, "NotFound");
  });

  test("ResourceQuota, manage lifecycle of a ResourceQuota", async () => {
    const namespace = await api().namespace(named("quota-life"));
    const name = named("e2e-quota");
    const selector = { labelSelector: `e2e-rq-label=${name}` };
    await api().create(
      `${namespace}/resourcequotas`,
      quota(name, { hard: { cpu: "1", memory: "500Mi" } }, { "e2e-rq-label": name }),
    );
    const list = await api().get<{ items: Quota[] }>("/api/v1/resourcequotas", selector);
    assert.equal(list.items.length, 1);
    const patched = await api().strategic<Quota>(`${namespace}/resourcequotas/${name}`, {
      metadata: { labels: { [name]: "patched" } },
      spec: { hard: { memory: "750Mi" } },
    });
    assert.equal(patched.metadata.labels?.[name], "patched");
    assert.deepEqual(patched.spec.hard, { cpu: "1", memory: "750Mi" });
    await api().ok("DELETE", `${namespace}/resourcequotas`, { query: selector, body: {} });
    assert.equal((await api().refused("GET", `${namespace}/resourcequotas/${name}`)).reason, "NotFound");
  });

  test("ResourceQuota, apply changes to a ResourceQuota status: what a client writes there is seen, then reset", async () => {
    const namespace = await api().namespace(named("quota-status"));
    const name = named("e2e-rq-status");
    const path = `${namespace}/resourcequotas/${name}`;
    const selector = { labelSelector: `e2e-rq-label=${name}` };
    const list = await api().get<{ metadata: { resourceVersion: string } }>(
      "/api/v1/resourcequotas",
      selector,
    );
    const first = { cpu: "500m", memory: "500Mi" };
    await api().create(`${namespace}/resourcequotas`, quota(name, { hard: first }, { "e2e-rq-label": name }));
    await eventually("the status is written", async () => {
      const current = await api().get<Quota>(path);
      const { status } = await api().send("PUT", `${path}/status`, {
        body: { ...current, status: { hard: first } },
      });
      return status === 200;
    });
    const watch = await api().watch(`${namespace}/resourcequotas`, {
      ...selector,
      resourceVersion: list.metadata.resourceVersion,
    });
    const shows = (wanted: Amounts) => (object: unknown) => {
      const { status } = object as Quota;
      return Object.entries(wanted).every(([key, amount]) => same(status.hard?.[key], amount));
    };
    await watch.until("MODIFIED", shows(first));
    const second = { cpu: "1", memory: "1Gi" };
    await api().strategic(path, { spec: { hard: second } });
    const patched = await api().strategic<Quota>(`${path}/status`, { status: { hard: second } });
    assert.deepEqual(patched.status.hard, second);
    await watch.until("MODIFIED", shows(second));
    assert.deepEqual((await api().get<Quota>(`${path}/status`)).status.hard, second);
    const third = { cpu: "2", memory: "2Gi" };
    const again = await api().strategic<Quota>(`${path}/status`, { status: { hard: third } });
    assert.deepEqual(again.status.hard, third);
    assert.deepEqual(again.spec.hard, second);
    await watch.until("MODIFIED", shows(third));
    await watch.until("MODIFIED", shows(second));
    await used(api(), path, { cpu: "0", memory: "0" });
    watch.close();
  });
}

overBothTransports("Resource quota", suite);
