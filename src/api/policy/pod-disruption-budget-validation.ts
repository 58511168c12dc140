import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateConditions } from "../../apimachinery/validation-conditions.ts";
import {
  intOrPercentErrors,
  overHundredErrors,
  replicaCountErrors,
} from "../core/template-match-validation.ts";
import { inGoForm } from "../go-form.ts";
import type { PodDisruptionBudget } from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validateDisruptionBudget({ spec }: PodDisruptionBudget): Errors {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = spec;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    errors.push(
      field.invalid(
        "spec",
        inGoForm("PodDisruptionBudgetSpec", spec),
        "minAvailable and maxUnavailable cannot be both set",
      ),
    );
  for (const [name, value] of Object.entries({ minAvailable, maxUnavailable })) {
    const path = field.child("spec", name);
    errors.push(...intOrPercentErrors(path, value), ...overHundredErrors(path, value));
  }
  errors.push(...validateLabelSelector("spec.selector", selector));
  errors.push(
    ...field.oneOf("spec.unhealthyPodEvictionPolicy", unhealthyPodEvictionPolicy, [
      "AlwaysAllow",
      "IfHealthyBudget",
    ]),
  );
  return errors;
}

export function validateDisruptionBudgetStatus({ status = {} }: PodDisruptionBudget): Errors {
  return [
    ...validateConditions("status.conditions", status.conditions),
    ...replicaCountErrors(
      status,
      ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"],
      [],
    ),
  ];
}
