import type { CustomResourceSubresourceScale } from "../../api/apiextensions/types.generated.ts";
import type { ScaleDefinition } from "../../api/definition.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import { goType } from "../../apimachinery/managed-fields/type-check.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { goText } from "../../apimachinery/patch/go-text.ts";
import { isObject, type JsonObject } from "../../apimachinery/structural-schema/json-schema.ts";
import { isInt64 } from "../../apimachinery/structural-schema/number-range.ts";
import * as field from "../../apimachinery/validation.ts";

/** The `scale` subresource: where an object keeps the numbers that autoscaling/v1 Scale shows. */
export function scaleDefinition(scale: CustomResourceSubresourceScale): ScaleDefinition<AnyObject> {
  const spec = segments(scale.specReplicasPath);
  const status = segments(scale.statusReplicasPath);
  const selector = scale.labelSelectorPath === undefined ? undefined : segments(scale.labelSelectorPath);
  return {
    fault: (object) =>
      valueAt(object, spec) === undefined
        ? `the spec replicas field ${JSON.stringify(scale.specReplicasPath)} does not exist`
        : undefined,
    replicas: (object) => numberAt(object, spec),
    replicasPath: spec,
    withReplicas: (object, replicas) => withValueAt(object, spec, replicas) as AnyObject, // metadata is not touched
    statusReplicas: (object) => numberAt(object, status),
    selector: (object) => {
      const value = selector === undefined ? undefined : valueAt(object, selector);
      return typeof value === "string" ? value : "";
    },
  };
}

const maxReplicas = 2 ** 31 - 1;

/** What autoscalers read must be readable. */
export function validateScale(
  object: AnyObject,
  scale: CustomResourceSubresourceScale,
  parts: readonly ("spec" | "status")[] = ["spec", "status"],
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (parts.includes("spec")) errors.push(...replicasErrors(object, scale.specReplicasPath));
  if (!parts.includes("status")) return errors;
  errors.push(...replicasErrors(object, scale.statusReplicasPath));
  const path = scale.labelSelectorPath;
  if (path === undefined) return errors;
  const selector = found(object, path);
  const fault = selector.fault ?? wrongType(path, selector.value, "string");
  return fault === undefined ? errors : [...errors, field.invalid(path, "", fault)];
}

function replicasErrors(object: AnyObject, path: string): readonly FieldError[] {
  const { value, fault } = found(object, path);
  const wrong = fault ?? wrongType(path, value, "int64");
  if (wrong !== undefined) return [field.invalid(path, 0, wrong)];
  if (typeof value !== "number") return [];
  if (value < 0) return [field.invalid(path, value, "should be a non-negative integer")];
  return value > maxReplicas
    ? [field.invalid(path, value, `should be less than or equal to ${maxReplicas}`)]
    : [];
}

/** What stands at a path, or why nothing can: what is above is no object. */
function found(object: JsonObject, path: string): { readonly value?: unknown; readonly fault?: string } {
  let value: unknown = object;
  let at = "";
  for (const name of segments(path)) {
    if (value === null || value === undefined) return {};
    at += `.${name}`;
    if (!isObject(value)) return { fault: accessorError(at, value, "map[string]interface{}") };
    value = Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return { value };
}

function wrongType(path: string, value: unknown, wanted: "string" | "int64"): string | undefined {
  if (value === undefined) return undefined;
  const fits = wanted === "string" ? typeof value === "string" : isInt64Value(value);
  return fits ? undefined : accessorError(`.${segments(path).join(".")}`, value, wanted);
}

const isInt64Value = (value: unknown) => typeof value === "number" && isInt64(value);

function accessorError(path: string, value: unknown, wanted: string): string {
  return `${path} accessor error: ${goText(value)} is of the type ${goType(value)}, expected ${wanted}`;
}

const segments = (path: string) => path.replace(/^\./, "").split(".");

function valueAt(object: JsonObject, path: readonly string[]): unknown {
  let value: unknown = object;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

function numberAt(object: JsonObject, path: readonly string[]): number {
  const value = valueAt(object, path);
  return typeof value === "number" ? value : 0;
}

function withValueAt(
  object: JsonObject,
  [name = "", ...rest]: readonly string[],
  value: unknown,
): JsonObject {
  const below = object[name];
  return {
    ...object,
    [name]: rest.length === 0 ? value : withValueAt(isObject(below) ? below : {}, rest, value),
  };
}
