import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesNodeSelectorTerm, matchesRequiredNodeAffinity } from "./node-affinity.ts";
import { findUntoleratedTaint, formatTaint, isTaintTolerated, sameTaint } from "./taints.ts";
import type { Node, NodeSelectorTerm, PodSpec, Toleration } from "./types.generated.ts";

const taint = { key: "a", value: "x", effect: "NoSchedule" };

const tolerations: readonly { toleration: Toleration; tolerated: boolean }[] = [
  { toleration: { key: "a", operator: "Equal", value: "x", effect: "NoSchedule" }, tolerated: true },
  { toleration: { key: "a", value: "x" }, tolerated: true },
  { toleration: { key: "a", value: "y" }, tolerated: false },
  { toleration: { key: "a", operator: "Exists" }, tolerated: true },
  { toleration: { key: "b", operator: "Exists" }, tolerated: false },
  { toleration: { operator: "Exists" }, tolerated: true },
  { toleration: { operator: "Exists", effect: "NoExecute" }, tolerated: false },
  { toleration: { key: "a", value: "x", effect: "NoExecute" }, tolerated: false },
];

for (const { toleration, tolerated } of tolerations)
  test(`${JSON.stringify(toleration)} ${tolerated ? "tolerates" : "does not tolerate"} ${formatTaint(taint)}`, () => {
    assert.equal(isTaintTolerated(taint, [toleration]), tolerated);
  });

test("the first taint that matters and is not tolerated is found", () => {
  const taints = [
    { key: "soft", effect: "PreferNoSchedule" },
    { key: "fine", effect: "NoSchedule" },
    { key: "bad", effect: "NoExecute" },
  ];
  const found = findUntoleratedTaint(
    taints,
    [{ key: "fine", operator: "Exists" }],
    ["NoSchedule", "NoExecute"],
  );
  assert.equal(found?.key, "bad");
  assert.equal(findUntoleratedTaint(undefined, undefined, ["NoSchedule"]), undefined);
});

test("a taint is known by its key and effect", () => {
  assert.equal(sameTaint(taint, { ...taint, value: "other" }), true);
  assert.equal(sameTaint(taint, { ...taint, effect: "NoExecute" }), false);
  assert.equal(formatTaint({ key: "a", effect: "NoExecute" }), "a:NoExecute");
});

const node: Node = {
  apiVersion: "v1",
  kind: "Node",
  spec: {},
  metadata: { name: "n1", labels: { zone: "z1", cpus: "8" } },
};

const terms: readonly { name: string; term: NodeSelectorTerm; matches: boolean }[] = [
  {
    name: "In",
    term: { matchExpressions: [{ key: "zone", operator: "In", values: ["z1", "z2"] }] },
    matches: true,
  },
  {
    name: "NotIn an absent label",
    term: { matchExpressions: [{ key: "x", operator: "NotIn", values: ["1"] }] },
    matches: true,
  },
  { name: "Exists", term: { matchExpressions: [{ key: "x", operator: "Exists" }] }, matches: false },
  {
    name: "DoesNotExist",
    term: { matchExpressions: [{ key: "x", operator: "DoesNotExist" }] },
    matches: true,
  },
  { name: "Gt", term: { matchExpressions: [{ key: "cpus", operator: "Gt", values: ["7"] }] }, matches: true },
  {
    name: "Lt",
    term: { matchExpressions: [{ key: "cpus", operator: "Lt", values: ["8"] }] },
    matches: false,
  },
  {
    name: "Gt of a word",
    term: { matchExpressions: [{ key: "zone", operator: "Gt", values: ["7"] }] },
    matches: false,
  },
  {
    name: "the name",
    term: { matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] },
    matches: true,
  },
  {
    name: "two conditions of which one fails",
    term: {
      matchExpressions: [{ key: "zone", operator: "Exists" }],
      matchFields: [{ key: "metadata.name", operator: "In", values: ["n2"] }],
    },
    matches: false,
  },
  { name: "nothing", term: {}, matches: false },
];

for (const { name, term, matches } of terms)
  test(`a term of ${name} ${matches ? "matches" : "does not match"} the node`, () => {
    assert.equal(matchesNodeSelectorTerm(term, node), matches);
  });

const affinity = (...list: readonly NodeSelectorTerm[]): PodSpec["affinity"] => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: list } },
});

for (const { name, spec, matches } of [
  { name: "no wishes", spec: {}, matches: true },
  { name: "a node selector that fits", spec: { nodeSelector: { zone: "z1" } }, matches: true },
  { name: "a node selector that fits not", spec: { nodeSelector: { zone: "z2" } }, matches: false },
  {
    name: "one of two terms that fits",
    spec: {
      affinity: affinity(
        { matchExpressions: [{ key: "x", operator: "Exists" }] },
        { matchExpressions: [{ key: "zone", operator: "Exists" }] },
      ),
    },
    matches: true,
  },
  { name: "terms that are none", spec: { affinity: affinity() }, matches: false },
  {
    name: "a term that fits beside a selector that does not",
    spec: {
      nodeSelector: { a: "b" },
      affinity: affinity({ matchExpressions: [{ key: "zone", operator: "Exists" }] }),
    },
    matches: false,
  },
] as readonly { name: string; spec: Partial<PodSpec>; matches: boolean }[])
  test(`a pod with ${name} ${matches ? "may" : "may not"} run on the node`, () => {
    assert.equal(matchesRequiredNodeAffinity({ containers: [], ...spec }, node), matches);
  });
