import assert from "node:assert/strict";
import { test } from "node:test";
import { schemas } from "../../api/schemas.ts";
import { documentV2, documentV3 } from "./documents.ts";
import { createOpenApi } from "./open-api.ts";
import { operationsOf } from "./operations.ts";
import { definition, facts } from "./test-support/definitions.ts";

const pods = definition({
  subresources: [
    { name: "eviction", group: "policy", version: "v1", kind: "Eviction", verbs: ["create"] },
    { name: "log", group: "", version: "v1", kind: "Pod", verbs: ["get"] },
    { name: "proxy", group: "", version: "v1", kind: "PodProxyOptions", verbs: ["create", "get"] },
  ],
});
const nodes = definition({ kind: "Node", listKind: "NodeList", plural: "nodes", namespaced: false });

const input = {
  tables: schemas,
  kinds: [],
  operations: () => [...operationsOf(pods, "v1", false), ...operationsOf(nodes, "v1", false)],
  info: { title: "Kubernetes", version: "1.36" },
};
const v3 = facts(documentV3(input));
const v2 = facts(documentV2(input));

const item = "/api/v1/namespaces/{namespace}/pods/{name}";
for (const { name, path, method, want } of [
  {
    name: "a creation may be answered later, too",
    path: "/api/v1/nodes",
    method: "post",
    want: "createCoreV1Node 200 201 202 dryRun fieldManager fieldValidation",
  },
  {
    name: "a deletion may be answered later; what all methods of a path take stands at the path",
    path: item,
    method: "delete",
    want: "deleteCoreV1NamespacedPod 200 202 dryRun gracePeriodSeconds ignoreStoreReadErrorWithClusterBreakingPotential orphanDependents propagationPolicy",
  },
  {
    name: "a watch of one object has a path",
    path: `/api/v1/watch/nodes/{name}`,
    method: "get",
    want: "watchCoreV1Node 200",
  },
  {
    name: "a watch of all namespaces has a path",
    path: "/api/v1/watch/pods",
    method: "get",
    want: "watchCoreV1PodListForAllNamespaces 200",
  },
  {
    name: "a proxy passes on any method, below its path as well",
    path: `${item}/proxy/{path}`,
    method: "head",
    want: "connectCoreV1HeadNamespacedPodProxyWithPath 200",
  },
])
  test(`OpenAPI: ${name}`, () => {
    const { operationId, responses, parameters = [] } = v3.operation(path, method);
    const codes = Object.keys(responses).filter((code) => code !== "401");
    assert.equal([operationId, ...codes, ...parameters.map((each) => each.name)].join(" "), want);
  });

for (const { path, want } of [
  { path: "/api/v1/nodes", want: ["pretty"] },
  { path: item, want: ["name", "namespace", "pretty"] },
  {
    path: `${item}/eviction`,
    want: ["dryRun", "fieldManager", "fieldValidation", "name", "namespace", "pretty"],
  },
  { path: `${item}/proxy/{path}`, want: ["name", "namespace", "path", "path"] },
])
  test(`OpenAPI: all operations of ${path} take ${want.join(", ")}`, () => {
    assert.deepEqual(
      v3.item(path).parameters.map(({ name }) => name),
      want,
    );
  });

test("OpenAPI: a pod's deletion answers with the pod, a node's with a status", () => {
  const result = (path: string) => v2.operation(path, "delete").responses["200"]?.schema;
  assert.deepEqual(result(item), { $ref: "#/definitions/io.k8s.api.core.v1.Pod" });
  assert.deepEqual(result("/api/v1/nodes/{name}"), {
    $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Status",
  });
});

test("OpenAPI v2: parameters and bodies of many operations stand once, under upstream's names", () => {
  const { parameters = [] } = v2.operation(item, "patch");
  assert.deepEqual(
    parameters.map(({ $ref, name }) => $ref ?? name),
    [
      "#/parameters/body-78PwaGsr",
      "dryRun",
      "#/parameters/fieldManager-7c6nTn1T",
      "fieldValidation",
      "#/parameters/force-tOGGb0Yi",
    ],
  );
});

for (const { name, definition: model, property, want } of [
  {
    name: "structs that are always there default to empty ones, and what stands beside a reference needs allOf",
    definition: "io.k8s.api.core.v1.ContainerStatus",
    property: "state",
    want: {
      default: {},
      allOf: [{ $ref: "#/components/schemas/io.k8s.api.core.v1.ContainerState" }],
    },
  },
  {
    name: "scalars that are always written default to zero",
    definition: "io.k8s.api.core.v1.ContainerStatus",
    property: "restartCount",
    want: { default: 0, type: "integer", format: "int32" },
  },
  {
    name: "pointers have no default",
    definition: "io.k8s.api.core.v1.ContainerStatus",
    property: "resources",
    want: { allOf: [{ $ref: "#/components/schemas/io.k8s.api.core.v1.ResourceRequirements" }] },
  },
])
  test(`OpenAPI v3: ${name}`, () => {
    const found = v3.schema(model).properties?.[property] as { readonly description?: string } | undefined;
    const { description: _ours, ...rest } = found ?? {};
    assert.deepEqual(rest, want);
  });

test("OpenAPI v3: DeleteOptions are of the core and of the document's own group version; in v2 of all", () => {
  const name = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
  const kind = "DeleteOptions";
  const about = { group: "apps", version: "v1" };
  const own = facts(documentV3({ ...input, about })).schema(name)["x-kubernetes-group-version-kind"];
  assert.deepEqual(own, [
    { group: "", kind, version: "v1" },
    { group: "apps", kind, version: "v1" },
  ]);
  const count = (document: ReturnType<typeof facts>) =>
    (document.schema(name)["x-kubernetes-group-version-kind"] as readonly object[]).length;
  assert.equal(count(v2), 60);
  assert.equal(count(facts(documentV3({ ...input, about: "custom" }))), 53);
});

test("OpenAPI: of custom kinds, lists in JSON and YAML only, no watch paths, no strategic merge", async () => {
  const things = definition({ group: "example.com", kind: "Thing", listKind: "ThingList", plural: "things" });
  const openApi = createOpenApi({
    definitions: () => [things],
    tables: schemas,
    serverVersion: "v1.36.0",
    customSchema: () => ({ type: "object", properties: { size: { type: "integer", default: 1 } } }),
  });
  const parsed = (bytes: Uint8Array | undefined) =>
    facts(JSON.parse(new TextDecoder().decode(bytes)) as object);
  const document = parsed((await openApi.v3Document("apis/example.com/v1"))?.bytes);
  const root = "/apis/example.com/v1/namespaces/{namespace}/things";
  assert.deepEqual(
    document.paths.toSorted(),
    [root, `${root}/{name}`, `${root}/{name}/status`, "/apis/example.com/v1/things"].toSorted(),
  );
  assert.deepEqual(Object.keys(document.operation(root, "get").responses["200"]?.content ?? {}), [
    "application/json",
    "application/yaml",
  ]);
  assert.deepEqual(Object.keys(document.operation(`${root}/{name}`, "patch").requestBody?.content ?? {}), [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
  ]);
  const old = parsed((await openApi.v2Json()).bytes).schema("com.example.v1.Thing");
  assert.deepEqual(old.properties?.size, { type: "integer" });
});
