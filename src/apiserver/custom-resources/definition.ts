import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "../../api/apiextensions/types.generated.ts";
import type { CustomKind, ResourceDefinition } from "../../api/definition.ts";
import { internalError } from "../../apimachinery/api-error.ts";
import { type AnyObject, apiVersionOf, parseApiVersion } from "../../apimachinery/meta.ts";
import { parseJsonPath } from "../../apimachinery/structural-schema/json-path.ts";
import type { JsonSchema } from "../../apimachinery/structural-schema/json-schema.ts";
import { byVersionPriority } from "../discovery/documents.ts";
import { columnsOf } from "./columns.ts";
import { completed, objectShape, pruned } from "./object-shape.ts";
import type { RuleChecker } from "./rules.ts";
import { scaleDefinition } from "./scale.ts";
import { customStrategy } from "./strategy.ts";

export interface CustomDefinitionOptions extends PreparedDefinition {
  /** The definition is being deleted. */
  readonly isTerminating: () => boolean;
}

/** What serving a definition takes beside the definition itself. */
export interface PreparedDefinition {
  /** The rules of each version that has some. */
  readonly rules: ReadonlyMap<string, RuleChecker>;
  /** Converts between versions; absent: they differ in their apiVersion only. */
  readonly convertAll?: CustomKind["convertAll"];
}

/** A custom kind as the registry serves it. */
export function customDefinition(
  crd: CustomResourceDefinition,
  options: CustomDefinitionOptions,
): ResourceDefinition {
  const { versions } = crd.spec;
  const stored = versions.find(({ storage }) => storage) ?? versions[0];
  if (stored === undefined) throw internalError(`${crd.metadata.name ?? ""} has no versions`);
  const common = commonPart(crd, stored);
  const schemaOf: SchemaOf = (version) =>
    versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema;
  const { convertAll } = options;
  const shapes = {
    schemaOf,
    converted: new WeakSet<AnyObject>(),
    ...(convertAll === undefined ? {} : { convertAll }),
  };
  const byVersion = new Map<string, ResourceDefinition>();
  const forVersion = (name: string): ResourceDefinition => {
    const found = byVersion.get(name) ?? byVersion.get(stored.name);
    if (found === undefined) throw internalError(`${crd.metadata.name ?? ""} has no version ${name}`);
    return found;
  };
  for (const version of versions)
    byVersion.set(version.name, versionPart(crd, version, { common, stored, forVersion, options, shapes }));
  // Watchers may be indexed by the fields of any version.
  return { ...forVersion(stored.name), selectableFields: selectableFields(versions) };
}

/** What all versions have in common. */
function commonPart({ spec, status }: CustomResourceDefinition, stored: CustomResourceDefinitionVersion) {
  const names = status?.acceptedNames ?? spec.names;
  const served = spec.versions
    .filter((version) => version.served)
    .toSorted((left, right) => byVersionPriority(left.name, right.name));
  return {
    group: spec.group,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    ...(names.shortNames === undefined ? {} : { shortNames: names.shortNames }),
    ...(names.categories === undefined ? {} : { categories: names.categories }),
    namespaced: spec.scope === "Namespaced",
    versions: served.map(({ name }) => name),
    storageVersion: stored.name,
    convert: (object: AnyObject, version: string) =>
      pruned(object, spec.versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema),
  };
}

interface VersionContext {
  readonly common: ReturnType<typeof commonPart>;
  readonly stored: CustomResourceDefinitionVersion;
  readonly forVersion: (version: string) => ResourceDefinition;
  readonly options: CustomDefinitionOptions;
  readonly shapes: Shapes;
}

type SchemaOf = (version: string) => JsonSchema | undefined;

/** How objects come from one version to another. */
interface Shapes {
  readonly schemaOf: SchemaOf;
  /** What a webhook made of others, which are completed already. */
  readonly converted: WeakSet<AnyObject>;
  readonly convertAll?: NonNullable<CustomKind["convertAll"]>;
}

/** Stored objects are completed in the version they are in, before a webhook sees them; what it makes of them is only pruned. */
function convertingAll({
  schemaOf,
  converted,
  convertAll,
}: Required<Shapes>): NonNullable<CustomKind["convertAll"]> {
  const versionOf = ({ apiVersion = "" }: AnyObject) => parseApiVersion(apiVersion).version;
  return async (objects, apiVersion) => {
    const whole = objects.map((object) => completed(object, schemaOf(versionOf(object))));
    const results = await convertAll(whole, apiVersion);
    return results.map((object) => {
      const result = pruned(object, schemaOf(versionOf(object)));
      converted.add(result);
      return result;
    });
  };
}

function versionPart(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  { common, stored, forVersion, options, shapes }: VersionContext,
): ResourceDefinition {
  const { convertAll, isTerminating } = options;
  const schema = version.schema?.openAPIV3Schema;
  const rules = options.rules.get(version.name);
  // Where a webhook converts, each version has storage in its own shape; else all share the stored one.
  const kept = convertAll === undefined ? stored : version;
  const keptSchema = kept.schema?.openAPIV3Schema;
  const scale = version.subresources?.scale;
  return {
    ...common,
    storageVersion: kept.name,
    hasStatus: version.subresources?.status !== undefined,
    ...(scale === undefined ? {} : { scale: scaleDefinition(scale) }),
    columns: columnsOf(version.additionalPrinterColumns),
    selectableFields: selectableFields([version]),
    custom: {
      forVersion,
      isTerminating,
      ...(convertAll === undefined ? {} : { convertAll: convertingAll({ ...shapes, convertAll }) }),
      fromStorage: reader(apiVersionOf({ group: common.group, version: kept.name }), keptSchema, shapes),
      shape: objectShape(schema),
      ...(schema === undefined ? {} : { schema }),
      ...(version.deprecated === true ? { deprecationWarning: deprecationOf(crd, version) } : {}),
    },
    strategy: customStrategy({
      group: common.group,
      version,
      schema,
      keptSchema,
      ...(rules === undefined ? {} : { rules }),
    }),
  };
}

/** Reads stored objects: without a converter, versions differ in their name only, and in what they know. */
function reader(apiVersion: string, schema: JsonSchema | undefined, { schemaOf, converted }: Shapes) {
  return (object: AnyObject): AnyObject => {
    if (converted.has(object)) return object;
    if (object.apiVersion === apiVersion) return completed(object, schema);
    const { version } = parseApiVersion(object.apiVersion ?? "");
    return pruned({ ...completed(object, schemaOf(version)), apiVersion }, schema);
  };
}

function selectableFields(
  versions: readonly CustomResourceDefinitionVersion[],
): Readonly<Record<string, (object: AnyObject) => string>> {
  const paths = new Set(
    versions.flatMap(({ selectableFields: fields = [] }) => fields.map(({ jsonPath }) => jsonPath)),
  );
  return Object.fromEntries(
    [...paths].map((path) => {
      const find = parseJsonPath(path);
      return [
        path.replace(/^\./, ""),
        (object: AnyObject) => {
          const [value] = find(object);
          return value === undefined || value === null ? "" : String(value);
        },
      ];
    }),
  );
}

function deprecationOf({ spec }: CustomResourceDefinition, version: CustomResourceDefinitionVersion): string {
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const warning = `${spec.group}/${version.name} ${spec.names.kind} is deprecated`;
  const [better] = spec.versions
    .filter(
      ({ name, served, deprecated }) => served && !deprecated && byVersionPriority(name, version.name) < 0,
    )
    .map(({ name }) => name)
    .toSorted(byVersionPriority);
  return better === undefined ? warning : `${warning}; use ${spec.group}/${better} ${spec.names.kind}`;
}
