import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

const ports = {
  type: "array",
  "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
  "x-kubernetes-list-type": "map",
  items: {
    type: "object",
    required: ["containerPort", "protocol"],
    properties: {
      containerPort: { format: "int32", type: "integer" },
      hostIP: { type: "string" },
      hostPort: { format: "int32", type: "integer" },
      name: { type: "string" },
      protocol: { type: "string" },
    },
  },
};
const spec = (more: object = {}, properties: object = {}) => ({
  type: "object",
  properties: {
    spec: {
      type: "object",
      ...more,
      properties: {
        foo: { type: "string" },
        cronSpec: { type: "string", pattern: "^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$" },
        ports,
        ...properties,
      },
    },
  },
});
const open = { "x-kubernetes-preserve-unknown-fields": true };
const rest = `
  cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP`;

function suite({ api, named }: Suite): void {
  const deployment = (metadata: string, fields: string) => `{
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "my-dep", ${metadata} "labels": {"app": "nginx"}},
    "spec": {
      ${fields}
      "selector": {"matchLabels": {"app": "nginx"}},
      "template": {
        "metadata": {"labels": {"app": "nginx"}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:latest"}]}
      }
    }
  }`;
  for (const { title, body, message } of [
    {
      title: "Server side field validation, typed object",
      body: deployment("", `"unknownField": "foo", "replicas": 2, "replicas": 3,`),
      message: `strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"`,
    },
    {
      title: "Server side field validation, typed unknown metadata",
      body: deployment(`"unknownMeta": "foo",`, ""),
      message: `strict decoding error: unknown field "metadata.unknownMeta"`,
    },
  ])
    test(title, async () => {
      const status = await api().refused("POST", "/apis/apps/v1/namespaces/default/deployments", {
        raw: body,
        query: { fieldManager: "field_validation_mgr", fieldValidation: "Strict" },
        headers: { "content-type": "application/json" },
      });
      assert.equal(status.code, 400);
      assert.ok(status.message?.includes(message) === true, `${status.message}`);
    });

  for (const { title, name, schema, yaml, refusal } of [
    {
      title: "Server side field validation, valid CR with validation schema",
      name: "valid",
      schema: spec(),
      yaml: `spec:\n  foo: foo1${rest}`,
      refusal: undefined,
    },
    {
      title: "Server side field validation, unknown fields CR no validation schema",
      name: "unchecked",
      schema: { type: "object", ...open },
      yaml: `spec:\n  unknown: uk1${rest}`,
      refusal: undefined,
    },
    {
      title: "Server side field validation, unknown fields CR fails validation",
      name: "invalid",
      schema: spec(),
      yaml: `unknownField: unknown\nspec:\n  foo: foo1${rest}`,
      refusal: ".unknownField: field not declared in schema",
    },
    {
      title: "Server side field validation, unknown metadata",
      name: "embedded",
      schema: spec(open, {
        template: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          properties: {
            metadata: { type: "object", properties: { name: { type: "string" } } },
            spec: { type: "object" },
          },
        },
      }),
      yaml: `  unknownMeta: unknown\nspec:\n  template:\n    apiversion: foo/v1\n    kind: Sub\n    metadata:\n        unknownSubMeta: unknown\n        name: subobject\n        namespace: default\n  foo: foo1${rest}`,
      refusal:
        /\.spec\.template\.metadata\.unknownSubMeta: field not declared in schema|\.metadata\.unknownMeta: field not declared in schema/,
    },
    {
      title: "Server side field validation, CR duplicates",
      name: "duplicates",
      schema: spec(open),
      yaml: `spec:\n  unknown: uk1\n  foo: foo1\n  foo: foo2${rest}`,
      refusal: `line 9: key "foo" already set in map`,
    },
  ])
    test(title, async () => {
      const group = `${named(name)}.mygroup.example.com`;
      await api().create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `noxus.${group}` },
        spec: {
          group,
          scope: "Cluster",
          names: {
            plural: "noxus",
            singular: "nonenglishnoxu",
            kind: "WishIHadChosenNoxu",
            shortNames: [named(name)],
            listKind: "NoxuItemList",
          },
          versions: ["v1beta1", "v1beta2", "v0"].map((version, index) => ({
            name: version,
            served: index < 2,
            storage: index === 0,
            subresources: { status: {} },
            schema: { openAPIV3Schema: schema },
          })),
        },
      });
      const path = `/apis/${group}/v1beta1/noxus`;
      await eventually("it is served", async () => (await api().send("GET", path)).status === 200);
      const { status, object, text } = await api().send("PATCH", `${path}/mytest`, {
        raw: `\napiVersion: ${group}/v1beta1\nkind: WishIHadChosenNoxu\nmetadata:\n  name: mytest\n${yaml}`,
        query: { fieldManager: "field_validation_mgr", fieldValidation: "Strict" },
        headers: { "content-type": "application/apply-patch+yaml" },
      });
      const told = JSON.stringify(object) ?? text;
      if (refusal === undefined) assert.equal(status, 201, told);
      else {
        assert.ok(status >= 400, told);
        const { message } = object as { message: string };
        if (typeof refusal === "string") assert.ok(message.includes(refusal), message);
        else assert.match(message, refusal);
      }
    });
}

overBothTransports("Field validation", suite);
