/** Schemas of custom resources are structural: every part says what it is, and logic only restricts (KEP-1111). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { invariantErrors } from "./structural-invariants.ts";
import type { JSONSchemaProps } from "./types.generated.ts";

type Errors = readonly FieldError[];

const types = ["array", "boolean", "integer", "number", "object", "string"];

/** The schema of a whole object. */
export function structuralErrors(path: string, schema: JSONSchemaProps): Errors {
  const root: FieldError[] = [];
  if (schema.type !== "object")
    root.push(
      schema.type
        ? field.invalid(field.child(path, "type"), schema.type, "must be object at the root")
        : field.required(field.child(path, "type"), "must not be empty at the root"),
    );
  return [...root, ...validateSchema(path, schema, "root")];
}

type Level = "root" | "item" | "field";

function validateSchema(path: string, schema: JSONSchemaProps, level: Level = "field"): Errors {
  const errors: FieldError[] = [...forbiddenErrors(path, schema)];
  const isFree =
    schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (!schema.type && !isFree && level !== "root" && schema["x-kubernetes-embedded-resource"] !== true)
    errors.push(
      field.required(
        field.child(path, "type"),
        `must not be empty for specified ${level === "item" ? "array items" : "object fields"}`,
      ),
    );
  if (schema.type && !types.includes(schema.type))
    errors.push(field.notSupported(field.child(path, "type"), schema.type, types));
  const { properties, additionalProperties, items } = schema;
  if (properties !== undefined && typeof additionalProperties === "object")
    errors.push(
      field.forbidden(
        field.child(path, "additionalProperties"),
        "additionalProperties and properties are mutual exclusive",
      ),
    );
  for (const [name, property] of Object.entries(properties ?? {}))
    errors.push(...validateSchema(field.at(field.child(path, "properties"), name), property));
  if (typeof additionalProperties === "object")
    errors.push(...validateSchema(field.child(path, "additionalProperties"), additionalProperties));
  if (schema.type === "array" && items === undefined)
    errors.push(field.required(field.child(path, "items"), "must be specified"));
  if (isSchema(items)) errors.push(...validateSchema(field.child(path, "items"), items, "item"));
  return [...errors, ...invariantErrors(path, schema, level === "root")];
}

function isSchema(items: JSONSchemaProps["items"]): items is JSONSchemaProps {
  return items !== undefined && !Array.isArray(items);
}

/** Parts of JSON schema that a structural one does without. */
function forbiddenErrors(path: string, schema: JSONSchemaProps): Errors {
  const errors: FieldError[] = [];
  const unsupported = [
    "definitions",
    "dependencies",
    "patternProperties",
    "additionalItems",
    "id",
    "$schema",
    "$ref",
  ] as const;
  for (const name of unsupported)
    if (schema[name] !== undefined)
      errors.push(field.forbidden(field.child(path, name), `${name} is not supported`));
  if (schema.uniqueItems === true)
    errors.push(
      field.forbidden(
        field.child(path, "uniqueItems"),
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  if (schema.additionalProperties === false)
    errors.push(
      field.forbidden(
        field.child(path, "additionalProperties"),
        "additionalProperties cannot be set to false",
      ),
    );
  if (Array.isArray(schema.items))
    errors.push(
      field.forbidden(field.child(path, "items"), "items must be a schema object and not an array"),
    );
  return errors;
}
