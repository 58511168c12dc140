import type { ResourceDefinition } from "../../../api/definition.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { ModelLookup } from "../../content/input.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import type { AdmissionDependencies } from "../dependencies.ts";
import { type Definitions, formIn } from "../object-forms.ts";

/** What admission policies read beside what every plugin does. */
export interface PolicyDependencies
  extends Pick<AdmissionDependencies, "informers" | "client" | "authorizer">,
    Definitions {
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

export function versionedRequest(
  dependencies: Definitions,
  attributes: AdmissionAttributes,
  version: string,
): VersionedRequest {
  const shown = (object: AnyObject | undefined) =>
    object === undefined ? undefined : formIn(dependencies, attributes, object, version);
  return { attributes, version, object: shown(attributes.object), oldObject: shown(attributes.oldObject) };
}
