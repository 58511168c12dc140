import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  type ChangeCase,
  createErrors,
  objectOf,
  type RefusedCase,
  rowOf,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const encode = (text: string) => Buffer.from(text).toString("base64");

test("plain text of a secret joins its data, and wins over it", () => {
  const given = objectOf("v1", "Secret", {
    data: { a: encode("old"), b: encode("b") },
    stringData: { a: "new é" },
  });
  const { apiVersion: _version, kind: _kind, metadata: _metadata, ...rest } = withDefaults(given);
  assert.deepEqual(rest, { data: { a: encode("new é"), b: encode("b") }, type: "Opaque" });
});

test("kubectl get shows how much there is in config maps and secrets", () => {
  assert.deepEqual(rowOf(objectOf("v1", "ConfigMap", { data: { a: "1" }, binaryData: { b: "", c: "" } })), {
    Data: 3,
  });
  assert.deepEqual(rowOf(withDefaults(objectOf("v1", "Secret", { data: { a: "" } }))), {
    Type: "Opaque",
    Data: 1,
  });
});

const mebibyte = 1024 * 1024;

for (const { kind, name, parts, want } of [
  {
    kind: "ConfigMap",
    name: "with data",
    parts: { data: { "a.txt": "1" }, binaryData: { b: "AA==" } },
    want: [],
  },
  {
    kind: "ConfigMap",
    name: "with an empty key (ConfigMap, with empty-key)",
    parts: { data: { "": "1" } },
    want: [/^data\[\]: Invalid value: "": a valid config key must consist of alphanumeric characters/],
  },
  {
    kind: "ConfigMap",
    name: "with one key twice",
    parts: { data: { a: "1" }, binaryData: { a: "" } },
    want: ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
  },
  { kind: "ConfigMap", name: "as large as may be", parts: { data: { a: "x".repeat(mebibyte) } }, want: [] },
  {
    kind: "ConfigMap",
    name: "that is too large",
    parts: { data: { a: "x".repeat(mebibyte), b: "x" } },
    want: ["Too long: may not be more than 1048576 bytes"],
  },
  {
    kind: "Secret",
    name: "with an empty key (Secrets, with empty-key)",
    parts: { data: { "": "MQ==" } },
    want: [/^data\[\]: Invalid value: "": a valid config key must consist of alphanumeric characters/],
  },
  {
    kind: "Secret",
    name: "of TLS without a key",
    parts: { type: "kubernetes.io/tls", data: { "tls.crt": "" } },
    want: ["data[tls.key]: Required value"],
  },
  {
    kind: "Secret",
    name: "of a registry that is no JSON",
    parts: { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": encode("no") } },
    want: [
      `data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character 'o' in literal null (expecting 'u')`,
    ],
  },
  {
    kind: "Secret",
    name: "of a registry that is a list",
    parts: { type: "kubernetes.io/dockercfg", data: { ".dockercfg": encode("[1]") } },
    want: [
      'data[.dockercfg]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array into Go value of type map[string]interface {}',
    ],
  },
  {
    kind: "Secret",
    name: "of a service account that is not named",
    parts: { type: "kubernetes.io/service-account-token" },
    want: ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
  },
  {
    kind: "Secret",
    name: "of basic authentication with a password only",
    parts: { type: "kubernetes.io/basic-auth", data: { password: "eA==" } },
    want: [],
  },
  {
    kind: "Secret",
    name: "of basic authentication with nothing",
    parts: { type: "kubernetes.io/basic-auth" },
    want: ["data[username]: Required value", "data[password]: Required value"],
  },
  {
    kind: "Secret",
    name: "of SSH with an empty key",
    parts: { type: "kubernetes.io/ssh-auth", data: { "ssh-privatekey": "" } },
    want: ["data[ssh-privatekey]: Required value"],
  },
] as readonly (RefusedCase & { kind: string })[])
  test(`a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors("v1", kind, parts), want);
  });

const forbidden = "field is immutable when `immutable` is set";

for (const kind of ["ConfigMap", "Secret"])
  for (const { name, before, after, want } of [
    { name: "its data", before: { data: { a: "MQ==" } }, after: { data: { a: "Mg==" } }, want: [] },
    {
      name: "its data though it is immutable",
      before: { immutable: true, data: { a: "MQ==" } },
      after: { immutable: true, data: { a: "Mg==" } },
      want: [`data: Forbidden: ${forbidden}`],
    },
    { name: "to be immutable", before: {}, after: { immutable: true }, want: [] },
    {
      name: "not to be immutable any more",
      before: { immutable: true },
      after: {},
      want: [`immutable: Forbidden: ${forbidden}`],
    },
    {
      name: "its labels though it is immutable",
      before: { immutable: true },
      after: { immutable: true, metadata: { labels: { a: "b" } } },
      want: [],
    },
  ] as readonly ChangeCase[])
    test(`a ${kind} that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
      assertLines(updateErrors("v1", kind, { ...before }, { ...after }), want);
    });

test("a secret keeps its type", () => {
  assertLines(updateErrors("v1", "Secret", { type: "a" }, { type: "b" }), [
    'type: Invalid value: "b": field is immutable',
  ]);
});
