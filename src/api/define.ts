import type { AnyObject, KubeObject, ResourceType } from "../apimachinery/meta.ts";
import type {
  Column,
  ResourceDefinition,
  ResourceVerb,
  Strategy,
  SubresourceDefinition,
} from "./definition.ts";

/** What a kind says of itself beside its place in the API. */
type OwnWords<T extends KubeObject> = Partial<Omit<ResourceDefinition<T>, "group" | "kind" | "plural">> & {
  readonly strategy: Strategy<T>;
  readonly columns: readonly Column<T>[];
};

/** A definition from the kind's generated place in the API and its own words; the rest is as most kinds have it. */
export function defineResource<T extends KubeObject>(
  type: ResourceType<T>,
  own: OwnWords<T>,
): ResourceDefinition<T> {
  return {
    group: type.group,
    kind: type.kind,
    listKind: `${type.kind}List`,
    plural: type.resource,
    singular: type.kind.toLowerCase(),
    namespaced: type.namespaced,
    versions: [type.version],
    hasStatus: false,
    ...own,
  };
}

/**
 * Forgets the type of a definition's objects, so that unlike definitions can share a list. Sound because the registry
 * hands a definition only objects that it decoded and defaulted as that definition's kind.
 */
export function eraseType<T extends KubeObject>(
  definition: ResourceDefinition<T>,
): ResourceDefinition<AnyObject> {
  return definition as unknown as ResourceDefinition<AnyObject>;
}

const streamVerbs: readonly ResourceVerb[] = ["create", "get"];

/** A subresource whose body is a kind of its own group and version. */
export function subresource(
  name: string,
  kind: string,
  verbs: readonly ResourceVerb[],
  groupVersion: { readonly group: string; readonly version: string } = { group: "", version: "v1" },
): SubresourceDefinition {
  return { name, kind, verbs, ...groupVersion };
}

/** A connection that is taken over: exec, attach, portforward. */
export function streamSubresource(name: string, kind: string): SubresourceDefinition {
  return subresource(name, kind, streamVerbs);
}

/** Passes requests on to what the object stands for, whatever their method. */
export function proxySubresource(kind: string): SubresourceDefinition {
  return subresource("proxy", kind, ["create", "delete", "get", "patch", "update"]);
}
