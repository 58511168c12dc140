import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import type { Lease } from "./types.generated.ts";

export function validateLease({ spec }: Lease): readonly FieldError[] {
  const { leaseDurationSeconds, leaseTransitions, holderIdentity, strategy, preferredHolder } = spec ?? {};
  const errors: FieldError[] = [...field.nonNegative("spec.leaseTransitions", leaseTransitions)];
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0)
    errors.unshift(
      field.invalid("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0"),
    );
  if (holderIdentity === "") errors.push(field.invalid("spec.holderIdentity", "", "must not be empty"));
  if (strategy === undefined && preferredHolder)
    errors.push(field.forbidden("spec.preferredHolder", "may only be specified when `strategy` is defined"));
  return errors;
}
