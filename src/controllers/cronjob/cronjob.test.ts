import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJob, CronJobStatus, Job } from "../../api/batch/types.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import { controllerReference } from "../framework/ownership.ts";
import { actions, meta, writtenStatus } from "../test-support/objects.ts";
import { reconcileCronJob } from "./reconcile.ts";
import { parseSchedule, ScheduleError } from "./schedule.ts";

const at = (text: string) => Date.parse(text);

for (const { schedule, zone, after, want } of [
  { schedule: "*/15 * * * *", after: "2026-01-01T00:00:00Z", want: "2026-01-01T00:15:00Z" },
  { schedule: "30 4 * * *", after: "2026-01-01T04:30:00Z", want: "2026-01-02T04:30:00Z" },
  { schedule: "0 0 31 * *", after: "2026-01-31T00:00:00Z", want: "2026-03-31T00:00:00Z" },
  { schedule: "0 12 * * MON-FRI", after: "2026-01-02T13:00:00Z", want: "2026-01-05T12:00:00Z" },
  { schedule: "0 0 13 * 5", after: "2026-01-01T00:00:00Z", want: "2026-01-02T00:00:00Z" },
  { schedule: "0 0 29 2 *", after: "2026-01-01T00:00:00Z", want: "2028-02-29T00:00:00Z" },
  { schedule: "0 0 30 2 *", after: "2026-01-01T00:00:00Z", want: undefined },
  { schedule: "5/20 1,3 * jan ?", after: "2026-01-01T01:45:00Z", want: "2026-01-01T03:05:00Z" },
  { schedule: "@hourly", after: "2026-01-01T00:59:59Z", want: "2026-01-01T01:00:00Z" },
  { schedule: "@every 1h30m", after: "2026-01-01T00:00:00Z", want: "2026-01-01T01:30:00Z" },
  { schedule: "0 9 * * *", zone: "Asia/Tokyo", after: "2026-01-01T00:00:00Z", want: "2026-01-02T00:00:00Z" },
  // Clocks go forward from 2:00 to 3:00 on 29 March: 2:30 does not happen that day.
  {
    schedule: "30 2 * * *",
    zone: "Europe/Berlin",
    after: "2026-03-28T12:00:00Z",
    want: "2026-03-30T00:30:00Z",
  },
]) {
  test(`Schedule ${schedule}${zone === undefined ? "" : ` in ${zone}`} comes after ${after} at ${want}`, () => {
    const next = parseSchedule(schedule, zone).next(at(after));
    assert.equal(next && rfc3339(next), want);
  });
}

for (const text of [
  "",
  "* * * *",
  "60 * * * *",
  "5-1 * * * *",
  "* * * * fry",
  "*/0 * * * *",
  "@never",
  "@every soon",
]) {
  test(`Schedule ${JSON.stringify(text)} is refused`, () =>
    assert.throws(() => parseSchedule(text), ScheduleError));
}

test("Schedule in an unknown time zone is refused", () => {
  assert.throws(() => parseSchedule("* * * * *", "Mars/Olympus"), /unknown time zone Mars/);
});

const nowMs = at("2026-01-01T10:05:00Z");

function cronJob(spec: Partial<CronJob["spec"]> = {}, status: CronJobStatus = {}): CronJob {
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: meta("tick", { creationTimestamp: "2026-01-01T09:00:00Z" }),
    spec: {
      schedule: "*/10 * * * *",
      concurrencyPolicy: "Allow",
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: { spec: { template: { spec: { containers: [] } } } },
      ...spec,
    },
    status: { lastScheduleTime: "2026-01-01T09:50:00Z", ...status },
  };
}

function job(name: string, end?: "Complete" | "Failed"): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: meta(name, { ownerReferences: [controllerReference(cronJob())] }),
    spec: { template: { spec: { containers: [] } } },
    status: {
      startTime: `2026-01-01T09:0${name.at(-1)}:00Z`,
      ...(end === undefined ? {} : { conditions: [{ type: end, status: "True" }] }),
      ...(end === "Complete" ? { completionTime: "2026-01-01T09:30:00Z" } : {}),
    },
  };
}

const minute = Math.floor(at("2026-01-01T10:00:00Z") / 60_000);
const next = "requeue after 300100 ms";

interface Case {
  readonly name: string;
  readonly spec?: Partial<CronJob["spec"]>;
  readonly status?: CronJobStatus;
  readonly jobs?: readonly Job[];
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  { name: "starts the job that is due", want: [`create jobs default/tick-${minute}`, next] },
  {
    name: "starts nothing between its times",
    status: { lastScheduleTime: "2026-01-01T10:00:00Z" },
    want: [next],
  },
  { name: "starts nothing while it is suspended (CronJob Suspend)", spec: { suspend: true }, want: [] },
  {
    name: "starts beside a running job with Allow (CronJob AllowConcurrent)",
    jobs: [job("a1")],
    want: [`create jobs default/tick-${minute}`, next],
  },
  {
    name: "waits for a running job with Forbid (CronJob ForbidConcurrent)",
    spec: { concurrencyPolicy: "Forbid" },
    jobs: [job("a1")],
    want: [
      "event Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid",
      next,
    ],
  },
  {
    name: "deletes a running job with Replace (CronJob ReplaceConcurrent)",
    spec: { concurrencyPolicy: "Replace" },
    jobs: [job("a1")],
    want: ["delete jobs default/a1", `create jobs default/tick-${minute}`, next],
  },
  {
    name: "starts one job for many missed times",
    status: { lastScheduleTime: "2026-01-01T01:00:00Z" },
    want: [`create jobs default/tick-${minute}`, next],
  },
  {
    name: "says so when it missed too many",
    status: { lastScheduleTime: "2025-12-01T00:00:00Z" },
    want: [
      "event Warning TooManyMissedTimes: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
      `create jobs default/tick-${minute}`,
      next,
    ],
  },
  {
    name: "starts nothing past the starting deadline",
    spec: { startingDeadlineSeconds: 60 },
    want: [next],
  },
  {
    name: "does not start the same time twice",
    jobs: [job(`tick-${minute}`)],
    want: [next],
  },
  {
    name: "deletes the oldest finished jobs past its limits",
    status: { lastScheduleTime: "2026-01-01T10:00:00Z" },
    jobs: [
      job("f1", "Failed"),
      job("f2", "Failed"),
      ...["s1", "s2", "s3", "s4"].map((name) => job(name, "Complete")),
    ],
    want: ["delete jobs default/s1", "delete jobs default/f1", next],
  },
  {
    name: "says that it cannot read its schedule",
    spec: { schedule: "every day" },
    want: [
      'event Warning UnparseableSchedule: unparseable schedule: "every day" : expected exactly 5 fields, found 2: [every day]',
    ],
  },
];

for (const { name, spec = {}, status = {}, jobs = [], want } of cases) {
  test(`CronJob ${name}`, () => {
    assert.deepEqual(actions(reconcileCronJob({ cronJob: cronJob(spec, status), jobs }, { nowMs })), want);
  });
}

test("CronJob lists its active jobs and remembers the last success", () => {
  const status = { lastScheduleTime: "2026-01-01T10:00:00Z" };
  const intents = reconcileCronJob(
    { cronJob: cronJob({}, status), jobs: [job("a1"), job("s1", "Complete")] },
    { nowMs },
  );
  const written = writtenStatus<CronJobStatus>(intents);
  assert.deepEqual(
    written?.active?.map(({ name, uid }) => [name, uid]),
    [["a1", "uid-a1"]],
  );
  assert.equal(written?.lastSuccessfulTime, "2026-01-01T09:30:00Z");
});
