/** Conditions of the common form (metav1.Condition), where a kind demands that they are complete. */
import type { FieldError } from "./api-error.ts";
import { byteLength, conditionReason, qualifiedName } from "./names.ts";
import * as field from "./validation.ts";

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
}

const maxReasonBytes = 1024;
const maxMessageBytes = 32 * 1024;

export function validateConditions(
  path: string,
  conditions: readonly Condition[] | undefined,
): readonly FieldError[] {
  return [
    ...field.each(path, conditions, validateCondition),
    ...field.unique(
      conditions,
      ({ type }) => type,
      (index, { type }) => field.duplicate(field.child(field.at(path, index), "type"), type),
    ),
  ];
}

function validateCondition(condition: Condition, path: string): readonly FieldError[] {
  const { type, status, observedGeneration = 0, lastTransitionTime, reason = "", message = "" } = condition;
  const at = (name: string) => field.child(path, name);
  const errors: FieldError[] = [...field.invalidEach(at("type"), type, qualifiedName(type))];
  if (!["False", "True", "Unknown"].includes(status))
    errors.push(field.notSupported(at("status"), status, ["False", "True", "Unknown"]));
  if (observedGeneration < 0)
    errors.push(
      field.invalid(at("observedGeneration"), observedGeneration, "must be greater than or equal to zero"),
    );
  if (!lastTransitionTime) errors.push(field.required(at("lastTransitionTime"), "must be set"));
  if (reason === "") errors.push(field.required(at("reason"), "must be set"));
  else errors.push(...field.invalidEach(at("reason"), reason, conditionReason(reason)));
  if (byteLength(reason) > maxReasonBytes) errors.push(field.tooLong(at("reason"), maxReasonBytes));
  if (byteLength(message) > maxMessageBytes) errors.push(field.tooLong(at("message"), maxMessageBytes));
  return errors;
}
