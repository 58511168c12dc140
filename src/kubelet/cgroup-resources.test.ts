import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuQuota, cpuShares, cpuWeight, oomScoreAdjust, podCgroupPath } from "./cgroup-resources.ts";

for (const [milliCpu, shares] of [
  [0, 2],
  [1, 2],
  [100, 102],
  [1000, 1024],
  [1_000_000, 262_144],
] as const) {
  test(`${milliCpu}m of CPU are ${shares} shares`, () => assert.equal(cpuShares(milliCpu), shares));
}

test("a CPU limit becomes a quota of a tenth of a second, never under a millisecond", () => {
  assert.deepEqual(cpuQuota(500), { quotaUs: 50_000, periodUs: 100_000 });
  assert.deepEqual(cpuQuota(5), { quotaUs: 1000, periodUs: 100_000 });
  assert.equal(cpuQuota(0), undefined);
});

test("shares map to weights at both ends", () => {
  assert.equal(cpuWeight(2), 1);
  assert.equal(cpuWeight(262_144), 10_000);
});

for (const { name, qosClass, isNodeCritical, request, want } of [
  { name: "spares the guaranteed", qosClass: "Guaranteed", isNodeCritical: false, request: 5, want: -997 },
  { name: "spares the node-critical", qosClass: "BestEffort", isNodeCritical: true, request: 0, want: -997 },
  {
    name: "takes the best-effort first",
    qosClass: "BestEffort",
    isNodeCritical: false,
    request: 0,
    want: 1000,
  },
  {
    name: "weighs a burstable by its request",
    qosClass: "Burstable",
    isNodeCritical: false,
    request: 25,
    want: 750,
  },
  {
    name: "keeps a small burstable below best-effort",
    qosClass: "Burstable",
    isNodeCritical: false,
    request: 0,
    want: 999,
  },
  {
    name: "keeps a large burstable above guaranteed",
    qosClass: "Burstable",
    isNodeCritical: false,
    request: 100,
    want: 3,
  },
] as const) {
  test(`The OOM score ${name}`, () => {
    const input = { qosClass, isNodeCritical, memoryRequestBytes: request, nodeMemoryBytes: 100 };
    assert.equal(oomScoreAdjust(input), want);
  });
}

test("a pod's cgroup lies below its quality-of-service tier", () => {
  assert.equal(podCgroupPath("", "Burstable", "u1"), "/kubepods/burstable/podu1");
  assert.equal(podCgroupPath("/node-2", "Guaranteed", "u1"), "/node-2/kubepods/podu1");
});
