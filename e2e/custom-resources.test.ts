import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually, type Output, simulatedCluster } from "./test-support/cluster.ts";

const foo = {
  description: "Foo CRD for Testing",
  type: "object",
  properties: {
    spec: {
      type: "object",
      description: "Specification of Foo",
      properties: {
        bars: {
          description: "List of Bars and their specs.",
          type: "array",
          items: {
            type: "object",
            required: ["name"],
            properties: {
              name: { description: "Name of Bar.", type: "string" },
              age: { description: "Age of Bar.", type: "string" },
              feeling: {
                description: "Whether Bar is feeling great.",
                type: "string",
                enum: ["Great", "Down"],
              },
              bazs: { description: "List of Bazs.", items: { type: "string" }, type: "array" },
            },
          },
        },
      },
    },
  },
};
const open = { "x-kubernetes-preserve-unknown-fields": true };

/** The suite's steps with kubectl on custom kinds, against an API server and its controllers alone. */
describe("kubectl and custom resources", () => {
  const cluster = simulatedCluster({ nodes: 0 });
  // A home of its own: what kubectl knows of kinds it keeps there.
  const kubectl = (words: readonly string[], input?: object): Promise<Output> =>
    cluster().kubectlWith(
      { env: { HOME: cluster().directory }, ...(input && { input: JSON.stringify(input) }) },
      ...words,
    );
  const ok = async (words: readonly string[], input?: object): Promise<string> => {
    const { code, stdout, stderr } = await kubectl(words, input);
    assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  const define = async (name: string, schema: object) => {
    const kind = `E2e-test-${name}-crd`;
    const plural = `e2e-test-${name}-crds`;
    const group = `${name}.example.com`;
    await ok(["create", "-f", "-"], {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural, singular: `e2e-test-${name}-crd`, kind, listKind: `${kind}List` },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    });
    await eventually(
      `${plural} are explained`,
      () => kubectl(["explain", plural]),
      ({ code }) => code === 0,
    );
    const custom = (fields: object) => ({
      kind,
      apiVersion: `${group}/v1`,
      metadata: { name: "test-cr" },
      ...fields,
    });
    return { kind, plural, custom };
  };

  test("Custom Resource OpenAPI Publish, with validation schema: what is right is made, what is not is refused, all is explained", async () => {
    const { plural, custom } = await define("foo", foo);
    for (const verb of ["create", "apply"]) {
      await ok([verb, "-f", "-"], custom({ spec: { bars: [{ name: "test-bar" }] } }));
      await ok(["delete", plural, "test-cr"]);
      for (const [spec, message] of [
        [
          { bars: [{ name: "test-bar", feeling: "NonExistentValue" }] },
          /Unsupported value: "NonExistentValue"/,
        ],
        [{ foo: true }, /unknown field "(spec\.)?foo"/],
        [{ bars: [{ age: "10" }] }, /missing required field "name"|spec.bars\[0\].name: Required value/],
      ] as const) {
        const { code, stderr } = await kubectl([verb, "-f", "-"], custom({ spec }));
        assert.equal(code, 1);
        assert.match(stderr, message);
      }
    }
    for (const [path, explained] of [
      [
        "",
        /DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s,
      ],
      [
        ".metadata",
        /DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s,
      ],
      [
        ".spec",
        /DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs/s,
      ],
      [
        ".spec.bars",
        /(FIELD|RESOURCE):.*bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s,
      ],
    ] as const)
      assert.match(await ok(["explain", plural + path]), explained);
    const missing = await kubectl(["explain", `${plural}.spec.bars2`]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /field "bars2" does not exist/);
  });

  for (const { name, title, schema, fields, explained } of [
    {
      name: "empty",
      title: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in object",
      schema: { type: "object", ...open },
      fields: { a: { b: [{ c: "d" }] } },
      explained: /DESCRIPTION:.*<empty>/s,
    },
    {
      name: "root",
      title: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields at root",
      schema: { ...foo, ...open },
      fields: { a: { b: [{ c: "d" }] } },
      explained: /KIND:.*E2e-test-root-crd/s,
    },
    {
      name: "nested",
      title: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in embedded object",
      schema: {
        type: "object",
        description: "preserve-unknown-properties in nested field for Testing",
        properties: { spec: { type: "object", ...open, properties: { dummy: { type: "object" } } } },
      },
      fields: { spec: { a: null, b: [{ c: "d" }] } },
      explained: /DESCRIPTION:.*preserve-unknown-properties in nested field for Testing/s,
    },
  ])
    test(`${title}: any field is taken and the kind is explained`, async () => {
      const { plural, custom } = await define(name, schema);
      for (const verb of ["create", "apply"]) {
        await ok([verb, "-f", "-"], custom(fields));
        await ok(["delete", plural, "test-cr"]);
      }
      assert.match(await ok(["explain", plural]), explained);
    });
});
