import type { FieldError } from "../../apimachinery/api-error.ts";

/** Evaluates the CEL rules of a schema (`x-kubernetes-validations`) over values. */
export interface RuleChecker {
  /** `tolerate` hears of what would be refused, were the value not so before. */
  check(value: unknown, old: unknown, tolerate?: (error: FieldError) => void): readonly FieldError[];
}
