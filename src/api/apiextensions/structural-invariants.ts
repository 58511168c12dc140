/** What holds in a structural schema beside its types: list and map types, embedded resources, and logic that only restricts. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { goRegExp } from "../../apimachinery/structural-schema/go-regexp.ts";
import * as field from "../../apimachinery/validation.ts";
import { mustBe } from "./list-type-validation.ts";
import { itemSchema } from "./schema-parts.ts";
import type { JSONSchemaProps } from "./types.generated.ts";

type Errors = readonly FieldError[];

export type Level = "root" | "item" | "field";

const places: Readonly<Record<Level, string>> = {
  root: "at the root",
  item: "for specified array items",
  field: "for specified object fields",
};

/** Of a schema and those inside of it, as far as they are structure. */
export function invariantErrors(path: string, schema: JSONSchemaProps, level: Level): Errors {
  const errors: FieldError[] = [];
  const { type, additionalProperties, properties = {} } = schema;
  const items = itemSchema(schema);
  if (type === "array" && items === undefined)
    errors.push(field.required(field.child(path, "items"), "must be specified"));
  if (items !== undefined) errors.push(...invariantErrors(field.child(path, "items"), items, "item"));
  for (const [name, property] of Object.entries(properties))
    errors.push(...invariantErrors(field.at(field.child(path, "properties"), name), property, "field"));
  const additionalPath = field.child(path, "additionalProperties");
  if (additionalProperties !== undefined && level === "root")
    errors.push(field.forbidden(additionalPath, "must not be used at the root"));
  if (typeof additionalProperties === "object")
    errors.push(...invariantErrors(additionalPath, additionalProperties, "field"));
  return [
    ...errors,
    ...typeErrors(path, schema, level),
    ...metadataErrors(path, schema, level === "root"),
    ...valueErrors(path, schema, { intOrString: true }),
  ];
}

function typeErrors(path: string, schema: JSONSchemaProps, level: Level): Errors {
  const errors: FieldError[] = [];
  const { type } = schema;
  const embeds = schema["x-kubernetes-embedded-resource"] === true;
  const isEither = schema["x-kubernetes-int-or-string"] === true;
  const preserves = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (isEither)
    for (const name of ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] as const)
      if (schema[name] === true)
        errors.push(
          field.invalid(field.child(path, name), true, "must be false if x-kubernetes-int-or-string is true"),
        );
  if (embeds && type !== "object")
    errors.push(...mustBe(path, type, "object", "x-kubernetes-embedded-resource is true"));
  else if (!type && !isEither && !preserves)
    errors.push(field.required(field.child(path, "type"), `must not be empty ${places[level]}`));
  if (embeds && schema.additionalProperties !== undefined)
    errors.push(
      field.forbidden(
        field.child(path, "additionalProperties"),
        "must not be used if x-kubernetes-embedded-resource is set",
      ),
    );
  if (level === "root" && type && type !== "object")
    errors.push(field.invalid(field.child(path, "type"), type, "must be object at the root"));
  if (embeds && !preserves && Object.keys(schema.properties ?? {}).length === 0)
    errors.push(
      field.required(
        field.child(path, "properties"),
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      ),
    );
  return errors;
}

/** At the root, and in embedded resources, metadata is every kind's; a schema may restrict names only. */
function metadataErrors(path: string, schema: JSONSchemaProps, isRoot: boolean): Errors {
  if (!isRoot && schema["x-kubernetes-embedded-resource"] !== true) return [];
  const properties = schema.properties ?? {};
  const at = (name: string) => field.at(field.child(path, "properties"), name);
  const errors = ["kind", "apiVersion"].flatMap((name) => {
    const property = properties[name];
    return property === undefined || property.type === "string"
      ? []
      : [field.invalid(field.child(at(name), "type"), property.type ?? "", "must be string")];
  });
  const { metadata } = properties;
  if (metadata === undefined) return errors;
  if (metadata.type !== "object")
    errors.push(field.invalid(field.child(at("metadata"), "type"), metadata.type ?? "", "must be object"));
  const {
    type: _type,
    description: _description,
    default: _default,
    properties: names = {},
    ...rest
  } = metadata;
  const isOnlyNames =
    Object.keys(names).every((name) => name === "name" || name === "generateName") &&
    Object.keys(rest).length === 0;
  if (isRoot && !isOnlyNames)
    errors.push(
      field.forbidden(
        at("metadata"),
        "must not specify anything other than name and generateName, but metadata is implicitly specified",
      ),
    );
  return errors;
}

/** `intOrString`: the first anyOf may name the two types. */
function valueErrors(
  path: string,
  schema: JSONSchemaProps,
  options: { readonly intOrString: boolean },
): Errors {
  const errors: FieldError[] = [];
  const { pattern, anyOf = [], allOf = [], oneOf = [], not } = schema;
  const nested = (part: JSONSchemaProps, at: string, intOrString = false) =>
    errors.push(...nestedErrors(at, part, intOrString));
  const isBoth = (parts: readonly JSONSchemaProps[]) =>
    options.intOrString && parts.length === 2 && parts[0]?.type === "integer" && parts[1]?.type === "string";
  if (!isBoth(anyOf))
    for (const [index, part] of anyOf.entries()) nested(part, field.at(field.child(path, "anyOf"), index));
  for (const [index, part] of allOf.entries())
    nested(part, field.at(field.child(path, "allOf"), index), index === 0 && isBoth(part.anyOf ?? []));
  for (const [index, part] of oneOf.entries()) nested(part, field.at(field.child(path, "oneOf"), index));
  if (not !== undefined) nested(not, field.child(path, "not"));
  if (pattern) {
    const wrong = patternFault(pattern);
    if (wrong !== undefined)
      errors.push(
        field.invalid(
          field.child(path, "pattern"),
          pattern,
          `must be a valid regular expression, but isn't: ${wrong}`,
        ),
      );
  }
  return errors;
}

function patternFault(pattern: string): string | undefined {
  try {
    goRegExp(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const structure = {
  type: "must be empty to be structural",
  additionalProperties: "must be undefined to be structural",
  default: "must be undefined to be structural",
  title: "must be empty to be structural",
  description: "must be empty to be structural",
  nullable: "must be false to be structural",
  "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
  "x-kubernetes-embedded-resource": "must be false to be structural",
  "x-kubernetes-int-or-string": "must be false to be structural",
  "x-kubernetes-list-map-keys": "must be empty to be structural",
  "x-kubernetes-list-type": "must be undefined to be structural",
  "x-kubernetes-map-type": "must be undefined to be structural",
  "x-kubernetes-validations": "must be empty to be structural",
} as const;

/** A schema below allOf, anyOf, oneOf or not: it restricts values and says nothing of structure. */
function nestedErrors(path: string, schema: JSONSchemaProps, intOrString: boolean): Errors {
  const errors: FieldError[] = [...valueErrors(path, schema, { intOrString })];
  for (const [name, message] of Object.entries(structure)) {
    const value = schema[name as keyof typeof structure]; // its own keys
    const isThere = Array.isArray(value)
      ? value.length > 0
      : value !== undefined && value !== "" && value !== false;
    if (isThere) errors.push(field.forbidden(field.child(path, name), message));
  }
  const { items, properties = {} } = schema;
  if (items !== undefined && !Array.isArray(items))
    errors.push(...nestedErrors(field.child(path, "items"), items as JSONSchemaProps, false)); // no list
  for (const [name, property] of Object.entries(properties)) {
    const at = field.at(field.child(path, "properties"), name);
    errors.push(...nestedErrors(at, property, false));
    if (name === "metadata") errors.push(field.forbidden(at, "must not be specified in a nested context"));
  }
  return errors;
}

/** What the logic at the root speaks of is declared outside of it too. */
export function completenessErrors(path: string, schema: JSONSchemaProps): Errors {
  return logicOf(schema, path).flatMap(([part, at]) => undeclaredParts(part, schema, path, at));
}

function logicOf(schema: JSONSchemaProps, path: string): readonly (readonly [JSONSchemaProps, string])[] {
  const each = (name: "allOf" | "anyOf" | "oneOf") =>
    (schema[name] ?? []).map((part, index) => [part, field.at(field.child(path, name), index)] as const);
  return [
    ...(schema.not === undefined ? [] : [[schema.not, field.child(path, "not")] as const]),
    ...each("allOf"),
    ...each("anyOf"),
    ...each("oneOf"),
  ];
}

function undeclaredParts(
  logic: JSONSchemaProps,
  structure: JSONSchemaProps | undefined,
  path: string,
  logicPath: string,
): Errors {
  if (structure === undefined) return [field.required(path, `because it is defined in ${logicPath}`)];
  const items = itemSchema(logic);
  return [
    ...logicOf(logic, logicPath).flatMap(([part, at]) => undeclaredParts(part, structure, path, at)),
    ...(items === undefined
      ? []
      : undeclaredParts(
          items,
          itemSchema(structure),
          field.child(path, "items"),
          field.child(logicPath, "items"),
        )),
    ...Object.entries(logic.properties ?? {}).flatMap(([name, property]) =>
      undeclaredParts(
        property,
        structure.properties?.[name],
        field.at(field.child(path, "properties"), name),
        field.at(field.child(logicPath, "properties"), name),
      ),
    ),
  ];
}
