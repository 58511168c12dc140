import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagedFieldsEntry } from "../../apimachinery/meta.ts";
import { withValidManagers } from "./valid-managers.ts";

const entry: ManagedFieldsEntry = {
  manager: "m",
  operation: "Update",
  apiVersion: "v1",
  fieldsType: "FieldsV1",
  fieldsV1: { "f:data": {} },
};
const object = (managedFields?: readonly ManagedFieldsEntry[]) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", ...(managedFields === undefined ? {} : { managedFields }) },
});

for (const { name, after, keeps, warns } of [
  { name: "left alone", after: undefined, keeps: true, warns: false },
  {
    name: "changed to others that are valid",
    after: [{ ...entry, manager: "other" }],
    keeps: true,
    warns: false,
  },
  { name: "broken", after: [{ ...entry, fieldsType: "Nonsense" as "FieldsV1" }], keeps: false, warns: true },
])
  test(`managers that admission has ${name} are ${keeps ? "taken" : "put back"}`, () => {
    const before = object([entry]);
    const admitted = object(after ?? before.metadata.managedFields);
    const warnings: string[] = [];
    const result = withValidManagers(admitted, before, (text) => warnings.push(text));
    assert.deepEqual(result.metadata.managedFields, keeps ? admitted.metadata.managedFields : [entry]);
    assert.equal(warnings.length, warns ? 1 : 0);
  });
