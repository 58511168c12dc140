import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { namesOf, startTestServer, type TestServer } from "../test-support/server.ts";
import { defineKind, deleteKind, kindPath, until } from "./test-support.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await server.server.start();
});
after(() => server.close());

const schema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 1, maximum: 10 },
        color: { type: "string", enum: ["red", "blue"], default: "red" },
        ports: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: {
            type: "object",
            required: ["name"],
            properties: { name: { type: "string" }, port: { "x-kubernetes-int-or-string": true } },
          },
        },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    status: { type: "object", properties: { ready: { type: "boolean" }, replicas: { type: "integer" } } },
  },
};

const widget = (name: string, spec: object) => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name },
  spec,
});
const path = kindPath("widgets");

test("Custom Resource Definition, create", async () => {
  const crd = await defineKind(server, { plural: "gadgets", kind: "Gadget", schema });
  const conditions = (crd.status as { conditions: { type: string; status: string }[] }).conditions;
  assert.deepEqual(
    conditions.map(({ type, status }) => [type, status]),
    [
      ["NamesAccepted", "True"],
      ["Established", "True"],
    ],
  );
  assert.deepEqual((await server.ok<KubeList>("GET", kindPath("gadgets"))).items, []);
  await deleteKind(server, "gadgets");
  assert.equal((await server.call("GET", kindPath("gadgets"))).status, 404);
});

test("objects of a custom kind are created, defaulted, pruned, listed, watched, changed and deleted", async () => {
  await defineKind(server, { plural: "widgets", kind: "Widget", schema, subresources: { status: {} } });
  const watch = await server.watch(path);
  const created = await server.ok("POST", path, {
    body: { ...widget("a", { size: 1, unknown: true, free: { any: 1 } }), status: { ready: true } },
  });
  assert.deepEqual(created.spec, { size: 1, color: "red", free: { any: 1 } });
  assert.equal(created.status, undefined, "status has its own endpoint");
  assert.equal(created.metadata.generation, 1);
  assert.equal((await watch.next())?.type, "ADDED");
  const updated = await server.ok("PUT", `${path}/a`, {
    body: { ...created, spec: { size: 2, ports: [{ name: "x", port: "http" }] } },
  });
  assert.equal(updated.metadata.generation, 2);
  const withStatus = await server.ok("PATCH", `${path}/a/status`, {
    headers: { "content-type": "application/merge-patch+json" },
    body: { status: { ready: true, replicas: 3 }, spec: { size: 9 } },
  });
  assert.deepEqual(withStatus.status, { ready: true, replicas: 3 });
  assert.equal((withStatus.spec as { size: number }).size, 2);
  assert.equal(withStatus.metadata.generation, 2);
  assert.deepEqual(namesOf(await server.ok<KubeList>("GET", path)), ["a"]);
  await server.ok("DELETE", `${path}/a`);
  const types = [await watch.next(), await watch.next(), await watch.next()].map((event) => event?.type);
  assert.deepEqual(types, ["MODIFIED", "MODIFIED", "DELETED"]);
  watch.close();
});

for (const { name, spec, want } of [
  {
    name: "of the wrong type",
    spec: { size: "big" },
    want: ['spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'],
  },
  {
    name: "too large",
    spec: { size: 11 },
    want: ["spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"],
  },
  { name: "missing", spec: {}, want: ["spec.size: Required value"] },
  {
    name: "not among those allowed",
    spec: { size: 1, color: "green" },
    want: ['spec.color: Unsupported value: "green": supported values: "red", "blue"'],
  },
  {
    name: "twice in a list of distinct keys",
    spec: { size: 1, ports: [{ name: "a" }, { name: "a" }] },
    want: ['spec.ports[1]: Duplicate value: {"name":"a"}'],
  },
]) {
  test(`a value that is ${name} is refused`, async () => {
    const status = await server.object<Status>("POST", path, { body: widget("b", spec) });
    assert.equal(status.code, 422);
    const causes = status.details?.causes?.map(({ field, message }) => `${field}: ${message}`);
    assert.deepEqual(causes, want);
  });
}

test("strict decoding names each field that a schema does not have", async () => {
  const body = { ...widget("c", { size: 1, bad: 1, ports: [{ name: "x", worse: 2 }] }) };
  const strict = await server.object<Status>("POST", path, { body, query: { fieldValidation: "Strict" } });
  assert.equal(strict.code, 400);
  assert.match(
    strict.message ?? "",
    /strict decoding error: unknown field "spec.bad", unknown field "spec.ports\[0\].worse"$/,
  );
  const warned = await server.call("POST", path, { body, query: { fieldValidation: "Warn" } });
  assert.deepEqual(warned.headers.warning, [
    '299 - "unknown field \\"spec.bad\\""',
    '299 - "unknown field \\"spec.ports[0].worse\\""',
  ]);
});

test("a name that another definition has is not accepted until it is free", async () => {
  await defineKind(server, { plural: "owners", kind: "Owner", schema });
  const conflicting = {
    ...definitionOfOwner("rivals", "Owner"),
  };
  await server.ok("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: conflicting });
  const rival = await until(server, "rivals.example.com", ({ conditions }) => conditions.length > 0);
  const accepted = conditionsOf(rival).find(({ type }) => type === "NamesAccepted");
  assert.equal(accepted?.status, "False");
  assert.equal(accepted?.reason, "ListKindConflict");
  await deleteKind(server, "owners");
  await until(server, "rivals.example.com", ({ conditions }) =>
    conditions.some(({ type, status }) => type === "Established" && status === "True"),
  );
  assert.deepEqual((await server.ok<KubeList>("GET", kindPath("rivals"))).items, []);
});

function definitionOfOwner(plural: string, kind: string) {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural, kind },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
}

function conditionsOf(crd: AnyObject) {
  return (crd.status as { conditions: { type: string; status: string; reason: string }[] }).conditions;
}

test("a deleted definition takes its objects along, and ends their watches", async () => {
  await defineKind(server, { plural: "things", kind: "Thing", schema });
  await server.ok("POST", kindPath("things"), {
    body: { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "t" }, spec: { size: 1 } },
  });
  const watch = await server.watch(kindPath("things"));
  assert.equal((await watch.next())?.type, "ADDED");
  await deleteKind(server, "things");
  assert.equal((await watch.next())?.type, "DELETED");
  assert.equal(await watch.next(), undefined);
  await defineKind(server, { plural: "things", kind: "Thing", schema });
  assert.deepEqual((await server.ok<KubeList>("GET", kindPath("things"))).items, []);
});

test("scale shows and changes what the definition's paths lead to", async () => {
  const schema = {
    type: "object",
    properties: {
      spec: { type: "object", properties: { n: { type: "integer" } } },
      status: { type: "object", properties: { n: { type: "integer" }, selector: { type: "string" } } },
    },
  };
  const scale = {
    specReplicasPath: ".spec.n",
    statusReplicasPath: ".status.n",
    labelSelectorPath: ".status.selector",
  };
  await defineKind(server, {
    plural: "scaleds",
    kind: "Scaled",
    schema,
    subresources: { status: {}, scale },
  });
  const object = (name: string, spec: object) => ({
    apiVersion: "example.com/v1",
    kind: "Scaled",
    metadata: { name },
    spec,
  });
  const scaleds = kindPath("scaleds");
  await server.ok("POST", scaleds, { body: object("a", { n: 2 }) });
  await server.ok("PATCH", `${scaleds}/a/status`, {
    headers: { "content-type": "application/merge-patch+json" },
    body: { status: { n: 1, selector: "app=a" } },
  });
  const shown = await server.ok("GET", `${scaleds}/a/scale`);
  assert.deepEqual(
    [shown.kind, shown.spec, shown.status],
    ["Scale", { replicas: 2 }, { replicas: 1, selector: "app=a" }],
  );
  await server.ok("PUT", `${scaleds}/a/scale`, { body: { ...shown, spec: { replicas: 5 } } });
  const changed = await server.ok("GET", `${scaleds}/a`);
  assert.deepEqual([changed.spec, changed.metadata.generation], [{ n: 5 }, 2]);
  // Custom kinds want a resourceVersion with an update; a Scale may leave it out.
  await server.ok("PUT", `${scaleds}/a/scale`, { body: { metadata: { name: "a" }, spec: { replicas: 6 } } });
  await server.ok("POST", scaleds, { body: object("b", {}) });
  const missing = await server.object<Status>("GET", `${scaleds}/b/scale`);
  assert.equal(missing.code, 500);
  assert.match(missing.message ?? "", /the spec replicas field ".spec.n" does not exist/);
  const negative = await server.object<Status>("POST", scaleds, { body: object("c", { n: -1 }) });
  assert.match(negative.message ?? "", /\.spec\.n: Invalid value: -1: should be a non-negative integer/);
});

test("columns show what their paths find, as their type says", async () => {
  const columns = [
    { name: "Size", type: "integer", jsonPath: ".spec.size" },
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Since", type: "date", jsonPath: ".spec.since", priority: 1 },
    { name: "Missing", type: "string", jsonPath: ".spec.missing" },
    { name: "Map", type: "string", jsonPath: ".spec.map" },
  ];
  await defineKind(server, { plural: "shown", kind: "Shown", columns });
  const since = new Date(server.clock.now() - 3_600_000).toISOString();
  await server.ok("POST", kindPath("shown"), {
    body: {
      apiVersion: "example.com/v1",
      kind: "Shown",
      metadata: { name: "a" },
      spec: { size: 3, since, map: { a: 1 } },
      status: {
        conditions: [
          { type: "Other", status: "False" },
          { type: "Ready", status: "True" },
        ],
      },
    },
  });
  const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
  const table = await server.ok<{
    rows: { cells: unknown[] }[];
    columnDefinitions: { name: string; priority: number }[];
  }>("GET", kindPath("shown"), { headers: { accept } });
  assert.deepEqual(table.rows[0]?.cells, ["a", 3, "True", "60m", null, '{"a":1}']);
  assert.deepEqual(
    table.columnDefinitions.map(({ name, priority }) => [name, priority]),
    [
      ["Name", 0],
      ["Size", 0],
      ["Ready", 0],
      ["Since", 1],
      ["Missing", 0],
      ["Map", 0],
    ],
  );
});

const embedding = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        o: { type: "object", properties: { x: { type: "string" } } },
        emb: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          properties: { spec: { type: "object", properties: { q: { type: "string" } } } },
        },
      },
    },
    status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
};

/** What kube-apiserver v1.36.2 answers, with code and message. */
test("embedded resources, nulls and scales are refused where and as kube-apiserver does it", async () => {
  await defineKind(server, {
    plural: "holders",
    kind: "Holder",
    schema: embedding,
    subresources: {
      status: {},
      scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
    },
  });
  const holder = (spec: unknown) => ({
    apiVersion: "example.com/v1",
    kind: "Holder",
    metadata: { name: "h" },
    spec,
  });
  const refusal = async (spec: unknown, apply = false) => {
    const { code, message } = apply
      ? await server.object<Status>("PATCH", `${kindPath("holders")}/h`, {
          body: holder(spec),
          headers: { "content-type": "application/apply-patch+yaml" },
          query: { fieldManager: "m" },
        })
      : await server.object<Status>("POST", kindPath("holders"), { body: holder(spec) });
    return [code, message];
  };
  assert.deepEqual(await refusal({ emb: { apiVersion: 1, kind: "Pod" } }), [
    400,
    'Holder in version "v1" cannot be handled as a Holder: spec.emb.apiVersion: Invalid value: 1: must be a string',
  ]);
  assert.deepEqual(await refusal({ emb: { apiVersion: "v1", kind: "Pod", metadata: "x" } }), [
    400,
    'Holder in version "v1" cannot be handled as a Holder: spec.emb.metadata: Invalid value: "x": json: cannot unmarshal string into Go value of type v1.ObjectMeta',
  ]);
  assert.deepEqual(await refusal("x"), [
    422,
    'Holder.example.com "h" is invalid: [spec: Invalid value: "string": spec in body must be of type object: "string", .spec.replicas: Invalid value: 0: .spec.replicas accessor error: x is of the type string, expected map[string]interface{}]',
  ]);
  assert.deepEqual(await refusal({ o: null }, true), [
    422,
    'Holder.example.com "h" is invalid: spec.o: Invalid value: "null": spec.o in body must be of type object: "null"',
  ]);
  // Without an apply a null that is not allowed is dropped.
  const made = await server.ok("POST", kindPath("holders"), { body: holder({ o: null }) });
  assert.deepEqual(made.spec, {});
  await deleteKind(server, "holders");
});

test("what only another version has by default is not shown of objects that were stored without it", async () => {
  const versioned = (name: string, storage: boolean, properties: object) => ({
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } } },
  });
  const late = { type: "string", default: "late" };
  await defineKind(server, {
    plural: "twins",
    kind: "Twin",
    versions: [versioned("v1", true, { a: late }), versioned("v2", false, { a: late, b: late })],
  });
  await server.ok("POST", kindPath("twins"), {
    body: { apiVersion: "example.com/v1", kind: "Twin", metadata: { name: "t" }, spec: {} },
  });
  const shown = await server.ok("GET", `${kindPath("twins", "v2")}/t`);
  assert.deepEqual(shown.spec, { a: "late" });
  await deleteKind(server, "twins");
});

test("the server is a manager of definitions' status, and deleting one is no new generation", async () => {
  const crd = await defineKind(server, { plural: "watched", kind: "Watched" });
  const managers = (crd.metadata.managedFields ?? []).map(
    ({ manager, operation, subresource = "" }) => `${manager} ${operation} ${subresource}`,
  );
  assert.deepEqual(managers.toSorted(), ["kube-apiserver Update status", "unknown Update "]);
  const definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/watched.example.com";
  const held = { metadata: { name: "w", finalizers: ["example.com/hold"] } };
  await server.ok("POST", kindPath("watched"), {
    body: { apiVersion: "example.com/v1", kind: "Watched", ...held },
  });
  const deleted = await server.ok("DELETE", definition, { body: { propagationPolicy: "Orphan" } });
  assert.deepEqual(
    [deleted.metadata.generation, deleted.metadata.finalizers],
    [1, ["customresourcecleanup.apiextensions.k8s.io"]],
  );
  const { resources } = await server.ok<{ resources: { name: string; verbs: string[] }[] }>(
    "GET",
    "/apis/example.com/v1",
  );
  assert.deepEqual(resources.find(({ name }) => name === "watched")?.verbs, [
    "delete",
    "deletecollection",
    "get",
    "list",
    "watch",
  ]);
  await server.ok("PATCH", `${kindPath("watched")}/w`, {
    body: { metadata: { finalizers: null } },
    headers: { "content-type": "application/merge-patch+json" },
  });
});

test("who changes an object beside what its rules refuse is warned of it", async () => {
  const text = { type: "string" };
  const properties = (rules: object) => ({
    type: "object",
    properties: { spec: { type: "object", properties: { a: { ...text, ...rules }, b: text } } },
  });
  await defineKind(server, { plural: "elders", kind: "Elder", schema: properties({}) });
  await server.ok("POST", kindPath("elders"), {
    body: { apiVersion: "example.com/v1", kind: "Elder", metadata: { name: "e" }, spec: { a: "bad" } },
  });
  const rules = { "x-kubernetes-validations": [{ rule: "self != 'bad'", message: "no" }] };
  const merge = { "content-type": "application/merge-patch+json" };
  await server.ok("PATCH", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/elders.example.com", {
    headers: merge,
    body: {
      spec: {
        versions: [
          { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: properties(rules) } },
        ],
      },
    },
  });
  const warned = async (b: string) => {
    const { headers } = await server.call("PATCH", `${kindPath("elders")}/e`, {
      headers: merge,
      body: { spec: { b } },
    });
    return headers.warning;
  };
  // The definition is followed some time after it is written.
  let warning: unknown;
  for (let turn = 0; turn < 1000 && warning === undefined; turn++) warning = await warned(`turn ${turn}`);
  assert.match(String(warning), /299 - "spec\.a: Invalid value: \\"bad\\": no"/);
  await deleteKind(server, "elders");
});
