import type { FieldError } from "../../apimachinery/api-error.ts";
import type { ObjectMeta } from "../../apimachinery/meta.ts";
import { dns1035Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import {
  isObject,
  itemsOf,
  type JsonSchema,
  propertyOf,
  valuesOf,
} from "../../apimachinery/structural-schema/json-schema.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateMetadata } from "../../apimachinery/validation-metadata.ts";

/** Embedded resources are objects with apiVersion, kind and metadata. The root's own are checked like every kind's. */
export function validateEmbedded(value: unknown, schema: JsonSchema | undefined): readonly FieldError[] {
  return validateBelow(value, schema, "");
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
  const versionPath = field.child(path, "apiVersion");
  if (typeof apiVersion !== "string" || apiVersion === "")
    errors.push(field.required(versionPath, "must not be empty"));
  else if (apiVersion.split("/").length > 2)
    errors.push(field.invalid(versionPath, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  const kindPath = field.child(path, "kind");
  if (typeof kind !== "string" || kind === "") errors.push(field.required(kindPath, "must not be empty"));
  else {
    const reasons = dns1035Label(kind.toLowerCase());
    if (reasons.length > 0)
      errors.push(
        field.invalid(
          kindPath,
          kind,
          `may have mixed case, but should otherwise match: ${reasons.join(",")}`,
        ),
      );
  }
  if (!isObject(metadata)) return errors;
  const { name = "", generateName = "", namespace = "" } = metadata as ObjectMeta; // read as metadata on input
  const named = name === "" && generateName === "" ? { ...metadata, name: "fakename" } : metadata;
  return [
    ...errors,
    ...validateMetadata(
      named as ObjectMeta,
      { namespaced: namespace !== "", checkName: dns1123Subdomain },
      field.child(path, "metadata"),
    ),
  ];
}
