import type { ResourceDefinition } from "../../../api/definition.ts";
import type { QualifiedResource } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { ModelLookup } from "../../content/input.ts";
import { inVersion, toStorageVersion } from "../../content/views.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import type { AdmissionDependencies } from "../dependencies.ts";

/** What admission policies read beside what every plugin does. */
export interface PolicyDependencies
  extends Pick<AdmissionDependencies, "informers" | "client" | "authorizer"> {
  /** How a resource is served; unknown ones are seen as they are. */
  readonly definitionOf: (resource: QualifiedResource) => ResourceDefinition | undefined;
  /** All that is served: parameters are of any kind. */
  readonly definitions: () => readonly ResourceDefinition[];
  /** The shapes of built-in kinds. */
  readonly modelOf: ModelLookup;
}

/** A request as a policy or a webhook sees it. */
export interface VersionedRequest {
  readonly attributes: AdmissionAttributes;
  readonly version: string;
  readonly object: AnyObject | undefined;
  readonly oldObject: AnyObject | undefined;
}

type Definitions = Pick<PolicyDependencies, "definitionOf">;

export function versionedRequest(
  dependencies: Definitions,
  attributes: AdmissionAttributes,
  version: string,
): VersionedRequest {
  const definition = shapeOf(dependencies, attributes);
  const shown = (object: AnyObject | undefined) =>
    object === undefined || definition === undefined ? object : inVersion(definition, object, version);
  return { attributes, version, object: shown(attributes.object), oldObject: shown(attributes.oldObject) };
}

/** What a policy made of an object, in the version it is stored in, with defaults for what is new. */
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
function shapeOf(
  { definitionOf }: Definitions,
  { resource, kind }: AdmissionAttributes,
): ResourceDefinition | undefined {
  const definition = definitionOf(resource);
  return definition?.kind === kind.kind ? definition : undefined;
}
