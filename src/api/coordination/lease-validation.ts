import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import type { Lease } from "./types.generated.ts";

export function validateLease({ spec }: Lease): readonly FieldError[] {
  const { leaseDurationSeconds, leaseTransitions, holderIdentity, strategy, preferredHolder } = spec ?? {};
  const errors: FieldError[] = [
    ...field.positive("spec.leaseDurationSeconds", leaseDurationSeconds),
    ...field.nonNegative("spec.leaseTransitions", leaseTransitions),
  ];
  if (holderIdentity === "") errors.push(field.invalid("spec.holderIdentity", "", "must not be empty"));
  if (strategy === undefined && preferredHolder)
    errors.push(field.forbidden("spec.preferredHolder", "may only be specified when `strategy` is defined"));
  return errors;
}
