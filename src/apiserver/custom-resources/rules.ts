import type { FieldError } from "../../apimachinery/api-error.ts";

/** Evaluates the CEL rules of a schema (`x-kubernetes-validations`) over values. */
export interface RuleChecker {
  check(value: unknown, old: unknown): readonly FieldError[];
}
