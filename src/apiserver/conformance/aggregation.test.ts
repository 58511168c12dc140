import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

interface ApiService extends AnyObject {
  readonly spec: { readonly versionPriority: number };
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
  };
}

const collection = "/apis/apiregistration.k8s.io/v1/apiservices";

function suite({ api, named }: Suite): void {
  test("aggregator-supports-the-sample-apiserver: what the suite does to its APIService while the server behind it is away", async () => {
    const group = `${named("wardle")}.example.com`;
    const name = `v1alpha1.${group}`;
    const path = `${collection}/${name}`;
    await api().create(collection, {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name },
      spec: {
        service: { namespace: "default", name: "sample-api", port: 7443 },
        group,
        version: "v1alpha1",
        caBundle: btoa("-----BEGIN CERTIFICATE-----\n"),
        groupPriorityMinimum: 2000,
        versionPriority: 200,
      },
    });
    const available = ({ status }: ApiService) => status.conditions?.find(({ type }) => type === "Available");
    await eventually("it is known to be away", async () => {
      const service = await api().get<ApiService>(path);
      return available(service)?.reason === "ServiceNotFound";
    });
    assert.equal(
      (await api().send("GET", `/apis/${group}/v1alpha1/namespaces/default/flunders`)).status,
      503,
    );
    // Others' groups are found in spite of it.
    assert.equal((await api().send("GET", "/apis")).status, 200);
    const patched = await api().merge<ApiService>(path, { spec: { versionPriority: 400 } });
    assert.equal(Number(patched.spec.versionPriority), 400);
    const list = await api().get<KubeList>(collection);
    assert.ok(list.items.some(({ metadata }) => metadata.name === name));
    const labels = { "e2e-apiservice": named("patched") };
    const labelled = await api().merge<ApiService>(path, { metadata: { labels } });
    assert.deepEqual(labelled.metadata.labels, labels);
    const condition = {
      type: "StatusUpdated",
      status: "True",
      reason: "E2E",
      message: "Set from an e2e test",
    };
    const current = await api().get<ApiService>(path);
    const updated = await api().update<ApiService>(`${path}/status`, {
      ...current,
      status: { ...current.status, conditions: [...(current.status.conditions ?? []), condition] },
    });
    const has = ({ status }: ApiService, type: string) =>
      status.conditions?.some((each) => each.type === type && each.status === "True") === true;
    assert.ok(has(updated, "StatusUpdated"));
    const again = await api().merge<ApiService>(`${path}/status`, {
      status: { conditions: [{ ...condition, type: "StatusPatched" }] },
    });
    assert.ok(has(again, "StatusPatched"));
    assert.ok(has(await api().get<ApiService>(`${path}/status`), "StatusPatched"));
    await eventually("what it is able to do is told again", async () => {
      const service = await api().get<ApiService>(path);
      return available(service) !== undefined;
    });
    const query = { labelSelector: `e2e-apiservice=${named("patched")}` };
    await api().ok("DELETE", collection, { query, body: {} });
    await eventually(
      "it is gone",
      async () => (await api().get<KubeList>(collection, query)).items.length === 0,
    );
    assert.equal((await api().send("GET", `/apis/${group}/v1alpha1`)).status, 404);
  });
}

overBothTransports("Aggregation", suite);
