/** Jobs and cron jobs (upstream's `pkg/apis/batch/validation`). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { SelectorSyntaxError, selectorMatches } from "../../apimachinery/label-selector.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import { byteLength, dns1123Subdomain, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validatePodTemplate } from "../core/pod-spec-validation.ts";
import { selectorMismatch } from "../core/template-match-validation.ts";
import { CronSyntaxError, parseCronSchedule } from "./cron-schedule.ts";
import { isJobConditionTrue, isJobFinished } from "./job-conditions.ts";
import { jobLabels } from "./job-labels.ts";
import type { CronJob, Job, JobSpec, PodFailurePolicy, SuccessPolicy } from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxIndexedParallelism = 100_000;

export function validateJob(job: Job): Errors {
  return [...generatedSelectorErrors(job), ...validateSpec("spec", job.spec)];
}

/** Where the selector is made by the API server, nothing else may stand in its place. */
function generatedSelectorErrors({ metadata, spec }: Job): Errors {
  if (spec.manualSelector === true || spec.selector === undefined) return [];
  const { uid = "", name = "" } = metadata;
  const expected = {
    [jobLabels.legacyControllerUid]: uid,
    [jobLabels.legacyJobName]: name,
    [jobLabels.controllerUid]: uid,
    [jobLabels.jobName]: name,
  };
  const errors: FieldError[] = uid === "" ? [field.required("metadata.uid")] : [];
  for (const [key, value] of Object.entries(expected)) {
    const path = field.at("spec.template.metadata.labels", key);
    const actual = spec.template.metadata?.labels?.[key];
    if (actual === undefined) errors.push(field.required(path, `must be '${value}'`));
    else if (actual !== value) errors.push(field.invalid(path, actual, `must be '${value}'`));
  }
  if (!selects(spec, expected))
    errors.push(field.invalid("spec.selector", spec.selector, "`selector` not auto-generated"));
  return errors;
}

function selects({ selector }: JobSpec, labels: Readonly<Record<string, string>>): boolean {
  try {
    return selectorMatches(selector, labels);
  } catch (error) {
    // What is wrong with the selector itself is told elsewhere.
    if (error instanceof SelectorSyntaxError) return true;
    throw error;
  }
}

function validateSpec(path: string, spec: JobSpec): Errors {
  const at = field.child(path, "selector");
  return [
    ...validateShared(path, spec),
    ...(spec.selector === undefined ? [field.required(at)] : validateLabelSelector(at, spec.selector)),
    ...selectorMismatch(field.child(path, "template"), spec.selector, spec.template),
  ];
}

const counts = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
] as const;

/** What jobs and the templates of cron jobs share. */
function validateShared(path: string, spec: JobSpec): Errors {
  return [
    ...counts.flatMap((name) => field.nonNegative(field.child(path, name), spec[name])),
    ...validateManagedBy(field.child(path, "managedBy"), spec.managedBy),
    ...validateCompletionMode(path, spec),
    ...validateFailurePolicy(path, spec),
    ...validateSuccessPolicy(path, spec),
    ...validatePodTemplate(field.child(path, "template"), spec.template),
    ...restartPolicyErrors(field.child(path, "template", "spec", "restartPolicy"), spec),
  ];
}

/** Who acts instead of the job controller: a name with a domain. */
function validateManagedBy(path: string, value: string | undefined): Errors {
  if (value === undefined) return [];
  const errors: FieldError[] = [];
  const [domain = "", ...rest] = value.split("/");
  if (value === "") errors.push(field.required(path));
  else if (rest.length === 0 || domain === "" || rest.join("/") === "")
    errors.push(field.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  else errors.push(...field.invalidEach(path, domain, dns1123Subdomain(domain)));
  if (byteLength(value) > 63) errors.push(field.tooLong(path, 63));
  return errors;
}

function validateCompletionMode(path: string, spec: JobSpec): Errors {
  const { completionMode, completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const at = (name: string) => field.child(path, name);
  const errors: FieldError[] = [];
  if (completionMode !== undefined && completionMode !== "Indexed" && completionMode !== "NonIndexed")
    errors.push(field.notSupported(at("completionMode"), completionMode, ["NonIndexed", "Indexed"]));
  if (completionMode === "Indexed") {
    if (completions === undefined)
      errors.push(field.required(at("completions"), "when completion mode is Indexed"));
    if (parallelism > maxIndexedParallelism)
      errors.push(
        field.invalid(
          at("parallelism"),
          parallelism,
          `must be less than or equal to ${maxIndexedParallelism} when completion mode is Indexed`,
        ),
      );
    if (maxFailedIndexes !== undefined && completions !== undefined && maxFailedIndexes > completions)
      errors.push(
        field.invalid(at("maxFailedIndexes"), maxFailedIndexes, "must be less than or equal to completions"),
      );
  } else {
    if (backoffLimitPerIndex !== undefined)
      errors.push(
        field.invalid(at("backoffLimitPerIndex"), backoffLimitPerIndex, "requires indexed completion mode"),
      );
    if (maxFailedIndexes !== undefined)
      errors.push(
        field.invalid(at("maxFailedIndexes"), maxFailedIndexes, "requires indexed completion mode"),
      );
  }
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined)
    errors.push(field.required(at("backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
  return errors;
}

function restartPolicyErrors(path: string, { template, podFailurePolicy }: JobSpec): Errors {
  const policy = template.spec?.restartPolicy ?? "";
  // What nobody wrote was made "Always": both mean that a choice is missing.
  if (policy === "" || policy === "Always")
    return [field.required(path, 'valid values: "OnFailure", "Never"')];
  if (policy !== "OnFailure" && policy !== "Never")
    return [field.notSupported(path, policy, ["OnFailure", "Never"])];
  if (podFailurePolicy !== undefined && policy !== "Never")
    return [field.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')];
  return [];
}

const failureActions = ["Count", "FailIndex", "FailJob", "Ignore"];
const maxFailureRules = 20;

function validateFailurePolicy(path: string, spec: JobSpec): Errors {
  const { podFailurePolicy, podReplacementPolicy, backoffLimitPerIndex } = spec;
  const errors: FieldError[] = [];
  const replacementPath = field.child(path, "podReplacementPolicy");
  if (podReplacementPolicy !== undefined) {
    const supported = podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
    if (!supported.includes(podReplacementPolicy))
      errors.push(field.notSupported(replacementPath, podReplacementPolicy, supported));
  }
  if (podFailurePolicy === undefined) return errors;
  const rulesPath = field.child(path, "podFailurePolicy", "rules");
  const rules = podFailurePolicy.rules ?? [];
  if (rules.length > maxFailureRules) errors.push(field.tooMany(rulesPath, rules.length, maxFailureRules));
  const names = new Set(
    [...(spec.template.spec?.containers ?? []), ...(spec.template.spec?.initContainers ?? [])].map(
      ({ name }) => name,
    ),
  );
  errors.push(
    ...field.each(rulesPath, rules, (rule, at) => [
      ...validateFailureRule(at, rule, names),
      ...(rule.action === "FailIndex" && backoffLimitPerIndex === undefined
        ? [
            field.invalid(
              field.child(at, "action"),
              rule.action,
              "requires the backoffLimitPerIndex to be set",
            ),
          ]
        : []),
    ]),
  );
  return errors;
}

function validateFailureRule(
  path: string,
  { action, onExitCodes, onPodConditions = [] }: PodFailurePolicy["rules"][number],
  containers: ReadonlySet<string>,
): Errors {
  const errors: FieldError[] = [];
  if (!action)
    errors.push(
      field.required(
        field.child(path, "action"),
        `valid values: ${failureActions.map(field.quote).join(", ")}`,
      ),
    );
  else if (!failureActions.includes(action))
    errors.push(field.notSupported(field.child(path, "action"), action, failureActions));
  if (onExitCodes !== undefined)
    errors.push(...validateExitCodes(field.child(path, "onExitCodes"), onExitCodes, containers));
  errors.push(
    ...field.each(field.child(path, "onPodConditions"), onPodConditions, ({ type, status }, at) => [
      ...field.invalidEach(field.child(at, "type"), type, qualifiedName(type)),
      ...field.oneOf(field.child(at, "status"), status ?? "", ["False", "True", "Unknown"], {
        required: true,
      }),
    ]),
  );
  if (onExitCodes !== undefined && onPodConditions.length > 0)
    errors.push(field.invalid(path, "", "specifying both OnExitCodes and OnPodConditions is not supported"));
  if (onExitCodes === undefined && onPodConditions.length === 0)
    errors.push(field.invalid(path, "", "specifying one of OnExitCodes and OnPodConditions is required"));
  return errors;
}

function validateExitCodes(
  path: string,
  { containerName, operator, values = [] }: NonNullable<PodFailurePolicy["rules"][number]["onExitCodes"]>,
  containers: ReadonlySet<string>,
): Errors {
  const errors: FieldError[] = [
    ...field.oneOf(field.child(path, "operator"), operator, ["In", "NotIn"], { required: true }),
  ];
  if (containerName !== undefined && !containers.has(containerName))
    errors.push(
      field.invalid(
        field.child(path, "containerName"),
        containerName,
        "must be one of the container or initContainer names in the pod template",
      ),
    );
  const at = field.child(path, "values");
  if (values.length === 0) errors.push(field.invalid(at, values, "at least one value is required"));
  else if (values.length > 255) errors.push(field.tooMany(at, values.length, 255));
  values.forEach((value, index) => {
    if (operator === "In" && value === 0)
      errors.push(field.invalid(field.at(at, index), value, "must not be 0 for the In operator"));
    if (values.indexOf(value) < index) errors.push(field.duplicate(field.at(at, index), value));
    const previous = values[index - 1];
    if (previous !== undefined && previous > value) errors.push(field.invalid(at, values, "must be ordered"));
  });
  return errors;
}

const maxSuccessRules = 20;

function validateSuccessPolicy(path: string, spec: JobSpec): Errors {
  const { successPolicy, completionMode, completions = 0 } = spec;
  if (successPolicy === undefined) return [];
  const at = field.child(path, "successPolicy");
  if (completionMode !== "Indexed")
    return [field.invalid(at, successPolicy, "requires indexed completion mode")];
  const rulesPath = field.child(at, "rules");
  const rules = successPolicy.rules ?? [];
  const errors: FieldError[] = [];
  if (rules.length === 0)
    errors.push(
      field.required(rulesPath, "at least one rules must be specified when the successPolicy is specified"),
    );
  if (rules.length > maxSuccessRules) errors.push(field.tooMany(rulesPath, rules.length, maxSuccessRules));
  errors.push(
    ...field.each(rulesPath, rules, (rule, rulePath) => validateSuccessRule(rulePath, rule, completions)),
  );
  return errors;
}

function validateSuccessRule(
  path: string,
  { succeededCount, succeededIndexes }: SuccessPolicy["rules"][number],
  completions: number,
): Errors {
  const errors: FieldError[] = [];
  if (succeededCount === undefined && succeededIndexes === undefined)
    errors.push(field.required(path, "at least one of succeededCount or succeededIndexes must be specified"));
  const listed = succeededIndexes === undefined ? undefined : countIndexes(succeededIndexes, completions);
  if (listed !== undefined && typeof listed === "string")
    errors.push(
      field.invalid(
        field.child(path, "succeededIndexes"),
        succeededIndexes,
        `error parsing succeededIndexes: ${listed}`,
      ),
    );
  const at = field.child(path, "succeededCount");
  errors.push(...field.nonNegative(at, succeededCount));
  if (succeededCount !== undefined && succeededCount > completions)
    errors.push(
      field.invalid(
        at,
        succeededCount,
        `must be less than or equal to ${completions} (the number of specified completions)`,
      ),
    );
  if (succeededCount !== undefined && typeof listed === "number" && succeededCount > listed)
    errors.push(
      field.invalid(
        at,
        succeededCount,
        `must be less than or equal to ${listed} (the number of indexes in the specified succeededIndexes field)`,
      ),
    );
  return errors;
}

/** How many indexes `0,2-4` names; a text that says what is wrong with it. */
function countIndexes(text: string, completions: number): number | string {
  let last = -1;
  let count = 0;
  for (const part of text.split(",")) {
    const match = /^([0-9]+)(?:-([0-9]+))?$/.exec(part);
    if (match === null) return `cannot convert string to integer for index: ${field.quote(part)}`;
    const first = Number(match[1]);
    const end = match[2] === undefined ? first : Number(match[2]);
    if (first >= completions || end >= completions) return "too large index";
    if (first <= last) return `non-increasing order, previous: ${last}, current: ${first}`;
    if (match[2] !== undefined && end <= first)
      return `non-increasing order, previous: ${first}, current: ${end}`;
    count += end - first + 1;
    last = end;
  }
  return count;
}

/** Fields that stay as they were made. */
const fixedFields = [
  "selector",
  "completionMode",
  "podFailurePolicy",
  "backoffLimitPerIndex",
  "managedBy",
  "successPolicy",
] as const;

export function validateJobUpdate(job: Job, old: Job): Errors {
  const { spec } = job;
  return [
    ...validateSpec("spec", spec),
    ...completionsUpdateErrors(spec, old.spec),
    ...fixedFields.flatMap((name) => field.immutable(field.child("spec", name), spec[name], old.spec[name])),
    ...field.immutable("spec.template", maskDirectives(job, old), old.spec.template),
  ];
}

/** An indexed job can be scaled: both numbers together. */
function completionsUpdateErrors(spec: JobSpec, old: JobSpec): Errors {
  if (spec.completions === old.completions) return [];
  const isElastic =
    spec.completionMode === "Indexed" && spec.completions !== undefined && old.completions !== undefined;
  if (!isElastic) return field.immutable("spec.completions", spec.completions, old.completions);
  if (spec.completions === spec.parallelism) return [];
  const detail = "can only be modified in tandem with spec.parallelism";
  return [field.invalid("spec.completions", spec.completions, `${detail}`)];
}

/** Before a suspended job starts, where its pods run, and with how much, can still be chosen. */
function maskDirectives(job: Job, old: Job): JobSpec["template"] {
  const isSuspended = old.spec.suspend === true;
  const mayChange =
    isSuspended && (old.status?.startTime === undefined || isJobConditionTrue(old, "Suspended"));
  const { template } = job.spec;
  const before = old.spec.template;
  if (!mayChange || template.spec === undefined) return template;
  const podSpec: Record<string, unknown> = { ...template.spec };
  for (const name of ["affinity", "nodeSelector", "tolerations", "schedulingGates"] as const)
    podSpec[name] = before.spec?.[name];
  const withResources = (list: "containers" | "initContainers") =>
    template.spec?.[list]?.map((container, index) => ({
      ...container,
      resources: before.spec?.[list]?.[index]?.resources,
    }));
  podSpec.containers = withResources("containers");
  if (template.spec.initContainers !== undefined) podSpec.initContainers = withResources("initContainers");
  const metadata = {
    ...template.metadata,
    annotations: before.metadata?.annotations,
    labels: before.metadata?.labels,
  };
  return { metadata, spec: podSpec } as unknown as JobSpec["template"]; // fields of two templates
}

export function validateJobStatusUpdate(job: Job, old: Job): Errors {
  const { status = {} } = job;
  const errors: FieldError[] = (["active", "succeeded", "failed", "ready", "terminating"] as const).flatMap(
    (name) => field.nonNegative(`status.${name}`, status[name]),
  );
  if (isJobFinished(job) && (status.active ?? 0) > 0)
    errors.push(field.invalid("status.active", status.active, "active>0 is invalid for finished job"));
  if (isJobConditionTrue(job, "Complete") && isJobConditionTrue(job, "Failed"))
    errors.push(
      field.invalid("status.conditions", "", "cannot set Complete=True and Failed=true conditions"),
    );
  if (status.completionTime !== undefined && !isJobConditionTrue(job, "Complete"))
    errors.push(
      field.invalid(
        "status.completionTime",
        status.completionTime,
        "cannot set completionTime when there is no Complete=True condition",
      ),
    );
  for (const type of ["Failed", "Complete", "FailureTarget", "SuccessCriteriaMet"] as const)
    if (isJobConditionTrue(old, type) && !isJobConditionTrue(job, type))
      errors.push(
        field.invalid("status.conditions", "", `cannot disable the terminal ${type}=True condition`),
      );
  return errors;
}

const maxCronJobNameBytes = 52;

export function validateCronJob(cronJob: CronJob): Errors {
  const name = cronJob.metadata.name ?? "";
  // The jobs it makes have names with eleven characters more.
  const tooLong = byteLength(name) > maxCronJobNameBytes;
  return [
    ...validateCronSpec(cronJob),
    ...(tooLong
      ? [field.invalid("metadata.name", name, `must be no more than ${maxCronJobNameBytes} characters`)]
      : []),
  ];
}

export function validateCronJobUpdate(cronJob: CronJob): Errors {
  return validateCronSpec(cronJob);
}

function validateCronSpec({ spec }: CronJob): Errors {
  const { schedule = "", timeZone, jobTemplate } = spec;
  const template = field.child("spec", "jobTemplate", "spec");
  return [
    ...(schedule === "" ? [field.required("spec.schedule")] : scheduleErrors("spec.schedule", schedule)),
    ...(timeZone === undefined ? [] : timeZoneErrors("spec.timeZone", timeZone)),
    ...field.nonNegative("spec.startingDeadlineSeconds", spec.startingDeadlineSeconds),
    ...field.oneOf("spec.concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], {
      required: true,
    }),
    ...validateShared(template, jobTemplate.spec),
    ...(jobTemplate.spec.selector === undefined
      ? []
      : [
          field.invalid(
            field.child(template, "selector"),
            jobTemplate.spec.selector,
            "`selector` will be auto-generated",
          ),
        ]),
    ...(jobTemplate.spec.manualSelector === true
      ? [field.notSupported(field.child(template, "manualSelector"), true, ["nil", "false"])]
      : []),
    ...field.nonNegative("spec.successfulJobsHistoryLimit", spec.successfulJobsHistoryLimit),
    ...field.nonNegative("spec.failedJobsHistoryLimit", spec.failedJobsHistoryLimit),
  ];
}

function scheduleErrors(path: string, schedule: string): Errors {
  if (schedule.includes("TZ"))
    return [
      field.invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    ];
  try {
    parseCronSchedule(schedule);
    return [];
  } catch (error) {
    if (error instanceof CronSyntaxError) return [field.invalid(path, schedule, error.message)];
    throw error;
  }
}

function timeZoneErrors(path: string, timeZone: string): Errors {
  if (timeZone === "") return [field.invalid(path, timeZone, "timeZone must be nil or non-empty string")];
  if (timeZone.toLowerCase() === "local")
    return [
      field.invalid(
        path,
        timeZone,
        "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
      ),
    ];
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return [];
  } catch {
    return [field.invalid(path, timeZone, `unknown time zone ${timeZone}`)];
  }
}
