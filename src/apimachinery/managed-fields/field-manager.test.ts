import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ApiError } from "../api-error.ts";
import { Scene } from "./test-support/things.ts";

function refusal(work: () => unknown): ApiError {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

const item = (name: string, value?: string) => ({ name, ...(value === undefined ? {} : { value }) });

describe("an update", () => {
  test("owns what it creates, structs that are always there by their fields alone", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1, labels: { a: "b" }, items: [item("one", "1")], nested: { a: "x" } });
    assert.deepEqual(scene.entry("maker"), {
      manager: "maker",
      operation: "Update",
      apiVersion: "t/v1",
      time: "2026-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:spec": {
          "f:items": { ".": {}, 'k:{"name":"one"}': { ".": {}, "f:name": {}, "f:value": {} } },
          "f:labels": { ".": {}, "f:a": {} },
          "f:nested": { ".": {}, "f:a": {} },
          "f:size": {},
        },
      },
    });
  });

  test("takes what it changes from whoever owned it", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1, labels: { a: "b" } });
    scene.update("other", { size: 2, labels: { a: "b" } });
    assert.deepEqual(scene.owned("maker"), { "f:labels": { ".": {}, "f:a": {} } });
    assert.deepEqual(scene.owned("other"), { "f:size": {} });
  });

  test("that changes nothing leaves managers and times alone", () => {
    const scene = new Scene();
    const made = scene.update("maker", { size: 1 });
    const again = scene.update("other", { size: 1 });
    assert.deepEqual(again.metadata.managedFields, made.metadata.managedFields);
  });

  test("of the same fields over and over keeps the set, itself, and is of the last time", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1, labels: { a: "b" } });
    const before = scene.entry("maker");
    scene.update("maker", { size: 2, labels: { a: "b" } });
    assert.equal(scene.entry("maker")?.fieldsV1, before?.fieldsV1);
    assert.equal(scene.entry("maker")?.time, "2026-01-01T00:01:00Z");
  });

  test("of its own fields loses what it removes", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1, labels: { a: "b" } });
    scene.update("maker", { size: 2 });
    assert.deepEqual(scene.owned("maker"), { "f:size": {} });
    scene.update("maker", {});
    assert.deepEqual(scene.managers, []);
  });

  test("that only removes takes it from its owner and owns nothing itself", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1, labels: { a: "b" } });
    scene.update("other", { size: 1 });
    assert.deepEqual(scene.managers, ["maker/Update"]);
    assert.deepEqual(scene.owned("maker"), { "f:size": {} });
    assert.equal(scene.entry("maker")?.time, "2026-01-01T00:00:00Z");
  });

  test("through a subresource is another manager, and its status is nobody's through the object", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1 });
    scene.update("maker", { size: 2 }, { subresource: "scale" });
    assert.deepEqual(scene.managers, ["maker/Update/scale"]);
  });

  test("in another version is compared in the version of each manager", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1, paused: true });
    scene.update("other", { length: 2, paused: true }, { version: "v2" });
    assert.deepEqual(scene.owned("maker"), { "f:paused": {} });
    assert.deepEqual(scene.owned("other"), { "f:length": {} });
    assert.equal(scene.entry("other")?.apiVersion, "t/v2");
  });

  test("may reset the managers, and they stay away until somebody applies", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1 });
    scene.update("maker", { size: 1 }, { metadata: { managedFields: [{}] } });
    assert.deepEqual(scene.managers, []);
    scene.update("maker", { size: 2 });
    assert.deepEqual(scene.managers, []);
    scene.apply("applier", { size: 2 });
    assert.deepEqual(scene.managers, ["applier/Apply", "before-first-apply/Update"]);
  });

  test("that says nothing, or nonsense, of managers keeps them", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1 });
    for (const managedFields of [
      undefined,
      [{ manager: "x", operation: "Nonsense" }],
      [{ manager: "y" }, {}],
    ]) {
      scene.update("maker", { size: 1 }, { metadata: { managedFields } });
      assert.deepEqual(scene.managers, ["maker/Update"]);
    }
  });

  test("of a manager whose version is gone forgets it", () => {
    const scene = new Scene();
    scene.update("maker", { size: 1 });
    const [entry] = scene.object?.metadata.managedFields ?? [];
    const old = { ...entry, manager: "old", apiVersion: "t/v3" };
    scene.update("maker", { size: 2 }, { metadata: { managedFields: [entry, old] } });
    assert.deepEqual(scene.managers, ["maker/Update"]);
  });

  test("by an eleventh manager gathers the oldest", () => {
    const scene = new Scene();
    for (let index = 0; index < 13; index++)
      scene.update(`m${index}`, {
        labels: Object.fromEntries(Array.from({ length: index + 1 }, (_, key) => [`k${key}`, "x"])),
      });
    assert.equal(scene.managers.length, 10);
    assert.equal(scene.managers[0], "ancient-changes/Update");
    assert.deepEqual(scene.owned("ancient-changes"), {
      "f:labels": { ".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {}, "f:k3": {} },
    });
  });
});

describe("an apply", () => {
  test("owns what it names: not the maps and structs around", () => {
    const scene = new Scene();
    scene.apply("one", {
      labels: { a: "b" },
      items: [item("x", "1")],
      nested: {},
      ports: [{ port: 80 }],
      args: ["a"],
      finalizers: ["f"],
      selector: { s: "t" },
    });
    assert.deepEqual(scene.owned("one"), {
      "f:args": {},
      "f:finalizers": { 'v:"f"': {} },
      "f:items": { 'k:{"name":"x"}': { ".": {}, "f:name": {}, "f:value": {} } },
      "f:labels": { "f:a": {} },
      "f:nested": {},
      "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } },
      "f:selector": {},
    });
  });

  test("repeated changes nothing, and is of its first time", () => {
    const scene = new Scene();
    const first = scene.apply("one", { size: 1, items: [item("x")] });
    assert.deepEqual(scene.apply("one", { size: 1, items: [item("x")] }), first);
  });

  test("is refused where another manager owns what would change, naming it", () => {
    const scene = new Scene();
    scene.apply("one", { size: 1 });
    const error = refusal(() => scene.apply("two", { size: 2 }));
    assert.equal(error.code, 409);
    assert.equal(error.reason, "Conflict");
    assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "one": .spec.size');
    assert.deepEqual(error.status.details?.causes, [
      { reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".spec.size" },
    ]);
  });

  test("is refused with all conflicts, by manager", () => {
    const scene = new Scene();
    scene.update("upd", { size: 1, labels: { a: "1" } }, { subresource: "scale" });
    scene.apply("one", { items: [item("x", "1")] });
    const error = refusal(() => scene.apply("two", { size: 2, labels: { a: "2" }, items: [item("x", "2")] }));
    assert.equal(
      error.message,
      [
        'Apply failed with 3 conflicts: conflicts with "one":',
        '- .spec.items[name="x"].value',
        'conflicts with "upd" with subresource "scale" using t/v1:',
        "- .spec.size",
        "- .spec.labels.a",
      ].join("\n"),
    );
  });

  test("takes over by force", () => {
    const scene = new Scene();
    scene.apply("one", { size: 1, paused: true });
    scene.apply("two", { size: 2 }, { force: true });
    assert.deepEqual(scene.spec, { size: 2, paused: true });
    assert.deepEqual(scene.owned("one"), { "f:paused": {} });
  });

  test("of what already stands is shared; who leaves first takes nothing away", () => {
    const scene = new Scene();
    scene.apply("one", { size: 1, labels: { a: "1" } });
    scene.apply("two", { size: 1 });
    scene.apply("one", { labels: { a: "1" } });
    assert.deepEqual(scene.spec, { size: 1, labels: { a: "1" } });
    scene.apply("two", {});
    assert.deepEqual(scene.spec, { labels: { a: "1" } });
  });

  const removals: readonly {
    readonly name: string;
    readonly first: object;
    readonly again: object;
    readonly want: object;
  }[] = [
    { name: "a field", first: { size: 1, paused: true }, again: { paused: true }, want: { paused: true } },
    {
      name: "an item",
      first: { items: [item("a"), item("b")] },
      again: { items: [item("b")] },
      want: { items: [item("b")] },
    },
    { name: "all items", first: { items: [item("a")], size: 1 }, again: { size: 1 }, want: { size: 1 } },
    {
      name: "a member of a set",
      first: { finalizers: ["a", "b"] },
      again: { finalizers: ["b"] },
      want: { finalizers: ["b"] },
    },
    {
      name: "a key of a map",
      first: { labels: { a: "1", b: "2" } },
      again: { labels: { b: "2" } },
      want: { labels: { b: "2" } },
    },
    {
      name: "a nested struct",
      first: { nested: { a: "1" }, size: 1 },
      again: { size: 1 },
      want: { size: 1 },
    },
    {
      name: "a part of an item",
      first: { items: [item("a", "1")] },
      again: { items: [item("a")] },
      want: { items: [item("a")] },
    },
    {
      name: "a legacy list's item",
      first: { legacy: [item("a"), item("b")] },
      again: { legacy: [item("b")] },
      want: { legacy: [item("b")] },
    },
    { name: "an atomic list", first: { args: ["a"], size: 1 }, again: { size: 1 }, want: { size: 1 } },
    {
      name: "an item known by a default",
      first: { ports: [{ port: 1 }, { port: 2, protocol: "TCP" }] },
      again: { ports: [{ port: 2 }] },
      want: { ports: [{ port: 2 }] },
    },
  ];
  for (const { name, first, again, want } of removals)
    test(`removes ${name} that it no longer names`, () => {
      const scene = new Scene();
      scene.apply("one", first);
      scene.apply("one", again);
      assert.deepEqual(scene.spec, want);
    });

  test("leaves what others put into an item that it gives up", () => {
    const scene = new Scene();
    scene.apply("one", { items: [item("a", "1"), item("b", "1")] });
    scene.apply("two", { items: [{ name: "a", more: { a: "mine" } }] });
    scene.apply("one", { items: [item("b", "1")] });
    assert.deepEqual(scene.spec, { items: [{ name: "a", more: { a: "mine" } }, item("b", "1")] });
  });

  test("leaves what an updater put beside its own", () => {
    const scene = new Scene();
    scene.apply("one", { labels: { a: "1" }, size: 1 });
    scene.update("two", { labels: { a: "1", z: "2" }, size: 1 });
    scene.apply("one", { size: 1 });
    assert.deepEqual(scene.spec, { labels: { z: "2" }, size: 1 });
  });

  test("does not remove what it lost to an updater", () => {
    const scene = new Scene();
    scene.apply("one", { size: 1, paused: true });
    scene.update("two", { size: 2, paused: true });
    scene.apply("one", { paused: true });
    assert.deepEqual(scene.spec, { size: 2, paused: true });
  });

  test("of another version removes what it named in the one before", () => {
    const scene = new Scene();
    scene.apply("one", { size: 1, paused: true });
    scene.apply("one", { paused: true }, { version: "v2" });
    assert.deepEqual(scene.spec, { paused: true });
    assert.deepEqual(scene.managers, ["one/Apply"]);
    assert.equal(scene.entry("one")?.apiVersion, "t/v2");
  });

  test("of another version keeps what a manager owns under its own name", () => {
    const scene = new Scene();
    scene.apply("one", { size: 1, paused: true });
    scene.apply("two", { length: 1 }, { version: "v2" });
    scene.apply("one", { paused: true });
    assert.deepEqual(scene.spec, { size: 1, paused: true });
    const error = refusal(() => scene.apply("one", { size: 3, paused: true }));
    assert.match(error.message, /conflict with "two": \.spec\.length$/);
  });

  test("replaces an atomic list and an atomic map as one", () => {
    const scene = new Scene();
    scene.apply("one", { args: ["a", "b"], selector: { a: "1", b: "2" }, plain: [item("a"), item("b")] });
    scene.apply("one", { args: ["c"], selector: { c: "3" }, plain: [item("b")] });
    assert.deepEqual(scene.spec, { args: ["c"], selector: { c: "3" }, plain: [item("b")] });
  });

  for (const { name, live, applied, want } of [
    { name: "new items come last", live: ["a", "b"], applied: ["c"], want: ["a", "b", "c"] },
    {
      name: "the configuration orders what both have",
      live: ["a", "b", "c"],
      applied: ["c", "a"],
      want: ["b", "c", "a"],
    },
    {
      name: "what only the live list has stays before what it stood before",
      live: ["x", "a", "y", "b"],
      applied: ["a", "b"],
      want: ["x", "a", "y", "b"],
    },
    {
      name: "a new item before a shared one comes before it",
      live: ["a", "b"],
      applied: ["n", "b"],
      want: ["a", "n", "b"],
    },
    { name: "the same order stays", live: ["a", "b"], applied: ["a", "b"], want: ["a", "b"] },
  ])
    test(`keeps order: ${name}`, () => {
      const scene = new Scene();
      scene.update("maker", { items: live.map((each) => item(each)) });
      const { items } = scene.apply("one", { items: applied.map((each) => item(each)) }).spec as {
        items: { name: string }[];
      };
      assert.deepEqual(
        items.map((each) => each.name),
        want,
      );
    });

  test("compares as written: another notation of the same is a change of it", () => {
    const scene = new Scene();
    scene.update("maker", { limits: { cpu: "1" } });
    const error = refusal(() => scene.apply("one", { limits: { cpu: "1000m" } }));
    assert.match(error.message, /\.spec\.limits\.cpu/);
  });

  for (const { name, configuration, code, message } of [
    {
      name: "unknown field",
      configuration: { spec: { sizes: 1 } },
      code: 500,
      message:
        "failed to create typed patch object (/x; t/v1, Kind=Thing): .spec.sizes: field not declared in schema",
    },
    {
      name: "wrong scalar",
      configuration: { spec: { size: "1" } },
      code: 500,
      message:
        "failed to create typed patch object (/x; t/v1, Kind=Thing): .spec.size: expected numeric (int or float), got string",
    },
    {
      name: "map for a list",
      configuration: { spec: { items: { a: 1 } } },
      code: 500,
      message:
        "failed to create typed patch object (/x; t/v1, Kind=Thing): .spec.items: expected list, got &{map[a:1]}",
    },
    {
      name: "number for a string",
      configuration: { spec: { labels: { a: 1 } } },
      code: 500,
      message:
        "failed to create typed patch object (/x; t/v1, Kind=Thing): .spec.labels.a: expected string, got &value.valueUnstructured{Value:1}",
    },
    {
      name: "item named twice",
      configuration: { spec: { items: [item("a"), item("a")] } },
      code: 500,
      message:
        'failed to create typed patch object (/x; t/v1, Kind=Thing): .spec.items: duplicate entries for key [name="a"]',
    },
    {
      name: "item without its key",
      configuration: { spec: { items: [{ value: "x" }] } },
      code: 500,
      message:
        'failed to create typed patch object (/x; t/v1, Kind=Thing): .spec.items: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    },
    {
      name: "several problems",
      configuration: { spec: { size: "1", paused: 3 } },
      code: 500,
      message:
        "failed to create typed patch object (/x; t/v1, Kind=Thing): errors:\n  .spec.size: expected numeric (int or float), got string\n  .spec.paused: expected boolean, got &{3}",
    },
    {
      name: "managers of its own",
      configuration: { metadata: { name: "x", managedFields: [] } },
      code: 400,
      message: "metadata.managedFields must be nil",
    },
    {
      name: "another version",
      configuration: { apiVersion: "t/v9" },
      code: 400,
      message: "invalid object type: t/v9, Kind=Thing",
    },
    {
      name: "no kind",
      configuration: { kind: undefined },
      code: 400,
      message: "invalid object type: t/v1, Kind=",
    },
  ])
    test(`is refused with ${name}`, () => {
      const whole = { apiVersion: "t/v1", kind: "Thing", metadata: { name: "x" }, ...configuration };
      const error = refusal(() => new Scene().applyRaw("one", whole));
      assert.equal(error.code, code);
      assert.equal(error.message, message);
    });

  test("of nothing but names leaves no manager", () => {
    const scene = new Scene();
    scene.apply("one", { size: 1 });
    scene.applyRaw("one", { apiVersion: "t/v1", kind: "Thing", metadata: { name: "x" } });
    assert.deepEqual(scene.managers, []);
  });
});

describe("kubectl's server-side apply after its client-side one", () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const last = (size: number) => ({
    annotations: {
      [annotation]: JSON.stringify({
        apiVersion: "t/v1",
        kind: "Thing",
        metadata: { name: "x" },
        spec: { size },
      }),
    },
  });

  test("takes over what that set, and keeps the annotation up to date", () => {
    const scene = new Scene();
    scene.update("kubectl-client-side-apply", { size: 1 }, { metadata: last(1) });
    const object = scene.apply("kubectl", { size: 2 });
    assert.deepEqual(object.spec, { size: 2 });
    assert.equal(
      object.metadata.annotations?.[annotation],
      '{"apiVersion":"t/v1","kind":"Thing","metadata":{"name":"x"},"spec":{"size":2}}\n',
    );
  });

  test("is refused where somebody changed it since, and for anybody else", () => {
    const scene = new Scene();
    scene.update("kubectl-client-side-apply", { size: 1 }, { metadata: last(1) });
    assert.equal(refusal(() => scene.apply("someone", { size: 2 })).code, 409);
    scene.update("scaler", { size: 5 });
    assert.match(refusal(() => scene.apply("kubectl", { size: 2 })).message, /conflict with "scaler"/);
  });
});
