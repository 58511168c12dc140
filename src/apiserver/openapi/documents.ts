/** Whole OpenAPI documents: one a group version in version 3, one for all in version 2. */
import type { ResourceDefinition } from "../../api/definition.ts";
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import type { SchemaTables } from "../../apimachinery/schema/tables.ts";
import { customName, listSchema, objectSchema } from "./custom-schemas.ts";
import type { GroupVersion } from "./discovery-operations.ts";
import { type OpenApiSchema, type OpenApiVersion, SchemaCollector } from "./model-schemas.ts";
import type { Operation } from "./operations.ts";
import type { Parameter } from "./parameters.ts";

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
  /** Those of the kinds, and others. */
  readonly operations: () => readonly Operation[];
  /** What a document of version 3 is about; absent: it is about none, or about all. */
  readonly about?: GroupVersion | "custom";
  readonly info: { readonly title: string; readonly version: string };
}

export function documentV3(input: DocumentInput): object {
  const references = new References(3, input);
  const paths = pathsOf(input, (operation) => operationV3(operation, references), parameterV3);
  const schemas = references.finish();
  return {
    openapi: "3.0.0",
    info: input.info,
    paths,
    components: {
      ...(Object.keys(schemas).length === 0 ? {} : { schemas }),
      ...(isCustom(input) ? {} : { securitySchemes: { BearerToken: bearerToken } }),
    },
  };
}

function isCustom({ kinds }: DocumentInput): boolean {
  return kinds.some(({ schema }) => schema !== undefined);
}

export function documentV2(input: DocumentInput): object {
  const references = new References(2, input);
  const shared = new Map<string, object>();
  const write = (parameter: Parameter): object => {
    if (parameter.shared === undefined) return parameterV2(parameter);
    shared.set(parameter.shared, parameterV2(parameter));
    return { $ref: `#/parameters/${parameter.shared}` };
  };
  const paths = pathsOf(input, (operation) => operationV2(operation, references, write), write);
  for (const [name, body] of sharedBodies(references)) shared.set(name, body);
  return {
    swagger: "2.0",
    info: input.info,
    paths,
    definitions: references.finish(),
    parameters: Object.fromEntries([...shared].toSorted(byKey)),
    securityDefinitions: { BearerToken: bearerToken },
    security: [{ BearerToken: [] }],
  };
}

const bearerToken = { description: "A bearer token.", type: "apiKey", name: "authorization", in: "header" };

/** References to kinds: of the tables, or of custom definitions. */
class References {
  readonly #collector: SchemaCollector;
  readonly #custom = new Map<string, OpenApiSchema>();

  constructor(version: OpenApiVersion, { tables, kinds, about }: DocumentInput) {
    this.#collector = new SchemaCollector(version, tables, about);
    for (const { definition, version: served, schema } of kinds) {
      if (schema === undefined) continue;
      const kind = { group: definition.group, version: served, kind: definition.kind };
      const selectableFields = Object.keys(definition.selectableFields ?? {});
      const facts = { kind, selectableFields };
      const item = this.#add(kind, objectSchema(version, facts, schema, this.#meta("ObjectMeta")));
      const list = { ...kind, kind: definition.listKind };
      this.#add(list, listSchema(version, { ...facts, kind: list }, item, this.#meta("ListMeta")));
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

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}

/** Parameters that all operations of a path take stand at the path. */
function pathsOf(
  { operations }: DocumentInput,
  writeOperation: (operation: Operation) => object,
  writeParameter: (parameter: Parameter) => object,
): Readonly<Record<string, object>> {
  const byPath = Map.groupBy(operations(), ({ path }) => path);
  const items = [...byPath].map(([path, members]): [string, object] => {
    const [first, ...others] = members.map(({ parameters }) => parameters);
    const common = (first ?? []).filter((parameter) => others.every((each) => each.includes(parameter)));
    const methods = members.map((operation): [string, object] => [
      operation.method,
      writeOperation({
        ...operation,
        parameters: operation.parameters.filter((parameter) => !common.includes(parameter)),
      }),
    ]);
    const parameters = common.length === 0 ? {} : { parameters: common.toSorted(byName).map(writeParameter) };
    return [path, { ...Object.fromEntries(methods), ...parameters }];
  });
  return Object.fromEntries(items.toSorted(byKey));
}

function byName(left: Parameter, right: Parameter): number {
  return `${left.name} ${left.in}` < `${right.name} ${right.in}` ? -1 : 1;
}

function extensionsOf({ about }: Operation): object {
  if (about === undefined) return {};
  return { "x-kubernetes-action": about.action, "x-kubernetes-group-version-kind": about.kind };
}

/** Bodies that a client may leave out. */
function isOptional({ about }: Operation): boolean {
  return about?.action === "delete" || about?.action === "deletecollection";
}

function responsesOf({ codes }: Operation, answer: object): object {
  const words = { 200: "OK", 201: "Created", 202: "Accepted" } as const;
  return {
    ...Object.fromEntries(codes.map((code) => [code, { description: words[code], ...answer }])),
    401: { description: "Unauthorized" },
  };
}

function resultOf({ result }: Operation, references: References): OpenApiSchema {
  return result === undefined ? { type: "string" } : references.of(result);
}

function operationV3(operation: Operation, references: References): object {
  const { body, consumes = [], produces, tag, operationId, parameters } = operation;
  const content = (types: readonly string[], schema: OpenApiSchema) => ({
    content: Object.fromEntries(types.map((type) => [type, { schema }])),
  });
  return {
    tags: [tag],
    operationId,
    ...(parameters.length === 0 ? {} : { parameters: parameters.toSorted(byName).map(parameterV3) }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            ...content(consumes, references.of(body)),
            ...(isOptional(operation) ? {} : { required: true }),
          },
        }),
    responses: responsesOf(operation, content(produces, resultOf(operation, references))),
    ...extensionsOf(operation),
  };
}

function parameterV3({ name, in: place, type, description }: Parameter): object {
  const required = place === "path" ? { required: true } : {};
  return { name, in: place, description, ...required, schema: { type, uniqueItems: true } };
}

function operationV2(
  operation: Operation,
  references: References,
  write: (parameter: Parameter) => object,
): object {
  const { body, consumes, produces, tag, operationId } = operation;
  const parameters = operation.parameters.toSorted(byName).map(write);
  if (body !== undefined) parameters.unshift(bodyV2(operation, body, references));
  return {
    ...(consumes === undefined ? {} : { consumes }),
    produces,
    schemes: ["https"],
    tags: [tag],
    operationId,
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: responsesOf(operation, { schema: resultOf(operation, references) }),
    ...extensionsOf(operation),
  };
}

/** Bodies of operations on any kind, by what upstream calls them. */
const sharedBodyNames: Readonly<Record<string, string>> = {
  DeleteOptions: "body-2Y1dVQaQ",
  Patch: "body-78PwaGsr",
};

function bodyV2(operation: Operation, kind: GroupVersionKind, references: References): object {
  const shared = sharedBodyNames[kind.kind];
  if (shared !== undefined) return { $ref: `#/parameters/${shared}` };
  return {
    name: "body",
    in: "body",
    ...(isOptional(operation) ? {} : { required: true }),
    schema: references.of(kind),
  };
}

function sharedBodies(references: References): [string, object][] {
  return Object.entries(sharedBodyNames).map(([kind, name]) => {
    const schema = references.of({ group: "meta.k8s.io", version: "v1", kind });
    return [name, { name: "body", in: "body", ...(kind === "Patch" ? { required: true } : {}), schema }];
  });
}

function parameterV2({ name, in: place, type, description }: Parameter): object {
  const required = place === "path" ? { required: true } : {};
  return { uniqueItems: true, type, description, name, in: place, ...required };
}
