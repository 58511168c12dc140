import { createHash } from "node:crypto";
import type { GoField, GoPackage } from "./go-source.ts";
import type { Swagger, SwaggerSchema } from "./swagger.ts";

/** The document that `src/apimachinery/schema/tables.ts` reads; the notation of a field is described there. */
export interface SchemaDocument {
  /** A hash of the packages: what is made from the tables can be kept by it. */
  readonly digest: string;
  readonly packages: Readonly<Record<string, SchemaPackage>>;
}

interface SchemaPackage {
  readonly group: string;
  readonly version: string;
  /** What its definitions are called in OpenAPI, without the last part. */
  readonly openApiPrefix: string;
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly models: Readonly<Record<string, string>>;
}

/** Go types whose JSON form is not that of their fields. */
const wireTypes: Readonly<Record<string, string>> = {
  string: "string",
  bool: "bool",
  int: "int64",
  int32: "int32",
  int64: "int64",
  float64: "double",
  "[]byte": "bytes",
  "types.UID": "string",
  "types.NodeName": "string",
  "resource.Quantity": "quantity",
  "intstr.IntOrString": "intOrString",
  "runtime.RawExtension": "raw",
  "meta.v1.Time": "time",
  "meta.v1.MicroTime": "microTime",
  "meta.v1.Duration": "duration",
  "meta.v1.FieldsV1": "fieldsV1",
  "apiextensions.v1.JSON": "json",
  "apiextensions.v1.JSONSchemaPropsOrArray": "schemaOrArray",
  "apiextensions.v1.JSONSchemaPropsOrBool": "schemaOrBool",
  "apiextensions.v1.JSONSchemaPropsOrStringArray": "schemaOrStrings",
};

export function schemaDocument(packages: readonly GoPackage[], swagger: Swagger): SchemaDocument {
  const byKey = new Map(packages.map((each) => [packageKey(each), each]));
  const result: Record<string, SchemaPackage> = {};
  for (const [key, each] of [...byKey].toSorted(([left], [right]) => (left < right ? -1 : 1))) {
    const openApiPrefix = prefixOf(each, swagger);
    const models: Record<string, string> = {};
    const enums: Record<string, readonly string[]> = {};
    for (const [name, values] of each.enums)
      if (values.length > 0) enums[name] = values.map((value) => enumValue(value, each, byKey)).toSorted();
    for (const [name, fields] of each.structs) {
      if (!isExported(name) || wireTypes[`${key}.${name}`] !== undefined || name === "TypeMeta") continue;
      // Internal forms (InternalEvent) have no message and no JSON.
      if (!each.messages.has(name)) continue;
      const schema = swagger.definitions[`${openApiPrefix}.${outerOf(name, each, swagger, openApiPrefix)}`];
      const tokens = fields.flatMap((field) => fieldTokens(field, each, byKey, schema));
      if (schema?.["x-kubernetes-map-type"] === "atomic") tokens.unshift("%atomic");
      models[name] = tokens.join(" ");
    }
    result[key] = { group: each.group, version: each.version, openApiPrefix, enums, models };
  }
  const digest = createHash("sha256").update(JSON.stringify(result)).digest("hex");
  return { digest, packages: result };
}

/** The definition that describes a struct's fields: its own, or that of a struct which inlines it. */
function outerOf(name: string, { structs }: GoPackage, { definitions }: Swagger, prefix: string): string {
  if (definitions[`${prefix}.${name}`] !== undefined) return name;
  for (const [outer, fields] of structs) {
    const inlines = fields.some((field) => field.inline && field.goType === name);
    if (inlines && definitions[`${prefix}.${outer}`] !== undefined) return outer;
  }
  return name;
}

function packageKey({ folder, version }: { readonly folder: string; readonly version: string }): string {
  return `${folder}.${version}`;
}

function prefixOf({ folder, version }: GoPackage, swagger: Swagger): string {
  const ending = new RegExp(`^(io\\.k8s\\.(?:.*\\.)?${folder}\\.${version})\\.\\w+$`);
  for (const definition of Object.keys(swagger.definitions)) {
    const match = ending.exec(definition);
    if (match?.[1] !== undefined) return match[1];
  }
  return `io.k8s.api.${folder}.${version}`;
}

function isExported(name: string): boolean {
  return /^[A-Z]/.test(name);
}

function fieldTokens(
  field: GoField,
  home: GoPackage,
  packages: ReadonlyMap<string, GoPackage>,
  schema: SwaggerSchema | undefined,
): string[] {
  if (field.inline && /\bTypeMeta$/.test(field.goType)) return ["kind|string||e", "apiVersion|string||e"];
  const pointer = field.goType.startsWith("*");
  const type = typeToken(pointer ? field.goType.slice(1) : field.goType, home, packages);
  const property = schema?.properties?.[field.json];
  const flags = [
    pointer ? "p" : "",
    field.omitEmpty ? "e" : "",
    field.omitZero ? "z" : "",
    schema?.required?.includes(field.json) === true ? "r" : "",
    property?.["x-kubernetes-map-type"] === "atomic" ? "a" : "",
    property?.["x-kubernetes-map-type"] === "granular" ? "g" : "",
  ].join("");
  const parts = [
    field.inline ? "" : field.json,
    type,
    field.protoNumber === undefined ? "" : String(field.protoNumber),
    flags,
    property?.["x-kubernetes-list-type"] ?? "",
    property?.["x-kubernetes-list-map-keys"]?.join(",") ?? "",
    field.patchStrategy ?? "",
    field.patchMergeKey ?? "",
    field.defaultJson ?? "",
  ];
  while (parts.at(-1) === "") parts.pop();
  return [parts.join("|")];
}

function typeToken(goType: string, home: GoPackage, packages: ReadonlyMap<string, GoPackage>): string {
  const wire = wireTypes[goType];
  if (wire !== undefined) return wire;
  if (goType.startsWith("[]")) return `[${typeToken(goType.slice(2), home, packages)}`;
  const map = /^map\[[\w.]+\](.*)$/.exec(goType);
  if (map !== null) return `{${typeToken(map[1] ?? "", home, packages)}`;
  const [alias, foreign] = goType.includes(".") ? goType.split(".") : [undefined, goType];
  const owner = alias === undefined ? home : importedPackage(alias, home, packages);
  const name = foreign ?? goType;
  const qualified = `${packageKey(owner)}.${name}`;
  const special = wireTypes[qualified];
  if (special !== undefined) return special;
  if (owner.structs.has(name)) return owner === home ? name : qualified;
  const target = owner.aliases.get(name);
  if (target === undefined) throw new Error(`${home.folder}: no declaration of ${goType}`);
  const token = typeToken(target, owner, packages);
  // A named slice is a message of its own in protobuf, a plain list in JSON.
  if (owner.messages.has(name) && target.startsWith("[]")) return `(${token.slice(1)}`;
  if ((owner.enums.get(name)?.length ?? 0) > 0) return `$${owner === home ? name : qualified}`;
  return token;
}

function enumValue(value: string, home: GoPackage, packages: ReadonlyMap<string, GoPackage>): string {
  const [, alias, name = ""] = /^(\w+)\.(\w+)$/.exec(value) ?? [];
  if (alias === undefined || !home.imports.has(alias)) return value;
  return importedPackage(alias, home, packages).constants.get(name) ?? value;
}

function importedPackage(
  alias: string,
  home: GoPackage,
  packages: ReadonlyMap<string, GoPackage>,
): GoPackage {
  const path = home.imports.get(alias)?.split("/") ?? [];
  const found = packages.get(path.slice(-2).join("."));
  if (found === undefined) throw new Error(`${home.folder}: import ${alias} is of no package that was read`);
  return found;
}
