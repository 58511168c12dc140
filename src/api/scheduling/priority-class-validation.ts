import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { lookupTable } from "../../base/lookup-table.ts";
import type { PriorityClass } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** Above this only the classes of the system itself. */
const highestUserPriority = 1_000_000_000;

/** Classes that come with the cluster, with their values. */
const systemPriorityClasses: Readonly<Record<string, number>> = lookupTable({
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
});

export function validatePriorityClass({
  metadata,
  value = 0,
  globalDefault,
  preemptionPolicy,
}: PriorityClass): Errors {
  const name = metadata.name ?? "";
  const errors: FieldError[] = [];
  if (name.startsWith("system-")) {
    const known = systemPriorityClasses[name];
    const problem =
      known === undefined
        ? `${name} is not a known system priority class`
        : known !== value
          ? `value of ${name} PriorityClass must be ${known}`
          : globalDefault === true
            ? `globalDefault of ${name} PriorityClass must be false`
            : undefined;
    if (problem !== undefined)
      errors.push(
        field.forbidden(
          "metadata.name",
          `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`,
        ),
      );
  } else if (value > highestUserPriority)
    errors.push(
      field.forbidden("value", `maximum allowed value of a user defined priority is ${highestUserPriority}`),
    );
  if (preemptionPolicy !== undefined) {
    const policies = ["PreemptLowerPriority", "Never"];
    errors.push(...field.oneOf("preemptionPolicy", preemptionPolicy, policies, { required: true }));
  }
  return errors;
}

export function validatePriorityClassUpdate(object: PriorityClass, old: PriorityClass): Errors {
  const errors: FieldError[] = [];
  if ((object.value ?? 0) !== (old.value ?? 0))
    errors.push(field.forbidden("value", "may not be changed in an update."));
  return [...errors, ...field.immutable("preemptionPolicy", object.preemptionPolicy, old.preemptionPolicy)];
}
