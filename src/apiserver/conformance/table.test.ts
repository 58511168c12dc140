import assert from "node:assert/strict";
import { test } from "node:test";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

interface Table {
  readonly kind: string;
  readonly metadata: { readonly continue?: string };
  readonly columnDefinitions: readonly { readonly name: string }[];
  readonly rows: readonly {
    readonly cells: readonly unknown[];
    readonly object?: { readonly kind: string };
  }[];
}

const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";

function suite({ api, named }: Suite): void {
  const table = async (path: string, query: Readonly<Record<string, string>> = {}) => {
    const { status, object, text } = await api().send("GET", path, { query, headers: { accept } });
    assert.equal(status, 200);
    const found = (object ?? JSON.parse(text)) as Table;
    assert.equal(found.kind, "Table");
    assert.equal(found.columnDefinitions[0]?.name, "Name");
    for (const { cells } of found.rows) assert.equal(cells.length, found.columnDefinitions.length);
    return found;
  };

  test("A pod as a table: a row with its name first", async () => {
    const namespace = await api().namespace(named("tables-pod"));
    await api().create(`${namespace}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pod-1" },
      spec: { containers: [{ name: "pod-1-container", image: "agnhost" }] },
    });
    const found = await table(`${namespace}/pods/pod-1`);
    assert.ok(found.columnDefinitions.length > 2);
    assert.equal(found.rows.length, 1);
    assert.equal(found.rows[0]?.cells[0], "pod-1");
    assert.equal(found.rows[0]?.object?.kind, "PartialObjectMetadata");
  });

  test("A chunked table: two rows of twenty, then the rest", async () => {
    const namespace = await api().namespace(named("tables-chunks"));
    const path = `${namespace}/podtemplates`;
    for (let index = 0; index < 20; index++)
      await api().create(path, {
        apiVersion: "v1",
        kind: "PodTemplate",
        metadata: { name: `template-${String(index).padStart(4, "0")}` },
        template: { spec: { containers: [{ name: "test", image: "test2" }] } },
      });
    const first = await table(path, { limit: "2" });
    assert.deepEqual(
      first.rows.map(({ cells }) => cells[0]),
      ["template-0000", "template-0001"],
    );
    const rest = await table(path, { continue: first.metadata.continue ?? "" });
    assert.equal(rest.rows[0]?.cells[0], "template-0002");
    assert.equal(rest.rows.length, 18);
  });

  test("Events as a table, through both of their groups", async () => {
    const name = named("tables-events");
    const namespace = await api().namespace(name);
    await api().create(`${namespace}/events`, {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "told" },
      reason: "Told",
      involvedObject: { kind: "ConfigMap", name: "it", namespace: name },
    });
    for (const root of [namespace, `/apis/events.k8s.io/v1/namespaces/${name}`])
      for (const path of [`${root}/events`, `${root}/events/told`]) {
        const { object, text } = await api().send("GET", path, { headers: { accept } });
        const { columnDefinitions, rows } = (object ?? JSON.parse(text)) as Table;
        const at = columnDefinitions.findIndex((column) => column.name === "Object");
        assert.equal(rows[0]?.cells[at], "configmap/it", path);
      }
  });

  test("A scale as a table: what is wanted and what there is", async () => {
    const namespace = await api().namespace(named("tables-scale"));
    const labels = { app: "scaled" };
    const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "agnhost" }] } };
    await api().create(`${namespace}/replicationcontrollers`, {
      apiVersion: "v1",
      kind: "ReplicationController",
      metadata: { name: "scaled" },
      spec: { replicas: 0, selector: labels, template },
    });
    const found = await table(`${namespace}/replicationcontrollers/scaled/scale`);
    assert.deepEqual(
      found.columnDefinitions.map((column) => column.name),
      ["Name", "Desired", "Available", "Age"],
    );
    assert.deepEqual(found.rows[0]?.cells.slice(0, 3), ["scaled", 0, 0]);
  });

  test("All nodes as a table", async () => {
    const found = await table("/api/v1/nodes");
    assert.ok(found.columnDefinitions.length >= 2);
    assert.ok(found.rows.length >= 1);
  });
}

overBothTransports("Tables", suite, { nodes: 1 });
