import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { SharedFields } from "./shared-fields.ts";

const withFields = (fieldsV1: object): AnyObject =>
  Object.freeze({
    apiVersion: "v1",
    kind: "Pod",
    metadata: Object.freeze({
      name: "a",
      managedFields: [{ manager: "kubelet", operation: "Update", fieldsType: "FieldsV1", fieldsV1 }],
    }),
  }) as AnyObject;

const fieldsOf = (object: AnyObject) =>
  object.metadata.managedFields?.[0]?.fieldsV1 as unknown as Record<string, Record<string, object>>;

const status = (ip: string) =>
  JSON.parse(`{"f:status":{"f:phase":{},"f:conditions":{".":{}},"k:{\\"ip\\":\\"${ip}\\"}":{"f:ip":{}}}}`);

test("equal managed fields of two objects come to be one tree, equal to what they were", () => {
  const sharing = new SharedFields();
  const [one, other] = [sharing.share(withFields(status("1"))), sharing.share(withFields(status("1")))];
  assert.equal(fieldsOf(one), fieldsOf(other));
  assert.equal(JSON.stringify(one), JSON.stringify(withFields(status("1"))));
});

test("managed fields that differ in a leaf share the rest", () => {
  const sharing = new SharedFields();
  const [one, other] = [sharing.share(withFields(status("1"))), sharing.share(withFields(status("2")))];
  assert.notEqual(fieldsOf(one), fieldsOf(other));
  assert.equal(fieldsOf(one)["f:status"]?.["f:conditions"], fieldsOf(other)["f:status"]?.["f:conditions"]);
  assert.equal(JSON.stringify(other), JSON.stringify(withFields(status("2"))));
});

test("an object whose fields are shared already stays itself, and one without any too", () => {
  const sharing = new SharedFields();
  const shared = sharing.share(withFields(status("1")));
  assert.equal(sharing.share(shared), shared);
  const plain: AnyObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } };
  assert.equal(sharing.share(plain), plain);
});

test("a field named __proto__ stays a field", () => {
  const fields = JSON.parse('{"f:data":{"__proto__":{"f:x":{}}}}');
  assert.equal(
    JSON.stringify(new SharedFields().share(withFields(fields))),
    JSON.stringify(withFields(fields)),
  );
});

test("what it remembers is bounded", () => {
  const sharing = new SharedFields();
  const first = sharing.share(withFields({ "f:first": { "f:a": {} } }));
  for (let index = 0; index < 10_000; index++) sharing.share(withFields({ [`f:${index}`]: {} }));
  const again = sharing.share(withFields({ "f:first": { "f:a": {} } }));
  assert.notEqual(fieldsOf(first), fieldsOf(again));
  assert.deepEqual(first, again);
});
