import type { FieldError } from "../../apimachinery/api-error.ts";
import { qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { Lease } from "./types.generated.ts";

export function validateLease({ spec }: Lease): readonly FieldError[] {
  const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = spec ?? {};
  const errors: FieldError[] = [...field.nonNegative("spec.leaseTransitions", leaseTransitions)];
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0)
    errors.unshift(
      field.invalid("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0"),
    );
  if (strategy !== undefined) errors.push(...strategyErrors("spec.strategy.strategy", strategy));
  if (!strategy && preferredHolder)
    errors.push(field.forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"));
  return errors;
}

/** One of Kubernetes, or one of somebody else with a domain. */
function strategyErrors(path: string, strategy: string): readonly FieldError[] {
  return strategy.includes("/")
    ? field.invalidEach(path, strategy, qualifiedName(strategy))
    : field.oneOf(path, strategy, ["OldestEmulationVersion"]);
}
