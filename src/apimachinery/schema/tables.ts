/**
 * What is known of the API's types, as data: the tables drive decoding, pruning, patches, OpenAPI and protobuf. The
 * document is generated (`tools/schema`); a model's text is parsed when the model is first asked for.
 *
 * A model is its fields, separated by spaces; a field is
 * `json name|type|protobuf number|flags|list type|list map keys|patch strategy|patch merge key|default`.
 * Types: a scalar's name; `[T` a list, `{T` a map by strings, `(string` a list that is a message of its own in
 * protobuf; `$Name` an enumeration; `Name` or `core.v1.Name` a model. An empty name inlines the model's fields in JSON.
 * Flags: `p` a pointer in Go (absence differs from zero), `e` omitempty, `z` omitzero, `r` required, `a` an atomic map, `g` a granular one.
 */
import { unreachable } from "../../base/assert.ts";

export interface SchemaDocument {
  /** A hash of the packages. */
  readonly digest?: string;
  readonly packages: Readonly<Record<string, SchemaPackageDocument>>;
}

export interface SchemaPackageDocument {
  readonly group: string;
  readonly version: string;
  readonly openApiPrefix: string;
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly models: Readonly<Record<string, string>>;
}

const scalarKinds = [
  "string",
  "bool",
  "int32",
  "int64",
  "double",
  "bytes",
  "quantity",
  "time",
  "microTime",
  "duration",
  "intOrString",
  "raw",
  "json",
  "fieldsV1",
] as const;

/** The unions of JSON Schema: a schema, or else a list of schemas, a bool, a list of names. */
const unionKinds = ["schemaOrArray", "schemaOrBool", "schemaOrStrings"] as const;

export type ScalarKind = (typeof scalarKinds)[number];
export type UnionKind = (typeof unionKinds)[number];

/** What a value looks like. */
export type Shape =
  | { readonly kind: ScalarKind; readonly values?: readonly string[] }
  /** `wrapped`: in protobuf, a message with the list as its only field. */
  | { readonly kind: "list"; readonly item: Shape; readonly wrapped: boolean }
  | { readonly kind: "map"; readonly value: Shape }
  | { readonly kind: UnionKind; readonly model: Model }
  | { readonly kind: "model"; readonly model: Model };

export interface Field {
  readonly name: string;
  readonly shape: Shape;
  /** Undefined where protobuf has no such field. */
  readonly protoNumber: number | undefined;
  /** Absence differs from the zero value. */
  readonly pointer: boolean;
  /** Go leaves out the zero value: "", 0, false, an empty list or map; never an empty struct. */
  readonly omitEmpty: boolean;
  /** Go leaves out the zero value of any type. */
  readonly omitZero: boolean;
  /** Go writes it even when it was never set: the zero value, or an empty struct. */
  readonly alwaysWritten: boolean;
  readonly required: boolean;
  /** Whether server-side apply treats the map or struct as one value; goes before what the model says. */
  readonly mapType: "atomic" | "granular" | undefined;
  readonly listType: "atomic" | "set" | "map" | undefined;
  readonly listMapKeys: readonly string[];
  readonly patchMerge: boolean;
  readonly patchRetainKeys: boolean;
  readonly patchReplace: boolean;
  readonly patchMergeKey: string | undefined;
  readonly defaultValue: string | number | boolean | undefined;
}

/** A model whose fields are inlined in JSON, and a message of its own in protobuf. */
export interface Embedded {
  readonly model: Model;
  readonly protoNumber: number;
  readonly pointer: boolean;
}

interface ParsedModel {
  readonly fields: readonly Field[];
  readonly byName: ReadonlyMap<string, Field>;
  readonly own: readonly Field[];
  readonly embedded: readonly Embedded[];
  readonly atomic: boolean;
  readonly always: readonly Field[];
}

/** A struct of the API. Parsed on first use. */
export class Model {
  /** As in Go: `Pod`. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  /** `io.k8s.api.core.v1.Pod`. */
  readonly openApiName: string;
  readonly #parse: () => ParsedModel;
  #parsed: ParsedModel | undefined;

  constructor(name: string, home: SchemaPackageDocument, parse: () => ParsedModel) {
    this.name = name;
    this.group = home.group;
    this.version = home.version;
    this.openApiName = `${home.openApiPrefix}.${name}`;
    this.#parse = parse;
  }

  get #content(): ParsedModel {
    this.#parsed ??= this.#parse();
    return this.#parsed;
  }

  /** All fields of the JSON form, inlined ones included, in Go's order. */
  get fields(): readonly Field[] {
    return this.#content.fields;
  }

  /** The field of this JSON name. */
  field(name: string): Field | undefined {
    return this.#content.byName.get(name);
  }

  /** The fields that are not inlined from another model. */
  get ownFields(): readonly Field[] {
    return this.#content.own;
  }

  get embedded(): readonly Embedded[] {
    return this.#content.embedded;
  }

  /** Server-side apply treats the whole struct as one value. */
  get atomic(): boolean {
    return this.#content.atomic;
  }

  /** The fields that Go writes even when they are zero. */
  get alwaysWritten(): readonly Field[] {
    return this.#content.always;
  }
}

export interface SchemaTables {
  /** Changes whenever the tables do. */
  readonly digest: string;
  /** A kind by its group, version and name; undefined when the tables do not have it. */
  kind(group: string, version: string, kind: string): Model | undefined;
  /** A model by its key, `core.v1.PodSpec`; throws when it does not exist. */
  model(key: string): Model;
  /** Every model. Parses nothing. */
  all(): IterableIterator<Model>;
}

/** Kinds that upstream registers in every group version, or with none. */
const everyGroupKinds = new Set([
  "APIGroup",
  "APIGroupList",
  "APIResourceList",
  "APIVersions",
  "CreateOptions",
  "DeleteOptions",
  "GetOptions",
  "ListOptions",
  "PatchOptions",
  "Status",
  "UpdateOptions",
  "WatchEvent",
]);

export function createSchemaTables(document: SchemaDocument): SchemaTables {
  const models = new Map<string, Model>();
  const packageOf = new Map<string, string>();
  const model = (key: string): Model => {
    const found = models.get(key);
    if (found === undefined) throw new Error(`schema: no model ${key}`);
    return found;
  };
  for (const [key, home] of Object.entries(document.packages)) {
    packageOf.set(`${home.group}/${home.version}`, key);
    const context = { document, key, model };
    for (const [name, text] of Object.entries(home.models))
      models.set(`${key}.${name}`, new Model(name, home, () => parseModel(text, context)));
  }
  return {
    digest: document.digest ?? "",
    kind(group, version, kind) {
      const key = packageOf.get(`${group}/${version}`);
      const own = key === undefined ? undefined : models.get(`${key}.${kind}`);
      return own ?? (everyGroupKinds.has(kind) ? models.get(`meta.v1.${kind}`) : undefined);
    },
    model,
    all: () => models.values(),
  };
}

interface ParseContext {
  readonly document: SchemaDocument;
  readonly key: string;
  readonly model: (key: string) => Model;
}

function parseModel(text: string, context: ParseContext): ParsedModel {
  const fields: Field[] = [];
  const own: Field[] = [];
  const embedded: Embedded[] = [];
  let atomic = false;
  for (const token of text === "" ? [] : text.split(" ")) {
    if (token === "%atomic") {
      atomic = true;
      continue;
    }
    const field = parseField(token, context);
    if (field.name !== "") {
      fields.push(field);
      own.push(field);
      continue;
    }
    if (field.shape.kind !== "model") throw new Error(`schema: ${token} inlines what is no model`);
    fields.push(...field.shape.model.fields);
    // An inlined struct without a number is part of the outer message, too.
    if (field.protoNumber === undefined) own.push(...field.shape.model.ownFields);
    else
      embedded.push({
        model: field.shape.model,
        protoNumber: field.protoNumber,
        pointer: field.pointer,
      });
  }
  const byName = new Map(fields.map((field) => [field.name, field]));
  return { fields, byName, own, embedded, atomic, always: fields.filter((field) => field.alwaysWritten) };
}

/** Never true for what Go would write as null or as a zero that the defaults then replace: those stay absent. */
function isAlwaysWritten(shape: Shape, flags: string): boolean {
  if (flags.includes("p") || flags.includes("z")) return false;
  switch (shape.kind) {
    case "model":
      return true;
    case "string":
    case "bool":
    case "int32":
    case "int64":
    case "double":
    case "list":
    case "map":
      return !flags.includes("e");
    default:
      return false;
  }
}

function parseField(token: string, context: ParseContext): Field {
  const [name = "", type = "", number = "", flags = "", listType, keys, strategy, mergeKey, defaultJson] =
    token.split("|");
  const shape = parseShape(type, context);
  return {
    name,
    shape,
    protoNumber: number === "" ? undefined : Number(number),
    pointer: flags.includes("p"),
    omitEmpty: flags.includes("e"),
    omitZero: flags.includes("z"),
    alwaysWritten: isAlwaysWritten(shape, flags),
    required: flags.includes("r"),
    mapType: flags.includes("a") ? "atomic" : flags.includes("g") ? "granular" : undefined,
    listType: listType === "atomic" || listType === "set" || listType === "map" ? listType : undefined,
    listMapKeys: keys === undefined || keys === "" ? [] : keys.split(","),
    patchMerge: strategy?.split(",").includes("merge") ?? false,
    patchRetainKeys: strategy?.split(",").includes("retainKeys") ?? false,
    patchReplace: strategy === "replace",
    patchMergeKey: mergeKey === "" ? undefined : mergeKey,
    defaultValue:
      defaultJson === undefined ? undefined : (JSON.parse(defaultJson) as string | number | boolean),
  };
}

// One object a scalar kind, shared by all fields.
const scalars = new Map<string, Shape>(scalarKinds.map((kind) => [kind, { kind }]));

function parseShape(type: string, context: ParseContext): Shape {
  const scalar = scalars.get(type);
  if (scalar !== undefined) return scalar;
  const union = unionKinds.find((kind) => kind === type);
  if (union !== undefined) return { kind: union, model: context.model(`${context.key}.JSONSchemaProps`) };
  const rest = type.slice(1);
  switch (type[0]) {
    case "[":
      return { kind: "list", item: parseShape(rest, context), wrapped: false };
    case "(":
      return { kind: "list", item: parseShape(rest, context), wrapped: true };
    case "{":
      return { kind: "map", value: parseShape(rest, context) };
    case "$": {
      const { key, name } = qualified(rest, context);
      const values = context.document.packages[key]?.enums[name];
      return values === undefined ? { kind: "string" } : { kind: "string", values };
    }
    default: {
      const { key, name } = qualified(type, context);
      return { kind: "model", model: context.model(`${key}.${name}`) };
    }
  }
}

function qualified(name: string, context: ParseContext): { key: string; name: string } {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? { key: context.key, name } : { key: name.slice(0, dot), name: name.slice(dot + 1) };
}

/** The type as Go's error messages name it: `int32`, `[]v1.Container`, `map[string]string`. */
export function goTypeName(shape: Shape): string {
  switch (shape.kind) {
    case "list":
      return `[]${goTypeName(shape.item)}`;
    case "map":
      return `map[string]${goTypeName(shape.value)}`;
    case "model":
      return `${shape.model.version}.${shape.model.name}`;
    case "double":
      return "float64";
    case "bytes":
      return "[]uint8";
    case "string":
    case "bool":
    case "int32":
    case "int64":
      return shape.kind;
    case "quantity":
      return "resource.Quantity";
    case "time":
      return "v1.Time";
    case "microTime":
      return "v1.MicroTime";
    case "duration":
      return "v1.Duration";
    case "intOrString":
      return "intstr.IntOrString";
    case "raw":
      return "runtime.RawExtension";
    case "json":
      return "v1.JSON";
    case "fieldsV1":
      return "v1.FieldsV1";
    case "schemaOrArray":
      return "v1.JSONSchemaPropsOrArray";
    case "schemaOrBool":
      return "v1.JSONSchemaPropsOrBool";
    case "schemaOrStrings":
      return "v1.JSONSchemaPropsOrStringArray";
    default:
      return unreachable(shape);
  }
}
