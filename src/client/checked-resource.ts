import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";

/** The resource itself. Throws a TypeError where it is none: `resources.pod` is undefined, "pods" is a string. */
export function checkedResource<R extends ResourceType<KubeObject>>(type: R | undefined): R {
  if (type?.resource === undefined)
    throw new TypeError(
      `a resource is expected, such as resources.pods, or { group, version, resource, kind, namespaced } of a kind of one's own; not ${String(type)}`,
    );
  return type;
}
