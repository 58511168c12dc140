/** Labels, annotations and structured label selectors: how they are shown, and their validation. */
import type { FieldError } from "./api-error.ts";
import {
  formatLabelSelector,
  type LabelSelector,
  type Labels,
  requirementsOf,
  SelectorSyntaxError,
} from "./label-selector.ts";
import { byteLength, labelValue, qualifiedName } from "./names.ts";
import * as field from "./validation.ts";

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return (
    Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0
  );
}

/** The text of a selector for exactly these labels: `a=b,c=d`, "" for none. */
export function labelsAsSelector(labels: Labels | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
}

/** The text of a structured selector, as `Scale.status.selector` has it; `<error>` for one that is none. */
export function structuredAsSelector(selector: LabelSelector | undefined): string {
  try {
    return formatLabelSelector(requirementsOf(selector) ?? []);
  } catch (error) {
    if (error instanceof SelectorSyntaxError) return "<error>";
    throw error;
  }
}

/** A structured selector as kubectl shows it; `<none>` where it selects without condition. */
export function showLabelSelector(selector: LabelSelector | undefined): string {
  return structuredAsSelector(selector) || "<none>";
}

/** `a=b,c=d` in the order of keys, `<none>` when there are none. */
export function showLabels(labels: Labels | undefined): string {
  return labelsAsSelector(labels) || "<none>";
}

export function validateLabelName(path: string, name: string): readonly FieldError[] {
  return field.invalidEach(path, name, qualifiedName(name));
}

export function validateLabels(path: string, labels: Labels | undefined): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key] ?? "";
    errors.push(...validateLabelName(path, key), ...field.invalidEach(path, value, labelValue(value)));
  }
  return errors;
}

const maxAnnotationsBytes = 256 * 1024;

export function validateAnnotations(path: string, annotations: Labels | undefined): readonly FieldError[] {
  const errors: FieldError[] = [];
  let totalBytes = 0;
  for (const key in annotations) {
    // As with labels, except that case does not matter.
    errors.push(...field.invalidEach(path, key, qualifiedName(key.toLowerCase())));
    totalBytes += byteLength(key) + byteLength(annotations[key] ?? "");
  }
  if (totalBytes > maxAnnotationsBytes) errors.push(field.tooLong(path, maxAnnotationsBytes));
  return errors;
}

export function validateLabelSelector(
  path: string,
  selector: LabelSelector | undefined,
): readonly FieldError[] {
  if (selector === undefined) return [];
  const errors = [...validateLabels(field.child(path, "matchLabels"), selector.matchLabels)];
  selector.matchExpressions?.forEach((expression, index) => {
    const at = field.at(field.child(path, "matchExpressions"), index);
    errors.push(...validateRequirement(at, expression));
  });
  return errors;
}

type Requirement = NonNullable<LabelSelector["matchExpressions"]>[number];

function validateRequirement(path: string, requirement: Requirement): readonly FieldError[] {
  const errors: FieldError[] = [];
  const values = requirement.values ?? [];
  const valuesPath = field.child(path, "values");
  switch (requirement.operator) {
    case "In":
    case "NotIn":
      if (values.length === 0)
        errors.push(field.required(valuesPath, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0)
        errors.push(
          field.forbidden(valuesPath, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      break;
    default:
      errors.push(
        field.invalid(field.child(path, "operator"), requirement.operator, "not a valid selector operator"),
      );
  }
  errors.push(...validateLabelName(field.child(path, "key"), requirement.key));
  values.forEach((value, index) => {
    errors.push(...field.invalidEach(field.at(valuesPath, index), value, labelValue(value)));
  });
  return errors;
}
