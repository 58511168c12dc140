import type { ResourceDefinition } from "../../api/definition.ts";
import type { QualifiedResource } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { inVersion, toStorageVersion } from "../content/views.ts";
import type { AdmissionAttributes } from "../stages.ts";

/** How a resource is served; unknown ones are seen as they are. */
export interface Definitions {
  readonly definitionOf: (resource: QualifiedResource) => ResourceDefinition | undefined;
}

/** An object in the version that a policy or a webhook wants. */
export function formIn(
  dependencies: Definitions,
  attributes: AdmissionAttributes,
  object: AnyObject,
  version: string,
): AnyObject {
  const definition = shapeOf(dependencies, attributes);
  return definition === undefined ? object : inVersion(definition, object, version);
}

/** What a policy or a webhook made of an object, in the version it is stored in, with defaults for what is new. */
export function storedForm(
  dependencies: Definitions,
  attributes: AdmissionAttributes,
  object: AnyObject,
): AnyObject {
  const definition = shapeOf(dependencies, attributes);
  if (definition === undefined) return object;
  const stored = toStorageVersion(definition, object);
  return definition.strategy.defaults?.(stored) ?? stored;
}

/** A subresource's body may be of a kind of its own, which has no definition here. */
function shapeOf({ definitionOf }: Definitions, { resource, kind }: AdmissionAttributes) {
  const definition = definitionOf(resource);
  return definition?.kind === kind.kind ? definition : undefined;
}
