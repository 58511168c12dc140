import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { objectKey } from "../apimachinery/meta.ts";
import { jsonEqual } from "../apimachinery/patch/json-value.ts";
import { ObjectAnswer, WatchAnswer } from "../apimachinery/protobuf/answers.ts";
import { createProtobufCodec } from "../apimachinery/protobuf/codec.ts";
import { equalUnread } from "../apimachinery/protobuf/lazy-object.ts";
import { ProtobufError } from "../apimachinery/protobuf/reader.ts";
import { normalize } from "../apimachinery/schema/normalize.ts";
import type { Model, Shape } from "../apimachinery/schema/tables.ts";
import { deepFreeze } from "../client/mutation-detector.ts";
import { schemas } from "./schemas.ts";

const codec = createProtobufCodec(schemas);
const limits = { maxRecordBytes: 100_000 };

type Json = Record<string, unknown>;

/** Something in every member, to some depth: what a table's column says can be there. */
function filled(model: Model, depth: number): Json {
  const object: Json = {};
  for (const { name, shape, protoNumber } of model.fields) {
    // Protobuf leaves out the kind of an object within another (a claim's template).
    const value = protoNumber === undefined ? undefined : sample(shape, name, depth);
    if (value !== undefined) object[name] = value;
  }
  return object;
}

function sample(shape: Shape, name: string, depth: number): unknown {
  switch (shape.kind) {
    case "string":
      return shape.values?.[0] ?? `${name} é 𝒳`;
    case "bool":
      return true;
    case "int32":
      return -7;
    case "int64":
      return 2 ** 40 + 1;
    case "double":
      return 2.5;
    case "bytes":
      return "AQL/";
    case "quantity":
      return "100m";
    case "time":
      return "2026-02-03T04:05:06Z";
    case "microTime":
      return "2026-02-03T04:05:06.000007Z";
    case "duration":
      return "1m30s";
    case "intOrString":
      return name.length % 2 === 0 ? 8080 : "http";
    case "raw":
    case "json":
    case "fieldsV1":
      return { "f:a": {} };
    case "list":
      return [sample(shape.item, name, depth) ?? {}, sample(shape.item, name, depth) ?? {}];
    case "map":
      return { a: sample(shape.value, name, depth) ?? {}, b: sample(shape.value, name, depth) ?? {} };
    default:
      return depth === 0 ? undefined : filled(shape.model, depth - 1);
  }
}

// Lists are told of below: their items name no kind here.
const kinds = [...schemas.all()].filter((model) => {
  const metadata = model.field("metadata")?.shape;
  return (
    model.field("kind") !== undefined && metadata?.kind === "model" && metadata.model.name === "ObjectMeta"
  );
});

function objectOf(model: Model, members: Json): Json {
  const apiVersion = model.group === "" ? model.version : `${model.group}/${model.version}`;
  const { object } = normalize(model, members);
  const { kind: _kind, apiVersion: _version, ...rest } = object;
  return { kind: model.name, apiVersion, ...rest };
}

function frameOf(type: string, object: object): Buffer {
  const message = codec.encodeMessage(object);
  const { start, end } = codec.encodeWatchEventAround(type, object, message.length);
  return Buffer.concat([start, message, end]);
}

/** Read with nothing held, or with this older version. */
function lazily<T extends object>(object: T, old?: object): T {
  const held =
    old === undefined ? undefined : { size: 1, get: (key: string) => (key === "b/a" ? old : undefined) };
  const [event] = new WatchAnswer(schemas, { ...limits, held }).push(frameOf("ADDED", object));
  assert.ok(event);
  return event.object as T;
}

test("an object of any kind is the same from protobuf as from JSON, read at once or when it is asked for", () => {
  for (const model of kinds) {
    for (const members of [filled(model, 4), { metadata: {} }]) {
      const object = objectOf(model, members);
      const text = JSON.stringify(object);
      const decoded = codec.decode(codec.encode(object));
      assert.deepEqual(decoded, object, model.name);
      assert.equal(JSON.stringify(decoded), text, `${model.name}: at once`);
      assert.equal(JSON.stringify(lazily(object)), text, `${model.name}: lazily`);
    }
  }
  assert.ok(kinds.length > 60, `only ${kinds.length} kinds`);
});

const pod = () => ({
  ...{ kind: "Pod", apiVersion: "v1" },
  metadata: { name: "a", namespace: "b", uid: "u", resourceVersion: "1", labels: { app: "web" } },
  spec: { containers: [{ name: "c", image: "nginx", resources: {} }], nodeName: "n" },
  status: { phase: "Running" },
});

for (const { name, seen } of [
  { name: "its keys", seen: (object: Json) => Object.keys(object) },
  { name: "a copy by spread", seen: (object: Json) => ({ ...object }) },
  { name: "Object.entries", seen: (object: Json) => Object.entries(object) },
  { name: "a structured clone", seen: (object: Json) => structuredClone(object) },
  { name: "its prototype", seen: (object: Json) => Object.getPrototypeOf(object) },
  { name: "the console", seen: (object: Json) => inspect(object, { depth: 9, compact: false }) },
  {
    name: "membership",
    seen: (object: Json) => ["spec" in object, Object.hasOwn(object, "status"), "x" in object],
  },
  { name: "a derived object", seen: (object: Json) => Object.create(object).spec },
  { name: "a frozen one", seen: (object: Json) => deepFreeze(object) },
  {
    name: "one whose member was assigned",
    seen: (object: Json) => {
      object.spec = { changed: true };
      return { ...object };
    },
  },
  {
    name: "one whose member was deleted",
    seen: (object: Json) => {
      delete object.spec;
      return { ...object };
    },
  },
]) {
  test(`a lazy object is plain JSON to ${name}`, () => {
    const want = seen(codec.decode(codec.encode(pod())));
    const got = seen(lazily(pod()));
    assert.deepEqual(got, want);
    assert.deepEqual(want, got);
  });
}

test("a lazy member is always the same value, and what was frozen cannot be changed", () => {
  const object = lazily(pod());
  assert.equal(object.spec, object.spec);
  assert.equal(object.metadata.labels, object.metadata.labels);
  deepFreeze(object);
  assert.throws(() => {
    object.spec.nodeName = "other";
  }, TypeError);
  assert.throws(() => {
    object.spec = pod().spec;
  }, TypeError);
});

test("the next version of an object shares what has not changed, and only that", () => {
  const old = lazily(pod());
  const changed = { ...pod(), status: { phase: "Failed" } };
  const next = lazily(changed, old);
  assert.equal(next.spec, old.spec);
  assert.equal(next.metadata.labels, old.metadata.labels);
  assert.deepEqual(next.status, { phase: "Failed" });
  assert.deepEqual(old.status, { phase: "Running" });
  for (const other of [pod(), lazily({ kind: "Status", apiVersion: "v1", metadata: {} }), {}])
    assert.deepEqual(lazily(changed, other), changed);
});

test("a watch tells the key of each object by its bytes, as often as it comes", () => {
  const watch = new WatchAnswer(schemas, { ...limits, held: new Map() });
  const names = [
    ...[{ name: "a", namespace: "b" }, { name: "b/a" }, { name: "node" }, { name: "a", namespace: "é" }],
    ...Array.from({ length: 1000 }, (_, index) => ({ name: `p${index % 500}`, namespace: "b" })),
  ];
  const keys = names.map((metadata) => watch.push(frameOf("ADDED", { ...pod(), metadata }))[0]?.key);
  assert.deepEqual(
    keys,
    names.map((metadata) => objectKey({ ...pod(), metadata })),
  );
  assert.equal(watch.push(frameOf("ADDED", { ...pod(), metadata: {} }))[0]?.key, undefined);
});

for (const { name, spoilt, by } of [
  { name: "a spec that claims to be longer than it is", spoilt: "nginx", by: 100 },
  { name: "labels that claim to be longer than they are", spoilt: "web", by: 90 },
  { name: "a member of another wire type", spoilt: "Running", by: undefined },
]) {
  test(`reading an object lazily refuses ${name} at once`, () => {
    const frame = frameOf("ADDED", pod());
    const at = frame.indexOf(spoilt) - (by === undefined ? 2 : 1);
    // A text becomes a number, and what follows it other fields.
    frame[at] = by ?? (frame[at] ?? 0) - 2;
    assert.throws(() => new WatchAnswer(schemas, limits).push(frame), ProtobufError);
  });
}

for (const { name, other, want } of [
  { name: "the same bytes", other: pod(), want: true },
  { name: "another spec", other: { ...pod(), spec: { containers: [], nodeName: "m" } }, want: false },
  { name: "another version", other: { ...pod(), metadata: { name: "a" } }, want: false },
  { name: "a member less", other: { kind: "Pod", apiVersion: "v1", metadata: {} }, want: false },
]) {
  test(`comparing unread objects tells ${name}`, () => {
    assert.equal(equalUnread(lazily(pod()), lazily(other), jsonEqual), want);
    assert.equal(equalUnread(lazily(pod()), other, jsonEqual), want);
  });
}

for (const size of [1, 3, 50, 1_000_000]) {
  test(`lists and watches are read from chunks of ${size} bytes`, () => {
    const items = ["a", "b".repeat(300), "c"].map((name) => ({ ...pod(), metadata: { name } }));
    const list = { kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "7" }, items };
    const answer = new ObjectAnswer(schemas, limits);
    for (const chunk of chunksOf(codec.encode(list), size)) answer.push(chunk);
    assert.deepEqual(answer.end(), list);

    const watch = new WatchAnswer(schemas, limits);
    const frames = Buffer.concat(items.map((item) => frameOf("MODIFIED", item)));
    const events = chunksOf(frames, size).flatMap((chunk) => watch.push(chunk));
    watch.end();
    assert.deepEqual(
      events,
      items.map((object) => ({ type: "MODIFIED", object })),
    );
  });
}

function chunksOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
  return chunks;
}

test("an answer that is no list, and one of nothing, are read", () => {
  for (const object of [
    { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: 403 },
    { kind: "PodList", apiVersion: "v1", metadata: {}, items: [] },
  ]) {
    const answer = new ObjectAnswer(schemas, limits);
    answer.push(codec.encode(object));
    assert.deepEqual(answer.end(), object);
  }
});

for (const { name, read } of [
  {
    name: "a list that is cut short",
    read: () => {
      const answer = new ObjectAnswer(schemas, limits);
      const items = [pod()];
      answer.push(codec.encode({ kind: "PodList", apiVersion: "v1", metadata: {}, items }).slice(0, -20));
      answer.end();
    },
  },
  {
    name: "a watch that ends within an event",
    read: () => {
      const watch = new WatchAnswer(schemas, limits);
      watch.push(frameOf("ADDED", pod()).subarray(0, 40));
      watch.end();
    },
  },
  {
    name: "a frame that claims to be too long",
    read: () => new WatchAnswer(schemas, limits).push(Uint8Array.of(0x7f, 0xff, 0xff, 0xff)),
  },
  {
    name: "an item that claims to be too long",
    read: () => {
      const answer = new ObjectAnswer(schemas, { maxRecordBytes: 100 });
      const items = [{ ...pod(), metadata: { name: "x".repeat(500) } }];
      for (const chunk of chunksOf(
        codec.encode({ kind: "PodList", apiVersion: "v1", metadata: {}, items }),
        50,
      ))
        answer.push(chunk);
    },
  },
  { name: "what is no protobuf", read: () => new ObjectAnswer(schemas, limits).push(Buffer.from("<html>")) },
  {
    name: "a kind that nobody knows",
    read: () => {
      const bytes = Buffer.from(codec.encode({ kind: "Pod", apiVersion: "v1", metadata: {} }));
      new ObjectAnswer(schemas, limits).push(
        Buffer.from(bytes.toString("latin1").replace("Pod", "Pid"), "latin1"),
      );
    },
  },
]) {
  test(`reading answers refuses ${name}`, () => assert.throws(read, ProtobufError));
}
