import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";
import { negotiateOutput } from "./negotiate.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  for (const name of ["a", "b"])
    await server.ok("POST", path, {
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { x: "1" } },
    });
});
after(() => server.close());

const path = "/api/v1/namespaces/default/configmaps";
const table = { accept: "application/json;as=Table;g=meta.k8s.io;v=v1,application/json" };

interface Table {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly resourceVersion?: string };
  readonly columnDefinitions: readonly { readonly name: string }[] | null;
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object: AnyObject | null }[];
}

test("Servers with support for Table transformation should return a table with columns, cells and metadata", async () => {
  const list = await server.ok<Table>("GET", path, { headers: table });
  assert.equal(list.kind, "Table");
  assert.equal(list.apiVersion, "meta.k8s.io/v1");
  assert.deepEqual(
    list.columnDefinitions?.map(({ name }) => name),
    ["Name", "Data", "Age"],
  );
  assert.deepEqual(
    list.rows.map(({ cells }) => cells),
    [
      ["a", 1, "0s"],
      ["b", 1, "0s"],
    ],
  );
  assert.equal(list.rows[0]?.object?.kind, "PartialObjectMetadata");
  const whole = await server.ok<Table>("GET", `${path}/a`, {
    headers: table,
    query: { includeObject: "Object" },
  });
  assert.equal(whole.rows[0]?.object?.kind, "ConfigMap");
  const none = await server.ok<Table>("GET", path, { headers: table, query: { includeObject: "None" } });
  assert.equal(none.rows[0]?.object, null);
});

test("API metadata HTTP return: a table of a version that nobody knows is refused with 406", async () => {
  const status = await server.object<Status>("GET", path, {
    headers: { accept: "application/json;as=Table;g=meta.k8s.io;v=v9" },
  });
  assert.equal(status.code, 406);
});

test("a watch of tables names the columns once", async () => {
  const response = await server.call("GET", path, { query: { watch: "true" }, headers: table });
  assert.equal(response.type, "watch");
  if (response.type !== "watch") return;
  const tables: Table[] = [];
  for await (const batch of response.events) {
    tables.push(...batch.map(({ object }) => object as unknown as Table));
    if (tables.length >= 2) break;
  }
  assert.notEqual(tables[0]?.columnDefinitions, null);
  assert.equal(tables[1]?.columnDefinitions, null);
});

for (const { resource, name, want } of [
  {
    resource: "/api/v1/namespaces/default/pods",
    name: "a kind with parts of its own",
    want: ["", "0/0", "", "0", "<unknown>", "<none>", "<none>", "<none>", "<none>"],
  },
  {
    resource: "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
    name: "a kind without columns",
    want: ["", "0001-01-01T00:00:00Z"],
  },
]) {
  test(`the bookmark of a watch of tables is the row of an empty object: ${name}`, async () => {
    const query = {
      watch: "true",
      sendInitialEvents: "true",
      allowWatchBookmarks: "true",
      resourceVersionMatch: "NotOlderThan",
      includeObject: "None",
    };
    const response = await server.call("GET", resource, { query, headers: table });
    assert.equal(response.type, "watch");
    if (response.type !== "watch") return;
    for await (const batch of response.events) {
      const bookmark = batch.find(({ type }) => type === "BOOKMARK");
      if (bookmark === undefined) continue;
      const [row] = (bookmark.object as unknown as Table).rows;
      assert.deepEqual(row?.cells, want);
      assert.equal(row?.object?.kind, "PartialObjectMetadata");
      break;
    }
  });
}

test("an empty table of a kind without columns has no rows at all", async () => {
  const query = { labelSelector: "no=such" };
  const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
  assert.equal((await server.ok<Table>("GET", roles, { headers: table, query })).rows, null);
  assert.deepEqual((await server.ok<Table>("GET", path, { headers: table, query })).rows, []);
});

test("what shows no table can still show metadata alone", () => {
  const offer = { protobuf: true, views: true, tables: false };
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  assert.throws(() => negotiateOutput(accept, offer), { message: /only the following media types/ });
  const metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
  assert.equal(negotiateOutput(metadata, offer).view, "PartialObjectMetadata");
});

test("metadata alone can be had of an object, a list and a watch", async () => {
  const single = { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" };
  const object = await server.ok("GET", `${path}/a`, { headers: single });
  assert.deepEqual(Object.keys(object), ["kind", "apiVersion", "metadata"]);
  assert.equal((await server.object<Status>("GET", path, { headers: single })).code, 406);
  const many = { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" };
  const list = await server.ok<KubeList>("GET", path, { headers: many });
  assert.equal(list.kind, "PartialObjectMetadataList");
  assert.equal(list.items[0]?.kind, "PartialObjectMetadata");
});

for (const { accept, want } of [
  { accept: undefined, want: "json" },
  { accept: "*/*", want: "json" },
  { accept: "application/yaml;q=0.5, application/json;q=0.1", want: "yaml" },
  { accept: "text/html, application/yaml", want: "yaml" },
  { accept: "application/vnd.kubernetes.protobuf, application/json", want: "protobuf" },
  { accept: "application/json;as=Nothing;g=x;v=v1, application/yaml", want: "yaml" },
]) {
  test(`Accept ${accept} gives ${want}`, () => {
    assert.equal(negotiateOutput(accept, { protobuf: true, views: true }).encoding, want);
  });
}

test("one object is shown in each version it is served in", async () => {
  const autoscaler = {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "h" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      maxReplicas: 3,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } },
        },
      ],
    },
  };
  await server.ok("POST", "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", {
    body: autoscaler,
  });
  const old = await server.ok("GET", "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/h");
  assert.equal(old.apiVersion, "autoscaling/v1");
  assert.equal((old.spec as { targetCPUUtilizationPercentage?: number }).targetCPUUtilizationPercentage, 60);
});

test("an event is the same event in both of its groups", async () => {
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e", namespace: "default" },
    involvedObject: { kind: "Pod", namespace: "default", name: "p" },
    reason: "Tested",
    message: "text",
    type: "Normal",
  };
  const created = await server.ok("POST", "/api/v1/namespaces/default/events", { body: event });
  const newer = await server.ok("GET", "/apis/events.k8s.io/v1/namespaces/default/events/e");
  assert.equal(newer.note, "text");
  assert.equal(newer.metadata.uid, created.metadata.uid);
  const list = await server.ok<KubeList>("GET", "/apis/events.k8s.io/v1/namespaces/default/events", {
    query: { fieldSelector: "regarding.name=p" },
  });
  assert.equal(list.items.length, 1);
  assert.equal(list.items[0]?.apiVersion, "events.k8s.io/v1");
});
