import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceDefinition } from "../../api/definition.ts";
import { schemas } from "../../api/schemas.ts";
import { Reader } from "../../apimachinery/protobuf/reader.ts";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { parseRequestInfo } from "../request-info.ts";
import { createOpenApi, type OpenApi } from "./open-api.ts";
import { openApiHandler } from "./open-api-handler.ts";
import { definition } from "./test-support/definitions.ts";

const pods = definition({
  subresources: [
    { name: "exec", group: "", version: "v1", kind: "PodExecOptions", verbs: ["create", "get"] },
  ],
});
const deployments = definition({
  group: "apps",
  kind: "Deployment",
  listKind: "DeploymentList",
  plural: "deployments",
  scale: {
    replicas: () => 0,
    withReplicas: (object) => object,
    statusReplicas: () => 0,
    selector: () => "",
  },
});
const things = definition({
  group: "example.com",
  kind: "Thing",
  listKind: "ThingList",
  plural: "things",
  namespaced: false,
  hasStatus: false,
});

function openApiOf(definitions: readonly ResourceDefinition[]): OpenApi {
  return createOpenApi({
    definitions: () => definitions,
    tables: schemas,
    serverVersion: "v1.36.0",
    customSchema: ({ group }) =>
      group === "example.com"
        ? { type: "object", description: "A thing.", properties: { size: { type: "integer" } } }
        : undefined,
  });
}

const all = openApiOf([pods, deployments, things]);

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
  readonly definitions: Record<string, Schema>;
}
interface Operation {
  readonly parameters: readonly { readonly name?: string; readonly in?: string; readonly $ref?: string }[];
  readonly "x-kubernetes-action": string;
  readonly "x-kubernetes-group-version-kind": object;
}
interface Schema {
  readonly properties: Record<string, unknown>;
  readonly required?: readonly string[];
  readonly [extension: string]: unknown;
}

function parse(bytes: Uint8Array | undefined): Document {
  assert.ok(bytes);
  return JSON.parse(new TextDecoder().decode(bytes)) as Document;
}

async function documentV3(path: string): Promise<Document> {
  return parse((await all.v3Document(path))?.bytes);
}

test("the v3 index lists a document for each group version, and for each discovery document of built-in groups", async () => {
  const { paths } = parse((await all.v3Index()).bytes);
  assert.deepEqual(Object.keys(paths), [
    ".well-known/openid-configuration",
    "api",
    "api/v1",
    "apis",
    "apis/apps",
    "apis/apps/v1",
    "apis/example.com/v1",
    "openid/v1/jwks",
    "version",
  ]);
  assert.equal(await all.v3Document("apis/none/v1"), undefined);
});

test("patch operations name their kind and take fieldValidation, as kubectl looks for", async () => {
  const patch = (await documentV3("apis/apps/v1")).paths[
    "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
  ]?.patch;
  assert.deepEqual(patch?.["x-kubernetes-group-version-kind"], {
    group: "apps",
    version: "v1",
    kind: "Deployment",
  });
  assert.ok(patch?.parameters.some(({ name, in: place }) => name === "fieldValidation" && place === "query"));
});

test("a document has every path of its resources, with their actions", async () => {
  const { paths } = await documentV3("apis/apps/v1");
  const root = "/apis/apps/v1";
  const actions = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== "parameters")
      .map(
        ([method, operation]) => `${method} ${path.slice(root.length)} ${operation["x-kubernetes-action"]}`,
      ),
  );
  assert.deepEqual(actions.toSorted(), [
    "delete /namespaces/{namespace}/deployments deletecollection",
    "delete /namespaces/{namespace}/deployments/{name} delete",
    "get / undefined",
    "get /deployments list",
    "get /namespaces/{namespace}/deployments list",
    "get /namespaces/{namespace}/deployments/{name} get",
    "get /namespaces/{namespace}/deployments/{name}/scale get",
    "get /namespaces/{namespace}/deployments/{name}/status get",
    "get /watch/deployments watchlist",
    "get /watch/namespaces/{namespace}/deployments watchlist",
    "get /watch/namespaces/{namespace}/deployments/{name} watch",
    "patch /namespaces/{namespace}/deployments/{name} patch",
    "patch /namespaces/{namespace}/deployments/{name}/scale patch",
    "patch /namespaces/{namespace}/deployments/{name}/status patch",
    "post /namespaces/{namespace}/deployments post",
    "put /namespaces/{namespace}/deployments/{name} put",
    "put /namespaces/{namespace}/deployments/{name}/scale put",
    "put /namespaces/{namespace}/deployments/{name}/status put",
  ]);
});

test("schemas carry what merging needs, and every reference resolves", async () => {
  const document = await documentV3("api/v1");
  const { schemas: found } = document.components;
  assert.deepEqual(found["io.k8s.api.core.v1.PodSpec"]?.properties.containers, {
    description: "The programs of the pod. At least one.",
    type: "array",
    items: { $ref: "#/components/schemas/io.k8s.api.core.v1.Container" },
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "x-kubernetes-patch-merge-key": "name",
    "x-kubernetes-patch-strategy": "merge",
  });
  assert.deepEqual(found["io.k8s.api.core.v1.ContainerPort"]?.properties.protocol, {
    default: "TCP",
    type: "string",
    enum: ["SCTP", "TCP", "UDP"],
  });
  assert.deepEqual(found["io.k8s.api.core.v1.Pod"]?.["x-kubernetes-group-version-kind"], [
    { group: "", kind: "Pod", version: "v1" },
  ]);
  const text = JSON.stringify(document);
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    assert.ok(found[name] !== undefined, name);
});

test("a custom kind is described by its own schema", async () => {
  const { paths, components } = await documentV3("apis/example.com/v1");
  const thing = components.schemas["com.example.v1.Thing"];
  assert.equal(thing?.description, "A thing.");
  assert.deepEqual(Object.keys(thing?.properties ?? {}), ["size", "apiVersion", "kind", "metadata"]);
  assert.ok(paths["/apis/example.com/v1/things"]);
  assert.ok(components.schemas["com.example.v1.ThingList"]);
});

test("another list of definitions gives other documents, the same list the same hash", async () => {
  const etag = async (openApi: OpenApi) => (await openApi.v3Document("apis/apps/v1"))?.etag;
  const before = await etag(all);
  assert.equal(await etag(openApiOf([pods, deployments, things])), before);
  assert.notEqual(await etag(openApiOf([pods, { ...deployments, hasStatus: false }, things])), before);
});

test("the binary v2 document holds the paths and definitions of the JSON one", async () => {
  const document = parse((await all.v2Json()).bytes);
  const reader = new Reader((await all.v2Protobuf()).bytes);
  const names: Record<number, string[]> = { 8: [], 9: [] };
  while (reader.at < reader.end) {
    const tag = reader.varint();
    const list = names[tag >> 3];
    if (list === undefined) {
      reader.skip(tag % 8);
      continue;
    }
    for (const members = new Reader(reader.view()); members.at < members.end; ) {
      members.varint();
      const pair = new Reader(members.view());
      pair.varint();
      list.push(pair.string());
    }
  }
  assert.deepEqual(names[8], Object.keys(document.paths));
  assert.deepEqual(names[9], Object.keys(document.definitions));
  assert.ok((names[9]?.length ?? 0) > 100);
});

function get(path: string, headers: ApiRequest["headers"] = {}): Promise<ApiResponse> {
  const url = new URL(path, "https://localhost");
  const request: ApiRequest = {
    method: "GET",
    path: url.pathname,
    query: url.searchParams,
    headers,
    signal: new AbortController().signal,
  };
  const answer = openApiHandler(
    async () => all,
    () => Date.UTC(2026, 0, 2, 3, 4, 5),
  ).handle(request, parseRequestInfo("GET", url.pathname, url.searchParams));
  assert.ok(answer);
  return Promise.resolve(answer as Promise<ApiResponse>);
}

test("documents are served with their hash: for ever when it is asked for, elsewhere when it is old", async () => {
  const plain = await get("/openapi/v3/apis/apps/v1");
  const etag = String(plain.headers.etag);
  assert.equal(plain.status, 200);
  assert.equal(plain.headers["cache-control"], undefined);
  const hashed = await get(`/openapi/v3/apis/apps/v1?hash=${etag.slice(1, -1)}`);
  assert.equal(hashed.headers["cache-control"], "public, immutable");
  assert.equal(hashed.headers.expires, "Sat, 02 Jan 2027 03:04:05 UTC");
  const old = await get("/openapi/v3/apis/apps/v1?hash=OLD");
  assert.equal(old.status, 301);
  assert.equal(old.headers.location, `/openapi/v3/apis/apps/v1?hash=${etag.slice(1, -1)}`);
  const known = await get("/openapi/v3/apis/apps/v1", { "if-none-match": etag });
  assert.equal(known.status, 304);
  assert.equal((await get("/openapi/v3/apis/none/v1")).status, 404);
});

for (const { accept, status, type } of [
  { accept: "", status: 200, type: "application/json" },
  {
    accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    status: 200,
    type: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
  },
  { accept: "text/html, application/json;q=0.5", status: 200, type: "application/json" },
  { accept: "text/html", status: 406, type: undefined },
]) {
  test(`/openapi/v2 for ${accept || "anything"} is ${status} ${type}`, async () => {
    const answer = await get("/openapi/v2", { accept });
    assert.equal(answer.status, status);
    assert.equal(answer.headers["content-type"], type);
  });
}

for (const accept of ["v3@v1.0", "v3.v1.0"])
  test(`a document of version 3 comes as protobuf for ${accept}`, async () => {
    const type = (dialect: string) => `application/com.github.proto-openapi.spec.${dialect}+protobuf`;
    const answer = await get("/openapi/v3/apis/apps/v1", { accept: type(accept) });
    assert.deepEqual([answer.status, answer.headers["content-type"]], [200, type("v3.v1.0")]);
    assert.equal(answer.headers.etag, (await get("/openapi/v3/apis/apps/v1")).headers.etag);
  });
