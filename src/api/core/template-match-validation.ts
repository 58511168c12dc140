/** A workload's selector and the template of the pods it selects. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import {
  type LabelSelector,
  SelectorSyntaxError,
  selectorMatches,
} from "../../apimachinery/label-selector.ts";
import { isEmptySelector, validateLabelSelector } from "../../apimachinery/labels.ts";
import { percent } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validatePodTemplate } from "./pod-spec-validation.ts";
import type { PodTemplateSpec } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** Required, well formed, and not empty: it would select every pod. */
export function validateWorkloadSelector(
  path: string,
  selector: LabelSelector | undefined,
  workload: string,
): Errors {
  if (selector === undefined) return [field.required(path)];
  const errors = [...validateLabelSelector(path, selector)];
  if (isEmptySelector(selector))
    errors.push(field.invalid(path, selector, `empty selector is invalid for ${workload}`));
  return errors;
}

/** A selector that cannot be read: nothing more is said of what it selects. */
export function brokenSelectorErrors(
  path: string,
  selector: LabelSelector | undefined,
  detail: string,
): Errors {
  return validateLabelSelector(path, selector).length > 0 ? [field.invalid(path, selector, detail)] : [];
}

/** The pods made from the template are pods the selector finds. */
export function selectorMismatch(
  path: string,
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
): Errors {
  const labels = template.metadata?.labels;
  // No selector selects nothing, an empty one everything.
  if (selector !== undefined && (isEmptySelector(selector) || matches(selector, labels))) return [];
  if (validateLabelSelector("", selector).length > 0) return [];
  const detail = "`selector` does not match template `labels`";
  return [field.invalid(field.child(path, "metadata", "labels"), labels, detail)];
}

function matches(selector: LabelSelector, labels: Readonly<Record<string, string>> | undefined): boolean {
  try {
    return selectorMatches(selector, labels);
  } catch (error) {
    // What is wrong with the selector itself is told elsewhere.
    if (error instanceof SelectorSyntaxError) return true;
    throw error;
  }
}

/** The template of a workload whose pods run for as long as it exists. */
export function validateLastingTemplate(
  path: string,
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  kind: string,
): Errors {
  if (template === undefined) return [field.required(path)];
  return [
    ...selectorMismatch(path, selector, template),
    ...validatePodTemplate(path, template),
    ...lastingErrors(path, template, kind),
  ];
}

/** What makes pods end has no place in the template of a workload that replaces them. */
export function lastingErrors(path: string, { spec }: PodTemplateSpec, kind: string): Errors {
  const { restartPolicy = "", activeDeadlineSeconds } = spec ?? {};
  const errors: FieldError[] = [];
  if (restartPolicy !== "Always")
    errors.push(field.notSupported(field.child(path, "spec", "restartPolicy"), restartPolicy, ["Always"]));
  if (activeDeadlineSeconds !== undefined)
    errors.push(
      field.forbidden(
        field.child(path, "spec", "activeDeadlineSeconds"),
        `activeDeadlineSeconds in ${kind} is not Supported`,
      ),
    );
  return errors;
}

/** A number or a share of pods; neither is negative. */
export function intOrPercentErrors(path: string, value: number | string | undefined): Errors {
  if (typeof value === "string") return field.invalidEach(path, value, percent(value));
  return field.nonNegative(path, value);
}

/** The share, when it is one. */
function percentOf(value: number | string | undefined): number | undefined {
  return typeof value === "string" && /^[0-9]+%$/.test(value) ? Number(value.slice(0, -1)) : undefined;
}

export function overHundredErrors(path: string, value: number | string | undefined): Errors {
  return (percentOf(value) ?? 0) > 100 ? [field.invalid(path, value, "must not be greater than 100%")] : [];
}

/** Whether a number or share is nothing at all. */
export function isZeroAmount(value: number | string | undefined): boolean {
  return (typeof value === "number" ? value : (percentOf(value) ?? 0)) === 0;
}

/** Counts in a status: none negative, and none above what it is a part of. */
export function replicaCountErrors<T extends object>(
  status: T,
  names: readonly (keyof T & string)[],
  limits: readonly (readonly [part: keyof T & string, whole: keyof T & string, detail: string])[],
): Errors {
  const count = (name: keyof T & string) => Number(status[name] ?? 0);
  return [
    ...names.flatMap((name) => field.nonNegative(`status.${name}`, count(name))),
    ...limits.flatMap(([part, whole, detail]) =>
      count(part) > count(whole) ? [field.invalid(`status.${part}`, count(part), detail)] : [],
    ),
  ];
}

/** A count of hash collisions only grows. */
export function collisionCountErrors(after: number | undefined, before: number | undefined): Errors {
  if (before === undefined || (after ?? 0) >= before) return [];
  return [field.invalid("status.collisionCount", after ?? 0, "cannot be decremented")];
}
