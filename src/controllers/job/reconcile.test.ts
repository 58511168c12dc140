import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobStatus } from "../../api/batch/types.generated.ts";
import type { ContainerStatus, Pod } from "../../api/core/types.generated.ts";
import { describeIntent, type Intent } from "../framework/intent.ts";
import { selectionOf } from "../framework/selection.ts";
import {
  ago,
  meta,
  now,
  nowMs,
  pod,
  webLabels,
  webTemplate,
  writtenStatus,
} from "../test-support/objects.ts";
import { trackingFinalizer } from "./accounting.ts";
import { type FailureRecord, noFailures, remainingBackoffMs, withFinished } from "./backoff.ts";
import { firstFreeIndexes, formatIndexes, parseIndexes } from "./indexes.ts";
import { type JobSnapshot, reconcileJob } from "./reconcile.ts";

type Traits = Partial<Job["spec"]> & { status?: JobStatus; deleted?: boolean };

function job({ status, deleted, ...spec }: Traits = {}): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: meta("work", deleted ? { deletionTimestamp: ago(1) } : {}),
    spec: {
      parallelism: 2,
      completions: 3,
      backoffLimit: 6,
      selector: { matchLabels: webLabels },
      template: webTemplate,
      ...spec,
    },
    status: { startTime: ago(60), ready: 0, terminating: 0, uncountedTerminatedPods: {}, ...status },
  };
}

const owner = job();

interface OwnTraits {
  readonly phase?: string;
  readonly index?: number;
  readonly deleted?: boolean;
  readonly released?: boolean;
  readonly failures?: number;
  readonly exitCode?: number;
  readonly conditions?: NonNullable<Pod["status"]>["conditions"];
}

function own(name: string, traits: OwnTraits = {}): Pod {
  const {
    phase = "Running",
    index,
    deleted = false,
    released = false,
    failures,
    exitCode,
    conditions,
  } = traits;
  const terminated: ContainerStatus = {
    name: "main",
    image: "",
    imageID: "",
    ready: false,
    restartCount: 0,
    state: { terminated: { exitCode: exitCode ?? 0 } },
  };
  const annotations = {
    ...(index === undefined ? {} : { "batch.kubernetes.io/job-completion-index": String(index) }),
    ...(failures === undefined ? {} : { "batch.kubernetes.io/job-index-failure-count": String(failures) }),
  };
  return pod(name, {
    owner,
    phase,
    deleted,
    meta: { finalizers: released ? [] : [trackingFinalizer], annotations },
    status: {
      phase,
      conditions: conditions ?? [],
      ...(exitCode === undefined ? {} : { containerStatuses: [terminated] }),
    },
  });
}

function decide(traits: Traits, pods: readonly Pod[], more: Partial<JobSnapshot> = {}): Intent[] {
  const selects = selectionOf({ matchLabels: webLabels });
  return reconcileJob(
    { job: job(traits), selects, candidates: pods, canAdopt: true, failures: noFailures, ...more },
    now,
  );
}

/** "create", "create 1" for an index, "delete x", "release x" for a finalizer taken off. */
function changes(intents: readonly Intent[]): string[] {
  return intents.flatMap((intent) => {
    if (intent.action === "delete") return [`delete ${intent.object.metadata.name}`];
    if (intent.action === "patch") {
      const { metadata } = (intent.patch as { patch: { metadata: object } }).patch;
      return [`${"ownerReferences" in metadata ? "adopt" : "release"} ${intent.object.metadata.name}`];
    }
    if (intent.action !== "create") return [];
    const index = intent.object.metadata.labels?.["batch.kubernetes.io/job-completion-index"];
    return [index === undefined ? "create" : `create ${index}`];
  });
}

const conditionsOf = (intents: readonly Intent[]) =>
  (writtenStatus<JobStatus>(intents)?.conditions ?? []).map(({ type, status, reason = "" }) =>
    `${type} ${status} ${reason}`.trim(),
  );

interface Case {
  readonly name: string;
  readonly traits?: Traits;
  readonly pods?: readonly Pod[];
  readonly failures?: FailureRecord;
  readonly want: readonly string[];
}

const indexed: Traits = { completionMode: "Indexed" };
const perIndex: Traits = { ...indexed, backoffLimitPerIndex: 1, parallelism: 3 };
const cases: readonly Case[] = [
  { name: "starts as many pods as may run at once", want: ["create", "create"] },
  { name: "is quiet while they run", pods: [own("a"), own("b")], want: [] },
  {
    name: "counts a finished pod before it starts the next (Jobs, completion after task failure)",
    pods: [own("a"), own("b", { phase: "Failed" })],
    want: ["release b"],
  },
  {
    name: "starts no more than are still to complete",
    traits: { status: { succeeded: 2 } },
    pods: [],
    want: ["create"],
  },
  {
    name: "waits before it replaces a failed pod",
    traits: { status: { failed: 1 } },
    pods: [own("a")],
    failures: { failures: 1, lastFailureMs: nowMs - 4000 },
    want: [],
  },
  {
    name: "deletes pods past its parallelism, which do not count as failed",
    traits: { parallelism: 1 },
    pods: [own("a"), own("b", { phase: "Pending" })],
    want: ["release b", "delete b"],
  },
  {
    name: "deletes its pods when it is suspended (Jobs, manage lifecycle)",
    traits: { suspend: true },
    pods: [own("a")],
    want: ["release a", "delete a"],
  },
  {
    name: "adopts an orphan (Jobs, orphan pods, re-adoption)",
    pods: [pod("orphan"), own("b")],
    want: ["adopt orphan"],
  },
  {
    name: "gives each pod its index (Ensure Pods of an Indexed Job get a unique index.)",
    traits: indexed,
    pods: [own("a", { index: 1 })],
    want: ["create 0"],
  },
  {
    name: "deletes the second pod of an index",
    traits: indexed,
    pods: [own("a", { index: 1 }), own("b", { index: 1, phase: "Pending" })],
    want: ["release b", "delete b"],
  },
  {
    name: "runs no index that has completed",
    traits: { ...indexed, status: { completedIndexes: "0,2" } },
    want: ["create 1"],
  },
  {
    name: "keeps a failed pod of an index until its successor is there (Ensure that all indexes are executed for an indexed job with backoffLimitPerIndex despite some failing)",
    traits: perIndex,
    pods: [
      own("a", {
        index: 0,
        phase: "Failed",
        conditions: [{ type: "Ready", status: "False", lastTransitionTime: ago(60) }],
      }),
      own("b", { index: 1 }),
      own("c", { index: 2 }),
    ],
    want: ["create 0"],
  },
  {
    name: "does not try a failed index again",
    traits: { ...perIndex, status: { failedIndexes: "0" } },
    pods: [own("b", { index: 1 }), own("c", { index: 2 })],
    want: [],
  },
  {
    name: "with pod replacement policy Failed waits for the end of a terminating pod",
    traits: { podReplacementPolicy: "Failed" },
    pods: [own("a"), own("b", { deleted: true })],
    want: [],
  },
  {
    name: "lets its pods go once it is finished",
    traits: { status: { conditions: [{ type: "Complete", status: "True" }] } },
    pods: [own("a", { phase: "Succeeded" })],
    want: ["release a"],
  },
  { name: "starts nothing once it is deleted", traits: { deleted: true }, want: [] },
];

for (const { name, traits = {}, pods = [], failures = noFailures, want } of cases) {
  test(`Job ${name}`, () => assert.deepEqual(changes(decide(traits, pods, { failures })), want));
}

test("Job lets the pods of a job that is gone go", () => {
  assert.deepEqual(changes(decide({}, [own("a")], { job: undefined })), ["release a"]);
});

test("Job counts a pod in three steps: listed, released, counted", () => {
  const listed = writtenStatus<JobStatus>(decide({}, [own("a"), own("b", { phase: "Succeeded" })]));
  assert.deepEqual(listed?.uncountedTerminatedPods, { succeeded: ["uid-b"] });
  assert.equal(listed?.succeeded, undefined);
  const again = decide({ status: listed ?? {} }, [own("a"), own("b", { phase: "Succeeded" })]);
  assert.deepEqual(
    writtenStatus<JobStatus>(again)?.uncountedTerminatedPods,
    { succeeded: ["uid-b"] },
    "not twice",
  );
  const counted = writtenStatus<JobStatus>(
    decide({ status: listed ?? {} }, [own("a"), own("b", { phase: "Succeeded", released: true })]),
  );
  assert.deepEqual(counted?.uncountedTerminatedPods, {});
  assert.equal(counted?.succeeded, 1);
});

test("Job is complete when enough pods succeeded and all are counted", () => {
  const first = decide({ status: { succeeded: 3 } }, []);
  assert.deepEqual(conditionsOf(first), ["SuccessCriteriaMet True CompletionsReached"]);
  const second = decide({ status: writtenStatus<JobStatus>(first) ?? {} }, []);
  assert.deepEqual(conditionsOf(second), [
    "SuccessCriteriaMet True CompletionsReached",
    "Complete True CompletionsReached",
  ]);
  assert.equal(writtenStatus<JobStatus>(second)?.completionTime, "2026-01-01T00:00:00Z");
  assert.ok(second.map(describeIntent).includes("event Normal Completed: Job completed"));
});

interface EndCase {
  readonly name: string;
  readonly traits: Traits;
  readonly pods: readonly Pod[];
  readonly want: string | undefined;
}

const onExit = (action: string) => ({
  podFailurePolicy: { rules: [{ action, onExitCodes: { operator: "In", values: [42] } }] },
});
const onDisruption = {
  podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] }] },
};

const ends: readonly EndCase[] = [
  {
    name: "fails past its back-off limit",
    traits: { backoffLimit: 0 },
    pods: [own("a", { phase: "Failed" })],
    want: "FailureTarget True BackoffLimitExceeded",
  },
  {
    name: "fails past its deadline",
    traits: { activeDeadlineSeconds: 30 },
    pods: [own("a")],
    want: "FailureTarget True DeadlineExceeded",
  },
  {
    name: "fails by an exit code (Verify Pod Failure policy allows to fail job early on exit code.)",
    traits: onExit("FailJob"),
    pods: [own("a", { phase: "Failed", exitCode: 42 }), own("b")],
    want: "FailureTarget True PodFailurePolicy",
  },
  {
    name: "goes on after another exit code",
    traits: onExit("FailJob"),
    pods: [own("a", { phase: "Failed", exitCode: 1 }), own("b")],
    want: undefined,
  },
  {
    name: "ignores disrupted pods (Ensure pod failure policy allows to ignore failure matching on the DisruptionTarget condition)",
    traits: { ...onDisruption, backoffLimit: 0 },
    pods: [own("a", { phase: "Failed", conditions: [{ type: "DisruptionTarget", status: "True" }] })],
    want: undefined,
  },
  {
    name: "fails past the limit of failed indexes (Terminate job execution when the maxFailedIndexes is exceeded)",
    traits: { ...perIndex, backoffLimitPerIndex: 0, maxFailedIndexes: 0 },
    pods: [own("a", { index: 0, phase: "Failed" }), own("b", { index: 1 })],
    want: "FailureTarget True MaxFailedIndexesExceeded",
  },
  {
    name: "fails when all indexes are done and one failed",
    traits: { ...perIndex, completions: 2, status: { completedIndexes: "1" } },
    pods: [own("a", { index: 0, phase: "Failed", failures: 1 })],
    want: "FailureTarget True FailedIndexes",
  },
  {
    name: "succeeds by the indexes that matter (Ensure that job with successPolicy succeededIndexes rule succeeded even when some indexes remain pending)",
    traits: { ...indexed, successPolicy: { rules: [{ succeededIndexes: "0" }] } },
    pods: [own("a", { index: 0, phase: "Succeeded" }), own("b", { index: 1 })],
    want: "SuccessCriteriaMet True SuccessPolicy",
  },
  {
    name: "succeeds by a number of indexes (Ensure that job with successPolicy succeededCount rule succeeded even when some indexes remain pending)",
    traits: { ...indexed, successPolicy: { rules: [{ succeededCount: 2 }] } },
    pods: [own("a", { index: 0, phase: "Succeeded" }), own("b", { index: 2, phase: "Succeeded" })],
    want: "SuccessCriteriaMet True SuccessPolicy",
  },
];

for (const { name, traits, pods, want } of ends) {
  test(`Job ${name}`, () => assert.equal(conditionsOf(decide(traits, pods))[0], want));
}

test("Job stops what runs when it fails, counts it as failed, and waits for its end", () => {
  const traits: Traits = { activeDeadlineSeconds: 30 };
  const stop = decide(traits, [own("a")]);
  assert.deepEqual(changes(stop), ["delete a"]);
  const status = writtenStatus<JobStatus>(stop) ?? {};
  assert.deepEqual([status.active, status.terminating], [undefined, 1]);
  const release = decide({ ...traits, status }, [own("a", { deleted: true })]);
  assert.deepEqual(changes(release), ["release a"]);
  const listed = writtenStatus<JobStatus>(release) ?? {};
  assert.deepEqual(listed.uncountedTerminatedPods, { failed: ["uid-a"] });
  const wait = decide({ ...traits, status: listed }, [own("a", { deleted: true, released: true })]);
  assert.deepEqual(conditionsOf(wait), ["FailureTarget True DeadlineExceeded"]);
  const end = decide({ ...traits, status: writtenStatus<JobStatus>(wait) ?? {} }, []);
  assert.deepEqual(conditionsOf(end), [
    "FailureTarget True DeadlineExceeded",
    "Failed True DeadlineExceeded",
  ]);
  assert.equal(writtenStatus<JobStatus>(end)?.failed, 1);
});

test("Job says that it is suspended, and starts its clock anew when it is resumed (CronJob Suspend)", () => {
  const suspended = decide({ suspend: true }, []);
  assert.deepEqual(conditionsOf(suspended), ["Suspended True JobSuspended"]);
  const status = { ...writtenStatus<JobStatus>(suspended), startTime: ago(1000) };
  const resumed = decide({ status }, []);
  assert.deepEqual(conditionsOf(resumed), ["Suspended False JobResumed"]);
  assert.equal(writtenStatus<JobStatus>(resumed)?.startTime, "2026-01-01T00:00:00Z");
});

test("Job pods carry their index in name, label, environment and hostname", () => {
  const [first] = decide(perIndex, [own("b", { index: 1 }), own("c", { index: 2 })]);
  assert.ok(first?.action === "create");
  const { metadata, spec } = first.object as Pod;
  assert.equal(metadata.generateName, "work-0-");
  assert.equal(metadata.annotations?.["batch.kubernetes.io/job-index-failure-count"], "0");
  assert.deepEqual(metadata.finalizers, [trackingFinalizer]);
  assert.equal(spec.hostname, "work-0");
  assert.deepEqual(spec.containers[0]?.env?.[0]?.name, "JOB_COMPLETION_INDEX");
});

test("Job indexes are read and written as intervals", () => {
  assert.equal(formatIndexes(new Set([7, 1, 2, 4, 5, 6, 9])), "1,2,4-7,9");
  assert.deepEqual([...parseIndexes("1,3-5,x,90-95", 10)], [1, 3, 4, 5]);
  assert.deepEqual(firstFreeIndexes(2, 4, [new Set([0]), new Set([2])]), [1, 3]);
});

test("Job back-off doubles from 10 s to 10 min, and a success starts it over", () => {
  const after = (failures: number) => remainingBackoffMs({ failures, lastFailureMs: nowMs }, nowMs) / 1000;
  assert.deepEqual([0, 1, 2, 3, 7, 50].map(after), [0, 10, 20, 40, 600, 600]);
  const record = { failures: 3, lastFailureMs: nowMs - 1000 };
  const done = own("done", { phase: "Succeeded" });
  assert.deepEqual(withFinished(record, [done], []), noFailures);
  assert.equal(withFinished(record, [], [own("x", { phase: "Failed" })]).failures, 4);
});
