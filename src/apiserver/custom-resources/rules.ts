import type { FieldError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";

/** Evaluates the CEL rules of a schema (`x-kubernetes-validations`) over whole objects. */
export interface RuleChecker {
  check(object: AnyObject, old: AnyObject | undefined): readonly FieldError[];
}
