/** Definitions to make documents of, and a way to look into the documents. */
import assert from "node:assert/strict";
import type { ResourceDefinition } from "../../../api/definition.ts";

/** A pod's, apart from `over`. */
export function definition(over: Partial<ResourceDefinition>): ResourceDefinition {
  return {
    group: "",
    kind: "Pod",
    listKind: "PodList",
    plural: "pods",
    singular: "pod",
    namespaced: true,
    versions: ["v1"],
    strategy: {},
    columns: [],
    hasStatus: true,
    ...over,
  };
}

interface Parameter {
  readonly name?: string;
  readonly $ref?: string;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: object };
  readonly responses: Readonly<Record<string, { readonly content?: object; readonly schema?: object }>>;
}

interface Schema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly [extension: string]: unknown;
}

type PathItem = Readonly<Record<string, Operation>> & { readonly parameters: readonly Parameter[] };

interface Document {
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components?: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** What a document says, of either version; fails where it says nothing. */
export function facts(document: object) {
  const { paths, components, definitions } = document as Document; // what the writer makes
  const item = (path: string): PathItem => {
    const found = paths[path];
    assert.ok(found, path);
    return found;
  };
  return {
    paths: Object.keys(paths),
    item,
    operation(path: string, method: string): Operation {
      const found = item(path)[method];
      assert.ok(found, `${method} ${path}`);
      return found;
    },
    schema(name: string): Schema {
      const found = (components?.schemas ?? definitions)?.[name];
      assert.ok(found, name);
      return found;
    },
  };
}
