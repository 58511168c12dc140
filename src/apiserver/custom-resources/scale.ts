import type { CustomResourceSubresourceScale } from "../../api/apiextensions/types.generated.ts";
import type { ScaleDefinition } from "../../api/definition.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { isObject, type JsonObject } from "../../apimachinery/structural-schema/json-schema.ts";
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
  const selector = path === undefined ? undefined : valueAt(object, segments(path));
  if (path !== undefined && selector !== undefined && typeof selector !== "string")
    errors.push(
      field.invalid(
        path,
        "",
        `${path} accessor error: ${String(selector)} is of the type ${typeof selector}, expected string`,
      ),
    );
  return errors;
}

function replicasErrors(object: AnyObject, path: string): readonly FieldError[] {
  const value = valueAt(object, segments(path));
  if (value === undefined) return [];
  if (typeof value !== "number" || !Number.isInteger(value))
    return [
      field.invalid(
        path,
        0,
        `${path} accessor error: ${String(value)} is of the type ${typeof value}, expected int64`,
      ),
    ];
  if (value < 0) return [field.invalid(path, value, "should be a non-negative integer")];
  return value > maxReplicas
    ? [field.invalid(path, value, `should be less than or equal to ${maxReplicas}`)]
    : [];
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
