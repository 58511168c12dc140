import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  createErrors,
  definitionOf,
  frozen,
  objectOf,
  type RefusedCase,
  rowOf,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
const cpu = (target: object) => ({ type: "Resource", resource: { name: "cpu", target } });
const definition = definitionOf("autoscaling/v2", "HorizontalPodAutoscaler");

test("an autoscaler aims at 80% of the CPU unless it says otherwise", () => {
  const { spec } = withDefaults(
    objectOf("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { scaleTargetRef, maxReplicas: 5 } }),
  );
  assert.deepEqual(spec, {
    scaleTargetRef,
    maxReplicas: 5,
    minReplicas: 1,
    metrics: [cpu({ type: "Utilization", averageUtilization: 80 })],
  });
});

test("a behavior is completed, field by field", () => {
  const behavior = {
    scaleDown: { stabilizationWindowSeconds: 60 },
    scaleUp: { policies: [{ type: "Pods", value: 1, periodSeconds: 60 }] },
  };
  const { spec } = withDefaults(
    objectOf("autoscaling/v2", "HorizontalPodAutoscaler", {
      spec: { scaleTargetRef, maxReplicas: 5, behavior },
    }),
  );
  assert.deepEqual((spec as { behavior: object }).behavior, {
    scaleDown: {
      stabilizationWindowSeconds: 60,
      selectPolicy: "Max",
      policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
    },
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
    },
  });
});

const full = frozen({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "one", annotations: { mine: "kept" } },
  spec: {
    scaleTargetRef,
    minReplicas: 2,
    maxReplicas: 5,
    metrics: [
      {
        type: "Pods",
        pods: { metric: { name: "rps" }, target: { type: "AverageValue", averageValue: "10" } },
      },
      cpu({ type: "Utilization", averageUtilization: 50 }),
    ],
    behavior: { scaleDown: { selectPolicy: "Disabled" } },
  },
  status: {
    currentReplicas: 3,
    desiredReplicas: 4,
    currentMetrics: [
      {
        type: "Resource",
        resource: { name: "cpu", current: { averageUtilization: 61, averageValue: "305m" } },
      },
    ],
    conditions: [{ type: "AbleToScale", status: "True" }],
  },
});

test("in version 1 an autoscaler has one field for CPU, the rest stands in annotations", () => {
  const old = definition.convert?.(full, "v1");
  assert.ok(old);
  assert.deepEqual(old.spec, {
    scaleTargetRef,
    minReplicas: 2,
    maxReplicas: 5,
    targetCPUUtilizationPercentage: 50,
  });
  assert.deepEqual(old.status, {
    currentReplicas: 3,
    desiredReplicas: 4,
    currentCPUUtilizationPercentage: 61,
  });
  assert.deepEqual(Object.keys(old.metadata.annotations ?? {}).sort(), [
    "autoscaling.alpha.kubernetes.io/behavior",
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "autoscaling.alpha.kubernetes.io/metrics",
    "mine",
  ]);
});

test("nothing is lost on the way to version 1 and back", () => {
  const there = definition.convert?.(full, "v1");
  assert.ok(there);
  assert.deepEqual(definition.convert?.(frozen(there), "v2"), full);
  assert.equal(definition.convert?.(full, "v2"), full);
});

test("what stands in annotations has upstream's older shapes", () => {
  const annotations = definition.convert?.(full, "v1").metadata.annotations ?? {};
  const read = (name: string) => JSON.parse(annotations[`autoscaling.alpha.kubernetes.io/${name}`] ?? "");
  assert.deepEqual(read("metrics"), [
    { type: "Pods", pods: { metricName: "rps", targetAverageValue: "10" } },
  ]);
  assert.deepEqual(read("current-metrics"), [
    {
      type: "Resource",
      resource: { name: "cpu", currentAverageUtilization: 61, currentAverageValue: "305m" },
    },
  ]);
  assert.deepEqual(read("behavior"), {
    ScaleUp: null,
    ScaleDown: {
      StabilizationWindowSeconds: null,
      SelectPolicy: "Disabled",
      Policies: null,
      Tolerance: null,
    },
  });
});

for (const metric of [
  { type: "External", external: { metric: { name: "m" }, target: { type: "Value", value: "10" } } },
  {
    type: "External",
    external: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "2" } },
  },
  {
    type: "Object",
    object: {
      describedObject: { kind: "Service", name: "s", apiVersion: "v1" },
      metric: { name: "m", selector: { matchLabels: { a: "b" } } },
      target: { type: "AverageValue", averageValue: "3" },
    },
  },
  {
    type: "ContainerResource",
    containerResource: {
      name: "memory",
      container: "c",
      target: { type: "AverageValue", averageValue: "1Gi" },
    },
  },
  { type: "Resource", resource: { name: "memory", target: { type: "Utilization", averageUtilization: 7 } } },
])
  test(`a metric of type ${metric.type} comes through version 1: ${JSON.stringify(metric)}`, () => {
    const object = frozen({ ...full, spec: { scaleTargetRef, maxReplicas: 5, metrics: [metric] } });
    const there = definition.convert?.(object, "v1");
    assert.ok(there);
    assert.deepEqual(definition.convert?.(there, "v2").spec, object.spec);
  });

const deep = `${"[".repeat(60_000)}${"]".repeat(60_000)}`;
const metricAnnotations = ["metrics", "current-metrics"];
const allAnnotations = [...metricAnnotations, "behavior", "conditions"];
for (const { what, text, names } of [
  { what: "is no JSON", text: "{", names: allAnnotations },
  { what: "is a number", text: "7", names: allAnnotations },
  { what: "is deeper than anybody can read", text: deep, names: allAnnotations },
  ...[
    { what: "nothing", text: "[null]" },
    { what: "a number", text: "[7]" },
    { what: "one whose type is a number", text: '[{"type":1}]' },
    { what: "one whose source is a number", text: '[{"type":"Object","object":5}]' },
    { what: "one whose name is a number", text: '[{"type":"Object","object":{"metricName":8}}]' },
    { what: "one whose selector is a list", text: '[{"type":"External","external":{"metricSelector":[]}}]' },
  ].map(({ what, text }) => ({ what: `is a list of ${what}`, text, names: metricAnnotations })),
  { what: "has policies that are a number", text: '{"ScaleDown":{"Policies":7}}', names: ["behavior"] },
  { what: "has a policy that is a number", text: '{"ScaleUp":{"Policies":[5]}}', names: ["behavior"] },
  { what: "has rules that are a number", text: '{"ScaleUp":5}', names: ["behavior"] },
  { what: "has a condition of a number", text: '[{"type":1}]', names: ["conditions"] },
])
  test(`an annotation (${names}) that ${what} is not there`, () => {
    const annotations = names.map((name) => [`autoscaling.alpha.kubernetes.io/${name}`, text]);
    const odd = {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "one", annotations: Object.fromEntries(annotations) },
      spec: { scaleTargetRef, maxReplicas: 1 },
      status: { currentReplicas: 1, desiredReplicas: 1 },
    };
    assert.deepEqual(definition.convert?.(frozen(odd), "v2"), {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "one" },
      spec: { scaleTargetRef, maxReplicas: 1 },
      status: odd.status,
    });
  });

for (const { name, spec, want } of [
  { name: "as it should be", spec: { maxReplicas: 3 }, want: [] },
  {
    name: "of nothing to nothing",
    spec: { scaleTargetRef: {}, minReplicas: 0, maxReplicas: 0 },
    want: [
      "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
      "spec.maxReplicas: Required value: must be set and greater than 0",
      "spec.scaleTargetRef.kind: Required value",
      "spec.scaleTargetRef.name: Required value",
      'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
      "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
    ],
  },
  {
    name: "with less at most than at least",
    spec: { minReplicas: 3, maxReplicas: 2 },
    want: ["spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"],
  },
  {
    name: "by unknown metrics",
    spec: {
      maxReplicas: 3,
      metrics: [
        { type: "Mood" },
        { type: "Pods" },
        { ...cpu({ type: "Utilization", averageUtilization: 1 }), pods: {} },
      ],
    },
    want: [
      'spec.metrics[0].type: Unsupported value: "Mood": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      'spec.metrics[0].type: Unsupported value: "Mood": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      "spec.metrics[1].pods: Required value: must populate information for the given metric source",
      "spec.metrics[2].pods.metric.name: Required value: must specify a metric name",
      "spec.metrics[2].pods.target.type: Required value: must specify a metric target type",
      'spec.metrics[2].pods.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue',
      "spec.metrics[2].pods.target.averageValue: Required value: must specify a positive target averageValue",
      "spec.metrics[2].pods: Forbidden: must populate the given metric source only",
    ],
  },
  {
    name: "of a kind without its group",
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "v1", kind: "Deployment", name: "web" } },
    want: ['spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group'],
  },
  {
    name: "of a kind of too many groups",
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "a/b/c", kind: "Deployment", name: "web" } },
    want: ['spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
  },
  {
    name: "of a ReplicationController",
    spec: {
      maxReplicas: 3,
      scaleTargetRef: { apiVersion: "v1", kind: "ReplicationController", name: "web" },
    },
    want: [],
  },
  {
    name: "that aims at nothing",
    spec: { maxReplicas: 3, metrics: [cpu({ type: "Utilization", averageUtilization: 0 })] },
    want: ["spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0"],
  },
  {
    name: "that behaves badly",
    spec: {
      maxReplicas: 3,
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 3601,
          selectPolicy: "Any",
          policies: [{ type: "Cat", value: 0, periodSeconds: 1801 }],
        },
      },
    },
    want: [
      "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
      'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Any": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Cat": supported values: "Percent", "Pods"',
      "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
      "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
    ],
  },
] as readonly RefusedCase[])
  test(`an autoscaler ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(
      createErrors("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { scaleTargetRef, ...spec } }),
      want,
    );
  });

test("an update is not refused for the apiVersion that the autoscaler already had", () => {
  const before = { scaleTargetRef: { kind: "Deployment", name: "web" }, minReplicas: 0, maxReplicas: 3 };
  const errorsOf = (change: object) =>
    updateErrors(
      "autoscaling/v2",
      "HorizontalPodAutoscaler",
      { spec: before },
      { spec: { ...before, ...change } },
    );
  assertLines(errorsOf({ maxReplicas: 4 }), [
    "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
  ]);
  assertLines(errorsOf({ minReplicas: 1, scaleTargetRef: { kind: "StatefulSet", name: "web" } }), [
    'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
  ]);
});

for (const { name, metrics, current = [], want } of [
  {
    name: "CPU",
    metrics: [cpu({ averageUtilization: 80 })],
    current: [{ resource: { current: { averageUtilization: 12 } } }],
    want: "cpu: 12%/80%",
  },
  { name: "CPU nobody measured", metrics: [cpu({ averageUtilization: 80 })], want: "cpu: <unknown>/80%" },
  {
    name: "many things",
    metrics: [
      { type: "Pods", pods: { target: { averageValue: "10" } } },
      { type: "External", external: { target: { averageValue: "5" } } },
      { type: "Object", object: { target: { value: "1" } } },
    ],
    current: [{ pods: { current: { averageValue: "7" } } }, { external: { current: { averageValue: "4" } } }],
    want: "7/10, 4/5 (avg) + 1 more...",
  },
] as readonly { name: string; metrics: readonly object[]; current?: readonly object[]; want: string }[])
  test(`kubectl get shows an autoscaler by ${name} as ${want}`, () => {
    const parts = {
      spec: { scaleTargetRef, maxReplicas: 5, minReplicas: 2, metrics },
      status: { currentReplicas: 3, currentMetrics: current },
    };
    assert.deepEqual(rowOf(objectOf("autoscaling/v2", "HorizontalPodAutoscaler", parts)), {
      Reference: "Deployment/web",
      Targets: want,
      MinPods: "2",
      MaxPods: 5,
      Replicas: 3,
    });
  });
