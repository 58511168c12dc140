/** The tables' models as OpenAPI schemas, of version 2 or 3. */
import { publishedDefault } from "../../apimachinery/schema/published-default.ts";
import type { Field, Model, SchemaTables, Shape } from "../../apimachinery/schema/tables.ts";
import { describeField, describeModel } from "./descriptions.ts";
import { codeVersionKind, type GroupVersion } from "./discovery-operations.ts";
import { machineryKinds } from "./everywhere-kinds.ts";

export type OpenApiVersion = 2 | 3;

export type OpenApiSchema = Readonly<Record<string, unknown>>;

const metaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** Names of definitions that are no models: what JSON holds there is a scalar, or anything. */
const wireNames: Readonly<Record<string, string>> = {
  quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  intOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  time: `${metaPrefix}.Time`,
  microTime: `${metaPrefix}.MicroTime`,
  duration: `${metaPrefix}.Duration`,
  raw: "io.k8s.apimachinery.pkg.runtime.RawExtension",
  fieldsV1: `${metaPrefix}.FieldsV1`,
  json: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
  schemaOrArray: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray",
  schemaOrBool: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool",
  schemaOrStrings: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray",
};

const patchDefinitionName = `${metaPrefix}.Patch`;
const codeVersionName = "io.k8s.apimachinery.pkg.version.Info";

/** Which field says which of the others counts; by definition. */
const unions: Readonly<Record<string, object>> = {
  "io.k8s.api.core.v1.AppArmorProfile": union("type", "localhostProfile"),
  "io.k8s.api.core.v1.PodSchedulingGroup": union(undefined, "podGroupName"),
  "io.k8s.api.core.v1.SeccompProfile": union("type", "localhostProfile"),
  "io.k8s.api.flowcontrol.v1.LimitResponse": union("type", "queuing"),
  "io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec": union("type", "exempt", "limited"),
  "io.k8s.api.flowcontrol.v1.Subject": union("kind", "group", "serviceAccount", "user"),
};

function union(discriminator: string | undefined, ...fields: readonly string[]): object {
  const names = fields.map((field) => [field, `${field.charAt(0).toUpperCase()}${field.slice(1)}`]);
  return {
    ...(discriminator === undefined ? {} : { discriminator }),
    "fields-to-discriminateBy": Object.fromEntries(names),
  };
}

/** References that nothing stands beside, for upstream has no comment there either. */
function isBare(model: Model, field: Field): boolean {
  if (model.name === "JSONSchemaProps") return field.name !== "default";
  return model.name === "IngressRule" && field.name === "http";
}

/** Collects the definitions that a document refers to, each once, with all they refer to. */
export class SchemaCollector {
  readonly #version: OpenApiVersion;
  readonly #tables: SchemaTables;
  readonly #found = new Map<string, OpenApiSchema>();
  readonly #pending: Model[] = [];
  /** What the document is about; undefined: everything. */
  readonly #about: GroupVersion | "custom" | undefined;

  constructor(version: OpenApiVersion, tables: SchemaTables, about: GroupVersion | "custom" | undefined) {
    this.#version = version;
    this.#tables = tables;
    this.#about = about;
  }

  /** A reference to a kind's definition. Undefined when the tables do not have it. */
  kindReference(group: string, version: string, kind: string): OpenApiSchema | undefined {
    if (group === "meta.k8s.io" && kind === "Patch") return this.#wireReference("patch", patchDefinitionName);
    if (group === codeVersionKind.group) return this.#wireReference("codeVersion", codeVersionName);
    const model = this.#tables.kind(group, version, kind);
    return model === undefined ? undefined : this.#reference(model);
  }

  /** Adds a definition that comes from elsewhere and refers to it. */
  addedReference(name: string, schema: OpenApiSchema): OpenApiSchema {
    this.#found.set(name, schema);
    return this.#referenceTo(name);
  }

  /** All that was referred to, by name. */
  finish(): Readonly<Record<string, OpenApiSchema>> {
    for (let model = this.#pending.pop(); model !== undefined; model = this.#pending.pop())
      this.#found.set(model.openApiName, this.#modelSchema(model));
    return Object.fromEntries([...this.#found].toSorted(([left], [right]) => (left < right ? -1 : 1)));
  }

  #referenceTo(name: string): OpenApiSchema {
    return { $ref: `#/${this.#version === 2 ? "definitions" : "components/schemas"}/${name}` };
  }

  #reference(model: Model): OpenApiSchema {
    if (!this.#found.has(model.openApiName)) {
      this.#found.set(model.openApiName, {});
      this.#pending.push(model);
    }
    return this.#referenceTo(model.openApiName);
  }

  #wireReference(kind: string, name: string): OpenApiSchema {
    if (!this.#found.has(name)) this.#found.set(name, wireSchema(kind, this.#version));
    return this.#referenceTo(name);
  }

  #modelSchema(model: Model): OpenApiSchema {
    const properties: Record<string, OpenApiSchema> = {};
    for (const field of model.fields.toSorted(byName)) properties[field.name] = this.#property(model, field);
    const required = model.fields.filter((field) => field.required).map((field) => field.name);
    const description = describeModel(model);
    const kinds = this.#kindsOf(model);
    const members = unions[model.openApiName];
    return {
      ...(description === undefined ? {} : { description }),
      type: "object",
      ...(required.length === 0 ? {} : { required }),
      ...(model.fields.length === 0 ? {} : { properties }),
      ...(kinds.length === 0 ? {} : { "x-kubernetes-group-version-kind": kinds }),
      ...(model.atomic ? { "x-kubernetes-map-type": "atomic" } : {}),
      ...(members === undefined ? {} : { "x-kubernetes-unions": [members] }),
    };
  }

  #kindsOf(model: Model): readonly object[] {
    const { name: kind, group, version } = model;
    if (kind === "WatchEvent") return machineryKinds(kind, this.#about);
    if (model.field("kind") === undefined || model.field("apiVersion")?.protoNumber !== undefined) return [];
    if (model.field("kind")?.protoNumber !== undefined) return [];
    return group === "meta.k8s.io" ? machineryKinds(kind, this.#about) : [{ group, kind, version }];
  }

  #property(model: Model, field: Field): OpenApiSchema {
    const description = describeField(model, field.name);
    const schema = this.#shape(field.shape);
    const extensions = {
      ...(field.listType === undefined ? {} : { "x-kubernetes-list-type": field.listType }),
      ...(field.listMapKeys.length === 0 ? {} : { "x-kubernetes-list-map-keys": field.listMapKeys }),
      ...(field.mapType === undefined ? {} : { "x-kubernetes-map-type": field.mapType }),
      ...patchExtensions(field),
    };
    const absent = this.#version === 3 ? publishedDefault(field) : undefined;
    const around = {
      ...(description === undefined ? {} : { description }),
      ...(absent === undefined ? {} : { default: absent }),
    };
    // In version 3, what stands beside a reference is ignored by the letter; allOf keeps both.
    if (this.#version === 3 && schema.$ref !== undefined && !isBare(model, field))
      return { ...around, allOf: [schema], ...extensions };
    return { ...around, ...schema, ...extensions };
  }

  #shape(shape: Shape): OpenApiSchema {
    switch (shape.kind) {
      case "model":
        return this.#reference(shape.model);
      case "list":
        return { type: "array", items: this.#shape(shape.item) };
      case "map":
        return { type: "object", additionalProperties: this.#shape(shape.value) };
      case "string":
        return shape.values === undefined ? { type: "string" } : { type: "string", enum: shape.values };
      case "bool":
        return { type: "boolean" };
      case "int32":
      case "int64":
        return { type: "integer", format: shape.kind };
      case "double":
        return { type: "number", format: "double" };
      case "bytes":
        return { type: "string", format: "byte" };
      default:
        return this.#wireReference(shape.kind, wireNames[shape.kind] ?? shape.kind);
    }
  }
}

function byName(left: Field, right: Field): number {
  return left.name < right.name ? -1 : 1;
}

function patchExtensions(field: Field): object {
  const strategies = [
    ...(field.patchMerge ? ["merge"] : []),
    ...(field.patchRetainKeys ? ["retainKeys"] : []),
    ...(field.patchReplace ? ["replace"] : []),
  ];
  return {
    ...(field.patchMergeKey === undefined ? {} : { "x-kubernetes-patch-merge-key": field.patchMergeKey }),
    ...(strategies.length === 0 ? {} : { "x-kubernetes-patch-strategy": strategies.join(",") }),
  };
}

function wireSchema(kind: string, version: OpenApiVersion): OpenApiSchema {
  switch (kind) {
    case "quantity":
      return {
        description: "An amount: digits with a suffix such as m, k, M, G, Ki, Mi or Gi.",
        ...(version === 3 ? { oneOf: [{ type: "string" }, { type: "number" }] } : { type: "string" }),
      };
    case "intOrString":
      return {
        description: "A number, or a text such as a name or a percentage.",
        format: "int-or-string",
        ...(version === 3 ? { oneOf: [{ type: "integer" }, { type: "string" }] } : { type: "string" }),
      };
    case "time":
    case "microTime":
      return { description: "A time as RFC 3339 writes it.", type: "string", format: "date-time" };
    case "duration":
      return { description: "A duration such as 1h30m.", type: "string" };
    case "codeVersion":
      return codeVersionSchema(version);
    case "raw":
    case "fieldsV1":
    case "patch":
      return { description: "Any JSON object.", type: "object" };
    default:
      return { description: "Any JSON." };
  }
}

/** What `/version` answers: texts, those of the emulated version where there is one. */
function codeVersionSchema(version: OpenApiVersion): OpenApiSchema {
  const required = [
    "major",
    "minor",
    "gitVersion",
    "gitCommit",
    "gitTreeState",
    "buildDate",
    "goVersion",
    "compiler",
    "platform",
  ];
  const optional = ["emulationMajor", "emulationMinor", "minCompatibilityMajor", "minCompatibilityMinor"];
  const zero = version === 3 ? { default: "" } : {};
  const properties = [
    ...required.map((name) => [name, { ...zero, type: "string" }]),
    ...optional.map((name) => [name, { type: "string" }]),
  ];
  return {
    description: "What the server was made from.",
    type: "object",
    required,
    properties: Object.fromEntries(properties),
  };
}
