/** Whole OpenAPI documents: one a group version in version 3, one for all in version 2. */
import type { ResourceDefinition } from "../../api/definition.ts";
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import type { SchemaTables } from "../../apimachinery/schema/tables.ts";
import { schemaV2 } from "./custom-schema.ts";
import { describeCommonField } from "./descriptions.ts";
import { type OpenApiSchema, type OpenApiVersion, SchemaCollector } from "./model-schemas.ts";
import { type Operation, operationsOf } from "./operations.ts";
import { type Parameter, parametersOf, pathParameter, prettyParameter } from "./parameters.ts";

/** A definition in one of its served versions. */
export interface ServedKind {
  readonly definition: ResourceDefinition;
  readonly version: string;
  /** The schema of a custom kind, as its definition has it; built-in kinds are in the tables. */
  readonly schema?: OpenApiSchema;
}

export interface DocumentInput {
  readonly tables: SchemaTables;
  readonly kinds: readonly ServedKind[];
  /** All group versions of the server: those that DeleteOptions belongs to. */
  readonly groupVersions: readonly { readonly group: string; readonly version: string }[];
  /** The server's version, such as v1.36.0. */
  readonly serverVersion: string;
}

const objectMediaTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const watchMediaTypes = ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"];
const patchMediaTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];

export function documentV3(input: DocumentInput): object {
  const references = new References(3, input);
  const paths = pathsOf(input, (operation) => operationV3(operation, references), parameterV3);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: input.serverVersion },
    paths,
    components: {
      schemas: references.finish(),
      securitySchemes: { BearerToken: bearerToken },
    },
  };
}

export function documentV2(input: DocumentInput): object {
  const references = new References(2, input);
  const shared = new Map<string, Parameter>();
  const paths = pathsOf(
    input,
    (operation) => operationV2(operation, references, shared),
    (parameter) => sharedParameter(parameter, shared),
  );
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: input.serverVersion },
    paths,
    definitions: references.finish(),
    parameters: Object.fromEntries([...shared].map(([name, parameter]) => [name, parameterV2(parameter)])),
    securityDefinitions: { BearerToken: bearerToken },
    security: [{ BearerToken: [] }],
  };
}

const bearerToken = { description: "A bearer token.", in: "header", name: "authorization", type: "apiKey" };

/** References to kinds: of the tables, or of custom definitions. */
class References {
  readonly #collector: SchemaCollector;
  readonly #custom = new Map<string, OpenApiSchema>();

  constructor(version: OpenApiVersion, { tables, kinds, groupVersions }: DocumentInput) {
    this.#collector = new SchemaCollector(version, tables, groupVersions);
    for (const { definition, version: served, schema } of kinds) {
      if (schema === undefined) continue;
      const kind = { group: definition.group, version: served, kind: definition.kind };
      const item = this.#add(kind, withTypeMeta(version, kind, schema, this.#meta("ObjectMeta")));
      const list = { ...kind, kind: definition.listKind };
      this.#add(list, listSchema(list, item, this.#meta("ListMeta")));
    }
  }

  #meta(name: string): OpenApiSchema {
    return this.#collector.kindReference("meta.k8s.io", "v1", name) ?? { type: "object" };
  }

  #add(kind: GroupVersionKind, schema: OpenApiSchema): OpenApiSchema {
    const reference = this.#collector.addedReference(customName(kind), schema);
    this.#custom.set(keyOf(kind), reference);
    return reference;
  }

  isCustom(kind: GroupVersionKind): boolean {
    return this.#custom.has(keyOf(kind));
  }

  of(kind: GroupVersionKind): OpenApiSchema {
    const known =
      this.#custom.get(keyOf(kind)) ?? this.#collector.kindReference(kind.group, kind.version, kind.kind);
    return known ?? { type: "object" };
  }

  finish(): Readonly<Record<string, OpenApiSchema>> {
    return this.#collector.finish();
  }
}

function keyOf({ group, version, kind }: GroupVersionKind): string {
  return `${group}/${version}/${kind}`;
}

/** `example.com/v1 Thing` is `com.example.v1.Thing`. */
function customName({ group, version, kind }: GroupVersionKind): string {
  return `${group.split(".").toReversed().join(".")}.${version}.${kind}`;
}

const typeMetaProperties = {
  apiVersion: { type: "string", description: describeCommonField("apiVersion") },
  kind: { type: "string", description: describeCommonField("kind") },
};

/** In version 3, what stands beside a reference is ignored by the letter; allOf keeps both. */
function describedReference(version: OpenApiVersion, reference: OpenApiSchema): OpenApiSchema {
  const description = describeCommonField("metadata");
  return version === 2 ? { description, ...reference } : { description, allOf: [reference] };
}

function withTypeMeta(
  version: OpenApiVersion,
  kind: GroupVersionKind,
  schema: OpenApiSchema,
  metadata: OpenApiSchema,
): OpenApiSchema {
  const kinds = { "x-kubernetes-group-version-kind": [kind] };
  // Whatever version 2 names, kubectl of old takes for all there may be.
  if (version === 2 && schema["x-kubernetes-preserve-unknown-fields"] === true)
    return { type: "object", ...kinds };
  const own = version === 2 ? schemaV2(schema) : schema;
  return {
    ...own,
    type: "object",
    properties: {
      ...(own.properties as object | undefined),
      ...typeMetaProperties,
      metadata: describedReference(version, metadata),
    },
    ...kinds,
  };
}

function listSchema(kind: GroupVersionKind, item: OpenApiSchema, metadata: OpenApiSchema): OpenApiSchema {
  return {
    type: "object",
    required: ["items"],
    properties: { ...typeMetaProperties, items: { type: "array", items: item }, metadata },
    "x-kubernetes-group-version-kind": [kind],
  };
}

function pathsOf(
  { kinds }: DocumentInput,
  writeOperation: (operation: Operation) => object,
  writeParameter: (parameter: Parameter) => object,
): Readonly<Record<string, object>> {
  const paths = new Map<string, Record<string, object>>();
  for (const { definition, version } of kinds) {
    for (const operation of operationsOf(definition, version)) {
      const item = paths.get(operation.path) ?? {
        parameters: pathParameters(operation.path).map(writeParameter),
      };
      item[operation.method] = writeOperation(operation);
      paths.set(operation.path, item);
    }
  }
  return Object.fromEntries([...paths].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function pathParameters(path: string): Parameter[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => pathParameter(name));
  return [...names, prettyParameter];
}

function operationBase({ operationId, tag, action, kind }: Operation): object {
  return {
    operationId,
    tags: [tag],
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": kind,
  };
}

/** Strategic merge needs more than a schema says of a custom kind: clients must not send it. */
function patchTypesOf({ kind }: Operation, references: References): readonly string[] {
  return references.isCustom(kind)
    ? patchMediaTypes.filter((type) => type !== "application/strategic-merge-patch+json")
    : patchMediaTypes;
}

function resultMediaTypes({ action, result }: Operation): readonly string[] {
  if (result === undefined) return ["*/*"];
  return action === "list" ? [...objectMediaTypes, ...watchMediaTypes] : objectMediaTypes;
}

function operationV3(operation: Operation, references: References): object {
  const { action, body, result } = operation;
  const schema = result === undefined ? { type: "string" } : references.of(result);
  const bodyTypes = action === "patch" ? patchTypesOf(operation, references) : ["*/*"];
  const content = (types: readonly string[], of: OpenApiSchema) =>
    Object.fromEntries(types.map((type) => [type, { schema: of }]));
  return {
    ...operationBase(operation),
    parameters: parametersOf[action].map(parameterV3),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            content: content(bodyTypes, references.of(body)),
            ...(action.startsWith("delete") ? {} : { required: true }),
          },
        }),
    responses: {
      "200": { description: "OK", content: content(resultMediaTypes(operation), schema) },
      ...(action === "post" || action === "put" || action === "patch"
        ? { "201": { description: "Created", content: content(resultMediaTypes(operation), schema) } }
        : {}),
      "401": { description: "Unauthorized" },
    },
  };
}

function parameterV3({ name, in: place, type, description }: Parameter): object {
  const required = place === "path" ? { required: true } : {};
  return { name, in: place, description, ...required, schema: { type, uniqueItems: true } };
}

function operationV2(operation: Operation, references: References, shared: Map<string, Parameter>): object {
  const { action, body, result } = operation;
  const schema = result === undefined ? { type: "string" } : references.of(result);
  const bodyParameter = body === undefined ? [] : [bodyV2(operation, references.of(body))];
  const answer = { description: "OK", schema };
  return {
    ...operationBase(operation),
    consumes: action === "patch" ? patchTypesOf(operation, references) : ["*/*"],
    produces: resultMediaTypes(operation),
    schemes: ["https"],
    parameters: [...bodyParameter, ...parametersOf[action].map((each) => sharedParameter(each, shared))],
    responses: {
      "200": answer,
      ...(action === "post" || action === "put" || action === "patch" ? { "201": answer } : {}),
      "401": { description: "Unauthorized" },
    },
  };
}

function bodyV2({ action }: Operation, schema: OpenApiSchema): object {
  return { name: "body", in: "body", ...(action.startsWith("delete") ? {} : { required: true }), schema };
}

/** Clients look for these two in the operation itself. */
const inlineParameters = new Set(["dryRun", "fieldValidation"]);

function sharedParameter(parameter: Parameter, shared: Map<string, Parameter>): object {
  if (inlineParameters.has(parameter.name) || parameter.in === "path") return parameterV2(parameter);
  shared.set(parameter.name, parameter);
  return { $ref: `#/parameters/${parameter.name}` };
}

function parameterV2({ name, in: place, type, description }: Parameter): object {
  return {
    name,
    in: place,
    description,
    type,
    uniqueItems: true,
    ...(place === "path" ? { required: true } : {}),
  };
}
