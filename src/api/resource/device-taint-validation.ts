/** Taints of devices, what tolerates them, and the conditions under which a device can be bound. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelName } from "../../apimachinery/labels.ts";
import { labelValue } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { limitedErrors } from "./device-names.ts";
import type { DeviceTaint, DeviceToleration } from "./types.generated.ts";

type Errors = readonly FieldError[];

const effects = ["NoExecute", "NoSchedule", "None"];

export function validateDeviceTaint({ key = "", value = "", effect }: DeviceTaint, path: string): Errors {
  return [
    ...validateLabelName(field.child(path, "key"), key),
    ...field.invalidEach(field.child(path, "value"), value, labelValue(value)),
    ...field.oneOf(field.child(path, "effect"), effect, effects, { required: true }),
  ];
}

export function validateDeviceToleration(toleration: DeviceToleration, path: string): Errors {
  const { key = "", operator, value = "", effect } = toleration;
  const at = field.child(path, "value");
  const valueErrors =
    operator === "Exists"
      ? value === ""
        ? []
        : [field.invalid(at, value, "must be empty for operator `Exists`")]
      : operator === "Equal"
        ? field.invalidEach(at, value, labelValue(value))
        : [];
  return [
    ...(key === "" ? [] : validateLabelName(field.child(path, "key"), key)),
    ...valueErrors,
    ...field.oneOf(field.child(path, "operator"), operator, ["Equal", "Exists"], { required: true }),
    ...(effect ? field.oneOf(field.child(path, "effect"), effect, effects) : []),
  ];
}

const maxBindingConditions = 4;

interface BindingParameters {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}

/** Success and failure are told by different conditions, and both can be told. */
export function validateBindingParameters(path: string, parameters: BindingParameters): Errors {
  const { bindingConditions: good = [], bindingFailureConditions: bad = [] } = parameters;
  const goodPath = field.child(path, "bindingConditions");
  const badPath = field.child(path, "bindingFailureConditions");
  const check = (name: string, at: string) => validateLabelName(at, name);
  const errors: FieldError[] = [
    ...limitedErrors(goodPath, good, maxBindingConditions, check),
    ...limitedErrors(badPath, bad, maxBindingConditions, check),
    ...duplicates(goodPath, good),
    ...duplicates(badPath, bad),
    ...field.each(badPath, bad, (name, at) =>
      good.includes(name)
        ? [field.invalid(at, name, "bindingFailureConditions must not overlap with bindingConditions")]
        : [],
    ),
  ];
  if (good.length === 0 && bad.length > 0)
    errors.push(
      field.invalid(goodPath, good, "bindingConditions are required to use bindingFailureConditions"),
    );
  if (bad.length === 0 && good.length > 0)
    errors.push(
      field.invalid(badPath, bad, "bindingFailureConditions are required to use bindingConditions"),
    );
  return errors;
}

function duplicates(path: string, names: readonly string[]): Errors {
  return field.unique(
    names,
    (name) => name,
    (index, name) => field.duplicate(field.at(path, index), name),
  );
}
