import type { ResourceDefinition } from "../../api/definition.ts";

/** Where a resource's objects lie in storage: `/registry/<group>/<resource>/`, the core group as "core". */
function keyRoot(resource: { readonly group: string; readonly plural: string }): string {
  return `/registry/${resource.group === "" ? "core" : resource.group}/${resource.plural}/`;
}

/** The root of a definition's objects, which may be another kind's (events.k8s.io Events are core Events). */
export function keyRootOf(definition: ResourceDefinition): string {
  return keyRoot(definition.storedAs ?? definition);
}

export function objectKeyIn(
  root: string,
  name: { readonly namespace: string; readonly name: string },
): string {
  return name.namespace === "" ? root + name.name : `${root}${name.namespace}/${name.name}`;
}
