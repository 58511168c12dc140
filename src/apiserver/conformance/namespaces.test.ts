import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}
interface Namespace extends AnyObject {
  readonly spec: { readonly finalizers?: readonly string[] };
  readonly status: { readonly phase: string; readonly conditions?: readonly Condition[] };
}

const pod = (name: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, ...more },
  spec: { containers: [{ name: "nginx", image: "pause" }], terminationGracePeriodSeconds: 0 },
});

function suite({ api, named }: Suite): void {
  const plain = async (name: string) => {
    await api().create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    return `/api/v1/namespaces/${name}`;
  };

  for (const { title, plural, object } of [
    { title: "namespace-deletion-removes-pods", plural: "pods", object: pod("test") },
    {
      title: "namespace-deletion-removes-services",
      plural: "services",
      object: {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "test" },
        spec: { selector: { foo: "bar", baz: "blah" }, ports: [{ port: 80, targetPort: 80 }] },
      },
    },
  ])
    test(`${title}: made again, the namespace is empty`, async () => {
      const name = named(`nsdelete-${plural}`);
      const path = await api().namespace(name);
      await api().create(`${path}/${plural}`, object);
      if (plural === "pods")
        await eventually("the pod runs", async () => {
          const { status } = await api().get<{ status: { phase: string } }>(`${path}/pods/test`);
          return status.phase === "Running";
        });
      await api().delete(path);
      await eventually("the namespace is gone", () => api().isGone(path));
      await api().namespace(name);
      assert.equal((await api().refused("GET", `${path}/${plural}/test`)).reason, "NotFound");
    });

  test("Namespace patching", async () => {
    const path = await plain(named("nspatch"));
    await api().strategic(path, { metadata: { labels: { testLabel: "testValue" } } });
    assert.equal((await api().get(path)).metadata.labels?.testLabel, "testValue");
  });

  test("Namespace, apply changes to a namespace status", async () => {
    const path = await plain(named("nsstatus"));
    const first = { type: "StatusPatch", status: "True", reason: "E2E", message: "Patched by an e2e test" };
    const patched = await api().merge<Namespace>(`${path}/status`, {
      metadata: { annotations: { e2e: "test" } },
      status: { conditions: [first] },
    });
    assert.equal(patched.metadata.annotations?.e2e, "test");
    const shown = ({ status }: Namespace) =>
      status.conditions?.map(({ type, status: is, reason, message }) => ({
        type,
        status: is,
        reason,
        message,
      }));
    assert.deepEqual(shown(patched), [first]);
    const second = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Updated by an e2e test" };
    const current = await api().get<Namespace>(path);
    const updated = await api().update<Namespace>(`${path}/status`, {
      ...current,
      status: { ...current.status, conditions: [...(current.status.conditions ?? []), second] },
    });
    assert.deepEqual(shown(updated), [first, second]);
    assert.equal(updated.status.phase, "Active");
  });

  test("Namespace, apply update to a namespace", async () => {
    const path = await plain(named("nsupdate"));
    const current = await api().get(path);
    const labels = { ...current.metadata.labels, [named("nsupdate")]: "updated" };
    const updated = await api().update(path, { ...current, metadata: { ...current.metadata, labels } });
    assert.equal(updated.metadata.labels?.[named("nsupdate")], "updated");
    assert.equal(updated.metadata.labels?.["kubernetes.io/metadata.name"], named("nsupdate"));
  });

  test("Namespace, apply finalizer to a namespace", async () => {
    const path = await plain(named("nsfinalizer"));
    const finalizer = `e2e.example.com/${named("fakeFinalizer")}`;
    const current = await api().get<Namespace>(path);
    const finalizers = [...(current.spec.finalizers ?? []), finalizer];
    const added = await api().update<Namespace>(`${path}/finalize`, { ...current, spec: { finalizers } });
    assert.ok(added.spec.finalizers?.includes(finalizer));
    const removed = await api().update<Namespace>(`${path}/finalize`, {
      ...added,
      spec: { finalizers: added.spec.finalizers?.filter((each) => each !== finalizer) },
    });
    assert.deepEqual(removed.spec.finalizers, ["kubernetes"]);
  });

  test("Ordered Namespace Deletion: a pod that is held holds the rest, and its namespace says so", async () => {
    const path = await api().namespace(named("nsordered"));
    await api().create(`${path}/pods`, pod("hold", { finalizers: ["e2e.example.com/finalizer"] }));
    await api().create(`${path}/configmaps`, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "kept" },
    });
    await api().delete(path);
    await eventually("the pod is being deleted", async () => {
      const { metadata } = await api().get(`${path}/pods/hold`);
      return metadata.deletionTimestamp !== undefined;
    });
    await eventually("the namespace says what holds it", async () => {
      const { status } = await api().get<Namespace>(path);
      return (
        status.conditions?.some(
          ({ type, status: is }) => type === "NamespaceDeletionContentFailure" && is === "True",
        ) === true ||
        status.conditions?.some(
          ({ type, status: is }) => type === "NamespaceFinalizersRemaining" && is === "True",
        ) === true
      );
    });
    assert.equal((await api().get(`${path}/configmaps/kept`)).metadata.deletionTimestamp, undefined);
    await api().ok("PATCH", `${path}/pods/hold`, {
      body: { metadata: { finalizers: null } },
      headers: { "content-type": "application/merge-patch+json" },
    });
    await eventually("the namespace is gone", () => api().isGone(path), 60_000);
    const left = await api().get<KubeList>("/api/v1/configmaps", { fieldSelector: "metadata.name=kept" });
    assert.deepEqual(
      left.items.filter(({ metadata }) => metadata.namespace === named("nsordered")),
      [],
    );
  });
}

overBothTransports("Namespaces", suite, { nodes: 1 });
