/** What the schema of a custom kind may use of OpenAPI, and where defaults may stand. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { listKeyErrors, listTypeErrors, mustBe } from "./list-type-validation.ts";
import type { JSONSchemaProps } from "./types.generated.ts";

type Errors = readonly FieldError[];

const types = ["array", "boolean", "integer", "number", "object", "string"];

/** Faults that a definition already had, and may keep. */
export interface Tolerance {
  readonly anyType: boolean;
  /** Sets of items that are merged. */
  readonly anySet: boolean;
  /** Sets and maps whose items or keys may be absent. */
  readonly anyKey: boolean;
}

export const strict: Tolerance = { anyType: false, anySet: false, anyKey: false };

interface Context {
  readonly tolerance: Tolerance;
  readonly isRoot: boolean;
  /** Inside of apiVersion, kind or metadata of a resource. */
  readonly isMeta: boolean;
  /** Where it is that nothing may have a default. */
  readonly undefaulted?: string;
}

export function openApiErrors(path: string, schema: JSONSchemaProps, tolerance: Tolerance): Errors {
  return errorsOf(path, schema, { tolerance, isRoot: true, isMeta: false });
}

export const hasUnknownType = ({ type }: JSONSchemaProps): boolean =>
  type !== undefined && type !== "" && !types.includes(type);

const metaFields = ["metadata", "kind", "apiVersion"];

function errorsOf(path: string, schema: JSONSchemaProps, context: Context): Errors {
  const errors: FieldError[] = [...unsupportedErrors(path, schema, context)];
  const inside = (part: unknown, at: string, change: Partial<Context> = {}) => {
    if (typeof part === "object" && part !== null && !Array.isArray(part))
      errors.push(...errorsOf(at, part as JSONSchemaProps, { ...context, isRoot: false, ...change })); // parts are schemas
  };
  const each = (parts: Readonly<Record<string, unknown>> | undefined, name: string) => {
    for (const [key, part] of Object.entries(parts ?? {}))
      inside(part, field.at(field.child(path, name), key));
  };
  const { properties = {}, additionalProperties, items } = schema;
  if (schema.uniqueItems === true)
    errors.push(
      field.forbidden(
        field.child(path, "uniqueItems"),
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  const additionalPath = field.child(path, "additionalProperties");
  if (
    additionalProperties !== undefined &&
    additionalProperties !== true &&
    Object.keys(properties).length > 0
  )
    errors.push(field.forbidden(additionalPath, "additionalProperties and properties are mutual exclusive"));
  inside(
    additionalProperties,
    additionalPath,
    context.isMeta ? { undefaulted: "inside additionalProperties applying to object metadata" } : {},
  );
  for (const [name, property] of Object.entries(properties)) {
    const isMeta =
      metaFields.includes(name) && (context.isRoot || schema["x-kubernetes-embedded-resource"] === true);
    inside(property, field.at(field.child(path, "properties"), name), {
      ...(isMeta ? { isMeta } : {}),
      ...(isMeta && context.isRoot ? { undefaulted: `in top-level ${name}` } : {}),
    });
  }
  inside(schema.not, field.child(path, "not"));
  for (const name of ["allOf", "oneOf", "anyOf"] as const)
    for (const [index, part] of (schema[name] ?? []).entries())
      inside(part, field.at(field.child(path, name), index));
  each(schema.definitions, "definitions");
  if (Array.isArray(items))
    for (const [index, part] of items.entries()) inside(part, field.at(field.child(path, "items"), index));
  else inside(items, field.child(path, "items"));
  each(schema.dependencies, "dependencies");
  return [...errors, ...extensionErrors(path, schema, context.tolerance)];
}

/** Parts of JSON schema that a custom kind does without. */
function unsupportedErrors(path: string, schema: JSONSchemaProps, context: Context): Errors {
  const errors: FieldError[] = [];
  const typePath = field.child(path, "type");
  if (hasUnknownType(schema) && !context.tolerance.anyType)
    errors.push(field.notSupported(typePath, schema.type ?? "", types));
  const { undefaulted } = context;
  if (schema.default !== undefined && schema.default !== null && undefaulted !== undefined)
    errors.push(field.forbidden(field.child(path, "default"), `must not be set ${undefaulted}`));
  for (const name of [
    "id",
    "additionalItems",
    "patternProperties",
    "definitions",
    "dependencies",
    "$ref",
  ] as const)
    if (isThere(schema[name]))
      errors.push(field.forbidden(field.child(path, name), `${name} is not supported`));
  if (schema.type === "null")
    errors.push(field.forbidden(typePath, "type cannot be set to null, use nullable as an alternative"));
  if (Array.isArray(schema.items))
    errors.push(
      field.forbidden(field.child(path, "items"), "items must be a schema object and not an array"),
    );
  if (context.isMeta && schema["x-kubernetes-embedded-resource"] === true)
    errors.push(
      field.forbidden(
        field.child(path, "x-kubernetes-embedded-resource"),
        "must not be used inside of resource meta",
      ),
    );
  return errors;
}

const isThere = (value: unknown) =>
  value !== undefined &&
  value !== "" &&
  !(typeof value === "object" && value !== null && Object.keys(value).length === 0);

function extensionErrors(path: string, schema: JSONSchemaProps, tolerance: Tolerance): Errors {
  const errors: FieldError[] = [];
  if (schema["x-kubernetes-preserve-unknown-fields"] === false)
    errors.push(
      field.invalid(
        field.child(path, "x-kubernetes-preserve-unknown-fields"),
        false,
        "must be true or undefined",
      ),
    );
  const mapType = schema["x-kubernetes-map-type"];
  if (mapType !== undefined && schema.type !== "object")
    errors.push(...mustBe(path, schema.type, "object", "x-kubernetes-map-type is specified"));
  if (mapType !== undefined && mapType !== "atomic" && mapType !== "granular")
    errors.push(
      field.notSupported(field.child(path, "x-kubernetes-map-type"), mapType, ["atomic", "granular"]),
    );
  errors.push(...listTypeErrors(path, schema, tolerance.anySet));
  return tolerance.anyKey ? errors : [...errors, ...listKeyErrors(path, schema)];
}
