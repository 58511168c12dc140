import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import type { Status } from "../../apimachinery/api-error.ts";
import type { KubeList } from "../../apimachinery/meta.ts";
import { startTestListener, type TestListener } from "../test-support/listener.ts";

const namespace = "/api/v1/namespaces/default";
const maps = `${namespace}/configmaps`;
const pods = `${namespace}/pods`;

let server: TestListener;
before(async () => {
  server = await startTestListener();
  const { ok } = server.test;
  await ok("POST", "/api/v1/namespaces", { body: { metadata: { name: "default" } } });
  await ok("POST", maps, { body: { metadata: { name: "a" }, data: { text: "a\nb" } } });
  const spec = { containers: [{ name: "c", image: "i" }] };
  await ok("POST", pods, { body: { metadata: { name: "p" }, spec } });
  await ok("POST", pods, { body: { metadata: { name: "q" }, spec } });
});
after(() => server.close());

for (const { method, path } of [
  { method: "GET", path: "/foo" },
  { method: "GET", path: "/healthz/foo" },
  { method: "GET", path: "/apis/example.com" },
  { method: "GET", path: "/apis/example.com/v1" },
  { method: "GET", path: "/apis/example.com/v1/foos" },
  { method: "GET", path: "//api//v1" },
  { method: "POST", path: "/foo" },
]) {
  test(`${method} ${path} is answered with the plain page, as where no router knows a path`, async () => {
    const { status, text, headers } = await server.send(method, path);
    assert.deepEqual([status, text], [404, "404 page not found\n"]);
    assert.equal(headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(headers["x-content-type-options"], "nosniff");
  });
}

const unknown = "the server could not find the requested resource";
const notAllowed = "the server does not allow this method on the requested resource";

interface Refusal {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly code: number;
  readonly reason: string;
  readonly message: string | RegExp;
}

const json = { "content-type": "application/json" };
const refusals: readonly Refusal[] = [
  ...["/api/v2", "/api/v1/foos", "/apis/apps/v2", "/apis/apps/v2/deployments", "/apis/apps/v1/foos"].map(
    (path) => ({
      name: `${path}, below a root that is served,`,
      path,
      code: 404,
      reason: "NotFound",
      message: unknown,
    }),
  ),
  ...["/version", "/api", "/apis/apps/v1"].map((path) => ({
    name: `a POST to ${path}`,
    method: "POST",
    path,
    code: 405,
    reason: "MethodNotAllowed",
    message: notAllowed,
  })),
  {
    name: "a name that leads out of the path",
    path: `${maps}/%2e%2e`,
    code: 400,
    reason: "BadRequest",
    message: "Name parameter invalid: \"..\": may not be '..'",
  },
  {
    name: "a name with a per cent sign",
    path: `${maps}/a%25b`,
    code: 400,
    reason: "BadRequest",
    message: "Name parameter invalid: \"a%b\": may not contain '%'",
  },
  {
    name: "a resourceVersion that is no number",
    path: `${maps}?resourceVersion=abc`,
    code: 400,
    reason: "BadRequest",
    message:
      'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  },
  {
    name: "a continue token without a key",
    path: `${maps}?continue=${btoa('{"v":"meta.k8s.io/v1","rv":1,"start":""}').replaceAll("=", "")}`,
    code: 400,
    reason: "BadRequest",
    message:
      "invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)",
  },
  {
    name: "a continue token of another version",
    path: `${maps}?continue=${btoa('{"v":"v2","rv":1,"start":"a"}').replaceAll("=", "")}`,
    code: 400,
    reason: "BadRequest",
    message:
      "invalid continue token: continue key is not valid: server does not recognize this encoded version v2",
  },
  {
    name: "a watch in YAML",
    path: `${maps}?watch=true`,
    headers: { accept: "application/yaml" },
    code: 406,
    reason: "NotAcceptable",
    message:
      "only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
  },
  {
    name: "a body that ends early",
    method: "POST",
    path: maps,
    headers: json,
    body: '{"metadata":{"name":"a-name-that-is-longer"',
    code: 400,
    reason: "BadRequest",
    message:
      'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: unexpected end of JSON input ({"metadata":{"name":"a-name-th ...)',
  },
  {
    name: "a body that is a list",
    method: "POST",
    path: maps,
    headers: json,
    body: "[]",
    code: 400,
    reason: "BadRequest",
    message: /json parse error: json: cannot unmarshal array into Go value of type struct \{.*\} \(5b5d\)$/,
  },
  {
    name: "a body of null, which is an empty object,",
    method: "POST",
    path: maps,
    headers: json,
    body: "null",
    code: 422,
    reason: "Invalid",
    message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  },
  {
    name: "an update of a missing object by its uid",
    method: "PUT",
    path: `${maps}/missing`,
    headers: json,
    body: '{"metadata":{"name":"missing","uid":"4"}}',
    code: 404,
    reason: "NotFound",
    message: 'configmaps "missing" not found',
  },
  {
    name: "an update of a missing object by its uid, of a kind whose updates create,",
    method: "PUT",
    path: `${namespace}/services/missing`,
    headers: json,
    body: '{"metadata":{"name":"missing","uid":"4"}}',
    code: 409,
    reason: "Conflict",
    message:
      /^Operation cannot be fulfilled on services "missing": StorageError: invalid object, Code: 4, Key: \/registry\/.*services\/.*default\/missing, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: 4, UID in object meta: $/,
  },
  {
    name: "a body whose kind is no text",
    method: "POST",
    path: maps,
    headers: json,
    body: '{"kind":1}',
    code: 400,
    reason: "BadRequest",
    message:
      'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})',
  },
  {
    name: "a body whose version has too many parts",
    method: "POST",
    path: maps,
    headers: json,
    body: '{"apiVersion":"a/b/c"}',
    code: 400,
    reason: "BadRequest",
    message:
      'the object provided is unrecognized (must be of type ConfigMap): unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})',
  },
  {
    name: "an empty document of YAML, which is an empty object,",
    method: "POST",
    path: maps,
    headers: { "content-type": "application/yaml" },
    body: "",
    code: 422,
    reason: "Invalid",
    message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  },
  {
    name: "a body that is no protobuf",
    method: "POST",
    path: maps,
    headers: { "content-type": "application/vnd.kubernetes.protobuf" },
    body: '{"metadata":{}}',
    code: 400,
    reason: "BadRequest",
    message:
      /^the object provided is unrecognized \(must be of type ConfigMap\): provided data does not appear to be a protobuf message, expected prefix \[107 56 115 0\] \(/,
  },
  {
    name: "a list asked for as one object's metadata",
    path: maps,
    headers: { accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" },
    code: 406,
    reason: "NotAcceptable",
    message: "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)",
  },
  {
    name: "an exec, of nothing, in a pod that runs nowhere",
    path: `${pods}/q/exec`,
    code: 400,
    reason: "BadRequest",
    message: "pod q does not have a host assigned",
  },
  {
    name: "the proxy of a service that is not there",
    path: `${namespace}/services/missing/proxy`,
    code: 404,
    reason: "NotFound",
    message: 'services "missing" not found',
  },
  {
    name: "a binding, to the collection, of a pod that is bound",
    method: "POST",
    path: `${namespace}/bindings`,
    headers: json,
    body: '{"metadata":{"name":"p"},"target":{"name":"node-2"}}',
    code: 409,
    reason: "Conflict",
    message: 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "node-1"',
  },
];

for (const { name, method = "GET", path, headers, body, code, reason, message } of refusals) {
  test(`${name} is refused with ${code} in upstream's words`, async () => {
    if (path.endsWith("/bindings"))
      await server.test.call("POST", `${pods}/p/binding`, {
        body: { metadata: { name: "p" }, target: { name: "node-1" } },
      });
    const answer = await server.send(method, path, {
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    });
    // JSON is YAML, and so is a refusal for whoever takes YAML alone.
    const status = parse(answer.text) as Status;
    assert.equal(answer.status, code, answer.text);
    assert.deepEqual([status.code, status.reason], [code, reason]);
    if (typeof message === "string") assert.equal(status.message, message);
    else assert.match(status.message ?? "", message);
  });
}

test("the log of a pod that runs nowhere is nothing at all", async () => {
  const { status, text, headers } = await server.send("GET", `${pods}/q/log`);
  assert.deepEqual([status, text, headers["content-type"]], [204, "", undefined]);
});

for (const selector of ["=", "==", "!="])
  test(`the field selector ${selector} asks for nothing: all objects are listed`, async () => {
    const list = await server.test.object<KubeList>("GET", maps, { query: { fieldSelector: selector } });
    assert.deepEqual(
      list.items.map(({ metadata }) => metadata.name),
      ["a"],
    );
  });

test("a list of any state is whole, whatever its limit", async () => {
  const list = await server.test.ok<{ metadata: object; items: unknown[] }>("GET", pods, {
    query: { limit: "1", resourceVersion: "0" },
  });
  assert.deepEqual([list.items.length, "continue" in list.metadata], [2, false]);
});

test("a binding that is made in the collection binds the pod", async () => {
  const body = { metadata: { name: "q" }, target: { name: "node-1" } };
  const { status } = await server.test.ok<{ status: string }>("POST", `${namespace}/bindings`, { body });
  assert.equal(status, "Success");
  const pod = await server.test.ok<{ spec: { nodeName: string } }>("GET", `${pods}/q`);
  assert.equal(pod.spec.nodeName, "node-1");
});

test("what is applied without a field that could be owned has no managers, and does not say so", async () => {
  const { text } = await server.send("PATCH", `${maps}/bare?fieldManager=m`, {
    headers: { "content-type": "application/apply-patch+yaml" },
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bare"}}',
  });
  assert.equal("managedFields" in (JSON.parse(text) as { metadata: object }).metadata, false);
});

for (const { name, query = "", headers = {}, pretty } of [
  { name: "asked by the parameter", query: "?pretty=true", pretty: true },
  { name: "asked by the Accept header", headers: { accept: "application/json;pretty=1" }, pretty: true },
  { name: "for curl", headers: { "user-agent": "curl/8.5.0" }, pretty: true },
  { name: "for a browser", headers: { "user-agent": "Mozilla/5.0 (X11)" }, pretty: true },
  {
    name: "for curl that asks for none",
    query: "?pretty=0",
    headers: { "user-agent": "curl/8.5.0" },
    pretty: false,
  },
  { name: "for a client of a program", headers: { "user-agent": "kubectl/v1.32" }, pretty: false },
]) {
  test(`JSON ${name} is ${pretty ? "" : "not "}laid out for people`, async () => {
    for (const path of [`${maps}/a`, maps, `${maps}/missing`, "/api", `${maps}?labelSelector=no%3Dmatch`]) {
      const { text } = await server.send("GET", path.includes("?") ? path : path + query, { headers });
      const object: unknown = JSON.parse(text);
      if (path.includes("?") && query !== "") continue;
      if (pretty) assert.equal(text, JSON.stringify(object, null, 2), path);
      else assert.ok(!text.trimEnd().includes("\n"), path);
    }
  });
}
