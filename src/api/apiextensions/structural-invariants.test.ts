import assert from "node:assert/strict";
import { test } from "node:test";
import { approvalErrors } from "./api-approval.ts";
import { selectableFieldErrors } from "./selectable-fields-validation.ts";
import { structuralErrors } from "./structural-validation.ts";
import type { CustomResourceDefinition, JSONSchemaProps } from "./types.generated.ts";

const string = { type: "string" };
const lines = (errors: readonly { readonly field: string; readonly message: string }[]) =>
  errors.map(({ field, message }) => `${field}: ${message}`);

for (const { name, schema, want } of [
  {
    name: "a list of keys whose items have no such property",
    schema: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a"],
      items: { type: "object" },
    },
    want: [
      'p.x-kubernetes-list-map-keys: Invalid value: ["a"]: entries must all be names of item properties',
    ],
  },
  {
    name: "a key that an item may lack",
    schema: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a"],
      items: { type: "object", properties: { a: string } },
    },
    want: [
      "p.items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
    ],
  },
  {
    name: "a set of objects that are merged",
    schema: { type: "array", "x-kubernetes-list-type": "set", items: { type: "object" } },
    want: [
      "p.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set",
    ],
  },
  {
    name: "structure below logic",
    schema: {
      ...string,
      anyOf: [{ type: "string", pattern: "^a" }, { minLength: 2 }],
      not: { description: "x" },
    },
    want: [
      "p.anyOf[0].type: Forbidden: must be empty to be structural",
      "p.not.description: Forbidden: must be empty to be structural",
    ],
  },
  {
    name: "an int or string with its two types",
    schema: {
      "x-kubernetes-int-or-string": true,
      anyOf: [{ type: "integer" }, { type: "string" }],
      pattern: "^\\d+%?$",
    },
    want: [],
  },
  {
    name: "a pattern that is none",
    schema: { ...string, pattern: "(" },
    want: [/^p\.pattern: Invalid value: "\(": must be a valid regular expression, but isn't: /],
  },
  {
    name: "an item without a type",
    schema: { type: "array", items: {} },
    want: ["p.items.type: Required value: must not be empty for specified array items"],
  },
  {
    name: "an embedded resource without content",
    schema: { type: "object", "x-kubernetes-embedded-resource": true },
    want: [
      "p.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
    ],
  },
]) {
  test(`of a structural schema is said, for ${name}, what is wrong`, () => {
    const root: JSONSchemaProps = { type: "object", properties: { p: schema } };
    const found = lines(structuralErrors("", root)).map((line) => line.replace(/^properties\[p\]/, "p"));
    assert.equal(found.length, want.length, found.join("\n"));
    for (const [index, line] of want.entries())
      if (line instanceof RegExp) assert.match(found[index] ?? "", line);
      else assert.equal(found[index], line);
  });
}

test("metadata at the root may restrict names, and nothing else", () => {
  const rootWith = (properties: JSONSchemaProps["properties"]) =>
    lines(
      structuralErrors("", {
        type: "object",
        properties: { metadata: { type: "object", properties: properties ?? {} } },
      }),
    );
  assert.deepEqual(rootWith({ name: { ...string, maxLength: 10 } }), []);
  assert.deepEqual(rootWith({ labels: { type: "object" } }), [
    "properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
  ]);
});

test("selectable fields are scalars of the schema, each named once", () => {
  const schema = {
    type: "object",
    properties: { spec: { type: "object", properties: { a: string, l: { type: "object" } } } },
  };
  const paths = [".spec.a", ".spec.a", ".spec.l", ".spec.x", ".metadata.name"];
  const errors = selectableFieldErrors(
    "f",
    paths.map((jsonPath) => ({ jsonPath })),
    schema,
  );
  assert.deepEqual(lines(errors), [
    'f[1].jsonPath: Duplicate value: ".spec.a"',
    'f[2].jsonPath: Invalid value: ".spec.l": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
    'f[3].jsonPath: Invalid value: ".spec.x": is an invalid path: does not refer to a valid field',
    'f[4].jsonPath: Invalid value: ".metadata.name": is an invalid path: does not refer to a valid field',
  ]);
});

test("groups of the community need an approval", () => {
  const of = (group: string, approved?: string) =>
    ({
      metadata: {
        name: "x",
        ...(approved === undefined ? {} : { annotations: { "api-approved.kubernetes.io": approved } }),
      },
      spec: { group },
    }) as unknown as CustomResourceDefinition; // only these are looked at
  assert.deepEqual(approvalErrors(of("example.com")), []);
  assert.match(
    lines(approvalErrors(of("x.k8s.io")))[0] ?? "",
    /Required value: protected groups must have approval annotation/,
  );
  assert.match(
    lines(approvalErrors(of("kubernetes.io", "yes")))[0] ?? "",
    /with either a URL or a reason starting with "unapproved"/,
  );
  assert.deepEqual(approvalErrors(of("x.k8s.io", "unapproved, a test")), []);
  assert.deepEqual(approvalErrors(of("x.k8s.io", "https://github.com/kubernetes/enhancements/pull/1")), []);
});
