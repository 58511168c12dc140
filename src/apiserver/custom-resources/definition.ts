import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "../../api/apiextensions/types.generated.ts";
import type { CustomKind, ResourceDefinition } from "../../api/definition.ts";
import { internalError } from "../../apimachinery/api-error.ts";
import { type AnyObject, apiVersionOf } from "../../apimachinery/meta.ts";
import { parseJsonPath } from "../../apimachinery/structural-schema/json-path.ts";
import { byVersionPriority } from "../discovery/documents.ts";
import { columnsOf } from "./columns.ts";
import { completed, objectShape } from "./object-shape.ts";
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
  const { spec } = crd;
  const names = crd.status?.acceptedNames ?? spec.names;
  const served = spec.versions
    .filter((version) => version.served)
    .toSorted((left, right) => byVersionPriority(left.name, right.name));
  const stored = spec.versions.find(({ storage }) => storage) ?? spec.versions[0];
  if (stored === undefined) throw internalError(`${crd.metadata.name ?? ""} has no versions`);
  const storedSchema = stored.schema?.openAPIV3Schema;
  const storedVersion = apiVersionOf({ group: spec.group, version: stored.name });
  const isConverted = options.convertAll !== undefined;

  const common = {
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
      completed(object, spec.versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema),
  };
  const custom = {
    forVersion: (version: string) => byVersion.get(version) ?? general(),
    isTerminating: options.isTerminating,
    ...(options.convertAll === undefined ? {} : { convertAll: options.convertAll }),
  };

  const byVersion = new Map<string, ResourceDefinition>();
  for (const version of spec.versions) {
    const schema = version.schema?.openAPIV3Schema;
    const rules = options.rules.get(version.name);
    // Where a webhook converts, each version has storage in its own shape; else all share the stored one.
    const keptVersion = isConverted
      ? apiVersionOf({ group: spec.group, version: version.name })
      : storedVersion;
    const keptSchema = isConverted ? schema : storedSchema;
    const scale = version.subresources?.scale;
    byVersion.set(version.name, {
      ...common,
      ...(isConverted ? { storageVersion: version.name } : {}),
      hasStatus: version.subresources?.status !== undefined,
      ...(scale === undefined ? {} : { scale: scaleDefinition(scale) }),
      columns: columnsOf(version.additionalPrinterColumns),
      selectableFields: selectableFields([version]),
      custom: {
        ...custom,
        fromStorage(object) {
          const whole = completed(object, keptSchema);
          return whole.apiVersion === keptVersion ? whole : { ...whole, apiVersion: keptVersion };
        },
        shape: objectShape(schema),
        ...(schema === undefined ? {} : { schema }),
        ...(version.deprecated === true ? { deprecationWarning: deprecationOf(crd, version) } : {}),
      },
      strategy: customStrategy({
        group: spec.group,
        version,
        schema,
        keptSchema,
        ...(rules === undefined ? {} : { rules }),
      }),
    });
  }
  const general = (): ResourceDefinition => {
    const base = byVersion.get(stored.name);
    if (base === undefined) throw internalError(`${crd.metadata.name ?? ""} has no storage version`);
    return base;
  };
  // Watchers may be indexed by the fields of any version.
  return { ...general(), selectableFields: selectableFields(spec.versions) };
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
  return version.deprecationWarning ?? `${spec.group}/${version.name} ${spec.names.kind} is deprecated`;
}
