import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import { schemas } from "../../api/schemas.ts";
import type { Status } from "../../apimachinery/api-error.ts";
import { createProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { HttpMethod } from "../../client/exchange.ts";
import { type Answer, startTestListener, type TestListener } from "../test-support/listener.ts";

const namespace = "/api/v1/namespaces/default";
const maps = `${namespace}/configmaps`;
const reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const foos = "/apis/example.com/v1/namespaces/default/foos";
const version = (name: string) => ({
  name,
  served: true,
  storage: name === "v1",
  schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
});

let server: TestListener;
before(async () => {
  server = await startTestListener();
  const { ok, server: api } = server.test;
  await api.start();
  for (const name of ["a", "b"]) await ok("POST", maps, { body: { metadata: { name }, data: { x: "1" } } });
  await ok("POST", `${namespace}/pods`, {
    body: { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i" }] } },
  });
  await ok("POST", definitions, {
    body: {
      metadata: { name: "foos.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "foos", singular: "foo", kind: "Foo", listKind: "FooList" },
        versions: [version("v1"), version("v2")],
      },
    },
  });
  await server.test.clock.settle();
  await ok("POST", foos, { body: { apiVersion: "example.com/v1", kind: "Foo", metadata: { name: "a" } } });
});
after(() => server.close());

interface Row {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly code: number;
  readonly reason?: string;
  readonly message?: string | RegExp;
}

const unknown = "the server could not find the requested resource";
const notAllowed = "the server does not allow this method on the requested resource";
const accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
const scheme = 'in scheme "pkg/api/legacyscheme/scheme.go:30"';
const parseFault = (text: string, fault = "invalid syntax") =>
  `strconv.ParseUint: parsing "${text}": ${fault}`;
const invalidVersion = (text: string, fault?: string) =>
  `resourceVersion: Invalid value: "${text}": ${parseFault(text, fault)}`;
const bad = { code: 400, reason: "BadRequest" };
const invalid = { code: 422, reason: "Invalid" };
const conflict = { code: 409, reason: "Conflict" };
const refusedMethod = { code: 405, reason: "MethodNotAllowed", message: notAllowed };
const absent = { code: 404, reason: "NotFound", message: unknown };
const map = (metadata: object, more: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata,
  ...more,
});

const methods: readonly Row[] = [
  ...["HEAD", "OPTIONS", "TRACE", "PROPFIND"].flatMap((method) => [
    { name: `${method} of a collection`, method, path: maps, ...refusedMethod },
    { name: `${method} of an object`, method, path: `${maps}/a`, ...refusedMethod },
  ]),
  { name: "a POST to a name", method: "POST", path: `${maps}/a`, body: map({ name: "a" }), ...refusedMethod },
  { name: "a PUT of a collection", method: "PUT", path: maps, body: map({ name: "a" }), ...refusedMethod },
  { name: "a PATCH of a collection", method: "PATCH", path: maps, body: {}, ...refusedMethod },
  {
    name: "a POST to all namespaces",
    method: "POST",
    path: "/api/v1/configmaps",
    body: map({}),
    ...refusedMethod,
  },
  { name: "a GET of what is only created", path: reviews, ...refusedMethod },
  { name: "a PUT to exec", method: "PUT", path: `${namespace}/pods/p/exec`, ...refusedMethod },
  { name: "a TRACE through a proxy", method: "TRACE", path: `${namespace}/pods/p/proxy/`, ...refusedMethod },
  {
    name: "a watch of what cannot be watched",
    path: "/api/v1/componentstatuses?watch=true",
    code: 405,
    reason: "MethodNotAllowed",
    message: 'watch is not supported on resources of kind "componentstatuses"',
  },
  {
    name: "a method that custom kinds have not",
    method: "PROPFIND",
    path: `${foos}/a`,
    code: 405,
    reason: "MethodNotAllowed",
    message: ' is not supported on resources of kind "foos.example.com"',
  },
  {
    name: "a PUT of a custom collection",
    method: "PUT",
    path: foos,
    body: {},
    ...bad,
    message: "name must be provided",
  },
];

const places: readonly Row[] = [
  ...["GET", "POST"].map((method) => ({
    name: `a ${method} below the old prefix of proxies`,
    method,
    path: "/api/v1/proxy/nodes/x",
    ...absent,
  })),
  { name: "a part that the kind has not", path: `${maps}/a/status`, ...absent },
  { name: "an object without its namespace", path: "/api/v1/configmaps/a", ...absent },
  { name: "a cluster's resource in a namespace", path: `${namespace}/nodes`, ...absent },
  {
    name: "a part that a custom kind has not",
    path: `${foos}/a/status`,
    code: 404,
    reason: "NotFound",
    message: 'foos.example.com "a" not found',
  },
  {
    name: "an object that is not there",
    path: `${maps}/none`,
    code: 404,
    reason: "NotFound",
    message: 'configmaps "none" not found',
  },
  { name: "exec without an upgrade", path: `${namespace}/pods/p/exec?command=x&stdout=1`, code: 400 },
  {
    name: "an export",
    path: `${maps}/a?export=true`,
    ...bad,
    message: "the export parameter, deprecated since v1.14, is no longer supported",
  },
  {
    name: "a component that is not there",
    path: "/api/v1/componentstatuses/none",
    code: 500,
    message: "Component not found: none",
  },
];

const versions: readonly Row[] = [
  {
    name: "a GET at a version that is no number",
    path: `${maps}/a?resourceVersion=abc`,
    code: 500,
    message: invalidVersion("abc"),
  },
  {
    name: "a GET at a negative version",
    path: `${maps}/a?resourceVersion=-1`,
    code: 500,
    message: invalidVersion("-1"),
  },
  {
    name: "a watch from a version that is no number",
    path: `${maps}?watch=1&resourceVersion=abc`,
    code: 500,
    message: invalidVersion("abc"),
  },
  {
    name: "a list at a version that is no number",
    path: `${maps}?resourceVersion=abc`,
    ...bad,
    message: `invalid resource version: ${invalidVersion("abc")}`,
  },
  {
    name: "a list at a version out of range",
    path: `${maps}?resourceVersion=18446744073709551616`,
    ...bad,
    message: `invalid resource version: ${invalidVersion("18446744073709551616", "value out of range")}`,
  },
  {
    name: "a PUT of a version that is no number",
    method: "PUT",
    path: `${maps}/a`,
    body: map({ name: "a", resourceVersion: "abc" }),
    code: 500,
    message: parseFault("abc"),
  },
  {
    name: "a PUT of an old version",
    method: "PUT",
    path: `${maps}/a`,
    body: map({ name: "a", resourceVersion: "1" }),
    ...conflict,
    message:
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  },
  {
    name: "a new object that has a version",
    method: "POST",
    path: maps,
    body: map({ name: "c", resourceVersion: "1" }),
    code: 500,
    message: "resourceVersion should not be set on objects to be created",
  },
];

const bodies: readonly Row[] = [
  {
    name: "another name than the URL's",
    method: "PUT",
    path: `${maps}/a`,
    body: map({ name: "b" }),
    ...bad,
    message: "the name of the object (b) does not match the name on the URL (a)",
  },
  {
    name: "no name for the URL's",
    method: "PUT",
    path: `${maps}/a`,
    body: map({}),
    ...bad,
    message: "the name of the object (a based on URL) was undeterminable: name must be provided",
  },
  ...["POST", "PUT"].map((method) => ({
    name: `another namespace than the URL's in a ${method}`,
    method,
    path: method === "POST" ? maps : `${maps}/a`,
    body: map({ name: "a", namespace: "other" }),
    ...bad,
    message: "the namespace of the provided object does not match the namespace sent on the request",
  })),
  {
    name: "another uid than the object's",
    method: "PUT",
    path: `${maps}/a`,
    body: map({ name: "a", uid: "4" }),
    ...conflict,
    message: /Precondition failed: UID in precondition: 4, UID in object meta: [-0-9a-f]{36}$/,
  },
  {
    name: "a name that is taken",
    method: "POST",
    path: maps,
    body: map({ name: "a" }),
    code: 409,
    reason: "AlreadyExists",
    message: 'configmaps "a" already exists',
  },
  {
    name: "a kind nobody knows",
    method: "POST",
    path: maps,
    body: { apiVersion: "v1", kind: "Configmap", metadata: { name: "c" } },
    ...bad,
    message: `Configmap in version "v1" cannot be handled as a ConfigMap: no kind "Configmap" is registered for version "v1" ${scheme}`,
  },
  {
    name: "a group nobody knows",
    method: "PUT",
    path: `${maps}/a`,
    body: { apiVersion: "x.io/v1", kind: "ConfigMap", metadata: { name: "a" } },
    ...bad,
    message: `ConfigMap in version "v1" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "x.io/v1" ${scheme}`,
  },
  {
    name: "another kind",
    method: "POST",
    path: maps,
    body: { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "c" } },
    ...bad,
    message:
      'Deployment in version "v1" cannot be handled as a ConfigMap: converting (v1.Deployment) to (core.ConfigMap): unknown conversion',
  },
  {
    name: "another version of a custom kind",
    method: "POST",
    path: foos,
    body: { apiVersion: "example.com/v2", kind: "Foo", metadata: { name: "b" } },
    ...bad,
    message:
      "the API version in the data (example.com/v2) does not match the expected API version (example.com/v1)",
  },
  {
    name: "another kind than the custom one",
    method: "POST",
    path: foos,
    body: { apiVersion: "example.com/v1", kind: "Bar", metadata: { name: "b" } },
    ...invalid,
    message: 'Bar.example.com "b" is invalid: kind: Invalid value: "Bar": must be Foo',
  },
];

const optionFaults: readonly Row[] = [
  {
    name: "a dry run of another kind",
    method: "POST",
    path: `${maps}?dryRun=x`,
    body: map({ name: "c" }),
    ...invalid,
    message:
      'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: supported values: "All"',
  },
  {
    name: "two dry runs, one of another kind",
    method: "PUT",
    path: `${maps}/a?dryRun=All&dryRun=x`,
    body: map({ name: "a" }),
    ...invalid,
    message:
      'UpdateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["All","x"]: supported values: "All"',
  },
  {
    name: "a field validation of another kind",
    method: "POST",
    path: `${maps}?fieldValidation=strict`,
    body: map({ name: "c" }),
    ...invalid,
    message:
      'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "strict": supported values: "", "Ignore", "Strict", "Warn"',
  },
  {
    name: "a field manager with a control character",
    method: "POST",
    path: `${maps}?fieldManager=a%07`,
    body: map({ name: "c" }),
    ...invalid,
    message:
      'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\a": invalid character U+0007 (at position 1)',
  },
  {
    name: "a limit that is no number",
    path: `${maps}?limit=x`,
    ...bad,
    message: 'strconv.ParseInt: parsing "x": invalid syntax',
  },
  {
    name: "a continue token that is no base64",
    path: `${maps}?continue=ab*c`,
    ...bad,
    message: "invalid continue token: continue key is not valid: illegal base64 data at input byte 2",
  },
  {
    name: "a continue token that is no JSON",
    path: `${maps}?continue=YWJj`,
    ...bad,
    message:
      "invalid continue token: continue key is not valid: invalid character 'a' looking for beginning of value",
  },
  {
    name: "a continue token with a version",
    path: `${maps}?resourceVersion=5&continue=${btoa('{"v":"meta.k8s.io/v1","rv":1,"start":"a"}').replaceAll("=", "")}`,
    ...bad,
    message: "specifying resource version is not allowed when using continue",
  },
  {
    name: "a name and a selector of another",
    path: `${maps}?fieldSelector=metadata.name!%3Da&resourceVersionMatch=Exact`,
    ...invalid,
    message:
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  },
  {
    name: "a field that cannot be selected by",
    path: `${maps}?fieldSelector=spec.x%3Da`,
    ...bad,
    message: '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
  },
  {
    name: "rows with something else",
    path: `${maps}?includeObject=x`,
    headers: { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" },
    ...bad,
    message: `Unable to convert to Table as requested: includeObject: Invalid value: "x": must be 'Metadata', 'Object', 'None', or empty`,
  },
];

const deletions: readonly Row[] = [
  {
    name: "a deletion with a body of another kind",
    method: "DELETE",
    path: `${maps}/a`,
    body: { kind: "Foo", apiVersion: "v1" },
    ...bad,
    message:
      'no kind "Foo" is registered for version "v1" in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"',
  },
  {
    name: "a deletion with a grace period that is no number",
    method: "DELETE",
    path: `${maps}/a`,
    body: { gracePeriodSeconds: "x" },
    ...bad,
    message:
      "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
  },
  {
    name: "a deletion that propagates in another way",
    method: "DELETE",
    path: `${maps}/a?propagationPolicy=x`,
    ...invalid,
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "x": supported values: "Foreground", "Background", "Orphan", "nil"',
  },
  {
    name: "a deletion of a collection in a dry run of another kind",
    method: "DELETE",
    path: `${maps}?dryRun=x`,
    ...invalid,
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: supported values: "All"',
  },
  {
    name: "a deletion of another uid",
    method: "DELETE",
    path: `${maps}/a`,
    body: { preconditions: { uid: "4" } },
    ...conflict,
    message:
      /^Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition \(4\) does not match the UID in record \([-0-9a-f]{36}\)\. The object might have been deleted and then recreated$/,
  },
];

const formats: readonly Row[] = [
  {
    name: "a type that no path gives",
    path: `${maps}/a`,
    headers: { accept: "text/html" },
    code: 406,
    reason: "NotAcceptable",
    message: `406: Not Acceptable\n\nAvailable representations: ${accepted}`,
  },
  {
    name: "a type that /version does not give",
    path: "/version",
    headers: { accept: "application/yaml" },
    code: 406,
    reason: "NotAcceptable",
    message: "406: Not Acceptable\n\nAvailable representations: application/json",
  },
  {
    name: "a view nobody knows",
    path: `${maps}/a`,
    headers: { accept: "application/json;as=Row;g=meta.k8s.io;v=v1" },
    code: 406,
    reason: "NotAcceptable",
    message: `only the following media types are accepted: ${accepted}`,
  },
  {
    name: "a log as plain text",
    path: `${namespace}/pods/p/log`,
    headers: { accept: "text/plain" },
    code: 406,
    reason: "NotAcceptable",
    message: `only the following media types are accepted: ${accepted}`,
  },
  {
    name: "a custom object in protobuf",
    path: `${foos}/a`,
    headers: { accept: "application/vnd.kubernetes.protobuf" },
    code: 406,
    reason: "NotAcceptable",
    message: `only the following media types are accepted: ${accepted}`,
  },
  {
    name: "an object as a list's metadata",
    path: `${maps}/a`,
    headers: { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" },
    code: 406,
    reason: "NotAcceptable",
  },
];

const codec = createProtobufCodec(schemas);

function read({ bytes, text, headers }: Answer): Status {
  if (headers["content-type"] === "application/vnd.kubernetes.protobuf")
    return codec.decode(bytes) as unknown as Status;
  return parse(text) as Status; // JSON is YAML
}

for (const { name, method = "GET", path, headers = {}, body, code, reason, message } of [
  ...methods,
  ...places,
  ...versions,
  ...bodies,
  ...optionFaults,
  ...deletions,
  ...formats,
])
  for (const transport of ["over HTTPS", "in process"])
    test(`${name} is refused with ${code} ${transport}`, async () => {
      const json = body === undefined ? {} : { "content-type": "application/json" };
      let status: Status;
      let answered: number;
      if (transport === "in process") {
        const [place = "", query = ""] = path.split("?", 2);
        const response = await server.test.server.handle(
          {
            method: method as HttpMethod,
            path: place,
            query: new URLSearchParams(query),
            headers: { ...json, ...headers },
            ...(body === undefined ? {} : { body: { object: body } }),
            signal: new AbortController().signal,
          },
          { user: { name: "admin", groups: ["system:masters"] } },
        );
        assert.equal(response.type, "object");
        if (response.type !== "object") return;
        [status, answered] = [response.object as Status, response.status];
      } else {
        const answer = await server.send(method, path, {
          headers: { accept: "application/json", ...json, ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        if (method === "HEAD") {
          assert.equal(answer.status, code);
          return;
        }
        [status, answered] = [read(answer), answer.status];
      }
      assert.deepEqual(
        [answered, status.code, status.reason ?? ""],
        [code, code, reason ?? status.reason ?? ""],
        status.message ?? "",
      );
      if (typeof message === "string") assert.equal(status.message, message);
      else if (message !== undefined) assert.match(status.message ?? "", message);
    });
