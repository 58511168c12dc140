import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../apimachinery/api-error.ts";
import { type DecodeOptions, decodeJson, decodeYaml } from "../apimachinery/schema/decode.ts";
import { normalize } from "../apimachinery/schema/normalize.ts";
import { schemas } from "./schemas.ts";

function optionsFor(
  group: string,
  kind: string,
  fieldValidation: DecodeOptions["fieldValidation"],
): DecodeOptions {
  return {
    expected: { group, version: "v1", kind },
    model: schemas.kind(group, "v1", kind),
    fieldValidation,
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

const deployment = (metadata: string, spec: string) => `{
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": { "name": "my-dep", ${metadata} "labels": {"app": "nginx"} },
  "spec": { ${spec}
    "selector": { "matchLabels": { "app": "nginx" } },
    "template": { "metadata": { "labels": { "app": "nginx" } },
      "spec": { "containers": [{ "name": "nginx", "image": "nginx:latest" }] } } }
}`;

for (const { name, body, want } of [
  {
    name: "Server side field validation, typed object",
    body: deployment("", '"unknownField": "foo", "replicas": 2, "replicas": 3,'),
    want: ['unknown field "spec.unknownField"', 'duplicate field "spec.replicas"'],
  },
  {
    name: "Server side field validation, typed unknown metadata",
    body: deployment('"unknownMeta": "foo",', ""),
    want: ['unknown field "metadata.unknownMeta"'],
  },
  {
    name: "strict decoding names list items and keys of maps",
    body: `{"kind":"Deployment","metadata":{"labels":{"a.b/c":"1","a.b/c":"2"}},"spec":{"template":{"spec":{
      "containers":[{"name":"a"},{"name":"b","imagge":"x","env":[{"name":"A","valeu":"\\"}"}]}]}}}}`,
    want: [
      'duplicate field "metadata.labels.a.b/c"',
      'unknown field "spec.template.spec.containers[1].imagge"',
      'unknown field "spec.template.spec.containers[1].env[0].valeu"',
    ],
  },
]) {
  test(`${name}: Strict refuses, Warn warns, Ignore drops`, () => {
    const message = `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${want.join(", ")}`;
    assert.throws(
      () => decodeJson(bytes(body), optionsFor("apps", "Deployment", "Strict")),
      (error) => error instanceof ApiError && error.code === 400 && error.message === message,
    );
    const warned = decodeJson(bytes(body), optionsFor("apps", "Deployment", "Warn"));
    assert.deepEqual(warned.warnings, want);
    const ignored = decodeJson(bytes(body), optionsFor("apps", "Deployment", "Ignore"));
    assert.deepEqual(ignored.warnings, []);
    assert.deepEqual(ignored.object, warned.object);
    assert.doesNotMatch(JSON.stringify(ignored.object), /unknown|imagge|valeu/);
  });
}

for (const { name, body, message } of [
  {
    name: "a string where a number belongs",
    body: '{"spec":{"replicas":"three"}}',
    message: "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
  },
  {
    name: "an object where a list belongs",
    body: '{"spec":{"template":{"spec":{"containers":{}}}}}',
    message:
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
  },
  {
    name: "a number that is too large",
    body: '{"spec":{"replicas":9999999999}}',
    message:
      "json: cannot unmarshal number 9999999999 into Go struct field DeploymentSpec.spec.replicas of type int32",
  },
  {
    name: "a quantity that is none",
    body: '{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"lots"}}}]}}}}',
    message: "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  },
  {
    name: "a key that would change a prototype",
    body: '{"metadata":{"labels":{"\\u005f_proto__":"x"}}}',
    message: 'the key "__proto__" is not allowed',
  },
  {
    name: "nesting without end",
    body: `{"metadata":{"managedFields":[{"fieldsV1":${'{"a":'.repeat(600)}1${"}".repeat(600)}}]}}`,
    message: "exceeded max depth",
  },
]) {
  test(`decoding refuses ${name}`, () => {
    assert.throws(
      () => decodeJson(bytes(body), optionsFor("apps", "Deployment", "Warn")),
      (error) =>
        error instanceof ApiError &&
        error.code === 400 &&
        error.message === `Deployment in version "v1" cannot be handled as a Deployment: ${message}`,
    );
  });
}

test("decoding refuses another kind, another version and what is no JSON", () => {
  const options = { ...optionsFor("apps", "Deployment", "Warn"), knows: () => true };
  const decode = (text: string) => () => decodeJson(bytes(text), options);
  assert.throws(
    decode('{"kind":"Service","apiVersion":"v1"}'),
    /Service in version "v1" cannot be handled as a Deployment/,
  );
  assert.throws(
    () =>
      decodeJson(bytes('{"kind":"Deployment","apiVersion":"apps/v9"}'), { ...options, knows: () => false }),
    /cannot be handled as a Deployment: no kind "Deployment" is registered for version "apps\/v9"/,
  );
  assert.throws(
    decode('{"kind":"Deployment","apiVersion":"apps/v1beta1"}'),
    /the API version in the data \(apps\/v1beta1\) does not match the expected API version \(apps\/v1\)/,
  );
  assert.throws(decode("{nope"), /the object provided is unrecognized \(must be of type Deployment\)/);
  assert.throws(decode("[]"), /the object provided is unrecognized/);
});

test("decoding fills in apiVersion and kind, and takes DeleteOptions of any group", () => {
  const { object } = decodeJson(bytes('{"metadata":{"name":"a"}}'), optionsFor("", "ConfigMap", "Strict"));
  assert.deepEqual(object, { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "a" } });
  const options = optionsFor("", "DeleteOptions", "Strict");
  const body = bytes('{"kind":"DeleteOptions","apiVersion":"apps/v1","gracePeriodSeconds":0}');
  assert.deepEqual(decodeJson(body, options).object, {
    kind: "DeleteOptions",
    apiVersion: "apps/v1",
    gracePeriodSeconds: 0,
  });
});

test("decoding reads YAML, and says where a key is repeated", async () => {
  const options = optionsFor("", "ConfigMap", "Warn");
  const { object } = await decodeYaml(bytes("metadata:\n  name: a\ndata:\n  x: 'yes'\n"), options);
  assert.deepEqual(object, {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { name: "a" },
    data: { x: "yes" },
  });
  const repeated = await decodeYaml(bytes("metadata:\n  name: a\n  name: b\nfoo: 1\n"), options);
  assert.equal(repeated.warnings.length, 2);
  assert.equal(repeated.warnings[0], 'line 3: key "name" already set in map');
  assert.equal(repeated.warnings[1], 'unknown field "foo"');
});

test("YAML whose aliases explode is refused", async () => {
  const lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
  for (let level = 0; level < 8; level++) {
    const [from, to] = [String.fromCharCode(97 + level), String.fromCharCode(98 + level)];
    lines.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(",")}]`);
  }
  await assert.rejects(decodeYaml(bytes(lines.join("\n")), optionsFor("", "ConfigMap", "Warn")), /alias/i);
});

test("YAML that holds itself is refused", async () => {
  const body = bytes("metadata:\n  name: a\ndata: &a\n  x: *a\n");
  await assert.rejects(
    decodeYaml(body, optionsFor("", "ConfigMap", "Warn")),
    (error) => error instanceof ApiError && error.code === 400,
  );
});

test("normalizing writes what Go writes: zero values away, pointers and structs kept, canonical scalars", () => {
  const model = schemas.kind("", "v1", "Pod");
  assert.ok(model);
  const { object } = normalize(model, {
    metadata: {
      name: "p",
      labels: {},
      creationTimestamp: null,
      deletionTimestamp: "2026-01-01T02:00:00+02:00",
    },
    spec: {
      nodeName: "",
      hostNetwork: false,
      terminationGracePeriodSeconds: 0,
      enableServiceLinks: false,
      tolerations: [],
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [
        { name: "c", resources: { limits: { cpu: 0.5, memory: "1024Mi" } }, ports: [{ hostPort: 0 }] },
      ],
    },
  });
  assert.deepEqual(object, {
    metadata: { name: "p", deletionTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      terminationGracePeriodSeconds: 0,
      enableServiceLinks: false,
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [
        { name: "c", resources: { limits: { cpu: "500m", memory: "1Gi" } }, ports: [{ containerPort: 0 }] },
      ],
    },
    status: {},
  });
  assert.deepEqual(Object.keys(object), ["metadata", "spec", "status"]);
});

test("normalizing keeps an empty selector apart from an absent one", () => {
  const model = schemas.kind("networking.k8s.io", "v1", "NetworkPolicy");
  assert.ok(model);
  const { object } = normalize(model, {
    metadata: {},
    spec: { ingress: [{ from: [{ namespaceSelector: {} }, { podSelector: { matchLabels: {} } }] }] },
  });
  assert.deepEqual(object.spec, {
    podSelector: {},
    ingress: [{ from: [{ namespaceSelector: {} }, { podSelector: {} }] }],
  });
});

test("every model of the tables parses", () => {
  let fields = 0;
  for (const model of schemas.all()) fields += model.fields.length;
  assert.ok(fields > 2000);
});
