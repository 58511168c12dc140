import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagedFieldsEntry } from "../meta.ts";
import { managersOfScale, managersOfScaled } from "./scale-managers.ts";

const entry = (
  manager: string,
  fieldsV1: object,
  more: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry => ({
  manager,
  operation: "Update",
  apiVersion: "apps/v1",
  fieldsType: "FieldsV1",
  fieldsV1,
  ...more,
});
const replicas = { "f:spec": { "f:replicas": {} } };
const maker = entry("maker", { "f:spec": { "f:replicas": {}, "f:selector": {} } });
const other = entry("other", { "f:data": {} });

test("a Scale is managed by who owns the replicas, in its own version", () => {
  assert.deepEqual(managersOfScale([maker, other]), [
    entry("maker", replicas, { apiVersion: "autoscaling/v1" }),
  ]);
});

test("what a Scale's manager lost, the object's manager lost; who took it has an entry in the object's version", () => {
  const scaled = [entry("scaler", replicas, { apiVersion: "autoscaling/v1", subresource: "scale" })];
  assert.deepEqual(managersOfScaled([maker, other], scaled, "apps/v1"), [
    entry("maker", { "f:spec": { "f:selector": {} } }),
    other,
    entry("scaler", replicas, { subresource: "scale" }),
  ]);
});

test("a Scale that nobody changed leaves the managers as they were", () => {
  const entries = [maker, other];
  assert.deepEqual(managersOfScaled(entries, managersOfScale(entries), "apps/v1"), entries);
});

test("an object may keep the number elsewhere", () => {
  const path = ["spec", "size", "wanted"];
  const sized = entry("maker", { "f:spec": { "f:size": { "f:wanted": {} } } });
  assert.deepEqual(managersOfScale([sized], path), [
    entry("maker", replicas, { apiVersion: "autoscaling/v1" }),
  ]);
  const scaled = [entry("scaler", replicas, { apiVersion: "autoscaling/v1", operation: "Apply" })];
  assert.deepEqual(managersOfScaled([sized], scaled, "e.com/v1", path), [
    entry("scaler", sized.fieldsV1 as object, { apiVersion: "e.com/v1", operation: "Apply" }),
  ]);
});
