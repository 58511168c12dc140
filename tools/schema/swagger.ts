/** The parts of an OpenAPI v2 document that the generator reads. */
export interface SwaggerSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly items?: SwaggerSchema;
  readonly additionalProperties?: SwaggerSchema;
  readonly properties?: Readonly<Record<string, SwaggerSchema>>;
  readonly required?: readonly string[];
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-group-version-kind"?: readonly SwaggerKind[];
  readonly "x-kubernetes-unions"?: readonly object[];
}

export interface SwaggerKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface SwaggerOperation {
  readonly "x-kubernetes-action"?: string;
  readonly "x-kubernetes-group-version-kind"?: SwaggerKind;
}

export interface Swagger {
  readonly definitions: Readonly<Record<string, SwaggerSchema>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, SwaggerOperation>>>>;
}

/** Where a definition's generated code lives: `io.k8s.api.apps.v1.Deployment` is `{ folder: "apps", version: "v1" }`. */
export interface ModelPlace {
  readonly folder: string;
  readonly version: string;
  readonly name: string;
}

/** Undefined for definitions that are shapes of the wire, not kinds of a group (Quantity, IntOrString, …). */
export function placeOf(definition: string): ModelPlace | undefined {
  const match = /^io\.k8s\.(?:.*\.)?(\w+)\.(v\d+\w*)\.(\w+)$/.exec(definition);
  if (match === null) return undefined;
  const [, folder = "", version = "", name = ""] = match;
  return { folder, version, name };
}

export function isStable(version: string): boolean {
  return /^v\d+$/.test(version);
}

/** `#/definitions/X` to `X`. */
export function refName(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

/** The stable models of the document, by folder and version, in the document's order. */
export function stableModels(swagger: Swagger): Map<string, Map<string, Map<string, SwaggerSchema>>> {
  const folders = new Map<string, Map<string, Map<string, SwaggerSchema>>>();
  for (const [definition, schema] of Object.entries(swagger.definitions)) {
    const place = placeOf(definition);
    if (place === undefined || !isStable(place.version)) continue;
    const versions = folders.get(place.folder) ?? new Map<string, Map<string, SwaggerSchema>>();
    folders.set(place.folder, versions);
    const models = versions.get(place.version) ?? new Map<string, SwaggerSchema>();
    versions.set(place.version, models);
    models.set(definition, schema);
  }
  return folders;
}

/** The version whose types have the plain file name: the highest stable one. */
export function preferredVersion(versions: Iterable<string>): string {
  return [...versions].toSorted((left, right) => Number(right.slice(1)) - Number(left.slice(1)))[0] ?? "v1";
}
