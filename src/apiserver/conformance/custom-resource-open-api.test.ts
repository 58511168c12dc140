import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { ConformanceClient } from "./test-support/client.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

type Schema = Record<string, unknown> & { properties?: Record<string, unknown> };

const foo = `
description: Foo CRD for Testing
type: object
properties:
  spec:
    type: object
    description: Specification of Foo
    properties:
      bars:
        description: List of Bars and their specs.
        type: array
        items:
          type: object
          required: [name]
          properties:
            name: {description: Name of Bar., type: string}
            age: {description: Age of Bar., type: string}
            feeling: {description: Whether Bar is feeling great., type: string, enum: [Great, Down]}
            bazs: {description: List of Bazs., items: {type: string}, type: array}
  status:
    description: Status of Foo
    type: object
    properties:
      bars:
        description: List of Bars and their statuses.
        type: array
        items:
          type: object
          properties:
            name: {description: Name of Bar., type: string}
            available: {description: Whether the Bar is installed., type: boolean}
            quxType: {description: Indicates to external qux type., pattern: in-tree|out-of-tree, type: string}
`;
const waldo = (description: string, root: string, spec: string) => `
description: ${description}
type: object
${root}
properties:
  spec:
    description: Specification of Waldo
    type: object
    ${spec}
    properties:
      dummy: {description: Dummy property., type: object}
  status:
    description: Status of Waldo
    type: object
    properties:
      bars: {description: List of Bars and their statuses., type: array, items: {type: object}}
`;
const plainWaldo = waldo("Waldo CRD for Testing", "", "");
const open = "x-kubernetes-preserve-unknown-fields: true";
const noSchema = `{type: object, ${open}}`;

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** How the published model of a kind is called: the group's parts turned round. */
const modelName = (group: string, version: string, kind: string) =>
  [...group.split(".").toReversed(), version, kind].join(".");

/** Without what the server adds to what the author wrote. */
function authored({ properties, "x-kubernetes-group-version-kind": _, ...rest }: Schema): Schema {
  const { metadata: _m, apiVersion: _a, kind: _k, ...own } = properties ?? {};
  return Object.keys(own).length === 0 ? rest : { ...rest, properties: own };
}

/** The suite asks without an Accept header, and again with the answer's ETag. */
class PublishedSpec {
  readonly #api: ConformanceClient;
  #etag: string | undefined;
  #models: Readonly<Record<string, Schema>> = {};

  constructor(api: ConformanceClient) {
    this.#api = api;
  }

  async models(): Promise<Readonly<Record<string, Schema>>> {
    const { status, text, headers, object } = await this.#api.send("GET", "/openapi/v2", {
      headers: { accept: "", ...(this.#etag === undefined ? {} : { "if-none-match": `"${this.#etag}"` }) },
    });
    if (status === 304) return this.#models;
    assert.equal(status, 200);
    this.#etag = String(headers.etag).replaceAll('"', "");
    this.#models = ((object ?? JSON.parse(text)) as { definitions: Record<string, Schema> }).definitions;
    return this.#models;
  }
}

function suite({ api, named }: Suite): void {
  const define = async (name: string, suffix: string, versions: readonly string[], schema: string) => {
    const group = `crd-publish-openapi-test-${suffix}.example.com`;
    const singular = named(`e2e-test-${name}`);
    const kind = named(`E2e-test-${name}`);
    const path = `${definitions}/${singular}s.${group}`;
    await api().create(definitions, {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${singular}s.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: `${singular}s`, singular, kind, listKind: `${kind}List` },
        versions: versions.map((version, index) => ({
          name: version,
          served: true,
          storage: index === 0,
          schema: { openAPIV3Schema: parse(schema) },
        })),
      },
    });
    return {
      path,
      plural: `${singular}s`,
      kind,
      group,
      model: (version: string) => modelName(group, version, kind),
      async delete() {
        await api().delete(path);
        const spec = new PublishedSpec(api());
        await eventually(`${name} is withdrawn`, async () => {
          const models = await spec.models();
          return versions.every((version) => models[modelName(group, version, kind)] === undefined);
        });
      },
    };
  };
  const published = async (model: string) => {
    const spec = new PublishedSpec(api());
    await eventually(`${model} is published`, async () => (await spec.models())[model] !== undefined);
    // Told to be as it was by the ETag.
    return (await spec.models())[model] ?? {};
  };
  const isPublished = async (model: string, schema: string) =>
    assert.deepEqual(authored(await published(model)), parse(schema));
  const isWithdrawn = async (model: string) => {
    const spec = new PublishedSpec(api());
    await eventually(`${model} is withdrawn`, async () => (await spec.models())[model] === undefined);
  };
  const v3 = async (group: string, version: string) => {
    const index = await api().send("GET", "/openapi/v3", { headers: { accept: "application/json" } });
    const { paths } = (index.object ?? JSON.parse(index.text)) as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    const [path, query] = (paths[`apis/${group}/${version}`]?.serverRelativeURL ?? "").split("?");
    const document = await api().send("GET", path ?? "", {
      query: Object.fromEntries(new URLSearchParams(query)),
      headers: { accept: "application/json" },
    });
    return (document.object ?? JSON.parse(document.text)) as {
      paths: Record<string, Record<string, { parameters?: { name: string }[]; [key: string]: unknown }>>;
      components: { schemas: Record<string, Schema> };
    };
  };

  test("Custom Resource OpenAPI Publish, with validation schema: what kubectl explains and checks by is what the author wrote", async () => {
    const crd = await define("foo", "foo", ["v1"], foo);
    await isPublished(crd.model("v1"), foo);
    const document = await v3(crd.group, "v1");
    const model = document.components.schemas[crd.model("v1")];
    assert.deepEqual(authored(model ?? {}), parse(foo));
    assert.deepEqual(model?.["x-kubernetes-group-version-kind"], [
      { group: crd.group, kind: crd.kind, version: "v1" },
    ]);
    const reference = JSON.stringify(model?.properties?.metadata);
    const target = /#\/components\/schemas\/([^"]+)/.exec(reference)?.[1] ?? "";
    const metadata = document.components.schemas[target];
    assert.match(JSON.stringify(metadata), /CreationTimestamp is a timestamp/);
    assert.match(reference + JSON.stringify(metadata), /Standard object's metadata/);
    assert.match(JSON.stringify(model?.properties?.apiVersion), /APIVersion defines/);
    // kubectl has the server check fields where the patch of the kind says that it can.
    const patch = document.paths[`/apis/${crd.group}/v1/namespaces/{namespace}/${crd.plural}/{name}`]?.patch;
    assert.deepEqual(patch?.["x-kubernetes-group-version-kind"], {
      group: crd.group,
      kind: crd.kind,
      version: "v1",
    });
    for (const name of ["dryRun", "fieldValidation"])
      assert.ok(
        patch?.parameters?.some((parameter) => parameter.name === name),
        name,
      );
    const namespace = await api().namespace(named("open-api-foo"));
    const path = `${namespace.replace("/api/v1", `/apis/${crd.group}/v1`)}/${crd.plural}`;
    const custom = (spec: object) => ({
      query: { fieldManager: "kubectl-create", fieldValidation: "Strict" },
      body: { kind: crd.kind, apiVersion: `${crd.group}/v1`, metadata: { name: "test-foo" }, spec },
    });
    await api().ok("POST", path, custom({ bars: [{ name: "test-bar" }] }));
    await api().delete(`${path}/test-foo`);
    for (const [spec, message] of [
      [
        { bars: [{ name: "test-bar", feeling: "NonExistentValue" }] },
        /Unsupported value: "NonExistentValue"/,
      ],
      [{ foo: true }, /unknown field "spec.foo"/],
      [{ bars: [{ age: "10" }] }, /spec.bars\[0\].name: Required value/],
    ] as const)
      assert.match((await api().refused("POST", path, custom(spec))).message ?? "", message);
    await crd.delete();
  });

  for (const { name, suffix, schema, want } of [
    {
      name: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in object",
      suffix: "empty",
      schema: noSchema,
      want: "type: object",
    },
    {
      name: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields at root",
      suffix: "unknown-at-root",
      schema: waldo("preserve-unknown-properties at root for Testing", open, ""),
      want: undefined,
    },
    {
      name: "Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in embedded object",
      suffix: "unknown-in-nested",
      schema: waldo("preserve-unknown-properties in nested field for Testing", "", open),
      want: undefined,
    },
  ])
    test(`${name}: any field is taken`, async () => {
      const crd = await define(suffix, suffix, ["v1"], schema);
      if (want === undefined) await published(crd.model("v1"));
      else await isPublished(crd.model("v1"), want);
      const description = (parse(schema) as Schema).description;
      const document = await v3(crd.group, "v1");
      assert.equal(document.components.schemas[crd.model("v1")]?.description, description);
      const namespace = await api().namespace(named(`open-api-${suffix}`));
      const path = `${namespace.replace("/api/v1", `/apis/${crd.group}/v1`)}/${crd.plural}`;
      const unknown =
        suffix === "unknown-in-nested" ? { spec: { a: null, b: [{ c: "d" }] } } : { a: { b: [{ c: "d" }] } };
      await api().ok("POST", path, {
        query: { fieldManager: "kubectl-create", fieldValidation: "Strict" },
        body: { kind: crd.kind, apiVersion: `${crd.group}/v1`, metadata: { name: "test-cr" }, ...unknown },
      });
      await crd.delete();
    });

  test("Custom Resource OpenAPI Publish, varying groups", async () => {
    const first = await define("foo", "foo", ["v1"], foo);
    const second = await define("waldo", "waldo", ["v1beta1"], plainWaldo);
    await isPublished(second.model("v1beta1"), plainWaldo);
    await isPublished(first.model("v1"), foo);
    await first.delete();
    await second.delete();
  });

  test("Custom Resource OpenAPI Publish, varying versions", async () => {
    const several = await define("multi", "multi-ver", ["v2", "v3"], foo);
    await isPublished(several.model("v3"), foo);
    await isPublished(several.model("v2"), foo);
    await several.delete();
    const first = await define("foo", "common-group", ["v4"], foo);
    const second = await define("waldo", "common-group", ["v5"], plainWaldo);
    await isPublished(second.model("v5"), plainWaldo);
    await isPublished(first.model("v4"), foo);
    await first.delete();
    await second.delete();
  });

  test("Custom Resource OpenAPI Publish, varying kinds", async () => {
    const first = await define("foo", "common-group", ["v6"], foo);
    const second = await define("waldo", "common-group", ["v6"], plainWaldo);
    await isPublished(second.model("v6"), plainWaldo);
    await isPublished(first.model("v6"), foo);
    await first.delete();
    await second.delete();
  });

  test("Custom Resource OpenAPI Publish, version rename", async () => {
    const crd = await define("multi", "multi-ver", ["v2", "v3"], foo);
    await isPublished(crd.model("v3"), foo);
    await api().ok("PATCH", crd.path, {
      headers: { "content-type": "application/json-patch+json" },
      body: [
        { op: "test", path: "/spec/versions/1/name", value: "v3" },
        { op: "replace", path: "/spec/versions/1/name", value: "v4" },
      ],
    });
    await isPublished(crd.model("v4"), foo);
    await isWithdrawn(crd.model("v3"));
    await isPublished(crd.model("v2"), foo);
    await crd.delete();
    await isWithdrawn(crd.model("v4"));
  });

  test("Custom Resource OpenAPI Publish, stop serving version", async () => {
    const crd = await define("single", "multi-to-single-ver", ["v5", "v6alpha1"], foo);
    await isPublished(crd.model("v6alpha1"), foo);
    const current = await api().get<{ spec: { versions: { served: boolean }[] } }>(crd.path);
    const [first, second] = current.spec.versions;
    await api().update(crd.path, {
      ...current,
      spec: { ...current.spec, versions: [first, { ...second, served: false }] },
    });
    await isWithdrawn(crd.model("v6alpha1"));
    await isPublished(crd.model("v5"), foo);
    await crd.delete();
  });
}

overBothTransports("Custom resources in OpenAPI", suite);
