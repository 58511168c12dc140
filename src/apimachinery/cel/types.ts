/** CEL's types as environments declare them: names in the library's notation, and how JSON becomes a value of each. */
import { isObject, itemsOf, type JsonSchema, valuesOf } from "../structural-schema/json-schema.ts";
import { goDuration } from "./duration.ts";
import { asMerged } from "./merged-lists.ts";

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
  /** The fewest bytes a value takes as JSON, for how many fit in a request. */
  readonly minBytes: number;
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
  /** Of any other field: maps whose entries are written as fields. */
  readonly anyField?: SizeBounds;
}

/** A request cannot be larger. */
const maxRequestBytes = 3 * 1024 * 1024;
/** The longest string of a request, without its quotation marks. */
const longestString: SizeBounds = { max: maxRequestBytes - 2 };

const scalar = (name: string, fromJson: (value: unknown) => unknown, minBytes: number): CelType => ({
  name,
  fromJson,
  objects: [],
  // Upstream gives numbers and booleans no length.
  size: { max: 0 },
  minBytes,
});

/** A value whose type is found when it is looked at. */
export const dynType: CelType = {
  name: "dyn",
  fromJson: dynFromJson,
  objects: [],
  size: longestString,
  minBytes: 1,
};
const boolType = scalar("bool", (value) => value, 4);
const intType = scalar(
  "int",
  (value) => (typeof value === "number" ? BigInt(Math.trunc(value)) : undefined),
  1,
);
const doubleType = scalar("double", (value) => value, 1);
const stringType: CelType = { ...scalar("string", (value) => value, 2), size: longestString };

/** How many values fit in a request beside each other, given the fewest bytes of one (`maxCardinality`). */
export function mostInRequest(minBytes: number): number {
  return Math.floor(maxRequestBytes / (minBytes + 1));
}

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

/** The type of what a schema describes; where it says nothing of it, any. */
export function typeOfSchema(schema: JsonSchema, name = "object"): CelType {
  return visibleType(schema, name) ?? dynType;
}

/** Undefined: the schema says nothing of its values, so that CEL cannot see them. A value of any type may be null. */
function visibleType(schema: JsonSchema, name: string): CelType | undefined {
  const type = typeOf(schema, name);
  if (type === undefined || schema.nullable !== true) return type;
  return { ...type, fromJson: (value) => (value === null ? null : type.fromJson(value)) };
}

function typeOf(schema: JsonSchema, name: string): CelType | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) return { ...dynType, size: lengthOf(schema) };
  switch (schema.type) {
    case "boolean":
      return boolType;
    case "integer":
      return intType;
    case "number":
      return doubleType;
    case "string":
      return stringOf(schema);
    case "array": {
      const item = visibleType(itemsOf(schema) ?? {}, `${name}._item`);
      return item === undefined ? undefined : listOf(orNull(item, itemsOf(schema)), schema);
    }
    case "object":
      return objectOf(schema, name);
    default:
      return undefined;
  }
}

/** Characters may take four bytes each. */
function lengthOf({ maxLength }: JsonSchema): SizeBounds {
  return maxLength === undefined ? longestString : { max: Math.max(0, maxLength) * 4 };
}

/** Times and durations, which have a length as text. */
const temporal = (
  name: string,
  fromJson: (text: string) => unknown,
  max: number,
  minBytes: number,
): CelType => ({
  ...scalar(name, (value) => (typeof value === "string" ? fromJson(value) : undefined), minBytes),
  size: { max },
});
const dateType = temporal("google.protobuf.Timestamp", (text) => new Date(text), 12, 12);
const dateTimeType = temporal("google.protobuf.Timestamp", (text) => new Date(text), 32, 21);
const durationType = temporal("google.protobuf.Duration", goDuration, 32, 3);

function stringOf(schema: JsonSchema): CelType {
  const { format, maxLength, enum: values = [] } = schema;
  switch (format) {
    case "date":
      return dateType;
    case "date-time":
      return dateTimeType;
    case "duration":
      return durationType;
    case "byte":
      return {
        ...temporal("bytes", (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)), 0, 2),
        size: maxLength === undefined ? longestString : { max: Math.max(0, maxLength) },
      };
    default: {
      const longest = Math.max(0, ...values.map((value) => (typeof value === "string" ? value.length : 0)));
      return {
        ...stringType,
        size: maxLength === undefined && values.length > 0 ? { max: longest } : lengthOf(schema),
      };
    }
  }
}

/** Items that may be null are told apart where they are looked at. */
const orNull = (type: CelType, schema: JsonSchema | undefined): CelType =>
  schema?.nullable === true ? { ...type, name: "dyn" } : type;

function listOf(item: CelType, schema: JsonSchema): CelType {
  const { maxItems, "x-kubernetes-list-type": listType, "x-kubernetes-list-map-keys": mapKeys = [] } = schema;
  const keys = listType === "map" ? mapKeys.map((key) => escapeName(key) ?? key) : undefined;
  const isMerged = listType === "set" || listType === "map";
  return {
    name: `list<${item.name}>`,
    fromJson: (value) => {
      if (!Array.isArray(value)) return undefined;
      const list = value.map(item.fromJson);
      return isMerged ? asMerged(list, keys) : list;
    },
    objects: item.objects,
    size: {
      max:
        maxItems === undefined
          ? Math.floor((maxRequestBytes - 2) / (item.minBytes + 1))
          : Math.max(0, maxItems),
      inner: item.size,
    },
    minBytes: 2,
  };
}

function objectOf(schema: JsonSchema, name: string): CelType | undefined {
  const values = valuesOf(schema);
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  if (schema.properties === undefined && values !== undefined) {
    const visible = visibleType(values, `${name}._value`);
    if (visible === undefined) return undefined;
    const value = orNull(visible, values);
    return {
      name: `map<string, ${value.name}>`,
      fromJson: (json) =>
        isObject(json)
          ? new Map(Object.entries(json).map(([key, member]) => [key, value.fromJson(member)]))
          : undefined,
      objects: value.objects,
      size: {
        max:
          schema.maxProperties === undefined
            ? Math.floor((maxRequestBytes - 2) / (value.minBytes + 6))
            : Math.max(0, schema.maxProperties),
        inner: value.size,
      },
      minBytes: 2,
    };
  }
  const properties = isEmbedded ? { ...resourceProperties, ...schema.properties } : (schema.properties ?? {});
  const fields = Object.entries(properties).flatMap(([key, property]) => {
    const type = visibleType(property, `${name}.${escapeName(key)}`);
    return type === undefined ? [] : [[key, type] as const];
  });
  const required = fields.filter(
    ([key]) => schema.required?.includes(key) === true && properties[key]?.default === undefined,
  );
  return {
    ...recordType(name, fields, escapeName, true),
    minBytes: required.reduce((total, [key, type]) => total + key.length + type.minBytes + 4, 2),
  };
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
  /** Whether fields that cannot be reached count when values are compared. */
  keepsOthers = false,
): CelType {
  class CelObject {}
  const visible = fields.flatMap(([key, type]) => {
    const escaped = nameOf(key);
    return escaped === undefined ? [] : [{ key, escaped, type }];
  });
  const own: ObjectType = {
    name,
    create: CelObject,
    fields: Object.fromEntries(visible.flatMap(({ escaped, type }) => named(escaped, type.name))),
  };
  const known = new Set(fields.map(([key]) => key));
  const fromJson = (json: unknown): unknown => {
    if (!isObject(json)) return undefined;
    const value: Record<string, unknown> = new CelObject() as Record<string, unknown>;
    for (const { key, escaped, type } of visible) {
      const member = Object.hasOwn(json, key) ? json[key] : undefined;
      // A field that is null is as good as none.
      if (member === undefined || member === null) continue;
      const inner = type.fromJson(member);
      if (inner !== undefined) for (const [each] of named(escaped, type)) value[each] = inner;
    }
    if (keepsOthers)
      for (const [key, member] of Object.entries(json)) if (!known.has(key)) value[key] = dynFromJson(member);
    return value;
  };
  return {
    name,
    fromJson,
    objects: [...visible.flatMap(({ type }) => type.objects), own],
    minBytes: 2,
    size: {
      max: 0,
      fields: Object.fromEntries(visible.flatMap(({ escaped, type }) => named(escaped, type.size))),
    },
  };
}

/** Fields whose names the language keeps for itself have two names: `self.if`, and `self.__if__` as it was before. */
function named<T>(escaped: string, value: T): readonly (readonly [string, T])[] {
  const plain = /^__(\w+)__$/.exec(escaped)?.[1];
  return plain !== undefined && keywords.has(plain)
    ? [
        [escaped, value],
        [plain, value],
      ]
    : [[escaped, value]];
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
