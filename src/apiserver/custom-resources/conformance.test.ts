import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { schemas } from "../../api/schemas.ts";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { createOpenApi, type OpenApi } from "../openapi/open-api.ts";
import { namesOf, startTestServer, type TestServer } from "../test-support/server.ts";
import { customSchema } from "./open-api.ts";
import { defineKind, definitionBody, deleteKind, kindPath } from "./test-support.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const merge = { "content-type": "application/merge-patch+json" };
const string = { type: "string" };

let server: TestServer;
let openApi: OpenApi;
before(async () => {
  server = await startTestServer();
  await server.server.start();
  openApi = createOpenApi({
    definitions: () => server.server.definitions(),
    customSchema,
    tables: schemas,
    serverVersion: "v1.36.0",
  });
});
after(() => server.close());

const custom = (kind: string, name: string, fields: object = {}): AnyObject => ({
  apiVersion: "example.com/v1",
  kind,
  metadata: { name },
  ...fields,
});

/** A JSON body as its text, as a client sends it. */
async function send(
  method: "POST" | "PUT",
  path: string,
  text: string,
  query: Readonly<Record<string, string>> = {},
) {
  const response = await server.server.handle(
    {
      method,
      path,
      query: new URLSearchParams(query),
      headers: { "content-type": "application/json" },
      body: { bytes: new TextEncoder().encode(text) },
      signal: new AbortController().signal,
    },
    { user: { name: "admin", groups: ["system:masters"] } },
  );
  if (response.type !== "object") throw new Error(`answered with ${response.type}`);
  return response.object as unknown as Status & AnyObject;
}

test("Custom Resource Definition, watch", async () => {
  await defineKind(server, { plural: "noxus", kind: "Noxu", scope: "Cluster" });
  const path = "/apis/example.com/v1/noxus";
  const watch = await server.watch(path);
  const created = await server.ok("POST", path, { body: custom("Noxu", "a") });
  await server.ok("PUT", `${path}/a`, { body: { ...created, more: 1 } });
  await server.ok("DELETE", `${path}/a`);
  const types = [await watch.next(), await watch.next(), await watch.next()].map((event) => event?.type);
  assert.deepEqual(types, ["ADDED", "MODIFIED", "DELETED"]);
  watch.close();
});

test("Custom Resource Definition, status sub-resource", async () => {
  await defineKind(server, { plural: "states", kind: "State" });
  const path = `${definitions}/states.example.com/status`;
  const read = await server.ok("GET", path);
  const condition = {
    type: "StatusUpdate",
    status: "True",
    reason: "E2E",
    message: "set",
    lastTransitionTime: null,
  };
  const status = read.status as { conditions: object[] };
  const updated = await server.ok("PUT", path, {
    body: { ...read, status: { ...status, conditions: [...status.conditions, condition] } },
  });
  const types = (object: AnyObject) =>
    (object.status as { conditions: { type: string }[] }).conditions.map(({ type }) => type);
  assert.ok(types(updated).includes("StatusUpdate"));
  await server.ok("PATCH", path, {
    headers: merge,
    body: { metadata: { annotations: { a: "b" } }, status: { conditions: [condition] } },
  });
  assert.ok(types(await server.ok("GET", path)).includes("StatusUpdate"));
});

test("Custom Resource Definition, list", async () => {
  for (let index = 0; index < 10; index++) {
    const body = definitionBody({ plural: `listed${index}s`, kind: `Listed${index}` });
    await server.ok("POST", definitions, {
      body: { ...body, metadata: { ...body.metadata, labels: { set: "listed" } } },
    });
  }
  const query = { labelSelector: "set=listed" };
  assert.equal((await server.ok<KubeList>("GET", definitions, { query })).items.length, 10);
  const before = (await server.ok<KubeList>("GET", definitions)).items.length;
  await server.ok("DELETE", definitions, { query });
  await server.clock.settle();
  assert.equal((await server.ok<KubeList>("GET", definitions, { query })).items.length, 0);
  assert.equal((await server.ok<KubeList>("GET", definitions)).items.length, before - 10);
});

test("Custom Resource Definition, defaulting", async () => {
  const schemaWith = (a: object, b: object) => ({
    type: "object",
    properties: { a: { ...string, ...a }, b: { ...string, ...b } },
  });
  await defineKind(server, { plural: "defaulteds", kind: "Defaulted", schema: schemaWith({}, {}) });
  const path = kindPath("defaulteds");
  await server.ok("POST", path, { body: custom("Defaulted", "first") });
  const change = async (schema: object) => {
    await server.ok("PATCH", `${definitions}/defaulteds.example.com`, {
      headers: { "content-type": "application/json-patch+json" },
      body: [{ op: "replace", path: "/spec/versions/0/schema/openAPIV3Schema", value: schema }],
    });
    await server.clock.settle();
  };
  await change(schemaWith({ default: "A" }, {}));
  assert.equal((await server.ok("GET", `${path}/first`)).a, "A", "on reading what was stored before");
  assert.equal((await server.ok<KubeList>("GET", path)).items[0]?.a, "A");
  const second = await server.ok("POST", path, { body: custom("Defaulted", "second") });
  assert.deepEqual([second.a, second.b], ["A", undefined]);
  await change(schemaWith({}, { default: "B" }));
  const read = await server.ok("GET", `${path}/second`);
  assert.deepEqual([read.a, read.b], ["A", "B"], "what was defaulted when it was written stays");
});

test("Custom Resource Definition, discovery", async () => {
  const groups = await server.ok<{ groups: { name: string; versions: { version: string }[] }[] }>(
    "GET",
    "/apis",
  );
  assert.ok(groups.groups.some(({ name }) => name === "apiextensions.k8s.io"));
  const group = await server.ok<{ versions: { version: string }[] }>("GET", "/apis/apiextensions.k8s.io");
  assert.ok(group.versions.some(({ version }) => version === "v1"));
  const { resources } = await server.ok<{ resources: { name: string }[] }>(
    "GET",
    "/apis/apiextensions.k8s.io/v1",
  );
  assert.ok(resources.some(({ name }) => name === "customresourcedefinitions"));
});

interface Discovered {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources: readonly {
        readonly resource: string;
        readonly shortNames?: readonly string[];
        readonly categories?: readonly string[];
        readonly subresources?: readonly { readonly subresource: string }[];
      }[];
    }[];
  }[];
}

for (const name of [
  "Aggregated Discovery Interface CRDs",
  "Aggregated Discovery Endpoint Accept Headers CRDs",
]) {
  test(name, async () => {
    const plural = name.startsWith("Aggregated Discovery Interface") ? "seens" : "founds";
    await defineKind(server, {
      plural,
      kind: plural === "seens" ? "Seen" : "Found",
      names: { shortNames: [plural.slice(0, 2)], categories: ["all"] },
      subresources: { status: {}, scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" } },
    });
    const response = await server.call("GET", "/apis", {
      headers: { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" },
    });
    assert.equal(response.type, "object");
    if (response.type !== "object") return;
    const document = response.object as Discovered;
    const [version] = document.items.find(({ metadata }) => metadata.name === "example.com")?.versions ?? [];
    const resource = version?.resources.find((each) => each.resource === plural);
    assert.deepEqual(resource?.shortNames, [plural.slice(0, 2)]);
    assert.deepEqual(resource?.categories, ["all"]);
    assert.deepEqual(
      resource?.subresources?.map(({ subresource }) => subresource),
      ["status", "scale"],
    );
  });
}

async function publishedV2(): Promise<
  Readonly<Record<string, { properties?: Record<string, object>; description?: string }>>
> {
  const { bytes } = await openApi.v2Json();
  return (JSON.parse(new TextDecoder().decode(bytes)) as { definitions: Record<string, object> }).definitions;
}

async function publishedV3(
  version: string,
): Promise<Readonly<Record<string, { properties?: Record<string, Record<string, unknown>> }>> | undefined> {
  const document = await openApi.v3Document(`apis/example.com/${version}`);
  if (document === undefined) return undefined;
  return (
    JSON.parse(new TextDecoder().decode(document.bytes)) as {
      components: { schemas: Record<string, object> };
    }
  ).components.schemas;
}

test("Custom Resource OpenAPI Publish, with validation schema", async () => {
  const spec = {
    type: "object",
    description: "What is wanted.",
    required: ["bars"],
    properties: {
      bars: {
        type: "array",
        items: { type: "object", properties: { age: { ...string, pattern: "^[0-9]+$" } } },
      },
    },
  };
  await defineKind(server, {
    plural: "bars",
    kind: "Bar",
    schema: { type: "object", description: "A bar.", properties: { spec } },
  });
  const v3 = await publishedV3("v1");
  assert.deepEqual(v3?.["com.example.v1.Bar"]?.properties?.spec, spec);
  const v2 = await publishedV2();
  assert.equal(v2["com.example.v1.Bar"]?.description, "A bar.");
  assert.ok(v2["com.example.v1.Bar"]?.properties?.metadata !== undefined);
  assert.ok(v2["com.example.v1.BarList"] !== undefined);
});

for (const { name, plural, schema, want } of [
  {
    name: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in object",
    plural: "opens",
    schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    want: [],
  },
  {
    name: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields at root",
    plural: "roots",
    schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true, description: "open" },
    want: [],
  },
  {
    name: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in embedded object",
    plural: "nesteds",
    schema: {
      type: "object",
      properties: {
        spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { a: string } },
      },
    },
    want: ["apiVersion", "kind", "metadata", "spec"],
  },
]) {
  test(name, async () => {
    const kind = plural.charAt(0).toUpperCase() + plural.slice(1, -1);
    await defineKind(server, { plural, kind, schema });
    const published = (await publishedV2())[`com.example.v1.${kind}`];
    assert.deepEqual(Object.keys(published?.properties ?? {}).toSorted(), want);
    const body = custom(kind, "a", { spec: { anything: { goes: 1 } } });
    const created = await server.ok("POST", kindPath(plural), { body, query: { fieldValidation: "Strict" } });
    assert.deepEqual(created.spec, { anything: { goes: 1 } });
  });
}

const version = (name: string, fields: object = {}) => ({
  name,
  served: true,
  storage: name === "v1",
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: { spec: { type: "object", properties: { [name]: string } } },
    },
  },
  ...fields,
});

for (const name of [
  "Custom Resource OpenAPI Publish, varying groups",
  "Custom Resource OpenAPI Publish, varying kinds",
  "Custom Resource OpenAPI Publish, varying versions",
]) {
  test(name, async () => {
    const word = name.split(" ").at(-1) ?? "";
    const plurals = word === "versions" ? [`${word}es`] : [`${word}es`, `${word}as`];
    for (const plural of plurals)
      await defineKind(server, { plural, kind: plural, versions: [version("v1"), version("v4")] });
    for (const plural of plurals)
      for (const served of ["v1", "v4"]) {
        const published = (await publishedV3(served))?.[`com.example.${served}.${plural}`];
        assert.deepEqual(published?.properties?.spec?.properties, { [served]: string });
      }
    for (const plural of plurals) await deleteKind(server, plural);
    assert.equal((await publishedV3("v1"))?.[`com.example.v1.${plurals[0]}`], undefined);
  });
}

test("Custom Resource OpenAPI Publish, version rename", async () => {
  await defineKind(server, { plural: "renames", kind: "Rename", versions: [version("v1"), version("v5")] });
  assert.ok((await publishedV3("v5"))?.["com.example.v5.Rename"] !== undefined);
  await server.ok("PATCH", `${definitions}/renames.example.com`, {
    headers: { "content-type": "application/json-patch+json" },
    body: [{ op: "replace", path: "/spec/versions/1/name", value: "v6" }],
  });
  await server.clock.settle();
  assert.equal(await publishedV3("v5"), undefined);
  assert.ok((await publishedV3("v6"))?.["com.example.v6.Rename"] !== undefined);
});

test("Custom Resource OpenAPI Publish, stop serving version", async () => {
  await defineKind(server, { plural: "stops", kind: "Stop", versions: [version("v1"), version("v7")] });
  const { v3Index } = openApi;
  const index = async () =>
    JSON.parse(new TextDecoder().decode((await v3Index()).bytes)) as { paths: Record<string, object> };
  assert.ok((await index()).paths["apis/example.com/v7"] !== undefined);
  await server.ok("PATCH", `${definitions}/stops.example.com`, {
    headers: { "content-type": "application/json-patch+json" },
    body: [{ op: "replace", path: "/spec/versions/1/served", value: false }],
  });
  await server.clock.settle();
  assert.equal((await index()).paths["apis/example.com/v7"], undefined);
  assert.equal((await server.call("GET", kindPath("stops", "v7"))).status, 404);
});

const strict = { fieldValidation: "Strict" };

test("Server side field validation, unknown fields CR no validation schema", async () => {
  await defineKind(server, { plural: "loose", kind: "Loose" });
  const created = await send(
    "POST",
    kindPath("loose"),
    JSON.stringify(custom("Loose", "a", { unknown: 1 })),
    strict,
  );
  assert.equal(created.unknown, 1);
});

const closed = {
  type: "object",
  properties: { spec: { type: "object", properties: { size: { type: "integer" } } } },
};

test("Server side field validation, valid CR with validation schema", async () => {
  await defineKind(server, { plural: "closeds", kind: "Closed", schema: closed });
  const created = await send(
    "POST",
    kindPath("closeds"),
    JSON.stringify(custom("Closed", "a", { spec: { size: 1 } })),
    strict,
  );
  assert.deepEqual(created.spec, { size: 1 });
});

test("Server side field validation, unknown fields CR fails validation", async () => {
  const refused = await send(
    "POST",
    kindPath("closeds"),
    JSON.stringify(custom("Closed", "b", { spec: { size: 1, extra: 2 } })),
    strict,
  );
  assert.equal(refused.code, 400);
  assert.match(refused.message ?? "", /strict decoding error: unknown field "spec.extra"$/);
});

test("Server side field validation, CR duplicates", async () => {
  const text =
    '{"apiVersion":"example.com/v1","kind":"Loose","metadata":{"name":"d"},"spec":{"a":1,"a":2,"b":{"c":1,"c":1}}}';
  const refused = await send("POST", kindPath("loose"), text, strict);
  assert.match(
    refused.message ?? "",
    /strict decoding error: duplicate field "spec.a", duplicate field "spec.b.c"$/,
  );
  assert.deepEqual((await send("POST", kindPath("loose"), text)).spec, { a: 2, b: { c: 1 } });
});

test("Server side field validation, unknown metadata", async () => {
  const schema = {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: {
          template: {
            type: "object",
            "x-kubernetes-embedded-resource": true,
            "x-kubernetes-preserve-unknown-fields": true,
          },
        },
      },
    },
  };
  await defineKind(server, { plural: "embeds", kind: "Embed", schema });
  const body = {
    ...custom("Embed", "a", {
      spec: { template: { apiVersion: "v1", kind: "Pod", metadata: { name: "x", unknownSub: 1 } } },
    }),
    metadata: { name: "a", unknownMeta: 1 },
  };
  const refused = await send("POST", kindPath("embeds"), JSON.stringify(body), strict);
  assert.match(
    refused.message ?? "",
    /strict decoding error: unknown field "metadata.unknownMeta", unknown field "spec.template.metadata.unknownSub"$/,
  );
  const warned = await send("POST", kindPath("embeds"), JSON.stringify(body));
  assert.deepEqual(warned.spec, { template: { apiVersion: "v1", kind: "Pod", metadata: { name: "x" } } });
});

test("a kind of a deleted definition takes no new objects while the old ones go", async () => {
  await defineKind(server, { plural: "slows", kind: "Slow" });
  const held = custom("Slow", "a");
  await server.ok("POST", kindPath("slows"), {
    body: { ...held, metadata: { name: "a", finalizers: ["example.com/hold"] } },
  });
  await server.ok("DELETE", `${definitions}/slows.example.com`);
  await server.clock.settle();
  const refused = await server.object<Status>("POST", kindPath("slows"), { body: custom("Slow", "b") });
  assert.equal(refused.code, 403);
  assert.deepEqual(namesOf(await server.ok<KubeList>("GET", kindPath("slows"))), ["a"]);
  await server.ok("PATCH", `${kindPath("slows")}/a`, {
    headers: merge,
    body: { metadata: { finalizers: null } },
  });
  await server.clock.advance(5_000);
  assert.equal((await server.object<Status>("GET", `${definitions}/slows.example.com`)).code, 404);
});
