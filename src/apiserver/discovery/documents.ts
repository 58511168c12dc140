import type { ResourceDefinition, ResourceVerb, SubresourceDefinition } from "../../api/definition.ts";
import { apiVersionOf, type GroupVersionKind } from "../../apimachinery/meta.ts";
import type { ExtensionVersion } from "../aggregation/extension-discovery.ts";
import { builtInPriority, customPriority, type Priority } from "../aggregation/group-priorities.ts";

/** The discovery documents, computed from the definitions: plain values in the shapes of meta.k8s.io and apidiscovery.k8s.io. */

const allVerbs: readonly ResourceVerb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/** The same, in the order in which upstream lists those of custom resources. */
const customVerbs: readonly ResourceVerb[] = [
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "create",
  "update",
  "watch",
];

/** Of a kind that goes, nothing new is made. */
const terminatingVerbs: readonly ResourceVerb[] = ["delete", "deletecollection", "get", "list", "watch"];

function verbsOf({ verbs, custom }: ResourceDefinition): readonly ResourceVerb[] {
  if (verbs !== undefined || custom === undefined) return verbs ?? allVerbs;
  return custom.isTerminating() ? terminatingVerbs : customVerbs;
}

export interface DiscoveredGroup {
  readonly group: string;
  /** The preferred one first. */
  readonly versions: readonly string[];
  readonly definitions: readonly ResourceDefinition[];
  /** The versions that other servers serve. */
  readonly extensions: readonly ExtensionVersion[];
}

/** The groups in the order they are announced: by upstream's priorities, then by name. */
export function discoverGroups(
  definitions: Iterable<ResourceDefinition>,
  extensions: readonly ExtensionVersion[] = [],
): readonly DiscoveredGroup[] {
  const own = Map.groupBy(definitions, ({ group }) => group);
  const others = Map.groupBy(extensions, ({ group }) => group);
  const groups = [...new Set([...own.keys(), ...others.keys()])].map((group) =>
    discoveredGroup(group, own.get(group) ?? [], others.get(group) ?? []),
  );
  return groups
    .toSorted((left, right) => right.priority - left.priority || (left.group < right.group ? -1 : 1))
    .map(({ priority: _priority, ...group }) => group);
}

function discoveredGroup(
  group: string,
  definitions: readonly ResourceDefinition[],
  extensions: readonly ExtensionVersion[],
): DiscoveredGroup & { readonly priority: number } {
  const priorities = new Map<string, Priority>();
  for (const { versions } of definitions)
    for (const version of versions)
      priorities.set(version, builtInPriority(group, version) ?? customPriority);
  for (const { version, groupPriority, versionPriority } of extensions)
    priorities.set(version, { group: groupPriority, version: versionPriority });
  return {
    group,
    versions: [...priorities]
      .toSorted(
        ([left, one], [right, other]) => other.version - one.version || byVersionPriority(left, right),
      )
      .map(([version]) => version),
    definitions: definitions.toSorted((left, right) => (left.plural < right.plural ? -1 : 1)),
    extensions,
    priority: Math.max(...[...priorities.values()].map((priority) => priority.group)),
  };
}

/** Stable versions before betas before alphas, higher numbers first: upstream's version priority. */
export function byVersionPriority(left: string, right: string): number {
  const a = versionParts(left);
  const b = versionParts(right);
  if (a === undefined || b === undefined) {
    if (a !== undefined) return -1;
    if (b !== undefined) return 1;
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return b.stability - a.stability || b.major - a.major || b.minor - a.minor;
}

function versionParts(version: string) {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (match === null) return undefined;
  const [, major, stage, minor] = match;
  return {
    stability: stage === undefined ? 2 : stage === "beta" ? 1 : 0,
    major: Number(major),
    minor: Number(minor ?? 0),
  };
}

/** `/api` */
export function apiVersions(serverAddress: string): object {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** `/apis` */
export function apiGroupList(groups: readonly DiscoveredGroup[]): object {
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.filter(({ group }) => group !== "").map(groupEntry),
  };
}

/** `/apis/<group>` */
export function apiGroup(group: DiscoveredGroup): object {
  return { kind: "APIGroup", apiVersion: "v1", ...groupEntry(group) };
}

function groupEntry({ group, versions }: DiscoveredGroup) {
  const entries = versions.map((version) => ({ groupVersion: apiVersionOf({ group, version }), version }));
  return { name: group, versions: entries, preferredVersion: entries[0] };
}

/** `/api/v1` and `/apis/<group>/<version>`; `hashOf` gives a kind's storage version hash. */
export function apiResourceList(
  group: DiscoveredGroup,
  version: string,
  hashOf: (definition: ResourceDefinition) => string,
): object {
  const groupVersion = apiVersionOf({ group: group.group, version });
  return {
    kind: "APIResourceList",
    ...(group.group === "" ? {} : { apiVersion: "v1" }),
    groupVersion,
    resources: servedIn(group, version).flatMap((definition) => [
      {
        name: definition.plural,
        singularName: definition.singular,
        namespaced: definition.namespaced,
        kind: definition.kind,
        verbs: verbsOf(definition),
        ...(definition.shortNames === undefined ? {} : { shortNames: definition.shortNames }),
        ...(definition.categories === undefined ? {} : { categories: definition.categories }),
        ...(isStored(definition) ? { storageVersionHash: hashOf(definition) } : {}),
      },
      ...subresourcesOf(definition, version).map((subresource) => ({
        name: `${definition.plural}/${subresource.name}`,
        singularName: "",
        namespaced: definition.namespaced,
        ...(subresource.group === group.group && subresource.version === version
          ? {}
          : { group: subresource.group, version: subresource.version }),
        kind: subresource.kind,
        verbs: subresource.verbs,
      })),
    ]),
  };
}

/** The aggregated form of `/api` (the core group alone) and `/apis` (the others). */
export function aggregatedDiscovery(groups: readonly DiscoveredGroup[]): object {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map((group) => ({
      metadata: group.group === "" ? {} : { name: group.group },
      versions: group.versions.map((version) => {
        const other = group.extensions.find((extension) => extension.version === version);
        return {
          version,
          resources:
            other?.resources ??
            servedIn(group, version).map((definition) => aggregatedResource(definition, version)),
          freshness: other?.freshness ?? "Current",
        };
      }),
    })),
  };
}

function aggregatedResource(definition: ResourceDefinition, version: string): object {
  const own = { group: definition.group, version };
  // A built-in kind of the version that is described is named alone; those of custom resources are always named in full.
  const kindIn = ({ group, version, kind }: GroupVersionKind) =>
    definition.custom === undefined && group === own.group && version === own.version
      ? { group: "", version: "", kind }
      : { group, version, kind };
  const subresources = subresourcesOf(definition, version).map((subresource) => ({
    subresource: subresource.name,
    responseKind: kindIn(subresource),
    verbs: subresource.verbs,
  }));
  return {
    resource: definition.plural,
    responseKind: kindIn({ ...own, kind: definition.kind }),
    scope: definition.namespaced ? "Namespaced" : "Cluster",
    singularResource: definition.singular,
    verbs: verbsOf(definition),
    ...(definition.shortNames === undefined ? {} : { shortNames: definition.shortNames }),
    ...(definition.categories === undefined ? {} : { categories: definition.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

function servedIn(group: DiscoveredGroup, version: string): readonly ResourceDefinition[] {
  return group.definitions
    .filter(({ versions }) => versions.includes(version))
    .map((definition) => definition.custom?.forVersion(version) ?? definition);
}

function isStored({ verbs }: ResourceDefinition): boolean {
  return verbs === undefined || verbs.includes("create") === verbs.includes("list");
}

function subresourcesOf(definition: ResourceDefinition, version: string): readonly SubresourceDefinition[] {
  const own = { group: definition.group, version, kind: definition.kind };
  const parts: readonly SubresourceDefinition[] = [
    ...(definition.subresources ?? []),
    ...(definition.hasStatus ? [{ name: "status", ...own, verbs: ["get", "patch", "update"] as const }] : []),
    ...(definition.scale === undefined ? [] : [scaleSubresource]),
  ];
  // Those of built-in kinds come in the order of their paths.
  if (definition.custom !== undefined) return parts;
  return parts.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

const scaleSubresource: SubresourceDefinition = {
  name: "scale",
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  verbs: ["get", "patch", "update"],
};
