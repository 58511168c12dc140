import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Deployment } from "../api/apps/types.generated.ts";
import type { CronJob, Job } from "../api/batch/types.generated.ts";
import type { Pod, PodSpec } from "../api/core/types.generated.ts";
import {
  cronJobs,
  deployments,
  events,
  jobs,
  leases,
  namespaces,
  nodes,
  pods,
  services,
} from "../api/resources.generated.ts";
import { isConditionTrue } from "../client/conditions.ts";
import type { TestCluster } from "./cluster-types.ts";
import { startCluster } from "./index.ts";

const container = { name: "a", image: "a:1" };
const at = (cluster: TestCluster) => new Date(cluster.clock.now()).toISOString().slice(11, 19);

const job = (name: string, spec: Partial<Job["spec"]>, podSpec: Partial<PodSpec>): Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name, namespace: "default" },
  spec: { template: { spec: { restartPolicy: "Never", containers: [container], ...podSpec } }, ...spec },
});

const runs = (command: string) => ({ containers: [{ ...container, command: ["sh", "-c", command] }] });

const deployment = (name: string, replicas: number): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "default" },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [container] } },
  },
});

test("What comes due on the way happens in order, each at its own time", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const order: string[] = [];
  const { clock } = cluster;
  for (const [name, delayMs] of [
    ["third", 3000],
    ["first", 1000],
    ["second", 1000],
  ] as const)
    clock.setTimer(delayMs, () => {
      order.push(`${name} ${at(cluster)}`);
      if (name === "first") clock.setTimer(500, () => order.push(`of the first ${at(cluster)}`));
    });
  await cluster.advance("2s");
  assert.deepEqual(order, ["first 00:00:01", "second 00:00:01", "of the first 00:00:01"]);
  await cluster.advance("1s");
  assert.equal(order.at(-1), "third 00:00:03");
  assert.equal(at(cluster), "00:00:03");
});

test("An hour makes the Jobs of an hour, each at its minute", async () => {
  await using cluster = await startCluster();
  const cronJob: CronJob = {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "tick", namespace: "default" },
    spec: {
      schedule: "*/10 * * * *",
      successfulJobsHistoryLimit: 100,
      jobTemplate: { spec: job("", {}, runs("sleep 5")).spec ?? { template: {} } },
    },
  };
  await cluster.client.create(cronJobs, cronJob);
  await cluster.advance("1h");
  await cluster.advance("30s");
  const { items } = await cluster.client.list(jobs, { namespace: "default" });
  const times = items.map(({ metadata, status }) => [
    metadata.creationTimestamp?.slice(11, 19),
    isConditionTrue(status?.conditions ?? [], "Complete"),
  ]);
  assert.deepEqual(times.sort(), [
    ["00:10:00", true],
    ["00:20:00", true],
    ["00:30:00", true],
    ["00:40:00", true],
    ["00:50:00", true],
    ["01:00:00", true],
  ]);
});

test("A Job fails at its deadline, and one that is finished goes when its time is over", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.create(jobs, job("late", { activeDeadlineSeconds: 600 }, runs("sleep 3600")));
  await client.create(jobs, job("done", { ttlSecondsAfterFinished: 300 }, runs("sleep 60")));
  const conditionOf = async (name: string) =>
    (await client.get(jobs, { namespace: "default", name })).status?.conditions?.find(
      ({ type }) => type === "Failed" || type === "Complete",
    );
  await cluster.advance("9m59s");
  assert.equal(await conditionOf("late"), undefined);
  await cluster.advance("2m");
  const late = await conditionOf("late");
  assert.deepEqual([late?.type, late?.reason], ["Failed", "DeadlineExceeded"]);
  assert.equal(late?.lastTransitionTime?.slice(11, 16), "00:10");
  const { items } = await client.list(jobs, { namespace: "default" });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["late"],
  );
});

test("Pods back off as they crash, longer each time", async () => {
  await using cluster = await startCluster();
  const crashing: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "crashing", namespace: "default" },
    spec: runs("exit 1"),
  };
  await cluster.client.create(pods, crashing);
  const restarts = async () =>
    (await cluster.client.get(pods, { namespace: "default", name: "crashing" })).status
      ?.containerStatuses?.[0]?.restartCount ?? 0;
  const counts: number[] = [];
  for (let minutes = 0; minutes < 20; minutes += 5) {
    await cluster.advance("5m");
    counts.push(await restarts());
  }
  // 10 s, 20 s, 40 s, 80 s, 160 s, then 300 s.
  assert.ok((counts[0] ?? 0) >= 4 && (counts[0] ?? 0) <= 6, String(counts));
  assert.ok((counts[3] ?? 0) - (counts[2] ?? 0) <= 2, String(counts));
});

test("Leases are renewed, events are forgotten after an hour", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.create(deployments, deployment("web", 1));
  const lease = async () =>
    (await client.get(leases, { namespace: "kube-node-lease", name: "node-1" })).spec?.renewTime ?? "";
  await cluster.advance("1m");
  const old = (await client.list(events, { namespace: "default" })).items.map(
    ({ metadata }) => metadata.name,
  );
  assert.ok(old.length > 3);
  const before = await lease();
  await cluster.advance("59m30s");
  assert.ok(Date.parse(await lease()) - Date.parse(before) >= 3_500_000);
  await cluster.advance("1m");
  const left = new Set(
    (await client.list(events, { namespace: "default" })).items.map(({ metadata }) => metadata.name),
  );
  assert.deepEqual(
    old.filter((name) => left.has(name)),
    [],
  );
  assert.equal(
    isConditionTrue((await client.get(nodes, { name: "node-1" })).status?.conditions ?? [], "Ready"),
    true,
  );
});

test("Ten virtual minutes of an idle cluster are short", async () => {
  await using cluster = await startCluster({ nodes: 3 });
  await cluster.advance("1m");
  const start = process.cpuUsage();
  await cluster.advance("10m");
  const { user, system } = process.cpuUsage(start);
  assert.ok((user + system) / 1000 < 10_000, `${(user + system) / 1000} ms of CPU`);
});

/** Every write of a busy half hour, as the store saw it. */
async function transcript(seed: number): Promise<string> {
  await using cluster = await startCluster({ nodes: 3, seed });
  const { client, faults } = cluster;
  const stop = new AbortController();
  const lines: string[] = [];
  const informer = (type: typeof pods | typeof deployments | typeof events | typeof leases | typeof nodes) =>
    (async () => {
      const watch = await client.watch<never>(type as never, { signal: stop.signal });
      for await (const batch of watch)
        for (const { type: what, object } of batch)
          lines.push(`${at(cluster)} ${what} ${JSON.stringify(object)}`);
    })().catch(() => undefined);
  const watches = [pods, deployments, events, leases, nodes].map((type) => informer(type));
  await client.create(deployments, deployment("web", 5));
  await client.create(jobs, job("batch", { completions: 4, parallelism: 2 }, runs("sleep 7")));
  await client.create(services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
  });
  await client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "other" },
    spec: {},
  });
  await cluster.advance("2m");
  faults.latency(["1ms", "200ms"], { who: "components", chance: 0.3 });
  faults.partition("node-2");
  await cluster.advance("10m");
  faults.heal();
  await client.delete(namespaces, { name: "other" });
  await client.delete(deployments, { namespace: "default", name: "web" });
  await cluster.advance("10m");
  stop.abort();
  await Promise.all(watches);
  return lines.join("\n");
}

test("The same seed gives the same transcript, byte for byte; another seed another", async () => {
  const [first, again, other] = [await transcript(1), await transcript(1), await transcript(2)];
  const [left, right] = [first.split("\n"), again.split("\n")];
  assert.ok(left.length > 200, `${left.length} lines`);
  const differs = left.findIndex((line, index) => line !== right[index]);
  assert.equal(differs, -1, `line ${differs}:\n${left[differs]}\n${right[differs]}`);
  assert.equal(digest(first), digest(again));
  assert.notEqual(digest(first), digest(other));
});

const digest = (text: string) => createHash("sha256").update(text).digest("hex");
