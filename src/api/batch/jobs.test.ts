import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  type ChangeCase,
  created,
  createErrors,
  definitionOf,
  lines,
  objectOf,
  type RefusedCase,
  rowOf,
  secondsAgo,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const template = { spec: { containers: [{ name: "a", image: "web:1" }], restartPolicy: "Never" } };

function job(more: object = {}) {
  return { spec: { template, ...more } };
}

for (const { name, given, want } of [
  {
    name: "nothing",
    given: {},
    want: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      completionMode: "NonIndexed",
      suspend: false,
      podReplacementPolicy: "TerminatingOrFailed",
      manualSelector: false,
    },
  },
  {
    name: "how many work at once, which makes it a queue",
    given: { parallelism: 3 },
    want: {
      parallelism: 3,
      backoffLimit: 6,
      completionMode: "NonIndexed",
      suspend: false,
      podReplacementPolicy: "TerminatingOrFailed",
      manualSelector: false,
    },
  },
  {
    name: "a limit for each index",
    given: { completions: 2, completionMode: "Indexed", backoffLimitPerIndex: 1 },
    want: {
      completions: 2,
      parallelism: 1,
      backoffLimit: 2147483647,
      backoffLimitPerIndex: 1,
      completionMode: "Indexed",
      suspend: false,
      podReplacementPolicy: "TerminatingOrFailed",
      manualSelector: false,
    },
  },
  {
    name: "what failures mean",
    given: {
      podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] }] },
    },
    want: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      completionMode: "NonIndexed",
      suspend: false,
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
      podReplacementPolicy: "Failed",
      manualSelector: false,
    },
  },
])
  test(`a job that says ${name} gets its defaults`, () => {
    const { template: _template, ...rest } = withDefaults(objectOf("batch/v1", "Job", job(given)))
      .spec as Record<string, unknown>;
    assert.deepEqual(rest, want);
  });

test("a new job selects its pods by its own uid", () => {
  const labelled = { ...template, metadata: { labels: { mine: "x" } } };
  const { spec, metadata, status } = created("batch/v1", "Job", {
    spec: { template: labelled },
    status: { active: 3 },
  });
  const { selector, template: made } = spec as { selector: object; template: { metadata: object } };
  assert.deepEqual(selector, { matchLabels: { "batch.kubernetes.io/controller-uid": "uid-1" } });
  assert.deepEqual(made.metadata, {
    labels: {
      mine: "x",
      "batch.kubernetes.io/controller-uid": "uid-1",
      "controller-uid": "uid-1",
      "batch.kubernetes.io/job-name": "one",
      "job-name": "one",
    },
  });
  assert.deepEqual(
    metadata.labels,
    (made.metadata as { labels?: object }).labels,
    "a job without labels takes its template's",
  );
  assert.deepEqual(status, {});
});

test("a job with a selector of its own keeps it", () => {
  const given = {
    manualSelector: true,
    selector: { matchLabels: { a: "b" } },
    template: { ...template, metadata: { labels: { a: "b" } } },
  };
  const { spec } = created("batch/v1", "Job", { spec: given });
  assert.deepEqual((spec as { selector: object }).selector, { matchLabels: { a: "b" } });
  assertLines(createErrors("batch/v1", "Job", { spec: given }), []);
});

const refused: readonly RefusedCase[] = [
  { name: "as it should be", want: [] },
  {
    name: "with a selector that nobody meant",
    spec: { selector: { matchLabels: { "batch.kubernetes.io/controller-uid": "other" } } },
    want: [
      /^spec\.selector: Invalid value: .*: `selector` not auto-generated$/,
      /^spec\.template\.metadata\.labels: Invalid value: .*: `selector` does not match template `labels`$/,
    ],
  },
  {
    name: "whose pods restart for ever",
    spec: { template: { spec: { containers: template.spec.containers } } },
    want: ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  },
  {
    name: "with numbers below zero",
    spec: {
      parallelism: -1,
      completions: -2,
      backoffLimit: -3,
      activeDeadlineSeconds: -4,
      ttlSecondsAfterFinished: -5,
    },
    want: [
      "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
      "spec.completions: Invalid value: -2: must be greater than or equal to 0",
      "spec.activeDeadlineSeconds: Invalid value: -4: must be greater than or equal to 0",
      "spec.backoffLimit: Invalid value: -3: must be greater than or equal to 0",
      "spec.ttlSecondsAfterFinished: Invalid value: -5: must be greater than or equal to 0",
    ],
  },
  {
    name: "indexed without an end",
    spec: { completionMode: "Indexed", parallelism: 1 },
    want: ["spec.completions: Required value: when completion mode is Indexed"],
  },
  {
    name: "with limits for indexes that it has not",
    spec: { backoffLimitPerIndex: 1, maxFailedIndexes: 1 },
    want: [
      "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
      "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
    ],
  },
  {
    name: "with rules for failures that say nothing",
    spec: {
      podFailurePolicy: {
        rules: [{ action: "Panic" }, { action: "Count", onExitCodes: { operator: "In", values: [0, 2, 1] } }],
      },
    },
    want: [
      'spec.podFailurePolicy.rules[0].action: Unsupported value: "Panic": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
      "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
      "spec.podFailurePolicy.rules[1].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
      "spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: [0,2,1]: must be ordered",
    ],
  },
  {
    name: "with rules for success that cannot be met",
    spec: {
      completionMode: "Indexed",
      completions: 3,
      successPolicy: {
        rules: [{ succeededIndexes: "0,2", succeededCount: 3 }, { succeededIndexes: "2-1" }, {}],
      },
    },
    want: [
      "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)",
      /^spec\.successPolicy\.rules\[1\]\.succeededIndexes: Invalid value: "2-1": error parsing succeededIndexes: /,
      "spec.successPolicy.rules[2]: Required value: at least one of succeededCount or succeededIndexes must be specified",
    ],
  },
  {
    name: "of very many indexes",
    spec: { completionMode: "Indexed", completions: 100_001, parallelism: 10_001, backoffLimitPerIndex: 1 },
    want: [
      "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
      "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index",
    ],
  },
  {
    name: "managed by somebody without a domain",
    spec: { managedBy: "me" },
    want: ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")'],
  },
  {
    name: "indexed, with a name that makes no hosts",
    parts: { metadata: { name: "a.b" }, spec: { template, completionMode: "Indexed", completions: 10 } },
    want: ['metadata.name: Invalid value: "a.b": will not able to create pod with invalid DNS label: a.b-9'],
  },
];

for (const { name, spec, parts, want } of refused)
  test(`a job ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors("batch/v1", "Job", parts ?? job(spec)), want);
  });

const generated = {
  selector: { matchLabels: { "batch.kubernetes.io/controller-uid": "uid-1" } },
  template: {
    ...template,
    metadata: {
      labels: {
        "batch.kubernetes.io/controller-uid": "uid-1",
        "controller-uid": "uid-1",
        "batch.kubernetes.io/job-name": "one",
        "job-name": "one",
      },
    },
  },
};
const placed = { ...generated.template, spec: { ...template.spec, nodeSelector: { a: "b" } } };

const changes: readonly ChangeCase[] = [
  { name: "how many work at once", after: { parallelism: 2 }, want: [] },
  { name: "whether it rests", after: { suspend: true }, want: [] },
  {
    name: "how many there shall be",
    after: { completions: 2 },
    want: ["spec.completions: Invalid value: 2: field is immutable"],
  },
  {
    name: "how many indexes there shall be, with the workers",
    before: { completionMode: "Indexed", completions: 2, parallelism: 2 },
    after: { completionMode: "Indexed", completions: 3, parallelism: 3 },
    want: [],
  },
  {
    name: "how many indexes there shall be, without the workers",
    before: { completionMode: "Indexed", completions: 2, parallelism: 2 },
    after: { completionMode: "Indexed", completions: 3, parallelism: 2 },
    want: ["spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"],
  },
  {
    name: "where its pods run",
    after: { template: placed },
    want: [/^spec\.template: Invalid value: .*: field is immutable$/],
  },
  {
    name: "where its pods run while it rests",
    before: { suspend: true },
    after: { suspend: true, template: placed },
    want: [],
  },
  {
    name: "its image while it rests",
    before: { suspend: true },
    after: {
      suspend: true,
      template: {
        ...generated.template,
        spec: { ...template.spec, containers: [{ name: "a", image: "other:1" }] },
      },
    },
    want: [/^spec\.template\.spec: Invalid value: .*: field is immutable$/],
  },
];

for (const { name, before, after, want } of changes)
  test(`a job that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(
      updateErrors("batch/v1", "Job", job({ completions: 1, ...before }), {
        spec: { ...generated, completions: 1, ...after },
      }),
      want,
    );
  });

const ends = (...types: string[]) => types.map((type) => ({ type, status: "True" }));
const [started, finished] = [secondsAgo(60), secondsAgo(10)];
const complete = {
  startTime: started,
  completionTime: finished,
  conditions: ends("SuccessCriteriaMet", "Complete"),
};

for (const { name, spec, before = {}, status, want } of [
  { name: "counts pods", status: { active: 1, ready: 1 }, want: [] },
  {
    name: "counts below zero",
    status: { active: -1 },
    want: [
      "status.active: Invalid value: -1: must be greater than or equal to 0",
      "status.ready: Invalid value: 0: cannot set more ready pods than active",
    ],
  },
  {
    name: "counts backwards",
    before: { failed: 2, succeeded: 1 },
    status: { failed: 1 },
    want: [
      "status.failed: Invalid value: 1: cannot decrease the failed counter",
      "status.succeeded: Invalid value: 0: cannot decrease the succeeded counter",
    ],
  },
  {
    name: "counts one pod twice",
    status: { uncountedTerminatedPods: { succeeded: ["u"], failed: ["u", ""] } },
    want: [
      'status.uncountedTerminatedPods.failed[0]: Duplicate value: "u"',
      'status.uncountedTerminatedPods.failed[1]: Invalid value: "": must not be empty',
    ],
  },
  {
    name: "succeeds in two steps",
    before: { startTime: started, conditions: ends("SuccessCriteriaMet") },
    status: complete,
    want: [],
  },
  {
    name: "succeeds all at once, never begun",
    status: { conditions: ends("Complete") },
    want: [
      "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
      "status.completionTime: Required value: completionTime is required for Complete jobs",
      "status.startTime: Required value: startTime is required for finished job",
    ],
  },
  {
    name: "is done and works",
    status: { startTime: started, active: 1, terminating: 1, conditions: ends("FailureTarget", "Failed") },
    want: [
      "status.active: Invalid value: 1: active>0 is invalid for finished job",
      "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job",
    ],
  },
  {
    name: "ends before it began",
    status: { ...complete, completionTime: secondsAgo(90) },
    want: [
      `status.completionTime: Invalid value: "${secondsAgo(90)}": completionTime cannot be set before startTime`,
    ],
  },
  {
    name: "takes its end back",
    before: complete,
    status: { startTime: started },
    want: [
      "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
      "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
    ],
  },
  {
    name: "begins anew",
    before: { startTime: started },
    status: { startTime: finished },
    want: ["status.startTime: Required value: startTime cannot be removed for unsuspended job"],
  },
  {
    name: "has indexes without being indexed",
    status: { completedIndexes: "0", failedIndexes: "1" },
    want: [
      'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
      'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    ],
  },
  {
    name: "has indexes that it has not",
    spec: { completionMode: "Indexed", completions: 2, backoffLimitPerIndex: 1 },
    status: { completedIndexes: "0,2" },
    want: ['status.completedIndexes: Invalid value: "0,2": error parsing completedIndexes: too large index'],
  },
] as readonly { name: string; spec?: object; before?: object; status: object; want: string[] }[])
  test(`a report that a job ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    const { strategy } = definitionOf("batch/v1", "Job");
    const old = created("batch/v1", "Job", job(spec));
    assertLines(
      lines(strategy.validateStatusUpdate?.({ ...old, status }, { ...old, status: before }) ?? []),
      want,
    );
  });

for (const { name, parts, want } of [
  {
    name: "at work",
    parts: { ...job(), status: { startTime: secondsAgo(75), succeeded: 0 } },
    want: ["Running", "0/1", "75s"],
  },
  {
    name: "that is complete",
    parts: {
      ...job({ completions: 3 }),
      status: {
        startTime: secondsAgo(600),
        completionTime: secondsAgo(300),
        succeeded: 3,
        conditions: ends("Complete"),
      },
    },
    want: ["Complete", "3/3", "5m"],
  },
  {
    name: "that failed",
    parts: { ...job(), status: { conditions: ends("Failed") } },
    want: ["Failed", "0/1", ""],
  },
  {
    name: "at rest",
    parts: { ...job(), status: { conditions: ends("Suspended") } },
    want: ["Suspended", "0/1", ""],
  },
  {
    name: "with a queue",
    parts: { ...job({ parallelism: 4 }), status: { succeeded: 1 } },
    want: ["Running", "1/1 of 4", ""],
  },
  {
    name: "that is deleted",
    parts: { ...job(), metadata: { deletionTimestamp: secondsAgo(1) } },
    want: ["Terminating", "0/1", ""],
  },
])
  test(`kubectl get shows a job ${name} as upstream does`, () => {
    const { Status, Completions, Duration } = rowOf(withDefaults(objectOf("batch/v1", "Job", parts)));
    assert.deepEqual([Status, Completions, Duration], want);
  });

const cron = (more: object = {}) => ({
  spec: { schedule: "*/5 * * * *", jobTemplate: { spec: { template } }, ...more },
});

test("CronJob API Operations: a cron job gets its defaults", () => {
  const { jobTemplate: _template, ...rest } = withDefaults(objectOf("batch/v1", "CronJob", cron()))
    .spec as Record<string, unknown>;
  assert.deepEqual(rest, {
    schedule: "*/5 * * * *",
    concurrencyPolicy: "Allow",
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
  });
});

for (const { name, spec, parts, want } of [
  { name: "as it should be", want: [] },
  { name: "without a schedule", spec: { schedule: "" }, want: ["spec.schedule: Required value"] },
  {
    name: "with a schedule of four fields",
    spec: { schedule: "* * * *" },
    want: [/^spec\.schedule: Invalid value: "\* \* \* \*": /],
  },
  {
    name: "with a zone in its schedule",
    spec: { schedule: "TZ=UTC 0 * * * *" },
    want: [
      'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
  },
  { name: "in a zone", spec: { timeZone: "Europe/Zurich" }, want: [] },
  {
    name: "in a zone that is none",
    spec: { timeZone: "Mars/Base" },
    want: ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'],
  },
  {
    name: "with an unknown policy",
    spec: { concurrencyPolicy: "Perhaps" },
    want: [
      'spec.concurrencyPolicy: Unsupported value: "Perhaps": supported values: "Allow", "Forbid", "Replace"',
    ],
  },
  {
    name: "with a long name",
    parts: { ...cron(), metadata: { name: "a".repeat(53) } },
    want: [`metadata.name: Invalid value: "${"a".repeat(53)}": must be no more than 52 characters`],
  },
  {
    name: "whose jobs select by hand",
    spec: { jobTemplate: { spec: { template, manualSelector: true } } },
    want: ['spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"'],
  },
] as readonly RefusedCase[])
  test(`a cron job ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors("batch/v1", "CronJob", parts ?? cron(spec)), want);
  });

test("a cron job that had its zone in its schedule before there was a field for it may keep it", () => {
  const zoned = cron({ schedule: "TZ=UTC 0 * * * *" });
  assertLines(updateErrors("batch/v1", "CronJob", zoned, zoned), []);
  assertLines(
    updateErrors("batch/v1", "CronJob", zoned, cron({ schedule: "TZ=UTC 0 * * * *", timeZone: "UTC" })),
    [
      'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule',
    ],
  );
});

test("kubectl get shows a cron job as upstream does", () => {
  const parts = {
    ...cron({ suspend: true, timeZone: "UTC" }),
    status: { active: [{ name: "x" }], lastScheduleTime: secondsAgo(45) },
  };
  const {
    Schedule,
    Timezone,
    Suspend,
    Active,
    "Last Schedule": last,
  } = rowOf(objectOf("batch/v1", "CronJob", parts));
  assert.deepEqual([Schedule, Timezone, Suspend, Active, last], ["*/5 * * * *", "UTC", "True", 1, "45s"]);
});

test("a deleted job leaves its pods unless told otherwise", () => {
  assert.equal(definitionOf("batch/v1", "Job").strategy.defaultPropagation, "Orphan");
  assert.equal(definitionOf("batch/v1", "CronJob").strategy.defaultPropagation, undefined);
});
