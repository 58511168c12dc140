/** What a job's policies may say about failure and success of its pods. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import type { JobSpec, PodFailurePolicy, SuccessPolicy } from "./types.generated.ts";

type Errors = readonly FieldError[];

const failureActions = ["Count", "FailIndex", "FailJob", "Ignore"];
const maxFailureRules = 20;
const maxConditionPatterns = 20;

/** A list as Go prints it. */
function validValues(words: readonly string[]): string {
  return `valid values: [${words.map(field.quote).join(" ")}]`;
}

function wordErrors(path: string, word: string | undefined, words: readonly string[]): Errors {
  return word ? field.oneOf(path, word, words) : [field.required(path, validValues(words))];
}

export function validateFailurePolicy(path: string, spec: JobSpec): Errors {
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
  if (!action) errors.push(field.required(field.child(path, "action"), validValues(failureActions)));
  else if (!failureActions.includes(action))
    errors.push(field.notSupported(field.child(path, "action"), action, failureActions));
  if (onExitCodes !== undefined)
    errors.push(...validateExitCodes(field.child(path, "onExitCodes"), onExitCodes, containers));
  const conditionsPath = field.child(path, "onPodConditions");
  if (onPodConditions.length > maxConditionPatterns)
    errors.push(field.tooMany(conditionsPath, onPodConditions.length, maxConditionPatterns));
  errors.push(
    ...field.each(conditionsPath, onPodConditions, ({ type, status }, at) => [
      ...field.invalidEach(field.child(at, "type"), type, qualifiedName(type)),
      ...wordErrors(field.child(at, "status"), status, ["False", "True", "Unknown"]),
    ]),
  );
  if (onExitCodes !== undefined && onPodConditions.length > 0)
    errors.push(field.invalidState(path, "specifying both OnExitCodes and OnPodConditions is not supported"));
  if (onExitCodes === undefined && onPodConditions.length === 0)
    errors.push(field.invalidState(path, "specifying one of OnExitCodes and OnPodConditions is required"));
  return errors;
}

function validateExitCodes(
  path: string,
  { containerName, operator, values = [] }: NonNullable<PodFailurePolicy["rules"][number]["onExitCodes"]>,
  containers: ReadonlySet<string>,
): Errors {
  const errors: FieldError[] = [...wordErrors(field.child(path, "operator"), operator, ["In", "NotIn"])];
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
  });
  const isOrdered = values.every((value, index) => index === 0 || (values[index - 1] ?? value) <= value);
  return isOrdered ? errors : [...errors, field.invalid(at, values, "must be ordered")];
}

const maxSuccessRules = 20;

export function validateSuccessPolicy(path: string, spec: JobSpec): Errors {
  const { successPolicy, completionMode, completions = 0 } = spec;
  if (successPolicy === undefined) return [];
  const at = field.child(path, "successPolicy");
  if (completionMode !== "Indexed")
    return [field.invalid(at, inGoForm("SuccessPolicy", successPolicy), "requires indexed completion mode")];
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
export function countIndexes(text: string, completions: number): number | string {
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
