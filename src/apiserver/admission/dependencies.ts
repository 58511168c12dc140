import type { Namespace } from "../../api/core/types.generated.ts";
import { namespaces } from "../../api/resources.generated.ts";
import { type ApiError, forbidden, isApiError } from "../../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import type { RbacSource } from "../authorization/rbac-source.ts";
import type { AdmissionAttributes, Authorizer } from "../stages.ts";

/** What admission plugins read and write with; each takes of it what it needs. */
export interface AdmissionDependencies {
  readonly informers: InformerFactory;
  /** Reaches this server as system:masters: what a cache has not seen yet, and a quota's status. */
  readonly client: Client;
  readonly authorizer: Authorizer;
  readonly rbac: RbacSource;
  readonly clock: Clock;
  readonly random: Random;
}

/** From the cache, or from the API where the cache may be behind a creation; undefined: there is none. */
export async function findNamespace(
  { informers, client }: Pick<AdmissionDependencies, "informers" | "client">,
  name: string,
): Promise<Namespace | undefined> {
  return informers.informer(namespaces).lister.get(name) ?? getLive(client, namespaces, { name });
}

/** Undefined for 404; other failures are thrown. */
export async function getLive<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  name: { readonly namespace?: string; readonly name: string },
): Promise<T | undefined> {
  try {
    return await client.get(type, name);
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

/** Whether a request is for this resource itself, no subresource of it. */
export function isFor(
  { resource, subresource }: AdmissionAttributes,
  group: string,
  plural: string,
  part = "",
): boolean {
  return resource.group === group && resource.resource === plural && subresource === part;
}

/** A refusal by admission; an object without a name yet is called by what its name will start with. */
export function refuse(attributes: AdmissionAttributes, why: string): ApiError {
  const { name = "", generateName = "" } = attributes.object?.metadata ?? {};
  return forbidden(attributes.resource, attributes.name || name || generateName || "Unknown", why);
}
