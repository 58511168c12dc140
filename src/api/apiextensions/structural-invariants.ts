/** What holds in a structural schema beside its types: list and map types, embedded resources, and logic that only restricts. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { goRegExp } from "../../apimachinery/structural-schema/go-regexp.ts";
import * as field from "../../apimachinery/validation.ts";
import type { JSONSchemaProps } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** Of one schema, without those inside of it. */
export function invariantErrors(path: string, schema: JSONSchemaProps, isRoot: boolean): Errors {
  return [
    ...typeErrors(path, schema, isRoot),
    ...metadataErrors(path, schema, isRoot),
    ...listErrors(path, schema),
    ...valueErrors(path, schema, { intOrString: schema["x-kubernetes-int-or-string"] === true }),
  ];
}

function typeErrors(path: string, schema: JSONSchemaProps, isRoot: boolean): Errors {
  const errors: FieldError[] = [];
  const embeds = schema["x-kubernetes-embedded-resource"] === true;
  const preserves = schema["x-kubernetes-preserve-unknown-fields"];
  const additional = schema.additionalProperties;
  const must = (name: string, kind: string, why: string) => {
    const at = field.child(path, "type");
    if (schema.type === kind) return;
    errors.push(
      schema.type
        ? field.invalid(at, schema.type, `must be ${kind} if ${name} is ${why}`)
        : field.required(at, `must be ${kind} if ${name} is ${why}`),
    );
  };
  if (embeds) must("x-kubernetes-embedded-resource", "object", "true");
  if (schema["x-kubernetes-map-type"] !== undefined) must("x-kubernetes-map-type", "object", "specified");
  if (schema["x-kubernetes-list-type"] !== undefined) must("x-kubernetes-list-type", "array", "specified");
  if (isRoot && additional !== undefined)
    errors.push(field.forbidden(field.child(path, "additionalProperties"), "must not be used at the root"));
  if (embeds && additional !== undefined)
    errors.push(
      field.forbidden(
        field.child(path, "additionalProperties"),
        "must not be used if x-kubernetes-embedded-resource is set",
      ),
    );
  if (embeds && preserves !== true && Object.keys(schema.properties ?? {}).length === 0)
    errors.push(
      field.required(
        field.child(path, "properties"),
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      ),
    );
  if (preserves === false)
    errors.push(
      field.invalid(
        field.child(path, "x-kubernetes-preserve-unknown-fields"),
        false,
        "must be true or undefined",
      ),
    );
  if (schema["x-kubernetes-int-or-string"] === true)
    for (const name of ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] as const)
      if (schema[name] === true)
        errors.push(
          field.invalid(field.child(path, name), true, "must be false if x-kubernetes-int-or-string is true"),
        );
  const mapType = schema["x-kubernetes-map-type"];
  if (mapType !== undefined && mapType !== "atomic" && mapType !== "granular")
    errors.push(
      field.notSupported(field.child(path, "x-kubernetes-map-type"), mapType, ["atomic", "granular"]),
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

const listTypes = ["atomic", "map", "set"];

function listErrors(path: string, schema: JSONSchemaProps): Errors {
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const errors: FieldError[] = [];
  const typePath = field.child(path, "x-kubernetes-list-type");
  if (listType !== undefined && !listTypes.includes(listType))
    errors.push(field.notSupported(typePath, listType, listTypes));
  const keysMessage = "must be map if x-kubernetes-list-map-keys is non-empty";
  if (keys.length > 0 && listType === undefined) errors.push(field.required(typePath, keysMessage));
  else if (keys.length > 0 && listType !== "map") errors.push(field.invalid(typePath, listType, keysMessage));
  const items =
    schema.items === undefined || Array.isArray(schema.items) ? undefined : (schema.items as JSONSchemaProps); // no list
  const itemsPath = field.child(path, "items");
  if (listType === "map") errors.push(...mapErrors(path, keys, items));
  if ((listType === "set" || listType === "map") && items?.nullable === true)
    errors.push(
      field.forbidden(
        field.child(itemsPath, "nullable"),
        `cannot be nullable when x-kubernetes-list-type is ${listType}`,
      ),
    );
  if (listType !== "set" || items === undefined) return errors;
  const atomic = "must be atomic as item of a list with x-kubernetes-list-type=set";
  const itemList = items["x-kubernetes-list-type"];
  if (items.type === "array" && itemList !== undefined && itemList !== "atomic")
    errors.push(field.invalid(field.child(itemsPath, "x-kubernetes-list-type"), itemList, atomic));
  if (items.type === "object" && items["x-kubernetes-map-type"] !== "atomic")
    errors.push(
      field.invalid(
        field.child(itemsPath, "x-kubernetes-map-type"),
        items["x-kubernetes-map-type"] ?? null,
        atomic,
      ),
    );
  return errors;
}

/** A list that is a map: its keys are scalar properties that every item has. */
function mapErrors(path: string, keys: readonly string[], items: JSONSchemaProps | undefined): Errors {
  const errors: FieldError[] = [];
  const keysPath = field.child(path, "x-kubernetes-list-map-keys");
  const itemsPath = field.child(path, "items");
  if (keys.length === 0)
    errors.push(field.required(keysPath, "must not be empty if x-kubernetes-list-type is map"));
  if (items === undefined) {
    errors.push(field.required(itemsPath, "must have a schema if x-kubernetes-list-type is map"));
    return errors;
  }
  if (items.type !== "object") {
    errors.push(
      field.invalid(
        field.child(itemsPath, "type"),
        items.type ?? "",
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    );
    return errors;
  }
  for (const [index, key] of keys.entries()) {
    if (keys.indexOf(key) < index)
      errors.push(field.invalid(keysPath, keys, "must not contain duplicate entries"));
    const property = items.properties?.[key];
    if (property === undefined) {
      errors.push(field.invalid(keysPath, keys, "entries must all be names of item properties"));
      continue;
    }
    const at = field.at(field.child(itemsPath, "properties"), key);
    if (property.type === "array" || property.type === "object")
      errors.push(
        field.invalid(
          field.child(at, "type"),
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    const isKey = "this property is in x-kubernetes-list-map-keys, so it";
    if (items.required?.includes(key) !== true && property.default === undefined)
      errors.push(
        field.required(field.child(at, "default"), `${isKey} must have a default or be a required property`),
      );
    if (property.nullable === true)
      errors.push(field.forbidden(field.child(at, "nullable"), `${isKey} cannot be nullable`));
  }
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
