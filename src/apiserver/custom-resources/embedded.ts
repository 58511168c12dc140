import { schemas } from "../../api/schemas.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import type { ObjectMeta } from "../../apimachinery/meta.ts";
import { dns1035Label, pathSegment } from "../../apimachinery/names.ts";
import { normalize } from "../../apimachinery/schema/normalize.ts";
import { ShapeError } from "../../apimachinery/schema/shape-error.ts";
import {
  isObject,
  itemsOf,
  type JsonSchema,
  propertyOf,
  valuesOf,
} from "../../apimachinery/structural-schema/json-schema.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateMetadata } from "../../apimachinery/validation-metadata.ts";

/**
 * Embedded resources are objects with apiVersion, kind and metadata. The root's own are checked like every kind's, unless its
 * schema says that it is embedded.
 */
export function validateEmbedded(
  value: unknown,
  schema: JsonSchema | undefined,
  path = "",
): readonly FieldError[] {
  return schema === undefined ? [] : validateAt(value, schema, path);
}

function validateBelow(value: unknown, schema: JsonSchema | undefined, path: string): readonly FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return items === undefined
      ? []
      : value.flatMap((item, index) => validateAt(item, items, field.at(path, index)));
  }
  if (!isObject(value)) return [];
  const values = valuesOf(schema);
  if (schema.properties === undefined && values === undefined) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const property = propertyOf(schema, name);
    if (property !== undefined) return validateAt(member, property, field.child(path, name));
    return values === undefined ? [] : validateAt(member, values, field.at(path, name));
  });
}

function validateAt(value: unknown, schema: JsonSchema, path: string): readonly FieldError[] {
  const isResource = schema["x-kubernetes-embedded-resource"] === true && isObject(value);
  return [...(isResource ? validateResource(value, path) : []), ...validateBelow(value, schema, path)];
}

function validateResource(object: Readonly<Record<string, unknown>>, path: string): readonly FieldError[] {
  const { apiVersion, kind, metadata } = object;
  const errors: FieldError[] = [];
  errors.push(
    ...textErrors(field.child(path, "apiVersion"), apiVersion, (text) =>
      text.split("/").length > 2 ? `unexpected GroupVersion string: ${text}` : undefined,
    ),
    ...textErrors(field.child(path, "kind"), kind, (text) => {
      const reasons = dns1035Label(text.toLowerCase());
      return reasons.length === 0
        ? undefined
        : `may have mixed case, but should otherwise match: ${reasons.join(",")}`;
    }),
  );
  if (metadata === undefined) return errors;
  const fault = unreadable(metadata);
  if (fault !== undefined) return [...errors, field.invalid(field.child(path, "metadata"), metadata, fault)];
  const given = metadata as ObjectMeta; // it can be read as metadata
  const { name = "", namespace = "" } = given;
  const named = name === "" ? { ...given, name: "fakename" } : given;
  return [
    ...errors,
    ...validateMetadata(
      named,
      { namespaced: namespace !== "", checkName: pathSegment },
      field.child(path, "metadata"),
    ),
  ];
}

function textErrors(
  path: string,
  value: unknown,
  faultIn: (text: string) => string | undefined,
): readonly FieldError[] {
  if (value === undefined) return [field.required(path)];
  const fault =
    typeof value !== "string" ? "must be a string" : value === "" ? "must not be empty" : faultIn(value);
  return fault === undefined ? [] : [field.invalid(path, value, fault)];
}

/** Why a value cannot be an object's metadata. */
function unreadable(metadata: unknown): string | undefined {
  try {
    normalize(schemas.model("meta.v1.ObjectMeta"), metadata);
    return undefined;
  } catch (error) {
    if (error instanceof ShapeError) return error.message;
    throw error;
  }
}
