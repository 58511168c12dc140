import { parseApiVersion } from "../../apimachinery/meta.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/patch/json-value.ts";

/** A version that another server serves, as this one announces it. */
export interface ExtensionVersion {
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  /** APIResourceDiscovery entries; empty until the server has said what it has. */
  readonly resources: readonly object[];
  readonly freshness: "Current" | "Stale";
}

/** The entries of an APIGroupDiscoveryList, by "group/version". */
export function aggregatedEntries(document: unknown): ReadonlyMap<string, readonly object[]> {
  const entries = new Map<string, readonly object[]>();
  for (const group of itemsOf(mapOf(document).items).filter(isJsonObject)) {
    const name = mapOf(group.metadata).name;
    for (const version of itemsOf(group.versions).filter(isJsonObject))
      entries.set(
        `${typeof name === "string" ? name : ""}/${String(version.version)}`,
        itemsOf(version.resources).filter(isJsonObject),
      );
  }
  return entries;
}

/** The entries that an APIResourceList, the older form, stands for. */
export function entriesOfResourceList(document: unknown): readonly object[] {
  const { groupVersion, resources } = mapOf(document);
  const own = parseApiVersion(String(groupVersion ?? ""));
  const listed = itemsOf(resources).filter(isJsonObject);
  return listed
    .filter(({ name }) => typeof name === "string" && !name.includes("/"))
    .map((resource) => ({
      resource: resource.name,
      responseKind: kindOf(resource, own),
      scope: resource.namespaced === true ? "Namespaced" : "Cluster",
      singularResource: resource.singularName ?? "",
      verbs: itemsOf(resource.verbs),
      ...(itemsOf(resource.shortNames).length === 0 ? {} : { shortNames: resource.shortNames }),
      ...(itemsOf(resource.categories).length === 0 ? {} : { categories: resource.categories }),
      ...subresourcesOf(String(resource.name), listed, own),
    }));
}

function subresourcesOf(
  resource: string,
  listed: readonly JsonObject[],
  own: { readonly group: string; readonly version: string },
): object {
  const prefix = `${resource}/`;
  const subresources = listed
    .filter(({ name }) => typeof name === "string" && name.startsWith(prefix))
    .map((entry) => ({
      subresource: String(entry.name).slice(prefix.length),
      responseKind: kindOf(entry, own),
      verbs: itemsOf(entry.verbs),
    }));
  return subresources.length === 0 ? {} : { subresources };
}

function kindOf(resource: JsonObject, own: { readonly group: string; readonly version: string }) {
  const { group, version, kind } = resource;
  return {
    group: typeof group === "string" && group !== "" ? group : own.group,
    version: typeof version === "string" && version !== "" ? version : own.version,
    kind,
  };
}

// Another server's documents: whatever is not there is empty.
function mapOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
