import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Job } from "../../api/batch/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { jobs, pods } from "../../api/resources.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import { hasCondition } from "../framework/conditions.ts";
import { startTestCluster, type TestCluster } from "../test-support/cluster.ts";

const minute = 60_000;
let cluster: TestCluster;
const attempts = new Map<string, number>();

/** Pods succeed, but for those of a job whose name starts with "flaky": each index fails once; and "broken": always. */
function outcomeOf({ metadata }: Pod): "Succeeded" | "Failed" {
  const key = `${metadata.labels?.["job-name"]} ${metadata.labels?.["batch.kubernetes.io/job-completion-index"]}`;
  const attempt = (attempts.get(key) ?? 0) + 1;
  attempts.set(key, attempt);
  if (key.startsWith("broken")) return "Failed";
  return key.startsWith("flaky") && attempt === 1 ? "Failed" : "Succeeded";
}

before(async () => {
  cluster = await startTestCluster({
    kubelet: {
      readyAfterMs: () => 1000,
      outcome: (pod) => ({ afterMs: minute, status: { phase: outcomeOf(pod) } }),
      nodeOf: () => "n1",
    },
  });
  await cluster.addNode("n1");
});
after(() => cluster.close());

async function run(name: string, spec: Partial<Job["spec"]>): Promise<Job> {
  await cluster.client.create(jobs, {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: "default" },
    spec: {
      template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "work:1" }] } },
      ...spec,
    },
  });
  let job: Job | undefined;
  await cluster.until(async () => {
    job = await cluster.find(jobs, name, "default");
    const { conditions } = job?.status ?? {};
    return hasCondition(conditions, "Complete") || hasCondition(conditions, "Failed");
  });
  return job as Job;
}

const podsOf = async (name: string) =>
  (await cluster.list(pods, "default")).filter(({ metadata }) => metadata.labels?.["job-name"] === name);

test("a job of twenty completions, five at once, counts each once", async () => {
  let most = 0;
  const watching = cluster.informers.informer(pods).addHandler({
    added: () => {
      const running = cluster.informers.informer(pods).lister.list({ namespace: "default" });
      most = Math.max(most, running.filter(({ status }) => status?.phase !== "Succeeded").length);
    },
  });
  const startMs = cluster.clock.now();
  const { status } = await run("plain", { completions: 20, parallelism: 5 });
  watching.remove();
  assert.equal(status?.succeeded, 20);
  assert.equal(most, 5);
  assert.ok(cluster.clock.now() - startMs >= 4 * minute);
  assert.equal((await podsOf("plain")).length, 20, "finished pods stay to be looked at");
  assert.deepEqual(
    (await podsOf("plain")).flatMap(({ metadata }) => metadata.finalizers ?? []),
    [],
    "and can be deleted",
  );
});

test("every index runs until it succeeds (Ensure Pods of an Indexed Job get a unique index.)", async () => {
  const { status } = await run("flaky", { completionMode: "Indexed", completions: 4, parallelism: 4 });
  assert.equal(status?.completedIndexes, "0-3");
  assert.equal(status?.failed, 4);
  const names = (await podsOf("flaky")).map(({ metadata }) => metadata.name?.slice(0, 7)).sort();
  assert.deepEqual(names, [
    "flaky-0",
    "flaky-0",
    "flaky-1",
    "flaky-1",
    "flaky-2",
    "flaky-2",
    "flaky-3",
    "flaky-3",
  ]);
});

test("a job that keeps failing ends after its back-off limit", async () => {
  const startMs = cluster.clock.now();
  const { status } = await run("broken", { backoffLimit: 2 });
  assert.equal(status?.failed, 3);
  assert.ok(hasCondition(status?.conditions, "Failed"));
  const waitedMs = cluster.clock.now() - startMs - 3 * (minute + 1000);
  assert.ok(waitedMs >= 30_000, `waits 10 s and 20 s between attempts, waited ${waitedMs} ms`);
});

test("a job is deleted when its time after the end is over", async () => {
  await run("short-lived", { ttlSecondsAfterFinished: 100 });
  const endMs = cluster.clock.now();
  await cluster.until(async () => (await cluster.find(jobs, "short-lived", "default")) === undefined);
  assert.ok(cluster.clock.now() - endMs >= 99_000, `gone at ${rfc3339(cluster.clock.now())}`);
  await cluster.until(async () => (await podsOf("short-lived")).length === 0);
});

test("deleting a running job lets its pods go (Jobs, active pods, graceful termination)", async () => {
  await cluster.client.create(jobs, {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "cut-off", namespace: "default" },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "work:1" }] } } },
  });
  await cluster.until(async () => (await podsOf("cut-off")).length === 1);
  await cluster.client.delete(
    jobs,
    { namespace: "default", name: "cut-off" },
    { propagationPolicy: "Background" },
  );
  await cluster.until(async () => (await podsOf("cut-off")).length === 0);
});

test("an indexed job whose success policy wants all indexes succeeds with the last (Ensure that job with successPolicy succeeded when all indexes succeeded)", async () => {
  const { status } = await run("policy", {
    completionMode: "Indexed",
    completions: 2,
    parallelism: 1,
    successPolicy: { rules: [{ succeededCount: 2 }] },
  });
  assert.equal(status?.completedIndexes, "0,1");
  const met = status?.conditions?.find(({ type }) => type === "SuccessCriteriaMet");
  assert.equal(met?.reason, "SuccessPolicy");
});
