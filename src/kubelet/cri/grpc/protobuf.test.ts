import assert from "node:assert/strict";
import { test } from "node:test";
import { podSandboxConfig } from "./config-messages.ts";
import { podSandboxConfigMessage } from "./encode-config.ts";
import {
  bool,
  bytes,
  decode,
  encode,
  enumeration,
  int,
  ints,
  message,
  nested,
  nestedList,
  string,
  stringMap,
  strings,
} from "./protobuf.ts";

const inner = message({ name: string(1), count: int(2) });
const outer = message({
  text: string(1),
  flag: bool(2),
  number: int(3),
  numbers: ints(4),
  words: strings(5),
  labels: stringMap(6),
  one: nested(7, inner),
  many: nestedList(8, inner),
  blob: bytes(9),
  color: enumeration(16, ["red", "green"] as const),
});

const nothing = {
  text: "",
  flag: false,
  number: 0,
  numbers: [],
  words: [],
  labels: {},
  one: undefined,
  many: [],
  blob: new Uint8Array(0),
  color: "red",
};

for (const { name, value } of [
  { name: "nothing", value: {} },
  { name: "text beyond ASCII", value: { text: "größer 🐳" } },
  { name: "a negative number", value: { number: -1 } },
  { name: "the largest exact number", value: { number: Number.MAX_SAFE_INTEGER } },
  { name: "lists with zeros in them", value: { numbers: [0, 1, 300, -5], words: ["", "a"] } },
  { name: "a map", value: { labels: { "k8s.io/app": "web", empty: "" } } },
  { name: "an empty message, which is not its absence", value: { one: { name: "", count: 0 } } },
  { name: "messages whose length needs two bytes", value: { many: [{ name: "x".repeat(200), count: 7 }] } },
  { name: "bytes", value: { blob: new Uint8Array([0, 255]) } },
  { name: "an enumeration", value: { color: "green" } as const },
]) {
  test(`protobuf carries ${name}`, () => {
    const decoded = decode(outer, encode(outer, value));
    assert.deepEqual({ ...decoded, blob: Uint8Array.from(decoded.blob) }, { ...nothing, ...value });
  });
}

test("protobuf writes the bytes that the specification gives", () => {
  assert.equal(Buffer.from(encode(outer, { number: 150 })).toString("hex"), "189601");
  assert.equal(Buffer.from(encode(outer, { text: "testing" })).toString("hex"), "0a0774657374696e67");
  assert.equal(Buffer.from(encode(outer, { one: { count: 150 } })).toString("hex"), "3a03109601");
});

test("protobuf reads numbers packed or apart", () => {
  assert.deepEqual(decode(outer, Buffer.from("22020102", "hex")).numbers, [1, 2]);
  assert.deepEqual(decode(outer, Buffer.from("20012002", "hex")).numbers, [1, 2]);
});

test("protobuf passes over fields it does not know, of every wire type", () => {
  const unknown = Buffer.from(
    "f80101 f9010000000000000000 fa0103616263 fd0100000000 0a0161".replaceAll(" ", ""),
    "hex",
  );
  assert.equal(decode(outer, unknown).text, "a");
});

for (const { name, hex } of [
  { name: "ends inside a number", hex: "18ff" },
  { name: "has a field longer than itself", hex: "0a7f61" },
  { name: "has a number of more than 64 bits", hex: "18ffffffffffffffffffffff01" },
  { name: "has a wire type that is not one", hex: "0f" },
]) {
  test(`protobuf refuses a message that ${name}`, () =>
    assert.throws(() => decode(outer, Buffer.from(hex, "hex")), /protobuf/));
}

test("a pod's own process namespace is CRI's default for Kubernetes", () => {
  const metadata = { name: "web", uid: "u", namespace: "default", attempt: 0 };
  const config = podSandboxConfigMessage({ metadata, linux: { cgroupParent: "/kubepods/podu" } });
  const { linux } = decode(podSandboxConfig, encode(podSandboxConfig, config));
  assert.equal(linux?.securityContext?.namespaceOptions?.pid, "container");
  assert.equal(linux?.securityContext?.namespaceOptions?.network, "pod");
});
