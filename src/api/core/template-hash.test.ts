import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson, fnv32a, hashOf, podTemplateHash, safeEncode } from "./template-hash.ts";

const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "a", image: "b" }] } };

test("templates that say the same have the same hash", () => {
  const reordered = {
    spec: { containers: [{ image: "b", name: "a" }] },
    metadata: { creationTimestamp: null, labels: { app: "web" } },
  };
  assert.equal(podTemplateHash(template), podTemplateHash(reordered));
});

test("a change of the template or a collision changes the hash", () => {
  const changed = { ...template, spec: { containers: [{ name: "a", image: "c" }] } };
  const hashes = [
    podTemplateHash(template),
    podTemplateHash(changed),
    podTemplateHash(template, 0),
    podTemplateHash(template, 1),
  ];
  assert.equal(new Set(hashes).size, 4);
  assert.equal(hashOf(template, 1), hashes[3]);
});

test("a hash is a label value without vowels", () => {
  for (let count = 0; count < 50; count++)
    assert.match(podTemplateHash(template, count), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
});

test("FNV-1a has its published values", () => {
  assert.equal(fnv32a(""), 0x811c9dc5);
  assert.equal(fnv32a("a"), 0xe40c292c);
  assert.equal(fnv32a("foobar"), 0xbf9cf968);
  assert.equal(fnv32a("bar", fnv32a("foo")), fnv32a("foobar"));
});

test("digits are spelled as upstream spells them", () =>
  assert.equal(safeEncode("0123456789"), "456789bcdf"));

test("canonical JSON sorts keys and leaves out what is absent", () => {
  assert.equal(canonicalJson({ b: [1, { d: null, c: undefined }], a: "x" }), '{"a":"x","b":[1,{}]}');
});
