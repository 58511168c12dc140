import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Job, JobSpec } from "../../api/batch/types.generated.ts";
import { jobs, pods } from "../../api/resources.generated.ts";
import { controllerOf } from "../../apimachinery/meta.ts";
import { ready, startWholeCluster, type WholeCluster } from "../test-support/whole-cluster.ts";

// The steps of upstream's end-to-end tests of Jobs, in order and with their numbers.

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster();
});
after(() => whole[Symbol.asyncDispose]());

/** What the containers do: end well, fail, fail where their index is odd, fail once, or run on. */
type Behaviour = "succeed" | "fail" | "failOddSucceedEven" | "failOnce" | "notTerminate";
const environments: Readonly<
  Record<Behaviour, readonly { readonly name: string; readonly value: string }[]>
> = {
  succeed: [{ name: "EXIT", value: "0" }],
  fail: [{ name: "EXIT", value: "1" }],
  failOddSucceedEven: [{ name: "EXIT", value: "odd" }],
  failOnce: [
    { name: "EXIT", value: "1" },
    { name: "ONCE", value: "true" },
  ],
  notTerminate: [],
};

async function newJob(
  namespace: string,
  behaviour: Behaviour,
  { restartPolicy = "Never", ...spec }: Partial<JobSpec> & { readonly restartPolicy?: string } = {},
  labels: Readonly<Record<string, string>> = {},
): Promise<Job> {
  await whole.namespace(namespace);
  return whole.client.create(jobs, {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "job", namespace, labels },
    spec: {
      parallelism: 2,
      completions: 4,
      backoffLimit: 6,
      manualSelector: false,
      template: {
        metadata: { labels: { job: "job" } },
        spec: {
          restartPolicy,
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "c", image: "busybox:1", env: environments[behaviour] }],
        },
      },
      ...spec,
    },
  });
}

const get = (namespace: string) => whole.client.get(jobs, { namespace, name: "job" });
const hasCondition = (namespace: string, type: string, reason?: string) => async () => {
  const { status } = await get(namespace);
  return (status?.conditions ?? []).some(
    (condition) =>
      condition.type === type &&
      condition.status === "True" &&
      (reason === undefined || condition.reason === reason),
  );
};
async function completes(namespace: string, reason: string, succeeded: number): Promise<Job> {
  await whole.until(hasCondition(namespace, "Complete", reason));
  const job = await get(namespace);
  assert.equal(job.status?.succeeded, succeeded);
  return job;
}
const podsRun = (namespace: string, count: number) => async () =>
  ready(await whole.pods(namespace)).length === count;

test("indexed pods have their index, hostname and label (Ensure Pods of an Indexed Job get a unique index.)", async () => {
  const namespace = "indexed";
  await newJob(namespace, "succeed", { completionMode: "Indexed" });
  await completes(namespace, "CompletionsReached", 4);
  const index = "batch.kubernetes.io/job-completion-index";
  const all = await whole.pods(namespace, "job=job");
  assert.deepEqual(
    all
      .map(({ metadata, spec }) => [metadata.annotations?.[index], metadata.labels?.[index], spec.hostname])
      .toSorted(),
    [0, 1, 2, 3].map((each) => [`${each}`, `${each}`, `job-${each}`]),
  );
});

const settled = { active: undefined, ready: 0, terminating: 0 };
const counts = ({ status = {} }: Job) => ({
  active: status.active,
  ready: status.ready,
  terminating: status.terminating,
});

for (const { name, behaviour, completions, rule, succeeded, indexes, backoffLimit = 6 } of [
  {
    name: "of all (Ensure that job with successPolicy succeeded when all indexes succeeded)",
    behaviour: "succeed",
    completions: 2,
    rule: { succeededCount: 2 },
    succeeded: 2,
    indexes: "0,1",
  },
  {
    name: "of some (Ensure that job with successPolicy succeededIndexes rule succeeded even when some indexes remain pending)",
    behaviour: "failOddSucceedEven",
    completions: 5,
    rule: { succeededIndexes: "0" },
    succeeded: 1,
    indexes: "0",
  },
  {
    name: "of a number (Ensure that job with successPolicy succeededCount rule succeeded even when some indexes remain pending)",
    behaviour: "failOddSucceedEven",
    completions: 5,
    rule: { succeededCount: 1 },
    succeeded: 1,
    indexes: "0",
    backoffLimit: 2 ** 31 - 1,
  },
] as const) {
  test(`a success policy completes a job by the indexes ${name}`, async () => {
    const namespace = `success-${name.split(" ", 4)[1] === "all" ? "all" : rule.succeededCount === undefined ? "indexes" : "count"}`;
    await newJob(namespace, behaviour, {
      completionMode: "Indexed",
      completions,
      backoffLimit,
      successPolicy: { rules: [rule] },
    });
    await whole.until(hasCondition(namespace, "SuccessCriteriaMet", "SuccessPolicy"));
    const job = await completes(namespace, "SuccessPolicy", succeeded);
    assert.equal(job.status?.completedIndexes, indexes);
    assert.deepEqual(counts(job), settled);
  });
}

test("each index has its own limit (Ensure that all indexes are executed for an indexed job with backoffLimitPerIndex despite some failing)", async () => {
  const namespace = "per-index";
  const { backoffLimit: _, ...spec } = {
    completionMode: "Indexed",
    backoffLimitPerIndex: 1,
    backoffLimit: 0,
  };
  await newJob(namespace, "failOddSucceedEven", { ...spec, backoffLimit: undefined as unknown as number });
  await whole.until(hasCondition(namespace, "Failed"));
  const { failedIndexes, completedIndexes, failed, succeeded } = (await get(namespace)).status ?? {};
  assert.deepEqual([failedIndexes, completedIndexes, failed, succeeded], ["1,3", "0,2", 4, 2]);
});

test("too many failed indexes end it (Terminate job execution when the maxFailedIndexes is exceeded)", async () => {
  const namespace = "max-failed";
  await newJob(namespace, "fail", {
    completionMode: "Indexed",
    parallelism: 1,
    backoffLimitPerIndex: 0,
    maxFailedIndexes: 0,
    backoffLimit: undefined as unknown as number,
  });
  await whole.until(hasCondition(namespace, "Failed", "MaxFailedIndexesExceeded"));
  const { failedIndexes, failed } = (await get(namespace)).status ?? {};
  assert.deepEqual([failedIndexes, failed], ["0", 1]);
});

test("an index whose pod failed by policy is not tried again (Mark indexes as failed when the FailIndex action is matched in podFailurePolicy)", async () => {
  const namespace = "fail-index";
  await newJob(namespace, "failOddSucceedEven", {
    completionMode: "Indexed",
    completions: 2,
    backoffLimitPerIndex: 1,
    backoffLimit: undefined as unknown as number,
    podFailurePolicy: { rules: [{ action: "FailIndex", onExitCodes: { operator: "In", values: [1] } }] },
  });
  await whole.until(hasCondition(namespace, "Failed"));
  const { failedIndexes, completedIndexes, failed, succeeded } = (await get(namespace)).status ?? {};
  assert.deepEqual([failedIndexes, completedIndexes, failed, succeeded], ["1", "0", 1, 1]);
});

test("an exit code fails the job at once (Verify Pod Failure policy allows to fail job early on exit code.)", async () => {
  const namespace = "fail-job";
  await newJob(namespace, "fail", {
    parallelism: 2,
    completions: 4,
    podFailurePolicy: {
      rules: [{ action: "FailJob", onExitCodes: { containerName: "c", operator: "In", values: [1] } }],
    },
  });
  await whole.until(hasCondition(namespace, "FailureTarget", "PodFailurePolicy"));
  await whole.until(hasCondition(namespace, "Failed", "PodFailurePolicy"));
  assert.deepEqual(counts(await get(namespace)), settled);
});

test("evicted pods are not counted as failed (Ensure pod failure policy allows to ignore failure matching on the DisruptionTarget condition)", async () => {
  const namespace = "ignore";
  await newJob(namespace, "notTerminate", {
    parallelism: 3,
    completions: 3,
    backoffLimit: 2,
    completionMode: "Indexed",
    podFailurePolicy: {
      rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
    },
  });
  await whole.until(async () => (await get(namespace)).status?.ready === 3);
  const before = (await whole.pods(namespace)).map(({ metadata: { name = "" } }) => name);
  for (const name of before) {
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
    await whole.client.createSubresource(pods, { namespace, name }, "eviction", eviction);
  }
  await whole.until(async () => {
    const now = ready(await whole.pods(namespace)).map(({ metadata: { name = "" } }) => name);
    return now.length === 3 && before.every((name) => !now.includes(name));
  });
  for (const name of before)
    await whole.until(async () => (await whole.find(pods, namespace, name)) === undefined);
  const { status } = await get(namespace);
  assert.deepEqual([status?.active, status?.failed, status?.conditions], [3, undefined, undefined]);
});

test("containers that fail once are run again in their pods (Jobs, completion after task failure)", async () => {
  const namespace = "fail-once";
  await newJob(namespace, "failOnce", { restartPolicy: "OnFailure" });
  await completes(namespace, "CompletionsReached", 4);
  assert.ok(
    (await whole.pods(namespace)).every(
      ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) === 1,
    ),
  );
});

test("a running job is deleted with its pods (Jobs, active pods, graceful termination)", async () => {
  const namespace = "delete";
  await newJob(namespace, "notTerminate");
  await whole.until(podsRun(namespace, 2));
  await whole.client.delete(jobs, { namespace, name: "job" }, { propagationPolicy: "Background" });
  await whole.until(async () => (await whole.find(jobs, namespace, "job")) === undefined);
  await whole.until(async () => (await whole.pods(namespace)).length === 0);
});

test("an orphan is adopted again, and a pod without labels let go (Jobs, orphan pods, re-adoption)", async () => {
  const namespace = "adopt-release";
  const job = await newJob(namespace, "notTerminate");
  await whole.until(podsRun(namespace, 2));
  const [pod] = await whole.pods(namespace);
  const name = { namespace, name: pod?.metadata.name ?? "" };
  await whole.change(pods, name, ({ metadata: { ownerReferences: _, ...metadata }, ...rest }) => ({
    ...rest,
    metadata,
  }));
  await whole.until(async () => controllerOf(await whole.client.get(pods, name))?.uid === job.metadata.uid);
  await whole.change(pods, name, ({ metadata: { labels: _, ...metadata }, ...rest }) => ({
    ...rest,
    metadata,
  }));
  await whole.until(async () => {
    const live = await whole.find(pods, namespace, name.name);
    return live !== undefined && controllerOf(live) === undefined;
  });
  // The wait for "released" reads the pod; it must not go away in the meantime.
  await whole.cluster.advance("10s");
  assert.notEqual(await whole.find(pods, namespace, name.name), undefined);
});

test("conditions of others are kept (Jobs, apply changes to status)", async () => {
  const namespace = "job-status";
  const job = await newJob(namespace, "notTerminate");
  await whole.until(podsRun(namespace, 2));
  const name = { namespace, name: "job" };
  const lastTransitionTime = "2026-11-23T12:00:00Z";
  const condition = { type: "CustomConditionType", status: "True", lastProbeTime: null, lastTransitionTime };
  const patch = { metadata: { annotations: { patchedstatus: "true" } }, status: { conditions: [condition] } };
  const patched = await whole.client.patch(jobs, name, { type: "merge", patch }, { subresource: "status" });
  assert.equal(patched.metadata.annotations?.patchedstatus, "true");
  assert.equal(patched.status?.conditions?.[0]?.lastTransitionTime, lastTransitionTime);
  const later = "2026-11-23T12:00:07Z";
  await whole.cluster.advance("5s");
  const updated = await whole.change(
    jobs,
    name,
    (object) => ({
      ...object,
      status: {
        ...object.status,
        conditions: (object.status?.conditions ?? []).map((each) => ({ ...each, lastTransitionTime: later })),
      },
    }),
    "status",
  );
  assert.deepEqual(
    updated.status?.conditions?.map(({ type, lastTransitionTime: at }) => [type, at]),
    [["CustomConditionType", later]],
  );
  const status = (await whole.client.raw(`/apis/batch/v1/namespaces/${namespace}/jobs/job/status`)) as Job;
  assert.equal(status.metadata.uid, job.metadata.uid);
});

test("a suspended job is patched, resumed, completed and deleted by its label (Jobs, manage lifecycle)", async () => {
  const namespace = "job-lifecycle";
  const labelSelector = "e2e-job-label=job";
  const seen = await whole.record(jobs, { labelSelector });
  const created = await newJob(namespace, "succeed", { suspend: true }, { "e2e-job-label": "job" });
  const name = { namespace, name: "job" };
  const label = { metadata: { labels: { job: "patched" } } };
  const patched = await whole.client.patch(jobs, name, { type: "strategic", patch: label });
  assert.ok(Number(patched.metadata.resourceVersion) > Number(created.metadata.resourceVersion));
  await whole.until(() =>
    seen.events.some(({ type, object }) => type === "MODIFIED" && object.metadata.labels?.job === "patched"),
  );
  await whole.change(jobs, name, (job) => ({
    ...job,
    metadata: { ...job.metadata, annotations: { ...job.metadata.annotations, updated: "true" } },
    spec: { ...job.spec, suspend: false },
  }));
  await whole.until(() => seen.events.some(({ object }) => object.metadata.annotations?.updated === "true"));
  assert.equal((await whole.client.list(jobs, { labelSelector })).items.length, 1);
  await completes(namespace, "CompletionsReached", 4);
  await whole.client.deleteCollection(
    jobs,
    { namespace, labelSelector },
    { propagationPolicy: "Background" },
  );
  await whole.until(() => seen.events.some(({ type }) => type === "DELETED"));
  assert.equal((await whole.client.list(jobs, { labelSelector })).items.length, 0);
  await whole.until(async () => (await whole.pods(namespace)).length === 0);
  seen.stop();
});
