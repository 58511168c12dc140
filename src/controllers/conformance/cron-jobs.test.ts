import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CronJob, CronJobSpec } from "../../api/batch/types.generated.ts";
import { cronJobs, jobs } from "../../api/resources.generated.ts";
import { hasCondition } from "../framework/conditions.ts";
import { startWholeCluster, type WholeCluster } from "../test-support/whole-cluster.ts";

// The steps of upstream's end-to-end tests of CronJobs, in order and with their numbers.

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster();
});
after(() => whole[Symbol.asyncDispose]());

function cronJob(namespace: string, name: string, spec: Partial<CronJobSpec> = {}): CronJob {
  const containers = [
    {
      name: "c",
      image: "busybox:1",
      command: ["sleep", "300"],
      volumeMounts: [{ mountPath: "/data", name: "data" }],
    },
  ];
  const volumes = [{ name: "data", emptyDir: {} }];
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name, namespace, labels: { "special-label": namespace } },
    spec: {
      schedule: "*/1 * * * ?",
      jobTemplate: {
        spec: {
          parallelism: 1,
          completions: 1,
          backoffLimit: 1,
          template: { spec: { restartPolicy: "OnFailure", volumes, containers } },
        },
      },
      ...spec,
    },
  };
}

const get = (namespace: string, name: string) => whole.client.get(cronJobs, { namespace, name });
const active = async (namespace: string, name: string) => (await get(namespace, name)).status?.active ?? [];
const activeJobs = async (namespace: string) =>
  (await whole.client.list(jobs, { namespace })).items.filter(
    ({ status }) =>
      !hasCondition(status?.conditions, "Complete") && !hasCondition(status?.conditions, "Failed"),
  );
const remove = (namespace: string, name: string) =>
  whole.client.delete(cronJobs, { namespace, name }, { propagationPolicy: "Background" });

test("jobs run side by side (CronJob AllowConcurrent)", async () => {
  const namespace = await whole.namespace("allow");
  await whole.client.create(cronJobs, cronJob(namespace, "concurrent", { concurrencyPolicy: "Allow" }));
  await whole.until(async () => (await active(namespace, "concurrent")).length >= 2);
  assert.ok((await activeJobs(namespace)).length >= 2);
  await remove(namespace, "concurrent");
});

test("none is started while suspended (CronJob Suspend)", async () => {
  const namespace = await whole.namespace("suspended");
  await whole.client.create(cronJobs, cronJob(namespace, "suspended", { suspend: true }));
  await whole.cluster.advance("5m");
  assert.deepEqual(await active(namespace, "suspended"), []);
  assert.deepEqual((await whole.client.list(jobs, { namespace })).items, []);
});

test("one is started only after the other (CronJob ForbidConcurrent)", async () => {
  const namespace = await whole.namespace("forbid");
  await whole.client.create(cronJobs, cronJob(namespace, "forbid", { concurrencyPolicy: "Forbid" }));
  await whole.until(async () => (await active(namespace, "forbid")).length === 1);
  assert.equal((await activeJobs(namespace)).length, 1);
  for (let minute = 0; minute < 4; minute++) {
    await whole.cluster.advance("1m");
    assert.equal((await active(namespace, "forbid")).length, 1);
    assert.equal((await whole.client.list(jobs, { namespace })).items.length, 1);
  }
  await remove(namespace, "forbid");
});

test("the new one takes the old one's place (CronJob ReplaceConcurrent)", async () => {
  const namespace = await whole.namespace("replace");
  await whole.client.create(cronJobs, cronJob(namespace, "replace", { concurrencyPolicy: "Replace" }));
  await whole.until(async () => (await active(namespace, "replace")).length === 1);
  const [first] = await activeJobs(namespace);
  await whole.until(async () => {
    const now = await activeJobs(namespace);
    assert.ok(now.length <= 2);
    return now.length === 1 && now[0]?.metadata.name !== first?.metadata.name;
  });
  await whole.until(async () => String((await active(namespace, "replace")).length) === "1");
  await remove(namespace, "replace");
});

test("its objects and their status are read, written, watched and deleted (CronJob API Operations)", async () => {
  const namespace = await whole.namespace("operations");
  const name = { namespace, name: "test-api" };
  const shape = cronJob(namespace, "test-api", {
    schedule: "* */1 * * ?",
    successfulJobsHistoryLimit: 1,
    failedJobsHistoryLimit: 0,
  });
  const created = await whole.client.create(cronJobs, shape);
  const labelSelector = `special-label=${namespace}`;
  const seen = await whole.record(cronJobs, { namespace, labelSelector });
  assert.equal((await whole.client.list(cronJobs, { labelSelector })).items.length, 1);
  const annotate = { metadata: { annotations: { patched: "true" } } };
  await whole.client.patch(cronJobs, name, { type: "merge", patch: annotate });
  const updated = await whole.change(cronJobs, name, (live) => ({
    ...live,
    metadata: { ...live.metadata, annotations: { ...live.metadata.annotations, updated: "true" } },
  }));
  assert.deepEqual(updated.metadata.annotations, { patched: "true", updated: "true" });
  await whole.until(() => seen.events.some(({ object }) => object.metadata.annotations?.patched === "true"));
  assert.deepEqual(new Set(seen.events.map(({ type }) => type)), new Set(["MODIFIED"]));
  const [at, later] = ["2026-01-01T00:10:00Z", "2026-01-01T00:11:00Z"];
  const patch = { metadata: { annotations: { patchedstatus: "true" } }, status: { lastScheduleTime: at } };
  const patched = await whole.client.patch(
    cronJobs,
    name,
    { type: "merge", patch },
    { subresource: "status" },
  );
  assert.deepEqual(
    [patched.status?.lastScheduleTime, patched.metadata.annotations?.patchedstatus],
    [at, "true"],
  );
  const edit = (live: CronJob) => ({ ...live, status: { ...live.status, lastScheduleTime: later } });
  assert.equal((await whole.change(cronJobs, name, edit, "status")).status?.lastScheduleTime, later);
  const path = `/apis/batch/v1/namespaces/${namespace}/cronjobs/test-api/status`;
  assert.equal(((await whole.client.raw(path)) as CronJob).metadata.uid, created.metadata.uid);
  await whole.client.create(cronJobs, { ...shape, metadata: { ...shape.metadata, name: "for-removal" } });
  await whole.client.delete(cronJobs, { namespace, name: "for-removal" });
  assert.equal(await whole.find(cronJobs, namespace, "for-removal"), undefined);
  await whole.client.deleteCollection(cronJobs, { namespace, labelSelector });
  assert.deepEqual((await whole.client.list(cronJobs, { labelSelector })).items, []);
  seen.stop();
});
