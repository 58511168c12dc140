/** Jobs (upstream's `pkg/apis/batch/validation`). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { SelectorSyntaxError, selectorMatches } from "../../apimachinery/label-selector.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import { byteLength, dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validatePodTemplate } from "../core/pod-spec-validation.ts";
import { selectorMismatch } from "../core/template-match-validation.ts";
import type { Container } from "../core/types.generated.ts";
import { immutableStruct } from "../go-form.ts";
import { isJobConditionTrue } from "./job-conditions.ts";
import { jobLabels } from "./job-labels.ts";
import { validateFailurePolicy, validateSuccessPolicy } from "./job-policy-validation.ts";
import type { Job, JobSpec } from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxIndexedParallelism = 100_000;

export function validateJob(job: Job): Errors {
  return [...generatedSelectorErrors(job), ...validateSpec("spec", job.spec), ...podNameErrors(job)];
}

/** The pods of an indexed job are hosts that are called by the job's name and their index. */
function podNameErrors({ metadata: { name = "" }, spec }: Job): Errors {
  const { completionMode, completions = 0 } = spec;
  if (completionMode !== "Indexed" || completions <= 0) return [];
  const hostname = `${name}-${completions - 1}`;
  if (dns1123Label(hostname).length === 0) return [];
  const detail = `will not able to create pod with invalid DNS label: ${hostname}`;
  return [field.invalid("metadata.name", name, detail)];
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

const maxFailed = 100_000;
/** From so many completions on, less may be tried at once and may fail, if failures are counted index by index. */
const manyCompletions = 100_000;
const maxParallelismOfMany = 10_000;
const maxFailedOfMany = 10_000;

const counts = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
] as const;

/** What a job and the template of a cron job have in common. */
export function validateShared(path: string, spec: JobSpec): Errors {
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
    if (maxFailedIndexes !== undefined && maxFailedIndexes > maxFailed)
      errors.push(
        field.invalid(at("maxFailedIndexes"), maxFailedIndexes, `must be less than or equal to ${maxFailed}`),
      );
    if ((completions ?? 0) > manyCompletions && backoffLimitPerIndex !== undefined)
      errors.push(...manyCompletionsErrors(path, spec));
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

function manyCompletionsErrors(path: string, { maxFailedIndexes, parallelism = 0 }: JobSpec): Errors {
  const at = field.child(path, "maxFailedIndexes");
  const when = `when completions are above ${manyCompletions} and used with backoff limit per index`;
  const errors: FieldError[] = [];
  if (maxFailedIndexes === undefined)
    errors.push(field.required(at, `must be specified when completions is above ${manyCompletions}`));
  if (parallelism > maxParallelismOfMany)
    errors.push(
      field.invalid(
        field.child(path, "parallelism"),
        parallelism,
        `must be less than or equal to ${maxParallelismOfMany} ${when}`,
      ),
    );
  if (maxFailedIndexes !== undefined && maxFailedIndexes > maxFailedOfMany)
    errors.push(
      field.invalid(at, maxFailedIndexes, `must be less than or equal to ${maxFailedOfMany} ${when}`),
    );
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

/** Fields that stay as they were made. */
export function validateJobUpdate(job: Job, old: Job): Errors {
  const { spec } = job;
  const fixed = (name: keyof JobSpec) =>
    field.immutable(field.child("spec", name), spec[name], old.spec[name]);
  const fixedStruct = (name: keyof JobSpec, struct: string) =>
    immutableStruct(struct, field.child("spec", name), spec[name], old.spec[name]);
  return [
    ...validateJob(job),
    ...completionsUpdateErrors(spec, old.spec),
    ...fixed("selector"),
    ...templateUpdateErrors(job, old),
    ...fixed("completionMode"),
    ...fixedStruct("podFailurePolicy", "PodFailurePolicy"),
    ...fixed("backoffLimitPerIndex"),
    ...fixed("managedBy"),
    ...fixedStruct("successPolicy", "SuccessPolicy"),
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
function templateUpdateErrors({ spec }: Job, old: Job): Errors {
  const { template } = spec;
  const before = old.spec.template;
  const mayChange =
    old.spec.suspend === true &&
    (old.status?.startTime === undefined || isJobConditionTrue(old, "Suspended"));
  if (!mayChange) return immutableStruct("PodTemplateSpec", "spec.template", template, before);
  const { affinity, nodeSelector, tolerations, schedulingGates } = template.spec ?? {};
  const allowed = {
    ...before.spec,
    nodeSelector,
    tolerations,
    schedulingGates,
    affinity: { ...before.spec?.affinity, nodeAffinity: affinity?.nodeAffinity },
    containers: withResourcesOf(before.spec?.containers, template.spec?.containers),
    initContainers: withResourcesOf(before.spec?.initContainers, template.spec?.initContainers),
  };
  return immutableStruct("PodSpec", "spec.template.spec", template.spec, allowed);
}

function withResourcesOf(
  before: readonly Container[] | undefined,
  after: readonly Container[] | undefined,
): readonly object[] | undefined {
  if (before?.length !== after?.length) return before;
  return before?.map((container, index) =>
    container.name === after?.[index]?.name
      ? { ...container, resources: after?.[index]?.resources }
      : container,
  );
}
