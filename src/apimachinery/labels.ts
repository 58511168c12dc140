/** Labels, annotations and the structured label selector (metav1.LabelSelector): meaning, printing, validation. */
import type { FieldError } from "./api-error.ts";
import { byteLength, labelValue, qualifiedName } from "./names.ts";
import {
  formatLabelTerms,
  type LabelOperator,
  type LabelRequirement,
  type LabelSet,
  type LabelTerms,
  labelRequirement,
  labelTermsOf,
  matchesLabels,
  nothing,
  SelectorError,
} from "./selectors.ts";
import * as field from "./validation.ts";

/** metav1.LabelSelector. */
export interface LabelSelector {
  readonly matchLabels?: LabelSet;
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

export interface LabelSelectorRequirement {
  readonly key: string;
  /** In, NotIn, Exists, DoesNotExist. */
  readonly operator: string;
  readonly values?: readonly string[];
}

const structuredOperators: Readonly<Record<string, LabelOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/**
 * What a structured selector means. Absent: matches nothing. Empty: matches everything. Throws SelectorError for an
 * unknown operator or a malformed key or value.
 */
export function labelSelectorTerms(selector: LabelSelector | undefined): LabelTerms {
  if (selector === undefined) return nothing;
  const expressions = (selector.matchExpressions ?? []).map((expression): LabelRequirement => {
    const operator = structuredOperators[expression.operator];
    if (operator === undefined)
      throw new SelectorError(`${field.quote(expression.operator)} is not a valid label selector operator`);
    return labelRequirement(expression.key, operator, expression.values ?? []);
  });
  const terms = [...labelTermsOf(selector.matchLabels), ...expressions];
  return terms.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** Whether `labels` are selected; a malformed selector selects nothing. */
export function selectsLabels(selector: LabelSelector | undefined, labels: LabelSet | undefined): boolean {
  try {
    return matchesLabels(labelSelectorTerms(selector), labels);
  } catch (error) {
    if (error instanceof SelectorError) return false;
    throw error;
  }
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return (
    Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0
  );
}

/** A structured selector as kubectl shows it; `<none>` where it selects without condition. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  try {
    return formatLabelTerms(labelSelectorTerms(selector)) || "<none>";
  } catch (error) {
    if (error instanceof SelectorError) return "<error>";
    throw error;
  }
}

/** `a=b,c=d` in the order of keys, `<none>` when there are none. */
export function formatLabels(labels: LabelSet | undefined): string {
  const text = Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
  return text === "" ? "<none>" : text;
}

export function validateLabelName(path: string, name: string): readonly FieldError[] {
  return field.invalidEach(path, name, qualifiedName(name));
}

export function validateLabels(path: string, labels: LabelSet | undefined): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key] ?? "";
    errors.push(...validateLabelName(path, key), ...field.invalidEach(path, value, labelValue(value)));
  }
  return errors;
}

export const maxAnnotationsBytes = 256 * 1024;

export function validateAnnotations(path: string, annotations: LabelSet | undefined): readonly FieldError[] {
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

function validateRequirement(path: string, requirement: LabelSelectorRequirement): readonly FieldError[] {
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
