import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectMeta } from "./meta.ts";
import { dns1123Label } from "./names.ts";
import { validateFieldManager, validateMetadata, validateMetadataUpdate } from "./validation-metadata.ts";

const lines = (errors: readonly { field: string; message: string }[]) =>
  errors.map(({ field, message }) => `${field}: ${message}`);

const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", uid: "u" };

const cases: readonly {
  name: string;
  metadata: ObjectMeta;
  namespaced?: boolean;
  want: readonly string[];
}[] = [
  { name: "a name and a namespace are enough", metadata: { name: "a", namespace: "b" }, want: [] },
  {
    name: "a name is required",
    metadata: { namespace: "b" },
    want: ["metadata.name: Required value: name or generateName is required"],
  },
  {
    name: "the kind says what a name looks like",
    metadata: { name: "a.b", namespace: "b" },
    want: ['metadata.name: Invalid value: "a.b": must not contain dots'],
  },
  {
    name: "a namespace is required where there are namespaces",
    metadata: { name: "a" },
    want: ["metadata.namespace: Required value"],
  },
  {
    name: "a namespace is refused where there are none",
    metadata: { name: "a", namespace: "b" },
    namespaced: false,
    want: ["metadata.namespace: Forbidden: not allowed on this type"],
  },
  {
    name: "an owner without a name and uid",
    metadata: { name: "a", namespace: "b", ownerReferences: [{ ...owner, name: "", uid: "" }] },
    want: [
      'metadata.ownerReferences.name: Invalid value: "": must not be empty',
      'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ],
  },
  {
    name: "an Event owns nothing",
    metadata: { name: "a", namespace: "b", ownerReferences: [{ ...owner, apiVersion: "v1", kind: "Event" }] },
    want: [
      'metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"rs","uid":"u"}: /v1, Kind=Event is disallowed from being an owner',
    ],
  },
  {
    name: "two finalizers that contradict each other",
    metadata: { name: "a", namespace: "b", finalizers: ["orphan", "foregroundDeletion"] },
    want: [
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
  },
];

for (const { name, metadata, namespaced = true, want } of cases)
  test(`metadata: ${name}`, () => {
    assert.deepEqual(lines(validateMetadata(metadata, { namespaced, checkName: dns1123Label })), want);
  });

test("metadata: one controller at most", () => {
  const references = [
    { ...owner, controller: true },
    { ...owner, name: "other", controller: true },
  ];
  const [error] = lines(
    validateMetadata(
      { name: "a", namespace: "b", ownerReferences: references },
      { namespaced: true, checkName: dns1123Label },
    ),
  );
  assert.match(
    error ?? "",
    /Only one reference can have Controller set to true\. Found "true" in references for ReplicaSet\/rs and ReplicaSet\/other$/,
  );
});

const old: ObjectMeta = {
  name: "a",
  namespace: "b",
  uid: "u",
  resourceVersion: "1",
  generation: 2,
  finalizers: ["x/y"],
};

for (const { name, change, before = old, want } of [
  { name: "nothing changed", change: {}, want: [] },
  { name: "labels may change", change: { labels: { a: "b" } }, want: [] },
  {
    name: "the uid may not",
    change: { uid: "v" },
    want: ['metadata.uid: Invalid value: "v": field is immutable'],
  },
  {
    name: "a resourceVersion is needed",
    change: { resourceVersion: "" },
    want: ['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
  },
  {
    name: "generations only grow",
    change: { generation: 1 },
    want: ["metadata.generation: Invalid value: 1: must not be decremented"],
  },
  {
    name: "what is going gets no new finalizers",
    before: { ...old, deletionTimestamp: "2026-01-01T00:00:00Z" },
    change: { finalizers: ["x/y", "z/b", "z/a"], deletionTimestamp: "2026-01-01T00:00:00Z" },
    want: [
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"z/a", "z/b"}',
    ],
  },
])
  test(`changed metadata: ${name}`, () => {
    assert.deepEqual(lines(validateMetadataUpdate({ ...before, ...change }, before)), want);
  });

test("a field manager is short and printable", () => {
  assert.deepEqual(validateFieldManager("m", "kubectl-client-side-apply (é)"), []);
  assert.deepEqual(lines(validateFieldManager("m", "x".repeat(129))), [
    "m: Too long: may not be more than 128 bytes",
  ]);
  assert.deepEqual(lines(validateFieldManager("m", "a\tb")), [
    'm: Invalid value: "a\\tb": invalid character U+0009 (at position 1)',
  ]);
});
