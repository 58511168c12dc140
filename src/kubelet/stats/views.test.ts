import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import { TestNode } from "../test-support/test-node.ts";
import { probeMetrics } from "./metrics.ts";
import type { Summary } from "./summary.ts";

async function nodeWithPods(): Promise<TestNode> {
  const node = await TestNode.start({
    runtime: { behavior: () => ({ cpuNanoCores: 250_000_000, memoryBytes: 64 * 2 ** 20 }) },
  });
  await node.create("web");
  await node.untilRunning("web");
  await node.clock.advance(10_000);
  return node;
}

const valueOfSeries = (text: string, series: string) =>
  Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1)
      .split(" ")[0],
  );

test("/stats/summary tells what node, pods and containers use", async () => {
  await using node = await nodeWithPods();
  const { views } = node.kubelet;
  await views.summary();
  node.host.usageNow = { ...node.host.usageNow, cpuNanoSeconds: 5e9 };
  await node.clock.advance(10_000);
  const summary = (await views.summary()) as Summary;
  assert.equal(summary.node.nodeName, "node-1");
  assert.equal(summary.node.cpu.usageNanoCores, 5e8, "five seconds of CPU in ten");
  assert.equal(summary.node.memory.workingSetBytes, 2e9);
  assert.equal(summary.node.fs.usedBytes, 10e9);
  const [pod] = summary.pods;
  assert.equal(pod?.podRef.name, "web");
  assert.equal(pod?.memory.workingSetBytes, 64 * 2 ** 20);
  assert.deepEqual(
    pod?.containers.map(({ name }) => name),
    ["c"],
  );
  assert.equal(pod?.startTime, (await node.pod("web")).status?.startTime);
});

test("/metrics/resource and /metrics/cadvisor name containers as the metrics server and dashboards expect", async () => {
  await using node = await nodeWithPods();
  const resource = await node.kubelet.views.resourceMetrics();
  const series = 'container_memory_working_set_bytes{container="c",namespace="default",pod="web"}';
  assert.equal(valueOfSeries(resource, series), 64 * 2 ** 20);
  assert.equal(valueOfSeries(resource, "resource_scrape_error"), 0);
  const cadvisor = await node.kubelet.views.cadvisorMetrics();
  assert.equal(valueOfSeries(cadvisor, "machine_cpu_cores"), 8);
  assert.match(cadvisor, /^container_memory_rss\{container="c",id="[^"]+",namespace="default",pod="web"\} /m);
});

test("/metrics/resource has upstream's types, and when each was measured", async () => {
  await using node = await nodeWithPods();
  const resource = await node.kubelet.views.resourceMetrics();
  for (const name of ["node_cpu_usage_seconds_total", "pod_cpu_usage_seconds_total"])
    assert.match(resource, new RegExp(`^# TYPE ${name} counter$`, "m"));
  assert.match(
    resource,
    /^# HELP container_cpu_usage_seconds_total \[STABLE\] Cumulative cpu time consumed by the container in core-seconds$/m,
  );
  const measured = Date.parse(((await node.kubelet.views.summary()) as Summary).node.memory.time);
  assert.match(resource, new RegExp(`^node_memory_working_set_bytes 2e\\+09 ${measured}$`, "m"));
});

test("/metrics/probes counts what the probes of the containers that run found", () => {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", uid: "u" },
    spec: { containers: [] },
  };
  const text = probeMetrics([
    {
      kind: "liveness",
      pod,
      container: "c",
      outcomes: new Map([
        ["success", 3],
        ["unknown", 1],
      ]),
    },
  ]);
  const labels = 'container="c",namespace="default",pod="web",pod_uid="u",probe_type="Liveness"';
  assert.match(text, new RegExp(`^prober_probe_total{${labels},result="successful"} 3$`, "m"));
  assert.match(text, new RegExp(`^prober_probe_total{${labels},result="unknown"} 1$`, "m"));
});

test("/metrics counts what the kubelet did", async () => {
  await using node = await nodeWithPods();
  await node.create("never", { nodeSelector: { no: "where" } });
  await node.untilPod("never", ({ status }) => status?.phase === "Failed");
  await node.clock.advance(40_000);
  const text = await node.kubelet.views.metrics();
  assert.equal(valueOfSeries(text, "kubelet_started_pods_total"), 1);
  assert.equal(valueOfSeries(text, 'kubelet_started_containers_total{container_type="container"}'), 1);
  assert.equal(valueOfSeries(text, 'kubelet_admission_rejections_total{reason="NodeAffinity"}'), 1);
  assert.equal(valueOfSeries(text, 'kubelet_running_containers{container_state="running"}'), 1);
  assert.equal(valueOfSeries(text, "kubelet_running_pods"), 1);
});

test("/configz and /runningpods tell what is in force and what runs", async () => {
  await using node = await nodeWithPods();
  await node.clock.advance(40_000);
  const { kubeletconfig } = node.kubelet.views.configuration() as { kubeletconfig: Record<string, unknown> };
  assert.equal(kubeletconfig.maxPods, 110);
  assert.equal(kubeletconfig.clusterDomain, "cluster.local");
  assert.deepEqual(
    node.kubelet.views.runningPods().map(({ metadata }) => metadata.name),
    ["web"],
  );
});
