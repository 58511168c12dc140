/**
 * What a test file goes through, once: import, a cluster, a rollout, its end, a second cluster. The words are the built module of
 * `k8ts/testing`, and the one that it loads behind it.
 */
import { deployments } from "../../src/api/resources.generated.ts";

export interface Round {
  readonly importMs: number;
  readonly startMs: number;
  readonly startCpuMs: number;
  readonly secondStartMs: number;
  readonly deploymentReadyMs: number;
  readonly closeMs: number;
  readonly rssMB: number;
}

const web = { namespace: "default", name: "web" };
const labels = { app: "web" };

let startedMs = performance.now();
const lap = () => {
  const nowMs = performance.now();
  const ms = nowMs - startedMs;
  startedMs = nowMs;
  return ms;
};

const [, , testing = "", behind = ""] = process.argv;
const { startCluster } = (await import(testing)) as typeof import("../../src/testing/index.ts"); // built from it
// The index is loaded at once and the rest behind it: a test that starts a cluster waits for both.
await import(behind);
const importMs = lap();
const cpu = process.cpuUsage();
const cluster = await startCluster();
const startMs = lap();
const { user, system } = process.cpuUsage(cpu);
await cluster.client.create(deployments, {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: web,
  spec: {
    replicas: 3,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "a", image: "a:1" }] } },
  },
});
await cluster.until(async () => (await cluster.client.get(deployments, web)).status?.availableReplicas === 3);
const deploymentReadyMs = lap();
const rssMB = process.memoryUsage.rss() / 2 ** 20;
lap();
await cluster.close();
const closeMs = lap();
const second = await startCluster();
const secondStartMs = lap();
await second.close();
process.send?.({
  importMs,
  startMs,
  startCpuMs: (user + system) / 1000,
  secondStartMs,
  deploymentReadyMs,
  closeMs,
  rssMB,
} satisfies Round);
process.disconnect?.();
