import * as builtIn from "../../api/resources.generated.ts";
import type { AnyObject, ResourceType } from "../../apimachinery/meta.ts";
import { parseApiVersion } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";

/** A resource the API server serves, in the version it prefers. */
export interface DiscoveredResource extends ResourceType<AnyObject> {
  readonly verbs: readonly string[];
}

export interface Discovered {
  readonly resources: readonly DiscoveredResource[];
  /** Group versions that could not be asked (an aggregated API server that is away), by "group/version". */
  readonly failures: ReadonlyMap<string, string>;
}

interface GroupDocument {
  readonly groups?: readonly {
    readonly name: string;
    readonly versions: readonly { readonly groupVersion: string }[];
    readonly preferredVersion?: { readonly groupVersion: string };
  }[];
}

interface ResourceDocument {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly group?: string;
    readonly version?: string;
    readonly verbs?: readonly string[];
  }[];
}

/** Which resources there are, each once, in its group's preferred version (client-go's ServerPreferredResources). */
export async function discoverResources(
  client: Pick<Client, "raw">,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Discovered> {
  const options = signal === undefined ? {} : { signal };
  const { groups = [] } = (await client.raw("/apis", options)) as GroupDocument; // Discovery's documented shape.
  const failures = new Map<string, string>();
  const perGroup = await Promise.all([
    resourcesOf(client, ["v1"], failures, options),
    ...groups.map(({ versions, preferredVersion }) => {
      const others = versions.map(({ groupVersion }) => groupVersion);
      const preferred = preferredVersion?.groupVersion;
      const ordered =
        preferred === undefined
          ? others
          : [preferred, ...others.filter((groupVersion) => groupVersion !== preferred)];
      return resourcesOf(client, ordered, failures, options);
    }),
  ]);
  return { resources: perGroup.flat(), failures };
}

async function resourcesOf(
  client: Pick<Client, "raw">,
  groupVersions: readonly string[],
  failures: Map<string, string>,
  options: { readonly signal?: AbortSignal },
): Promise<DiscoveredResource[]> {
  const found = new Map<string, DiscoveredResource>();
  for (const groupVersion of groupVersions) {
    const path = groupVersion.includes("/") ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
    try {
      const { resources = [] } = (await client.raw(path, options)) as ResourceDocument; // As above.
      for (const { name, kind, namespaced, verbs = [], ...own } of resources) {
        if (name.includes("/") || found.has(name)) continue;
        const { group, version } = parseApiVersion(groupVersion);
        found.set(name, {
          group: own.group ?? group,
          version: own.version ?? version,
          resource: name,
          kind,
          namespaced,
          verbs,
        });
      }
    } catch (error) {
      if (options.signal?.aborted) throw error;
      failures.set(groupVersion, error instanceof Error ? error.message : String(error));
    }
  }
  return [...found.values()];
}

const builtInTypes = new Map(
  Object.values(builtIn).map((type) => [
    `${type.resource}.${type.group}/${type.version}`,
    type as unknown as ResourceType<AnyObject>, // each names its kind's own object type
  ]),
);

/** The resource as other controllers name it too, so that its cache is shared; undefined for a custom resource. */
export function builtInTypeOf({
  group,
  version,
  resource,
}: ResourceType<AnyObject>): ResourceType<AnyObject> | undefined {
  return builtInTypes.get(`${resource}.${group}/${version}`);
}
