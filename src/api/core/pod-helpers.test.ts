import assert from "node:assert/strict";
import { test } from "node:test";
import { formatQuantity } from "../../apimachinery/quantity.ts";
import { frozen } from "../test-support/objects.ts";
import {
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  withPodCondition,
} from "./pod-conditions.ts";
import { computePodQosClass, podQosClass } from "./pod-qos.ts";
import { podLimits, podRequests, type ResourceAmounts } from "./pod-resources.ts";
import type { Container, Pod, PodSpec, PodStatus } from "./types.generated.ts";

function pod(spec: Partial<PodSpec>, status: PodStatus = {}): Pod {
  return frozen({ apiVersion: "v1", kind: "Pod", metadata: {}, spec: { containers: [], ...spec }, status });
}

function container(requests: Record<string, string>, limits: Record<string, string> = {}): Container {
  return { name: "c", resources: { requests, limits } };
}

const amounts = (list: ResourceAmounts) =>
  Object.fromEntries(Object.entries(list).map(([name, amount]) => [name, formatQuantity(amount)]));

for (const { name, spec, requests, limits } of [
  { name: "nothing", spec: {}, requests: {}, limits: {} },
  {
    name: "the sum of its containers",
    spec: { containers: [container({ cpu: "100m", memory: "1Gi" }), container({ cpu: "1" }, { cpu: "2" })] },
    requests: { cpu: "1100m", memory: "1Gi" },
    limits: { cpu: "2" },
  },
  {
    name: "what its largest init container needs, where that is more",
    spec: {
      initContainers: [container({ cpu: "2" }), container({ cpu: "3", memory: "1Mi" })],
      containers: [container({ cpu: "1", memory: "2Mi" })],
    },
    requests: { cpu: "3", memory: "2Mi" },
    limits: {},
  },
  {
    name: "its sidecars beside its containers, and beside the init containers after them",
    spec: {
      initContainers: [
        { ...container({ cpu: "1" }), restartPolicy: "Always" },
        container({ cpu: "5" }),
        { ...container({ cpu: "1" }), restartPolicy: "Always" },
      ],
      containers: [container({ cpu: "2" })],
    },
    requests: { cpu: "6" },
    limits: {},
  },
  {
    name: "what the pod as a whole asks for, in place of its containers",
    spec: { resources: { requests: { cpu: "3" } }, containers: [container({ cpu: "1", memory: "1Mi" })] },
    requests: { cpu: "3", memory: "1Mi" },
    limits: {},
  },
  {
    name: "its overhead on top, of limits only where there are any",
    spec: { overhead: { cpu: "250m", memory: "10Mi" }, containers: [container({ cpu: "1" }, { cpu: "1" })] },
    requests: { cpu: "1250m", memory: "10Mi" },
    limits: { cpu: "1250m" },
  },
] as readonly { name: string; spec: Partial<PodSpec>; requests: object; limits: object }[])
  test(`a pod requests ${name}`, () => {
    assert.deepEqual(amounts(podRequests(pod(spec))), requests);
    assert.deepEqual(amounts(podLimits(pod(spec))), limits);
  });

const both = { cpu: "1", memory: "1Gi" };

for (const { name, spec, want } of [
  { name: "without requests and limits", spec: { containers: [container({})] }, want: "BestEffort" },
  {
    name: "with requests equal to limits in all containers",
    spec: { containers: [container(both, both), container(both, both)] },
    want: "Guaranteed",
  },
  {
    name: "with a limit for cpu only",
    spec: { containers: [container({ cpu: "1" }, { cpu: "1" })] },
    want: "Burstable",
  },
  {
    name: "with one container that says nothing",
    spec: { containers: [container(both, both), container({})] },
    want: "Burstable",
  },
  {
    name: "with an init container that says nothing",
    spec: { initContainers: [container({})], containers: [container(both, both)] },
    want: "Burstable",
  },
  {
    name: "with requests below limits",
    spec: { containers: [container({ cpu: "1", memory: "1Mi" }, both)] },
    want: "Burstable",
  },
  {
    name: "with the same amount spelled in two ways",
    spec: { containers: [container({ cpu: "1000m", memory: "1024Mi" }, both)] },
    want: "Guaranteed",
  },
  {
    name: "with other resources only",
    spec: { containers: [container({ "example.com/gpu": "1" })] },
    want: "BestEffort",
  },
  { name: "with requests of zero", spec: { containers: [container({ cpu: "0" })] }, want: "BestEffort" },
  {
    name: "whose own resources decide, not its containers'",
    spec: { resources: { requests: both, limits: both }, containers: [container({})] },
    want: "Guaranteed",
  },
] as const)
  test(`Pods, QOS: a pod ${name} is ${want}`, () => {
    assert.equal(computePodQosClass(pod(spec)), want);
    assert.equal(podQosClass(pod(spec)), want);
  });

test("the class that a pod was given stays", () => {
  assert.equal(
    podQosClass(pod({ containers: [container(both, both)] }, { qosClass: "Burstable" })),
    "Burstable",
  );
});

const readyAt = (at: string): PodStatus => ({
  conditions: [{ type: "Ready", status: "True", lastTransitionTime: at }],
});

test("a pod is available once it was ready for long enough", () => {
  const nowMs = Date.parse("2026-01-01T00:00:10Z");
  const ready = pod({}, readyAt("2026-01-01T00:00:00Z"));
  assert.equal(isPodReady(ready), true);
  assert.equal(isPodAvailable(ready, 10, nowMs), true);
  assert.equal(isPodAvailable(ready, 11, nowMs), false);
  assert.equal(isPodAvailable(ready, 0, 0), true);
  assert.equal(isPodAvailable(pod({}), 0, nowMs), false);
});

test("a pod counts until it ended or is being deleted", () => {
  assert.equal(isPodActive(pod({}, { phase: "Running" })), true);
  assert.equal(isPodActive(pod({}, { phase: "Failed" })), false);
  assert.equal(isPodActive({ ...pod({}), metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }), false);
  assert.equal(isPodTerminal(pod({}, { phase: "Succeeded" })), true);
  assert.equal(isPodTerminal(pod({}, { phase: "Unknown" })), false);
});

test("a condition's time is that of its last change of state", () => {
  const at = (seconds: number) => ({
    ms: seconds * 1000,
    text: new Date(seconds * 1000).toISOString().replace(".000Z", "Z"),
  });
  const [first, later] = [at(1), at(2)];
  const unready = withPodCondition({}, { type: "Ready", status: "False", reason: "a" }, first.ms);
  assert.deepEqual(unready.conditions, [
    { type: "Ready", status: "False", reason: "a", lastTransitionTime: first.text },
  ]);
  const reworded = withPodCondition(
    frozen(unready),
    { type: "Ready", status: "False", reason: "b" },
    later.ms,
  );
  assert.deepEqual(reworded.conditions, [
    { type: "Ready", status: "False", reason: "b", lastTransitionTime: first.text },
  ]);
  const turned = withPodCondition(frozen(reworded), { type: "Ready", status: "True" }, later.ms);
  assert.deepEqual(turned.conditions, [{ type: "Ready", status: "True", lastTransitionTime: later.text }]);
  assert.equal(withPodCondition(frozen(turned), { type: "Ready", status: "True" }, 9000), turned);
});
