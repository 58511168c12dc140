import { notFound } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeObject } from "../../apimachinery/meta.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { Client } from "../../client/client.ts";
import { informerRbacSource } from "../authorization/rbac-source.ts";
import { type StaticObjects, staticInformers } from "../authorization/static-informers.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import type { AdmissionDependencies } from "./dependencies.ts";

/** Dependencies over fixed objects; the API has nothing that the caches do not have. */
export function fixedDependencies(objects: StaticObjects = {}): AdmissionDependencies {
  const informers = staticInformers(objects);
  const client = {
    get: async (type: { group: string; resource: string }, { name }: { name: string }) => {
      throw notFound(type, name);
    },
  };
  return {
    informers,
    // Plugins under test read single objects only.
    client: client as unknown as Client,
    authorizer: { authorize: () => ({ allowed: false, reason: "" }) },
    rbac: informerRbacSource(informers),
    clock: new VirtualClock(),
    random: seededRandom(1),
  };
}

/** A request of jane for an object in namespace "ns"; kind and resource from the object and `plural`. */
export function attributesFor(
  plural: string,
  object: object | undefined,
  fields: Partial<AdmissionAttributes> = {},
): AdmissionAttributes {
  const given = object as AnyObject | undefined;
  return {
    operation: fields.oldObject === undefined ? "CREATE" : "UPDATE",
    resource: { group: "", version: "v1", resource: plural },
    kind: { group: "", version: "v1", kind: given?.kind ?? "" },
    subresource: "",
    namespace: "ns",
    name: given?.metadata.name ?? "",
    user: { name: "jane", groups: ["system:authenticated"] },
    ...(given === undefined ? {} : { object: given }),
    dryRun: false,
    options: {},
    signal: new AbortController().signal,
    warn() {},
    ...fields,
  };
}

/** What a plugin makes of a request: the object, or the message it refuses with. */
export async function admitted(
  plugin: AdmissionPlugin,
  attributes: AdmissionAttributes,
): Promise<AnyObject | string> {
  try {
    if (!plugin.handles(attributes.operation)) return attributes.object ?? "nothing";
    const object = (await plugin.admit?.(attributes)) ?? attributes.object;
    await plugin.validate?.(object === undefined ? attributes : { ...attributes, object });
    return object ?? "nothing";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export const object = (
  kind: string,
  name: string,
  fields: object = {},
  metadata: object = {},
): KubeObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name, ...metadata },
  ...fields,
});

export const podOf = (spec: object = {}, metadata: object = {}) =>
  object(
    "Pod",
    "p",
    { spec: { containers: [{ name: "c", image: "i" }], ...spec } },
    { namespace: "ns", ...metadata },
  );
