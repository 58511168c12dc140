/** OpenAPI of what the server serves, made when asked for and kept until the definitions change. */
import type { ResourceDefinition } from "../../api/definition.ts";
import type { SchemaTables } from "../../apimachinery/schema/tables.ts";
import { discoveryOperations, type GroupVersion, resourcesOperation } from "./discovery-operations.ts";
import { type DocumentInput, documentV2, documentV3, type ServedKind } from "./documents.ts";
import { encodeGnosticV2 } from "./gnostic-v2.ts";
import { encodeGnosticV3 } from "./gnostic-v3.ts";
import type { OpenApiSchema } from "./model-schemas.ts";
import { groupVersionPath, operationsOf } from "./operations.ts";

export interface OpenApiDependencies {
  /** What is served now, built-in and custom. Changed documents follow when the list is another one. */
  readonly definitions: () => readonly ResourceDefinition[];
  readonly tables: SchemaTables;
  /** The schema of a custom kind, as its definition has it; undefined for a built-in one. */
  readonly customSchema?: (definition: ResourceDefinition, version: string) => OpenApiSchema | undefined;
  /** The server's version, such as v1.36.0. */
  readonly serverVersion: string;
}

export interface OpenApiDocument {
  readonly bytes: Uint8Array;
  /** Without quotes. It changes whenever the bytes do. */
  readonly etag: string;
}

export interface OpenApi {
  v2Json(): Promise<OpenApiDocument>;
  /** `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`. */
  v2Protobuf(): Promise<OpenApiDocument>;
  /** Which documents there are, each with its hash. */
  v3Index(): Promise<OpenApiDocument>;
  /** `api/v1`, `apis/apps/v1`. Undefined: there is none. */
  v3Document(path: string): Promise<OpenApiDocument | undefined>;
  /** The same as `application/com.github.proto-openapi.spec.v3@v1.0+protobuf`. */
  v3Protobuf(path: string): Promise<OpenApiDocument | undefined>;
}

/** Raised whenever the same definitions give other documents than before: clients keep documents by their hash. */
const generatorRevision = 3;

export function createOpenApi(dependencies: OpenApiDependencies): OpenApi {
  let seen: readonly ResourceDefinition[] | undefined;
  let current: Documents | undefined;
  const documents = (): Documents => {
    const definitions = dependencies.definitions();
    if (current === undefined || definitions !== seen) {
      seen = definitions;
      current = new Documents(dependencies, definitions);
    }
    return current;
  };
  return {
    v2Json: () => documents().v2Json(),
    v2Protobuf: () => documents().v2Protobuf(),
    v3Index: () => documents().v3Index(),
    v3Document: (path) => documents().v3Document(path),
    v3Protobuf: (path) => documents().v3Protobuf(path),
  };
}

class Documents {
  readonly #input: DocumentInput;
  readonly #byPath: ReadonlyMap<string, DocumentInput>;
  /** Documents that were asked for. */
  readonly #made = new Map<string, Promise<OpenApiDocument>>();

  constructor(dependencies: OpenApiDependencies, definitions: readonly ResourceDefinition[]) {
    const { tables, customSchema, serverVersion } = dependencies;
    const kinds = definitions.flatMap((general) =>
      general.versions.map((version): ServedKind => {
        const definition = general.custom?.forVersion(version) ?? general;
        const schema = customSchema?.(definition, version);
        return { definition, version, ...(schema === undefined ? {} : { schema }) };
      }),
    );
    const info = { title: "Kubernetes", version: minorVersion(serverVersion) };
    const documents = documentsOf(kinds, tables, info);
    const operations = () => [...documents.values()].flatMap((document) => document.operations());
    this.#input = { tables, kinds, operations, info };
    this.#byPath = documents;
  }

  v2Json(): Promise<OpenApiDocument> {
    return this.#once("v2.json", async () => ({
      bytes: encoder.encode(JSON.stringify(documentV2(this.#input))),
      etag: await identityOf(this.#input),
    }));
  }

  v2Protobuf(): Promise<OpenApiDocument> {
    return this.#once("v2.pb", async () => ({
      bytes: encodeGnosticV2(documentV2(this.#input)),
      etag: await identityOf(this.#input),
    }));
  }

  v3Index(): Promise<OpenApiDocument> {
    return this.#once("v3", async () => {
      const paths: Record<string, { serverRelativeURL: string }> = {};
      for (const [path, input] of this.#byPath)
        paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${await identityOf(input)}` };
      return { bytes: encoder.encode(JSON.stringify({ paths })), etag: await identityOf(this.#input) };
    });
  }

  v3Document(path: string): Promise<OpenApiDocument | undefined> {
    return this.#v3(path, path, (document) => encoder.encode(JSON.stringify(document)));
  }

  v3Protobuf(path: string): Promise<OpenApiDocument | undefined> {
    return this.#v3(path, `${path}.pb`, encodeGnosticV3);
  }

  async #v3(
    path: string,
    key: string,
    encode: (document: object) => Uint8Array,
  ): Promise<OpenApiDocument | undefined> {
    const input = this.#byPath.get(path);
    if (input === undefined) return undefined;
    return this.#once(key, async () => ({
      bytes: encode(documentV3(input)),
      etag: await identityOf(input),
    }));
  }

  #once(key: string, make: () => Promise<OpenApiDocument>): Promise<OpenApiDocument> {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#made.set(key, made);
    return made;
  }
}

/** The documents of version 3 by their paths, in order. */
function documentsOf(
  kinds: readonly ServedKind[],
  tables: SchemaTables,
  info: DocumentInput["info"],
): ReadonlyMap<string, DocumentInput> {
  const documents = new Map<string, DocumentInput>();
  const builtIn: GroupVersion[] = [];
  const byPath = Map.groupBy(kinds, ({ definition, version }) => groupVersionPath(definition.group, version));
  for (const [path, members] of byPath) {
    const [{ definition: { group = "" } = {}, version = "", schema } = {}] = members;
    const own = () =>
      members.flatMap((member) => operationsOf(member.definition, member.version, schema !== undefined));
    if (schema !== undefined) {
      documents.set(path, { tables, kinds: members, operations: own, about: "custom", info: customInfo });
      continue;
    }
    const about = { group, version };
    builtIn.push(about);
    const operations = () => [resourcesOperation(about), ...own()];
    documents.set(path, { tables, kinds: members, operations, about, info });
  }
  for (const [path, operation] of discoveryOperations(builtIn))
    documents.set(path, { tables, kinds: [], operations: () => [operation], info });
  return new Map([...documents].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/** Of v1.36.0, 1.36. */
function minorVersion(version: string): string {
  return /\d+\.\d+/.exec(version)?.[0] ?? version;
}

/** What a document about custom kinds says of itself. */
const customInfo = { title: "Kubernetes CRD Swagger", version: "v0.1.0" };

const encoder = new TextEncoder();

/** A hash of all that a document is made from: known without making it, so that the index costs little. */
async function identityOf({ tables, kinds, about, info }: DocumentInput): Promise<string> {
  const facts = kinds.map(({ definition, version, schema }) => [
    definition.group,
    version,
    definition.kind,
    definition.listKind,
    definition.plural,
    definition.namespaced,
    definition.verbs,
    definition.hasStatus,
    definition.scale !== undefined,
    definition.subresources,
    schema,
  ]);
  const text = JSON.stringify([generatorRevision, tables.digest, info, about, facts]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join("");
}
