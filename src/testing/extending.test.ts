import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { CustomResourceDefinition } from "../api/apiextensions/types.generated.ts";
import type { ConfigMap } from "../api/core/types.generated.ts";
import { configMaps, namespaces } from "../api/resources.generated.ts";
import type { AnyObject, KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { startCluster } from "./index.ts";

interface Widget extends KubeObject {
  readonly spec?: { readonly size?: number; readonly width?: number };
}
const widgets: ResourceType<Widget> = {
  group: "example.com",
  version: "v1",
  resource: "widgets",
  kind: "Widget",
  namespaced: true,
};

const definition = (kind = "Widget"): CustomResourceDefinition => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${kind.toLowerCase()}s.example.com` },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { kind, plural: `${kind.toLowerCase()}s` },
    versions: [versionOf("v1", true)],
  },
});

const versionOf = (name: string, storage: boolean) => ({
  name,
  served: true,
  storage,
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    },
  },
});

const widget = (name: string, size = 1): Widget & AnyObject => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name, namespace: "default" },
  spec: { size },
});

const configMap = (name: string, namespace = "default"): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
});

test("A kind of one's own is served once it is installed, before the objects that stand beside it", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const created = await cluster.install(widget("first"), definition());
  assert.deepEqual(
    created.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    ["Widget first", "CustomResourceDefinition widgets.example.com"],
  );
  assert.equal((await cluster.client.list(widgets)).items[0]?.spec?.size, 1);
  await assert.rejects(cluster.install({ ...widget("x"), kind: "Gadget" }), /Gadget in example.com\/v1/);
});

test("YAML of a file or a folder is installed, documents and lists", async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-install-"));
  try {
    const list = { apiVersion: "v1", kind: "List", items: [configMap("b"), configMap("c")] };
    const objects = [
      `# nothing but a comment\n---\n${JSON.stringify(configMap("a"))}\n---\napiVersion: example.com/v1`,
      `kind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n`,
    ];
    await writeFile(join(folder, "1-objects.yaml"), objects.join("\n"));
    await writeFile(join(folder, "2-definition.yml"), JSON.stringify(definition()));
    await writeFile(join(folder, "3-list.json"), JSON.stringify(list));
    await writeFile(join(folder, "README.md"), "no manifest");
    await using cluster = await startCluster({ nodes: 0 });
    assert.equal((await cluster.install(folder)).length, 5);
    assert.equal(
      (await cluster.client.get(widgets, { namespace: "default", name: "w" })).spec?.size,
      3,
      "a namespaced object without a namespace goes to default",
    );
    await writeFile(join(folder, "bad.yaml"), "a: [");
    await assert.rejects(cluster.install(join(folder, "bad.yaml")), /bad\.yaml/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("A function judges what is written, and is taken away again", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  await cluster.install(definition());
  const asked: string[] = [];
  const webhook = await cluster.webhooks.validate({
    resources: ["widgets.example.com"],
    review({ operation, object, oldObject, userInfo }) {
      asked.push(`${operation} ${oldObject?.metadata.name} ${userInfo.username}`);
      const { size = 0 } = (object as Widget | null)?.spec ?? {};
      if (size > 9) return "too large";
      return { allowed: true, warnings: size > 5 ? ["rather large"] : [] };
    },
  });
  const created = await cluster.client.create(widgets, widget("ok", 6));
  await assert.rejects(
    cluster.client.update(widgets, { ...created, spec: { size: 10 } }),
    /admission webhook .* denied the request: too large/,
  );
  assert.deepEqual(asked, ["CREATE undefined kubernetes-admin", "UPDATE ok kubernetes-admin"]);
  await webhook.remove();
  await cluster.client.create(widgets, widget("large", 10));
  assert.equal(asked.length, 2);
});

test("A function changes what is written", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  await cluster.webhooks.mutate({
    resources: ["configmaps"],
    operations: ["CREATE"],
    review: ({ object }) => ({ object: { ...object, data: { defaulted: "yes" } } as ConfigMap }),
  });
  assert.deepEqual((await cluster.client.create(configMaps, configMap("a"))).data, { defaulted: "yes" });
});

test("A webhook that throws fails the request, as its failure policy says", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  await cluster.webhooks.validate({
    resources: ["configmaps"],
    review() {
      throw new Error("out of order");
    },
  });
  await assert.rejects(
    cluster.client.create(configMaps, configMap("a")),
    /failed calling webhook.*out of order/s,
  );
});

test("A function converts between versions", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const convert = (object: Widget & AnyObject, apiVersion: string) => {
    const { size, width } = object.spec ?? {};
    return { ...object, apiVersion, spec: apiVersion.endsWith("v2") ? { width: size } : { size: width } };
  };
  const url = cluster.webhooks.serve((review) => {
    const { uid, desiredAPIVersion, objects } = review.request as {
      uid: string;
      desiredAPIVersion: string;
      objects: (Widget & AnyObject)[];
    };
    const convertedObjects = objects.map((object) => convert(object, desiredAPIVersion));
    return { ...review, response: { uid, result: { status: "Success" }, convertedObjects } };
  });
  const one = definition();
  await cluster.install({
    ...one,
    spec: {
      ...one.spec,
      versions: [versionOf("v1", true), versionOf("v2", false)],
      conversion: {
        strategy: "Webhook",
        webhook: { clientConfig: { url }, conversionReviewVersions: ["v1"] },
      },
    },
  });
  await cluster.client.create(widgets, widget("a", 4));
  const second = await cluster.client.get({ ...widgets, version: "v2" }, { namespace: "default", name: "a" });
  assert.deepEqual([second.apiVersion, second.spec], ["example.com/v2", { width: 4 }]);
});

test("A namespace of a test has its service account at once, and is gone with all in it after the block", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { client } = cluster;
  const names: string[] = [];
  for (let round = 0; round < 2; round++) {
    await using namespace = await cluster.namespace("round-");
    names.push(namespace.name);
    await client.create(configMaps, configMap("a", namespace.name));
  }
  assert.equal(new Set(names).size, 2);
  assert.ok(names.every((name) => name.startsWith("round-")));
  assert.deepEqual(
    (await client.list(namespaces)).items.filter(({ metadata: { name = "" } }) => names.includes(name)),
    [],
  );
});
