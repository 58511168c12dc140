/** CEL's types as environments declare them: names in the library's notation, and how JSON becomes a value of each. */
import { isObject, itemsOf, type JsonSchema, valuesOf } from "../structural-schema/json-schema.ts";
import { goDuration } from "./duration.ts";

/** A type with the values it takes from JSON. */
export interface CelType {
  /** "int", "list<string>", "map<string, int>", "dyn", or the name of an object type. */
  readonly name: string;
  /** The value for a JSON value of this type; undefined: it has none, and is left out. */
  readonly fromJson: (value: unknown) => unknown;
  /** Object types that must be registered for this one. */
  readonly objects: readonly ObjectType[];
  /** How large values may become, for the estimate of costs. */
  readonly size: SizeBounds;
}

export interface ObjectType {
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
  /** The class of its values. */
  readonly create: new () => object;
}

/** The most a value can hold: its length and what is inside. */
export interface SizeBounds {
  /** Characters, items or entries. */
  readonly max: number;
  readonly inner?: SizeBounds;
  /** By field, as CEL names it. */
  readonly fields?: Readonly<Record<string, SizeBounds>>;
}

/** A request cannot be larger. */
const maxRequestBytes = 3 * 1024 * 1024;
const unbounded: SizeBounds = { max: maxRequestBytes };
unboundedSelf(unbounded);

function unboundedSelf(bounds: { max: number; inner?: SizeBounds }): void {
  bounds.inner = bounds;
}

const scalar = (name: string, fromJson: (value: unknown) => unknown): CelType => ({
  name,
  fromJson,
  objects: [],
  size: { max: 1 },
});

/** A value whose type is found when it is looked at. */
export const dynType: CelType = { name: "dyn", fromJson: dynFromJson, objects: [], size: unbounded };
const boolType = scalar("bool", (value) => value);
const intType = scalar("int", (value) => (typeof value === "number" ? BigInt(Math.trunc(value)) : undefined));
const doubleType = scalar("double", (value) => value);
const stringType: CelType = { ...scalar("string", (value) => value), size: unbounded };

const converted = new WeakMap<object, unknown>();

/** JSON without a schema: whole numbers are ints. The same object gives the same value. */
export function dynFromJson(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value;
  const known = converted.get(value);
  if (known !== undefined) return known;
  const result = Array.isArray(value)
    ? value.map(dynFromJson)
    : mapFromJson(value as Readonly<Record<string, unknown>>);
  converted.set(value, result);
  return result;
}

function mapFromJson(object: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const map = new Map<string, unknown>();
  for (const [name, member] of Object.entries(object))
    if (member !== undefined) map.set(name, dynFromJson(member));
  return map;
}

/** The type of what a schema describes; undefined: it says nothing of it, so that CEL cannot see it. */
export function typeOfSchema(schema: JsonSchema, name = "object"): CelType {
  if (schema.nullable === true)
    return { ...dynType, size: typeOfSchema({ ...schema, nullable: false }, name).size };
  if (schema["x-kubernetes-int-or-string"] === true)
    return { ...dynType, size: { max: schema.maxLength ?? maxRequestBytes } };
  switch (schema.type) {
    case "boolean":
      return boolType;
    case "integer":
      return intType;
    case "number":
      return doubleType;
    case "string":
      return stringOf(schema);
    case "array":
      return listOf(typeOfSchema(itemsOf(schema) ?? {}, `${name}._item`), schema.maxItems);
    case "object":
      return objectOf(schema, name);
    default:
      return dynType;
  }
}

function stringOf({ format, maxLength, enum: values }: JsonSchema): CelType {
  const longest = Math.max(
    0,
    ...(values ?? []).map((value) => (typeof value === "string" ? value.length : 0)),
  );
  const size = {
    max: maxLength ?? (values === undefined || values.length === 0 ? maxRequestBytes : longest),
  };
  switch (format) {
    case "date":
    case "date-time":
      return scalar("google.protobuf.Timestamp", (value) =>
        typeof value === "string" ? new Date(value) : undefined,
      );
    case "duration":
      return scalar("google.protobuf.Duration", (value) =>
        typeof value === "string" ? goDuration(value) : undefined,
      );
    case "byte":
      return {
        ...scalar("bytes", (value) =>
          typeof value === "string" ? Uint8Array.from(atob(value), (char) => char.charCodeAt(0)) : undefined,
        ),
        size,
      };
    default:
      return { ...stringType, size };
  }
}

function listOf(item: CelType, maxItems: number | undefined): CelType {
  const max = maxItems ?? Math.floor(maxRequestBytes / minJsonBytes(item));
  return {
    name: `list<${item.name}>`,
    fromJson: (value) => (Array.isArray(value) ? value.map(item.fromJson) : undefined),
    objects: item.objects,
    size: { max, inner: item.size },
  };
}

/** The fewest bytes an item takes in a request, its comma included. */
function minJsonBytes({ name }: CelType): number {
  return name === "string" || name === "dyn" || name.startsWith("list") || name.startsWith("map") ? 3 : 2;
}

function objectOf(schema: JsonSchema, name: string): CelType {
  const values = valuesOf(schema);
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  if (schema.properties === undefined && values !== undefined) {
    const value = typeOfSchema(values, `${name}._value`);
    return {
      name: `map<string, ${value.name}>`,
      fromJson: (json) =>
        isObject(json)
          ? new Map(Object.entries(json).map(([key, member]) => [key, value.fromJson(member)]))
          : undefined,
      objects: value.objects,
      size: {
        max: schema.maxProperties ?? Math.floor(maxRequestBytes / 6),
        inner: value.size,
      },
    };
  }
  if (schema.properties === undefined && !isEmbedded) return dynType;
  const properties = isEmbedded ? { ...resourceProperties, ...schema.properties } : (schema.properties ?? {});
  return recordType(
    name,
    Object.entries(properties).map(([key, property]) => [
      key,
      typeOfSchema(property, `${name}.${escapeName(key)}`),
    ]),
  );
}

/** What of an object's metadata its rules see. */
const resourceProperties: Readonly<Record<string, JsonSchema>> = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: { type: "object", properties: { name: { type: "string" }, generateName: { type: "string" } } },
};

/** The type of a whole object of a custom kind. */
export function rootTypeOfSchema(schema: JsonSchema): CelType {
  return typeOfSchema({
    ...schema,
    properties: { ...schema.properties, ...resourceProperties },
    type: "object",
  });
}

/** A type that Kubernetes itself declares: its fields are reached under their own names, `namespace` too. */
export function declaredType(name: string, fields: Readonly<Record<string, CelType>>): CelType {
  return recordType(name, Object.entries(fields), (field) => field);
}

/** An object type with these fields. */
function recordType(
  name: string,
  fields: readonly (readonly [string, CelType])[],
  nameOf: (field: string) => string | undefined = escapeName,
): CelType {
  class CelObject {}
  const visible = fields.flatMap(([key, type]) => {
    const escaped = nameOf(key);
    return escaped === undefined ? [] : [{ key, escaped, type }];
  });
  const own: ObjectType = {
    name,
    create: CelObject,
    fields: Object.fromEntries(visible.map(({ escaped, type }) => [escaped, type.name])),
  };
  const fromJson = (json: unknown): unknown => {
    if (!isObject(json)) return undefined;
    const value: Record<string, unknown> = new CelObject() as Record<string, unknown>;
    for (const { key, escaped, type } of visible) {
      const member = Object.hasOwn(json, key) ? json[key] : undefined;
      if (member === undefined) continue;
      const inner = type.fromJson(member);
      if (inner !== undefined) value[escaped] = inner;
    }
    return value;
  };
  return {
    name,
    fromJson,
    objects: [...visible.flatMap(({ type }) => type.objects), own],
    size: {
      max: visible.length,
      fields: Object.fromEntries(visible.map(({ escaped, type }) => [escaped, type.size])),
    },
  };
}

const keywords = new Set([
  "as",
  "break",
  "const",
  "continue",
  "else",
  "false",
  "for",
  "function",
  "if",
  "import",
  "in",
  "let",
  "loop",
  "namespace",
  "null",
  "package",
  "return",
  "true",
  "var",
  "void",
  "while",
]);

/** A property's name as an identifier; undefined: it cannot be one. */
export function escapeName(name: string): string | undefined {
  if (keywords.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.$/-][\w.$/-]*$/.test(name) || name.includes("$")) return undefined;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}
