import assert from "node:assert/strict";
import {
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  Watch,
} from "@kubernetes/client-node";

/** What Kubernetes' JavaScript client does with the API alone: the same in process and against a cluster. */
export async function driveWithClientNode(config: KubeConfig, namespace: string): Promise<void> {
  const api = config.makeApiClient(CoreV1Api);
  await createsAndReads(api, namespace);
  await pages(api, namespace);
  await patches(api, namespace);
  await watches(config, api, namespace);
  await informs(config, api, namespace);
  await speaksOfAnyKind(config, namespace);
  await assert.rejects(
    api.readNamespacedConfigMap({ namespace, name: "missing" }),
    (error: { code?: number; body?: string }) =>
      error.code === 404 && /"reason":"NotFound"/.test(error.body ?? ""),
  );
}

async function createsAndReads(api: CoreV1Api, namespace: string): Promise<void> {
  const body: V1ConfigMap = { metadata: { name: "crud", labels: { test: "crud" } }, data: { key: "value" } };
  const created = await api.createNamespacedConfigMap({ namespace, body });
  assert.ok(created.metadata?.creationTimestamp instanceof Date);
  const replaced = await api.replaceNamespacedConfigMap({
    ...{ namespace, name: "crud" },
    body: { ...created, data: { key: "other" } },
  });
  assert.equal(replaced.data?.key, "other");
  await assert.rejects(
    api.replaceNamespacedConfigMap({ namespace, name: "crud", body: created }),
    (error: { code?: number }) => error.code === 409,
  );
  const { items } = await api.listNamespacedConfigMap({ namespace, labelSelector: "test=crud" });
  assert.deepEqual(
    items.map(({ metadata }) => metadata?.name),
    ["crud"],
  );
  await api.deleteNamespacedConfigMap({ namespace, name: "crud" });
  await api.createNamespacedSecret({ namespace, body: { metadata: { name: "s" }, stringData: { a: "b" } } });
  assert.equal((await api.readNamespacedSecret({ namespace, name: "s" })).data?.a, "Yg==");
}

async function pages(api: CoreV1Api, namespace: string): Promise<void> {
  for (let index = 0; index < 7; index++)
    await api.createNamespacedConfigMap({
      ...{ namespace },
      body: { metadata: { name: `page-${index}`, labels: { test: "pages" } } },
    });
  const names: (string | undefined)[] = [];
  let _continue: string | undefined;
  do {
    const page = await api.listNamespacedConfigMap({
      ...{ namespace, labelSelector: "test=pages", limit: 3 },
      ...(_continue === undefined ? {} : { _continue }),
    });
    names.push(...page.items.map(({ metadata }) => metadata?.name));
    _continue = page.metadata?._continue || undefined;
  } while (_continue !== undefined);
  assert.deepEqual(
    names,
    Array.from({ length: 7 }, (_, index) => `page-${index}`),
  );
  await api.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: "test=pages" });
  const left = await api.listNamespacedConfigMap({ namespace, labelSelector: "test=pages" });
  assert.equal(left.items.length, 0);
}

async function patches(api: CoreV1Api, namespace: string): Promise<void> {
  const name = "patched";
  await api.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { a: "1", b: "2" } } });
  const patch = (strategy: string, body: unknown, more: { fieldManager?: string; force?: boolean } = {}) =>
    api.patchNamespacedConfigMap(
      { namespace, name, body, ...more },
      setHeaderOptions("Content-Type", strategy),
    );
  const byJson = await patch(PatchStrategy.JsonPatch, [{ op: "replace", path: "/data/a", value: "json" }]);
  assert.equal(byJson.data?.a, "json");
  const byMerge = await patch(PatchStrategy.MergePatch, { data: { b: null, c: "merge" } });
  assert.deepEqual(byMerge.data, { a: "json", c: "merge" });
  const byStrategic = await patch(PatchStrategy.StrategicMergePatch, { metadata: { finalizers: ["x.y/z"] } });
  assert.deepEqual(byStrategic.metadata?.finalizers, ["x.y/z"]);
  await patch(PatchStrategy.MergePatch, { metadata: { finalizers: null } });
  const typed = { apiVersion: "v1", kind: "ConfigMap", metadata: { name } };
  const applied = await patch(
    PatchStrategy.ServerSideApply,
    { ...typed, data: { d: "apply" } },
    { fieldManager: "one" },
  );
  assert.equal(applied.data?.d, "apply");
  await assert.rejects(
    patch(PatchStrategy.ServerSideApply, { ...typed, data: { d: "other" } }, { fieldManager: "two" }),
    (error: { code?: number }) => error.code === 409,
  );
  const taken = await patch(
    PatchStrategy.ServerSideApply,
    { ...typed, data: { d: "other" } },
    { fieldManager: "two", force: true },
  );
  assert.equal(taken.data?.d, "other");
  assert.ok(taken.metadata?.managedFields?.some(({ manager }) => manager === "two"));
}

async function watches(config: KubeConfig, api: CoreV1Api, namespace: string): Promise<void> {
  const { metadata } = await api.listNamespacedConfigMap({ namespace });
  const seen: string[] = [];
  const all = Promise.withResolvers<void>();
  const query = { resourceVersion: metadata?.resourceVersion ?? "", labelSelector: "test=watch" };
  const watch = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    query,
    (phase: string) => {
      seen.push(phase);
      if (seen.length === 3) all.resolve();
    },
    () => undefined,
  );
  const body: V1ConfigMap = { metadata: { name: "watched", labels: { test: "watch" } } };
  await api.createNamespacedConfigMap({ namespace, body });
  await api.replaceNamespacedConfigMap({ namespace, name: "watched", body: { ...body, data: { a: "b" } } });
  await api.deleteNamespacedConfigMap({ namespace, name: "watched" });
  await all.promise;
  watch.abort();
  assert.deepEqual(seen, ["ADDED", "MODIFIED", "DELETED"]);
}

async function informs(config: KubeConfig, api: CoreV1Api, namespace: string): Promise<void> {
  const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/secrets`, () =>
    api.listNamespacedSecret({ namespace }),
  );
  const added = Promise.withResolvers<void>();
  informer.on("add", ({ metadata }) => {
    if (metadata?.name === "informed") added.resolve();
  });
  informer.on("error", () => undefined);
  await informer.start();
  await api.createNamespacedSecret({ namespace, body: { metadata: { name: "informed" } } });
  await added.promise;
  assert.equal(informer.get("informed", namespace)?.type, "Opaque");
  await informer.stop();
}

async function speaksOfAnyKind(config: KubeConfig, namespace: string): Promise<void> {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const claim = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "any", namespace } };
  assert.equal((await objects.create(claim)).metadata?.name, "any");
  assert.equal((await objects.read(claim)).kind, "ConfigMap");
  await objects.delete(claim);
  const custom = config.makeApiClient(CustomObjectsApi);
  const leases: unknown = await custom.listNamespacedCustomObject({
    ...{ group: "coordination.k8s.io", version: "v1", plural: "leases" },
    namespace,
  });
  assert.equal((leases as { kind?: string }).kind, "LeaseList");
}
