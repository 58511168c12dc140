import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { AnyObject } from "../apimachinery/meta.ts";
import { createProtobufCodec } from "../apimachinery/protobuf/codec.ts";
import { ProtobufError } from "../apimachinery/protobuf/reader.ts";
import { normalize } from "../apimachinery/schema/normalize.ts";
import { schemas } from "./schemas.ts";

const codec = createProtobufCodec(schemas);

function normalized(group: string, kind: string, object: object): object {
  const model = schemas.kind(group, "v1", kind);
  assert.ok(model);
  return normalize(model, object).object;
}

const samples: readonly { readonly group: string; readonly object: AnyObject }[] = [
  {
    group: "",
    object: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", labels: { b: "2", a: "1" }, creationTimestamp: "2026-01-02T03:04:05Z" },
      spec: {
        containers: [
          {
            name: "c",
            image: "i",
            resources: { limits: { cpu: "100m", memory: "1Gi" } },
            livenessProbe: { httpGet: { path: "/ü", port: "web" }, periodSeconds: 5 },
          },
        ],
        volumes: [{ name: "v", configMap: { name: "m", defaultMode: 420 } }],
        priority: -1,
        terminationGracePeriodSeconds: 0,
      },
    },
  },
  {
    group: "",
    object: { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { k: "AAEC/w==", e: "" } },
  },
  {
    group: "coordination.k8s.io",
    object: {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "l" },
      spec: { holderIdentity: "h", renewTime: "2026-01-02T03:04:05.678901Z" },
    },
  },
  {
    group: "apps",
    object: {
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: { name: "r" },
      data: { spec: { template: { $patch: "replace" } } },
      revision: 3,
    },
  },
  {
    group: "apiextensions.k8s.io",
    object: {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "things.example.com" },
      spec: {
        group: "example.com",
        names: { kind: "Thing", plural: "things" },
        scope: "Namespaced",
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: {
                  list: { type: "array", items: { type: "string" }, default: ["a"] },
                  any: { type: "object", additionalProperties: true },
                  some: { type: "object", additionalProperties: { type: "integer", maximum: 2.5 } },
                },
              },
            },
          },
        ],
      },
    },
  },
];

for (const { group, object } of samples) {
  test(`a ${object.kind} survives protobuf`, () => {
    const before = normalized(group, object.kind, object);
    const after = codec.decode(codec.encode(before));
    assert.deepEqual(normalized(group, object.kind, after), before);
  });
}

test("a config map has the bytes that upstream's encoder gives it", () => {
  const object = normalized("", "ConfigMap", {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a" },
    data: { z: "1", b: "" },
  });
  const field = (tag: string, hex: string) =>
    [tag, (hex.length / 2).toString(16).padStart(2, "0"), hex].join("");
  const metadata = ["0a0161", "1200", "1a00", "2200", "2a00", "3200", "3800", "4200"].join("");
  const raw = [field("0a", metadata), "12050a01621200", "12060a017a120131"].join("");
  const typeMeta = ["0a027631", "1209436f6e6669674d6170"].join("");
  const want = ["6b387300", field("0a", typeMeta), field("12", raw), "1a00", "2200"].join("");
  assert.equal(Buffer.from(codec.encode(object)).toString("hex"), want);
});

test("a watch event is a frame with its length, its type and the object", () => {
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: {} };
  const object = codec.encode(map);
  const message = codec.encodeMessage(map);
  const { start, end } = codec.encodeWatchEventAround("ADDED", map, message.length);
  const frame = Buffer.concat([start, message, end]);
  assert.equal(frame.readUInt32BE(0), frame.length - 4);
  assert.equal(frame.subarray(4, 11).toString("latin1"), "\n\x05ADDED");
  assert.deepEqual(frame.subarray(frame.length - object.length), Buffer.from(object));
});

test("an object around its message is the object", () => {
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { b: "c" } };
  assert.deepEqual(codec.encodeAround(map, codec.encodeMessage(map)), codec.encode(map));
});

test("a list in parts is the list as a whole", () => {
  const items = ["a", "b".repeat(200)].map((name) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name },
    data: { text: name.repeat(100) },
  }));
  const head = { apiVersion: "v1", kind: "ConfigMapList", metadata: { resourceVersion: "7" } };
  const parts = items.flatMap((item) => {
    const message = codec.encodeMessage(item);
    return [codec.itemHeader(message.length), message];
  });
  const itemsLength = parts.reduce((sum, part) => sum + part.length, 0);
  const { start, end } = codec.encodeListAround(head, itemsLength);
  assert.deepEqual(
    new Uint8Array(Buffer.concat([start, ...parts, end])),
    new Uint8Array(codec.encode({ ...head, items })),
  );
});

for (const { name, bytes } of [
  { name: "no envelope", bytes: Uint8Array.of(1, 2, 3, 4) },
  { name: "an unknown kind", bytes: Uint8Array.of(0x6b, 0x38, 0x73, 0, 0x0a, 0) },
  {
    name: "a message cut short",
    bytes: codec.encode({ apiVersion: "v1", kind: "Pod", metadata: { name: "x" } }).slice(0, -9),
  },
]) {
  test(`decoding protobuf refuses ${name}`, () => assert.throws(() => codec.decode(bytes), ProtobufError));
}

test("decoding protobuf passes over fields of a newer version", () => {
  const bytes = codec.encode({ apiVersion: "v1", kind: "Status", metadata: {}, code: 404 });
  const unknown = [0xf8, 0x3f, 1]; // field 1023, a varint, after the raw message
  assert.equal(codec.decode(Uint8Array.from([...bytes, ...unknown])).code, 404);
});

test("custom kinds have no binary form", () => {
  assert.equal(codec.knows({ group: "example.com", version: "v1", kind: "Thing" }), false);
  assert.equal(codec.knows({ group: "meta.k8s.io", version: "v1", kind: "PartialObjectMetadata" }), true);
  assert.equal(codec.knows({ group: "meta.k8s.io", version: "v1", kind: "Table" }), false);
});

// Upstream's own samples of every kind (k8s.io/api/testdata), where they are at hand.
const fixtures = process.env.K8S_CODEC_FIXTURES ?? "";
const skip = existsSync(fixtures) ? false : "K8S_CODEC_FIXTURES names no folder";

test("every stable kind has upstream's bytes", { skip }, () => {
  let checked = 0;
  for (const file of readdirSync(fixtures)) {
    const match = /^(.*)\.(v\d+)\.(\w+)\.json$/.exec(file);
    // A WatchEvent travels without an envelope.
    if (match === null || match[3] === "WatchEvent") continue;
    const [, prefix = "", version = "", kind = ""] = match;
    const group = prefix === "core" ? "" : prefix;
    const model = schemas.kind(group, version, kind);
    assert.ok(model, file);
    const json: unknown = JSON.parse(readFileSync(join(fixtures, file), "utf8"));
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const object = { ...normalize(model, json).object, apiVersion, kind };
    const bytes = readFileSync(join(fixtures, file.replace(/json$/, "pb")));
    assert.deepEqual(Buffer.from(codec.encode(object)), bytes, `${file}: encoded`);
    const decoded = codec.decode(bytes);
    assert.deepEqual(decoded, object, `${file}: decoded`);
    assert.deepEqual(normalize(model, decoded).object, object, `${file}: decoded and checked`);
    // In the order of the JSON that a server sends, too.
    const { kind: _kind, apiVersion: _version, ...members } = object;
    const served = { kind, apiVersion, ...members };
    assert.equal(JSON.stringify(decoded), JSON.stringify(served), `${file}: as text`);
    checked++;
  }
  assert.ok(checked > 80, `only ${checked} kinds`);
});
