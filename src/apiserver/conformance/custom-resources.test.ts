import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

interface Definition extends AnyObject {
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly storedVersions?: readonly string[];
  };
}

function suite({ api, named }: Suite): void {
  const definition = (
    name: string,
    more: { versions?: readonly object[]; scope?: string; labels?: object } = {},
  ) => {
    const group = `${named(name)}.example.com`;
    const { scope = "Cluster", labels = {} } = more;
    const versions = more.versions ?? [
      { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: open } },
    ];
    return {
      group,
      body: {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `noxus.${group}`, labels },
        spec: {
          group,
          scope,
          names: { plural: "noxus", singular: "noxu", kind: "WishIHadChosenNoxu", listKind: "NoxuItemList" },
          versions,
        },
      },
    };
  };
  const established = async (name: string, more?: Parameters<typeof definition>[1]) => {
    const { group, body } = definition(name, more);
    await api().create(definitions, body);
    const path = `${definitions}/${body.metadata.name}`;
    await eventually("it is established", async () => {
      const { status } = await api().get<Definition>(path);
      return (
        status.conditions?.some(({ type, status: is }) => type === "Established" && is === "True") === true
      );
    });
    // As the suite's fixtures do: a watch must begin too.
    const objects = `/apis/${group}/v1/noxus`;
    await eventually("it is served", async () => (await api().send("GET", objects)).status === 200);
    return { group, path, objects };
  };
  const custom = (group: string, name: string, more: object = {}) => ({
    apiVersion: `${group}/v1`,
    kind: "WishIHadChosenNoxu",
    metadata: { name },
    ...more,
  });

  test("Custom Resource Definition, create", async () => {
    const { path } = await established("create");
    await api().delete(path);
    await eventually("it is gone", () => api().isGone(path));
  });

  test("Custom Resource Definition, list", async () => {
    const label = named("list");
    for (let index = 0; index < 10; index++)
      await api().create(
        definitions,
        definition(`list-${index}`, { labels: { "e2e-list-test-uuid": label } }).body,
      );
    const query = { labelSelector: `e2e-list-test-uuid=${label}` };
    assert.equal((await api().get<KubeList>(definitions, query)).items.length, 10);
    await api().ok("DELETE", definitions, { query, body: {} });
    await eventually(
      "all are gone",
      async () => (await api().get<KubeList>(definitions, query)).items.length === 0,
    );
  });

  test("Custom Resource Definition, status sub-resource", async () => {
    const { path } = await established("status");
    assert.equal((await api().get(`${path}/status`)).kind, "CustomResourceDefinition");
    const condition = {
      type: "StatusUpdate",
      status: "True",
      reason: "E2E",
      message: "Set from an e2e test",
    };
    const current = await api().get<Definition>(path);
    const updated = await api().update<Definition>(`${path}/status`, {
      ...current,
      status: { ...current.status, conditions: [...(current.status.conditions ?? []), condition] },
    });
    assert.ok(updated.status.conditions?.some(({ type }) => type === "StatusUpdate"));
    const patched = await api().merge<Definition>(`${path}/status`, {
      status: { conditions: [...(updated.status.conditions ?? []), { ...condition, type: "StatusPatch" }] },
    });
    assert.ok(patched.status.conditions?.some(({ type }) => type === "StatusPatch"));
  });

  test("Custom Resource Definition, discovery", async () => {
    const { groups } = await api().get<{ groups: { name: string; versions: { groupVersion: string }[] }[] }>(
      "/apis",
    );
    const group = groups.find(({ name }) => name === "apiextensions.k8s.io");
    assert.ok(group?.versions.some(({ groupVersion }) => groupVersion === "apiextensions.k8s.io/v1"));
    const list = await api().get<{ resources: { name: string }[] }>("/apis/apiextensions.k8s.io/v1");
    assert.ok(list.resources.some(({ name }) => name === "customresourcedefinitions"));
  });

  test("Custom Resource Definition, defaulting: of requests, and of what was stored before there was a default", async () => {
    const schema = (defaults: Readonly<Record<string, unknown>>) => ({
      type: "object",
      properties: Object.fromEntries(
        ["a", "b", "c"].map((name) => [
          name,
          { type: "string", ...(defaults[name] === undefined ? {} : { default: defaults[name] }) },
        ]),
      ),
    });
    const versions = (defaults: Readonly<Record<string, unknown>>) => [
      { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema(defaults) } },
    ];
    const { group, path, objects } = await established("defaulting", { versions: versions({}) });
    await api().create(objects, custom(group, "foo", { a: "A" }));
    const patch = async (defaults: Readonly<Record<string, unknown>>) => {
      await api().ok("PATCH", path, {
        body: [{ op: "replace", path: "/spec/versions", value: versions(defaults) }],
        headers: { "content-type": "application/json-patch+json" },
      });
    };
    await patch({ a: "ignored", b: "B" });
    await eventually(
      "what is stored has the default",
      async () => (await api().get(`${objects}/foo`)).b === "B",
    );
    assert.equal((await api().get(`${objects}/foo`)).a, "A");
    await eventually("what is asked for has it", async () => {
      const made = await api().create(objects, custom(group, `bar-${Date.now()}`, { a: "A" }));
      return made.b === "B";
    });
    await patch({ a: "ignored", c: "C" });
    await eventually("another default", async () => {
      const { a, b, c } = await api().get(`${objects}/foo`);
      // Nothing was stored of the first.
      return a === "A" && b === undefined && c === "C";
    });
  });

  test("Custom Resource Definition, watch: what is added, changed and deleted by name", async () => {
    const { group, objects } = await established("watch");
    const watches = await Promise.all(
      ["name1", "name2"].map((name) => api().watch(objects, { fieldSelector: `metadata.name=${name}` })),
    );
    for (const [index, watch] of watches.entries()) {
      const name = `name${index + 1}`;
      await api().create(objects, custom(group, name, { content: { key: "value" } }));
      const added = await watch.next();
      assert.deepEqual([added.type, added.object.metadata.name], ["ADDED", name]);
    }
    for (const [index, watch] of watches.entries()) {
      await api().merge(`${objects}/name${index + 1}`, { dummy: "test" });
      const modified = await watch.next();
      assert.deepEqual([modified.type, modified.object.dummy], ["MODIFIED", "test"]);
    }
    for (const [index, watch] of watches.entries()) {
      await api().delete(`${objects}/name${index + 1}`);
      const deleted = await watch.next();
      assert.deepEqual([deleted.type, deleted.object.dummy], ["DELETED", "test"]);
      watch.close();
    }
  });

  test("custom-resource-definition-field-selectors-list-watch-register-informers: lists, watches and deletes by fields of each version", async () => {
    const schema = (properties: object) => ({ openAPIV3Schema: { type: "object", properties } });
    const string = { type: "string" };
    const { group, objects } = await established("selectable", {
      scope: "Cluster",
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: schema({ host: string, port: string }),
          selectableFields: [{ jsonPath: ".host" }, { jsonPath: ".port" }],
        },
      ],
    });
    const byHost = { fieldSelector: "host=host1" };
    const byBoth = { fieldSelector: "host=host1,port=80" };
    const hosts = await api().watch(objects, byHost);
    const both = await api().watch(objects, byBoth);
    for (const [name, host, port] of [
      ["a", "host1", "80"],
      ["b", "host1", "8080"],
      ["c", "host2", "80"],
    ] as const)
      await api().create(objects, custom(group, name, { host, port }));
    const names = async (query: Readonly<Record<string, string>>) =>
      (await api().get<KubeList>(objects, query)).items.map(({ metadata }) => metadata.name);
    assert.deepEqual(await names(byHost), ["a", "b"]);
    assert.deepEqual(await names(byBoth), ["a"]);
    assert.equal((await hosts.next()).object.metadata.name, "a");
    assert.equal((await hosts.next()).object.metadata.name, "b");
    assert.equal((await both.next()).object.metadata.name, "a");
    const unknown = await api().refused("GET", objects, { query: { fieldSelector: "other=x" } });
    assert.equal(unknown.code, 400);
    // To stop matching is to be deleted.
    await api().merge(`${objects}/a`, { port: "81" });
    assert.equal((await both.next()).type, "DELETED");
    assert.equal((await hosts.next()).type, "MODIFIED");
    await api().ok("DELETE", objects, { query: byHost, body: {} });
    assert.deepEqual(await names({}), ["c"]);
    hosts.close();
    both.close();
  });
}

overBothTransports("Custom resources", suite);
