import assert from "node:assert/strict";
import { test } from "node:test";
import { builtInDefinitions } from "./registry.ts";
import { schemas } from "./schemas.ts";
import { frozen, nowMs, objectOf, withDefaults } from "./test-support/objects.ts";

const named = ({ group, kind }: { group: string; kind: string }) =>
  group === "" ? kind : `${group} ${kind}`;

test("every kind of the stable APIs is declared once", () => {
  const plurals = builtInDefinitions.map(({ group, plural }) => `${group}/${plural}`);
  assert.equal(new Set(plurals).size, plurals.length);
  assert.equal(plurals.length, 67);
});

test("short names of one kind are no names of another of the same group", () => {
  const taken = new Map<string, string>();
  for (const { group, plural, singular, shortNames = [] } of builtInDefinitions)
    for (const name of [plural, singular, ...shortNames]) {
      const key = `${group}/${name}`;
      assert.equal(taken.get(key) ?? plural, plural, `${key} is one thing`);
      taken.set(key, plural);
    }
});

for (const definition of builtInDefinitions) {
  const {
    group,
    kind,
    versions,
    storageVersion,
    storedAs,
    columns,
    strategy,
    subresources = [],
  } = definition;
  const version = storageVersion ?? versions[0] ?? "";
  const stored = storedAs ?? definition;
  const apiVersion = stored.group === "" ? version : `${stored.group}/${version}`;

  test(`${named(definition)}: all its versions and bodies have a schema`, () => {
    for (const served of versions) assert.ok(schemas.kind(group, served, kind), served);
    for (const { name, group: bodyGroup, version: bodyVersion, kind: bodyKind, verbs } of subresources) {
      assert.ok(verbs.length > 0, name);
      if (!bodyKind.endsWith("Options")) assert.ok(schemas.kind(bodyGroup, bodyVersion, bodyKind), name);
    }
  });

  test(`${named(definition)}: an object without anything can be filled, prepared, judged and printed`, () => {
    const empty = objectOf(apiVersion, kind);
    const full = storedAs === undefined ? withDefaults(empty) : frozen(strategy.defaults?.(empty) ?? empty);
    const fresh = frozen(strategy.prepareForCreate?.(full) ?? full);
    strategy.validate?.(fresh);
    strategy.validateUpdate?.(strategy.prepareForUpdate?.(full, fresh) ?? full, fresh);
    strategy.validateStatusUpdate?.(strategy.prepareForStatusUpdate?.(full, fresh) ?? full, fresh);
    for (const { name, type, value } of columns) {
      const cell = value(fresh, { nowMs });
      if (type === "date") continue;
      // Some of upstream's text columns hold numbers; kubectl prints both alike.
      assert.ok(
        type === "integer" ? typeof cell === "number" : ["string", "number", "boolean"].includes(typeof cell),
        name,
      );
    }
    for (const [name, fieldOf] of Object.entries(definition.selectableFields ?? {}))
      assert.equal(typeof fieldOf(fresh), "string", name);
    if (definition.scale !== undefined) {
      const scaled = definition.scale.withReplicas(fresh, 7);
      assert.equal(definition.scale.replicas(scaled), 7);
      assert.equal(typeof definition.scale.selector(fresh), "string");
      assert.equal(definition.scale.statusReplicas(fresh), 0);
    }
  });
}

for (const [kind, group, names] of [
  ["pods", "", ["po"]],
  ["services", "", ["svc"]],
  ["nodes", "", ["no"]],
  ["namespaces", "", ["ns"]],
  ["configmaps", "", ["cm"]],
  ["secrets", "", []],
  ["serviceaccounts", "", ["sa"]],
  ["persistentvolumes", "", ["pv"]],
  ["persistentvolumeclaims", "", ["pvc"]],
  ["endpoints", "", ["ep"]],
  ["events", "", ["ev"]],
  ["limitranges", "", ["limits"]],
  ["resourcequotas", "", ["quota"]],
  ["replicationcontrollers", "", ["rc"]],
  ["componentstatuses", "", ["cs"]],
  ["deployments", "apps", ["deploy"]],
  ["replicasets", "apps", ["rs"]],
  ["daemonsets", "apps", ["ds"]],
  ["statefulsets", "apps", ["sts"]],
  ["jobs", "batch", []],
  ["cronjobs", "batch", ["cj"]],
  ["horizontalpodautoscalers", "autoscaling", ["hpa"]],
  ["poddisruptionbudgets", "policy", ["pdb"]],
  ["ingresses", "networking.k8s.io", ["ing"]],
  ["networkpolicies", "networking.k8s.io", ["netpol"]],
  ["storageclasses", "storage.k8s.io", ["sc"]],
  ["priorityclasses", "scheduling.k8s.io", ["pc"]],
  ["customresourcedefinitions", "apiextensions.k8s.io", ["crd", "crds"]],
  ["certificatesigningrequests", "certificates.k8s.io", ["csr"]],
] as const)
  test(`${kind} can be called ${names.join(", ") || "by their own name only"}`, () => {
    const found = builtInDefinitions.find((one) => one.group === group && one.plural === kind);
    assert.deepEqual(found?.shortNames ?? [], names);
  });

test("kubectl get all means these kinds", () => {
  const all = builtInDefinitions
    .filter(({ categories }) => categories?.includes("all"))
    .map(({ plural }) => plural);
  assert.deepEqual(all.sort(), [
    "cronjobs",
    "daemonsets",
    "deployments",
    "horizontalpodautoscalers",
    "jobs",
    "pods",
    "replicasets",
    "replicationcontrollers",
    "services",
    "statefulsets",
  ]);
});

for (const { plural, fields } of [
  {
    plural: "pods",
    fields: [
      "spec.hostNetwork",
      "spec.nodeName",
      "spec.restartPolicy",
      "spec.schedulerName",
      "spec.serviceAccountName",
      "status.nominatedNodeName",
      "status.phase",
      "status.podIP",
      "status.podIPs",
    ],
  },
  { plural: "nodes", fields: ["spec.unschedulable"] },
  { plural: "namespaces", fields: ["status.phase"] },
  { plural: "secrets", fields: ["type"] },
  { plural: "replicasets", fields: [] },
  { plural: "replicationcontrollers", fields: ["status.replicas"] },
  { plural: "jobs", fields: ["status.successful"] },
  { plural: "services", fields: ["spec.clusterIP", "spec.type"] },
  { plural: "certificatesigningrequests", fields: ["spec.signerName"] },
])
  test(`${plural} are selectable by ${fields.join(", ") || "name and namespace alone"}`, () => {
    const found = builtInDefinitions.find((one) => one.plural === plural);
    assert.deepEqual(Object.keys(found?.selectableFields ?? {}).sort(), fields);
  });
