/** What a run beside kube-apiserver v1.36.2 showed to differ once, over HTTPS: bytes, headers and words. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestListener, type TestListener } from "../test-support/listener.ts";

const namespace = "/api/v1/namespaces/default";
const maps = `${namespace}/configmaps`;
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const foos = "/apis/example.com/v1/namespaces/default/foos";
const fooVersion = (name: string) => ({
  name,
  served: true,
  storage: name === "v1",
  ...(name === "v1" ? {} : { deprecated: true }),
  schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
});
const fooSpec = {
  group: "example.com",
  scope: "Namespaced",
  names: { plural: "foos", singular: "foo", kind: "Foo", listKind: "FooList" },
  versions: ["v1", "v1beta1"].map(fooVersion),
};

let server: TestListener;
before(async () => {
  server = await startTestListener();
  const { ok, server: api, clock } = server.test;
  await api.start();
  for (const name of ["a", "b"]) await ok("POST", maps, { body: { metadata: { name }, data: { x: name } } });
  await ok("POST", definitions, { body: { metadata: { name: "foos.example.com" }, spec: fooSpec } });
  await clock.settle();
  await ok("POST", foos, { body: { apiVersion: "example.com/v1", kind: "Foo", metadata: { name: "a" } } });
});
after(() => server.close());

const isPlain = (item: object) => !("kind" in item) && !("apiVersion" in item);

for (const path of [maps, `${maps}?pretty=true`, `${maps}?limit=1`, "/api/v1/namespaces"]) {
  test(`the items of ${path} leave their kind and version to the list`, async () => {
    const { text } = await server.send("GET", path);
    const { kind, items } = JSON.parse(text) as { kind: string; items: readonly object[] };
    assert.match(kind, /List$/);
    assert.ok(items.length > 0 && items.every(isPlain), text);
  });
}

test("the items of a table and of a list of metadata name their kind", async () => {
  const accept = (as: string) => `application/json;as=${as};v=v1;g=meta.k8s.io`;
  const table = await server.send("GET", maps, { headers: { accept: accept("Table") } });
  assert.match(table.text, /"object":\{"kind":"PartialObjectMetadata"/);
  const list = await server.send("GET", maps, { headers: { accept: accept("PartialObjectMetadataList") } });
  assert.match(list.text, /"items":\[\{"kind":"PartialObjectMetadata"/);
});

interface Table {
  readonly columnDefinitions: readonly { readonly name: string }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object: { metadata: object } }[];
}

async function tableAt(path: string): Promise<Table> {
  const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
  return JSON.parse((await server.send("GET", path, { headers })).text) as Table;
}

test("the row of an IPAddress ends with a cell that has no column", async () => {
  const addresses = "/apis/networking.k8s.io/v1/ipaddresses";
  const spec = { parentRef: { resource: "services", namespace: "default", name: "x" } };
  await server.test.ok("POST", addresses, { body: { metadata: { name: "192.0.2.9" }, spec } });
  const { columnDefinitions, rows } = await tableAt(`${addresses}/192.0.2.9`);
  assert.deepEqual(
    columnDefinitions.map(({ name }) => name),
    ["Name", "ParentRef"],
  );
  assert.deepEqual(rows[0]?.cells, ["192.0.2.9", "services/default/x", "0s"]);
});

test("a DaemonSet's count of templates is an annotation that its creator owns, but not in tables", async () => {
  const sets = "/apis/apps/v1/namespaces/default/daemonsets";
  const template = {
    metadata: { labels: { a: "b" } },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
  const spec = { selector: { matchLabels: { a: "b" } }, template };
  for (const annotations of [undefined, { x: "y" }]) {
    const metadata = { name: "set", ...(annotations === undefined ? {} : { annotations }) };
    const created = await server.test.ok("POST", sets, { body: { metadata, spec } });
    const counted = { ...annotations, "deprecated.daemonset.template.generation": "1" };
    assert.deepEqual(created.metadata.annotations, counted);
    const owned = JSON.stringify(created.metadata.managedFields?.[0]?.fieldsV1);
    assert.match(owned, /"f:deprecated\.daemonset\.template\.generation":\{\}/);
    const { rows } = await tableAt(`${sets}/set`);
    const shown = rows[0]?.object.metadata as { readonly annotations?: object };
    assert.deepEqual(shown.annotations, annotations);
    await server.test.ok("DELETE", `${sets}/set`);
  }
});

test("JSON that is not laid out ends with a line break, lists and objects alike", async () => {
  for (const path of [maps, `${maps}/a`, `${maps}/none`, "/api/v1", "/apis"])
    assert.match((await server.send("GET", path)).text, /^\{.*\}\n$/, path);
});

test("YAML has its keys in their order and plain items", async () => {
  const { text } = await server.send("GET", maps, { headers: { accept: "application/yaml" } });
  assert.match(text, /^apiVersion: v1\nitems:\n/);
  assert.doesNotMatch(text, /kind: ConfigMap\n/);
});

const notAllowed = "the server does not allow this method on the requested resource";
const unknown = "the server could not find the requested resource";

for (const { method, path, code, message } of [
  { method: "GET", path: `${namespace}/finalize`, code: 405, message: notAllowed },
  { method: "PATCH", path: `${namespace}/finalize`, code: 405, message: notAllowed },
  { method: "POST", path: "/api/v1/watch/namespaces", code: 405, message: notAllowed },
  { method: "POST", path: "/api/foo", code: 404, message: unknown },
  { method: "PATCH", path: `${maps}/a`, code: 415, message: "415: Unsupported Media Type" },
]) {
  test(`${method} ${path} is ${code}: ${message}`, async () => {
    const answer = await server.send(method, path, {
      ...(method === "GET" ? {} : { body: "{}", headers: { "content-type": "application/json" } }),
    });
    const status = JSON.parse(answer.text) as { message: string; details?: object };
    assert.deepEqual([answer.status, status.message, status.details], [code, message, {}]);
  });
}

test("HEAD of a part that a kind has not is 404", async () => {
  assert.equal((await server.send("HEAD", `${maps}/a/status`)).status, 404);
});

for (const path of ["/apis", "/apis/apps"]) {
  test(`${path} asks for no method`, async () => {
    const [get, post] = [await server.send("GET", path), await server.send("POST", path, { body: "{}" })];
    assert.deepEqual([post.status, post.text], [200, get.text]);
  });
}

const patches = [
  { type: "json-patch", body: "{}", message: fitting("object", "[]handlers.jsonPatchOp") },
  { type: "json-patch", body: "[1]", message: fitting("number", "handlers.jsonPatchOp") },
  {
    type: "json-patch",
    body: '[{"op":1,"path":"/a"}]',
    message:
      "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
  },
  { type: "json-patch", body: "[", message: "error decoding patch: unexpected end of JSON input" },
  { type: "merge-patch", body: "[]", message: fitting("array", "map[string]interface {}") },
  { type: "merge-patch", body: "null", message: "Invalid JSON Patch" },
  { type: "merge-patch", body: "{", message: "error decoding patch: unexpected end of JSON input" },
  {
    type: "strategic-merge-patch",
    body: "1",
    message: "json: cannot unmarshal number into Go value of type map[string]interface {}",
  },
  { type: "strategic-merge-patch", body: "{", message: "unexpected end of JSON input" },
];

function fitting(found: string, wanted: string): string {
  return `error decoding patch: json: cannot unmarshal ${found} into Go value of type ${wanted}`;
}

for (const { type, body, message } of patches) {
  test(`a ${type} of ${body} is refused in the words of Go's decoder`, async () => {
    const headers = { "content-type": `application/${type}+json` };
    const answer = await server.send("PATCH", `${maps}/a`, { headers, body });
    assert.deepEqual(
      [answer.status, (JSON.parse(answer.text) as { message: string }).message],
      [400, message],
    );
  });
}

for (const type of ["json-patch", "strategic-merge-patch"]) {
  test(`a ${type} of null changes nothing`, async () => {
    const headers = { "content-type": `application/${type}+json` };
    const before = await server.send("GET", `${maps}/a`);
    const answer = await server.send("PATCH", `${maps}/a`, { headers, body: "null" });
    assert.deepEqual([answer.status, answer.text], [200, before.text]);
  });
}

test("aggregated discovery names the kinds of the version that it describes without it", async () => {
  const headers = { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" };
  const { text } = await server.send("GET", "/apis", { headers });
  assert.match(
    text,
    /"resource":"deployments","responseKind":\{"group":"","version":"","kind":"Deployment"\}/,
  );
  assert.match(
    text,
    /"subresource":"scale","responseKind":\{"group":"autoscaling","version":"v1","kind":"Scale"\}/,
  );
});

test("what is computed and not stored has no storage version hash", async () => {
  const { resources } = JSON.parse((await server.send("GET", "/api/v1")).text) as {
    resources: readonly { name: string; storageVersionHash?: string }[];
  };
  const hashed = (name: string) =>
    resources.find((each) => each.name === name)?.storageVersionHash !== undefined;
  assert.deepEqual([hashed("componentstatuses"), hashed("configmaps")], [false, true]);
});

test("lists of custom resources say that nothing continues them, and their items what they are", async () => {
  const { text } = await server.send("GET", foos);
  assert.match(text, /"metadata":\{"continue":"","resourceVersion":"\d+"\}/);
  assert.match(text, /"items":\[\{[^[]*"kind":"Foo"/);
});

const noKind = (text: string, shown: string) =>
  `the object provided is unrecognized (must be of type Foo): Object 'Kind' is missing in '${text}' (${shown})`;
const noVersionText =
  'Foo in version "" cannot be handled as a Foo: .apiVersion accessor error: <nil> is of the type <nil>, expected string';

for (const { body, query = "", message } of [
  { body: "{}", message: noKind("{}", "{}") },
  {
    body: '{"kind":"Foo"}',
    message: "the API version in the data () does not match the expected API version (example.com/v1)",
  },
  { body: '{ "kind":null }', message: noKind('{ "kind":null }', '{ "kind":null }') },
  { body: "kind: null\n", message: noKind("kind: null\n", "6b696e643a206e756c6c0a") },
  {
    body: "kind: null\n",
    query: "?fieldValidation=Ignore",
    message: `Foo in version "v1" cannot be handled as a Foo: Object 'Kind' is missing in '{"kind":null}'`,
  },
  { body: '{"kind":"Foo","apiVersion":null}', message: noVersionText },
  { body: "kind: Foo\napiVersion: null\n", message: noVersionText },
]) {
  test(`a custom resource of ${JSON.stringify(body)}${query} does not say what it is, and is refused`, async () => {
    const headers = { "content-type": body.startsWith("{") ? "application/json" : "application/yaml" };
    for (const [method, path] of [
      ["POST", foos],
      ["PUT", `${foos}/a`],
    ] as const) {
      const answer = await server.send(method, `${path}${query}`, {
        headers: { ...headers, accept: "application/json" },
        body,
      });
      assert.deepEqual(
        [answer.status, (JSON.parse(answer.text) as { message: string }).message],
        [400, message],
      );
    }
  });
}

const unregistered = (kind: string, apiVersion: string) =>
  `no kind "${kind}" is registered for version "${apiVersion}" in scheme "pkg/api/legacyscheme/scheme.go:30"`;
const unconvertible = (kind: string) => `converting (v1.${kind}) to (core.ConfigMap): unknown conversion`;

for (const { apiVersion, kind, why } of [
  { apiVersion: "v1", kind: "Secret", why: unconvertible("Secret") },
  { apiVersion: "v1", kind: "List", why: unconvertible("List") },
  { apiVersion: "apps/v1", kind: "Deployment", why: unconvertible("Deployment") },
  {
    apiVersion: "meta.k8s.io/v1",
    kind: "DeleteOptions",
    why: unregistered("DeleteOptions", "meta.k8s.io/v1"),
  },
  { apiVersion: "apps/v1", kind: "ConfigMap", why: unregistered("ConfigMap", "apps/v1") },
])
  test(`a ${kind} of ${apiVersion} in the place of a ConfigMap is refused: ${why}`, async () => {
    const body = JSON.stringify({ apiVersion, kind, metadata: { name: "a" } });
    const put = await server.send("PUT", `${maps}/a`, {
      headers: { "content-type": "application/json" },
      body,
    });
    const { message } = JSON.parse(put.text) as { message: string };
    assert.equal(message, `${kind} in version "v1" cannot be handled as a ConfigMap: ${why}`);
    const patch = await server.send("PATCH", `${maps}/a`, {
      headers: { "content-type": "application/merge-patch+json" },
      body,
    });
    assert.deepEqual([put.status, patch.status], [400, 422]);
    const patched = JSON.parse(patch.text) as { message: string };
    assert.ok(patched.message.endsWith(`: ${why}`), patched.message);
  });

for (const { patch, why } of [
  {
    patch: { apiVersion: 1 },
    why: "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .apiVersion of type string",
  },
  {
    patch: { kind: {} },
    why: "couldn't get version/kind; json parse error: json: cannot unmarshal object into Go struct field .kind of type string",
  },
  { patch: { apiVersion: "a/b/c" }, why: "unexpected GroupVersion string: a/b/c" },
  { patch: { apiVersion: " " }, why: unregistered("ConfigMap", " ") },
])
  test(`a patch of ${JSON.stringify(patch)} is refused with what it makes and why alone`, async () => {
    const headers = { "content-type": "application/merge-patch+json" };
    const answer = await server.send("PATCH", `${maps}/a`, { headers, body: JSON.stringify(patch) });
    const { message } = JSON.parse(answer.text) as { message: string };
    assert.equal(answer.status, 422);
    assert.match(message, /^ "" is invalid: patch: Invalid value: "\{/);
    assert.ok(message.endsWith(`}": ${why}`), message);
  });

for (const named of [
  { apiVersion: null, kind: null },
  { apiVersion: "/v1", kind: "ConfigMap" },
  { apiVersion: "/", kind: "ConfigMap" },
])
  test(`an object that says ${JSON.stringify(named)} is what its path says`, async () => {
    const body = JSON.stringify({ ...named, metadata: { name: "b" }, data: { x: "b" } });
    const answer = await server.send("PUT", `${maps}/b`, {
      headers: { "content-type": "application/json" },
      body,
    });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /^\{"kind":"ConfigMap","apiVersion":"v1",/);
  });

for (const { metadata, dryRun, want } of [
  { metadata: { name: "v", resourceVersion: "5" }, dryRun: true, want: [201, "5"] },
  { metadata: { name: "v", resourceVersion: "z" }, dryRun: true, want: [201, "z"] },
  { metadata: { name: "a", resourceVersion: "5" }, dryRun: true, want: [409, undefined] },
  { metadata: { name: "v", resourceVersion: "5" }, dryRun: false, want: [500, undefined] },
  // It is storage that minds, after all others.
  { metadata: { name: "V", resourceVersion: "5" }, dryRun: false, want: [422, undefined] },
])
  test(`a new object with ${JSON.stringify(metadata)}${dryRun ? " in a dry run" : ""} is answered ${want.join(" ")}`, async () => {
    const answer = await server.send("POST", `${maps}${dryRun ? "?dryRun=All" : ""}`, {
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ metadata }),
    });
    const created = JSON.parse(answer.text) as { metadata: { resourceVersion?: string } };
    assert.deepEqual([answer.status, created.metadata.resourceVersion], want);
  });

test("a new object whose resourceVersion is no number of a version is made", async () => {
  const headers = { "content-type": "application/json" };
  for (const resourceVersion of ["z", "0", "18446744073709551616"]) {
    const body = JSON.stringify({ metadata: { name: "versioned", resourceVersion } });
    assert.equal((await server.send("POST", maps, { headers, body })).status, 201);
    assert.equal((await server.send("DELETE", `${maps}/versioned`)).status, 200);
  }
});

test("a deprecated custom version names the one to use", async () => {
  const { headers } = await server.send("GET", "/apis/example.com/v1beta1/foos");
  assert.equal(headers.warning, '299 - "example.com/v1beta1 Foo is deprecated; use example.com/v1 Foo"');
});

for (const query of ["", "resourceVersion=0"]) {
  test(`a watch with ${query || "no resourceVersion"} ends what there is with a bookmark, for whoever takes bookmarks`, async () => {
    const fields = Object.fromEntries(new URLSearchParams(query));
    const watch = await server.test.watch(maps, { ...fields, allowWatchBookmarks: "true" });
    const types = [];
    for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
      types.push(event.type);
      if (event.type === "BOOKMARK") break;
    }
    watch.close();
    assert.deepEqual(types, ["ADDED", "ADDED", "BOOKMARK"]);
  });
}

for (const { path, body, code, message } of [
  {
    path: `${namespace}/pods/p/binding`,
    body: { target: { name: "" } },
    code: 400,
    message: "name in URL does not match name in Binding object",
  },
  { path: `${namespace}/bindings`, body: {}, code: 500, message: "target.name: Required value" },
]) {
  test(`a binding at ${path} of ${JSON.stringify(body)} is ${code}: ${message}`, async () => {
    const headers = { "content-type": "application/json" };
    const answer = await server.send("POST", path, { headers, body: JSON.stringify(body) });
    assert.deepEqual(
      [answer.status, (JSON.parse(answer.text) as { message: string }).message],
      [code, message],
    );
  });
}

test("a resourceVersion of 0 in an update, and a limit below zero, ask for nothing", async () => {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ metadata: { name: "b", resourceVersion: "0" }, data: { x: "b" } });
  assert.equal((await server.send("PUT", `${maps}/b`, { headers, body })).status, 200);
  const { text } = await server.send("GET", `${maps}?limit=-1`);
  assert.equal((JSON.parse(text) as { items: readonly object[] }).items.length, 2);
});

test("a change cannot mark an object for deletion", async () => {
  const headers = { "content-type": "application/merge-patch+json" };
  const body = '{"metadata":{"deletionTimestamp":"2020-01-01T00:00:00Z"}}';
  const { status, text } = await server.send("PATCH", `${maps}/a`, { headers, body });
  assert.equal(status, 422);
  assert.match(text, /metadata\.deletionTimestamp: Invalid value: .*field is immutable/);
});

test("a uid that an update does not meet is told with the key that upstream would have", async () => {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ metadata: { name: "b", uid: "x" } });
  const { status, text } = await server.send("PUT", `${maps}/b`, { headers, body });
  assert.equal(status, 409);
  assert.match(text, /Key: \/registry\/configmaps\/default\/b,/);
});
