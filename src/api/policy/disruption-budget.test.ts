import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  created,
  createErrors,
  definitionOf,
  lines,
  objectOf,
  type RefusedCase,
  rowOf,
} from "../test-support/objects.ts";

const nothing = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };

test("nothing may be disrupted until the controller has looked", () => {
  const budget = created("policy/v1", "PodDisruptionBudget", { spec: {}, status: { disruptionsAllowed: 5 } });
  assert.deepEqual(budget.status, nothing);
});

for (const { name, spec, want } of [
  { name: "as it should be", spec: { minAvailable: "50%", selector: {} }, want: [] },
  {
    name: "that says both",
    spec: { minAvailable: 1, maxUnavailable: 1 },
    want: [
      'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    ],
  },
  {
    name: "of half a pod",
    spec: { minAvailable: "half" },
    want: [
      "spec.minAvailable: Invalid value: \"half\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ],
  },
  {
    name: "below zero",
    spec: { maxUnavailable: -1 },
    want: ["spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"],
  },
  {
    name: "over all",
    spec: { maxUnavailable: "150%" },
    want: ['spec.maxUnavailable: Invalid value: "150%": must not be greater than 100%'],
  },
  {
    name: "with an unknown policy",
    spec: { unhealthyPodEvictionPolicy: "Never" },
    want: [
      'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
    ],
  },
] as readonly RefusedCase[])
  test(`PodDisruptionBudget: create, update, patch, and delete object: one ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(createErrors("policy/v1", "PodDisruptionBudget", { spec }), want);
  });

test("PodDisruptionBudget: update and patch status: numbers are not negative", () => {
  const { strategy } = definitionOf("policy/v1", "PodDisruptionBudget");
  const old = created("policy/v1", "PodDisruptionBudget", { spec: {} });
  assertLines(
    lines(strategy.validateStatusUpdate?.({ ...old, status: { ...nothing, currentHealthy: -1 } }, old) ?? []),
    ["status.currentHealthy: Invalid value: -1: must be greater than or equal to 0"],
  );
});

test("kubectl get shows what may be disrupted", () => {
  const row = rowOf(
    objectOf("policy/v1", "PodDisruptionBudget", {
      spec: { minAvailable: 2 },
      status: { disruptionsAllowed: 1 },
    }),
  );
  assert.deepEqual(row, { "Min Available": "2", "Max Unavailable": "N/A", "Allowed Disruptions": 1 });
});
