import type { ResourceDefinition, ResourceVerb, SubresourceDefinition } from "../../api/definition.ts";
import { apiVersionOf } from "../../apimachinery/meta.ts";

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

/** As upstream's aggregator ranks the built-in groups; others follow by name. */
const groupOrder = [
  "",
  "apiregistration.k8s.io",
  "apps",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "networking.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "scheduling.k8s.io",
  "coordination.k8s.io",
  "node.k8s.io",
  "discovery.k8s.io",
  "resource.k8s.io",
  "flowcontrol.apiserver.k8s.io",
];

export interface DiscoveredGroup {
  readonly group: string;
  /** The preferred one first. */
  readonly versions: readonly string[];
  readonly definitions: readonly ResourceDefinition[];
}

/** The definitions by group, in the order groups are announced. */
export function discoverGroups(definitions: Iterable<ResourceDefinition>): readonly DiscoveredGroup[] {
  const byGroup = Map.groupBy(definitions, ({ group }) => group);
  const rank = (group: string) => {
    const index = groupOrder.indexOf(group);
    return index < 0 ? groupOrder.length : index;
  };
  return [...byGroup]
    .toSorted(([left], [right]) => rank(left) - rank(right) || (left < right ? -1 : 1))
    .map(([group, members]) => ({
      group,
      versions: [...new Set(members.flatMap(({ versions }) => versions))].toSorted(byVersionPriority),
      definitions: members.toSorted((left, right) => (left.plural < right.plural ? -1 : 1)),
    }));
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
        verbs: definition.verbs ?? allVerbs,
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
export function aggregatedDiscovery(
  groups: readonly DiscoveredGroup[],
  documentVersion: "v2" | "v2beta1",
): object {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${documentVersion}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { ...(group.group === "" ? {} : { name: group.group }), creationTimestamp: null },
      versions: group.versions.map((version) => ({
        version,
        resources: servedIn(group, version).map((definition) => aggregatedResource(definition, version)),
        freshness: "Current",
      })),
    })),
  };
}

function aggregatedResource(definition: ResourceDefinition, version: string): object {
  const subresources = subresourcesOf(definition, version).map((subresource) => ({
    subresource: subresource.name,
    responseKind: { group: subresource.group, version: subresource.version, kind: subresource.kind },
    verbs: subresource.verbs,
  }));
  return {
    resource: definition.plural,
    responseKind: { group: definition.group, version, kind: definition.kind },
    scope: definition.namespaced ? "Namespaced" : "Cluster",
    singularResource: definition.singular,
    verbs: definition.verbs ?? allVerbs,
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
  return verbs === undefined || verbs.includes("list");
}

function subresourcesOf(definition: ResourceDefinition, version: string): readonly SubresourceDefinition[] {
  const own = { group: definition.group, version, kind: definition.kind };
  return [
    ...(definition.subresources ?? []),
    ...(definition.scale === undefined ? [] : [scaleSubresource]),
    ...(definition.hasStatus ? [{ name: "status", ...own, verbs: ["get", "patch", "update"] as const }] : []),
  ].toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

const scaleSubresource: SubresourceDefinition = {
  name: "scale",
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  verbs: ["get", "patch", "update"],
};
