import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import type { Lease } from "./types.generated.ts";

export function validateLease({ spec }: Lease): readonly FieldError[] {
  const { leaseDurationSeconds, leaseTransitions } = spec ?? {};
  const errors: FieldError[] = [...field.nonNegative("spec.leaseTransitions", leaseTransitions)];
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0)
    errors.unshift(
      field.invalid("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0"),
    );
  return errors;
}
