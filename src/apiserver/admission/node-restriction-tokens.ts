import type { TokenRequest } from "../../api/authentication/types.generated.ts";
import type { Pod, Volume } from "../../api/core/types.generated.ts";
import { csiDrivers, persistentVolumeClaims, persistentVolumes } from "../../api/resources.generated.ts";
import { notFound } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { AdmissionAttributes } from "../stages.ts";
import { type AdmissionDependencies, getLive, refuse } from "./dependencies.ts";

export interface NodeTokenRequest {
  readonly nodeName: string;
  readonly attributes: AdmissionAttributes;
  readonly find: (namespace: string, name: string) => Promise<Pod | undefined> | Pod | undefined;
  readonly dependencies: Pick<AdmissionDependencies, "authorizer" | "client">;
}

/** A node gets tokens only for pods that run on it, and for audiences that these pods ask for. */
export async function checkNodeToken(request: NodeTokenRequest): Promise<void> {
  const { nodeName, attributes, find, dependencies } = request;
  if (attributes.operation !== "CREATE" || attributes.subresource !== "token") return;
  // The subresource says that it is a token request.
  const { boundObjectRef, audiences = [] } = (attributes.object as AnyObject & TokenRequest).spec;
  const { apiVersion, kind, name = "", uid = "" } = boundObjectRef ?? {};
  if (apiVersion !== "v1" || kind !== "Pod" || name === "")
    throw refuse(attributes, "node requested token not bound to a pod");
  if (uid === "") throw refuse(attributes, "node requested token with a pod binding without a uid");
  const pod = await find(attributes.namespace, name);
  if (pod === undefined) throw notFound({ group: "", resource: "pods" }, name);
  if (pod.metadata.uid !== uid)
    throw refuse(
      attributes,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec.nodeName !== nodeName)
    throw refuse(attributes, "node requested token bound to a pod scheduled on a different node");
  if (audiences.length > 1) throw refuse(attributes, "node may only request 0 or 1 audiences");
  const [audience = ""] = audiences;
  if (
    podAudiences(pod).has(audience) ||
    (await isAskedByDriver(dependencies, pod, audience)) ||
    (await mayRequestAudience(dependencies, attributes, audience))
  )
    return;
  throw refuse(
    attributes,
    `audience ${JSON.stringify(audience)} not found in pod spec volume, ${attributes.user.name} is not authorized to request tokens for this audience`,
  );
}

function podAudiences(pod: Pod): ReadonlySet<string> {
  const sources = (pod.spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);
  return new Set(
    sources.flatMap(({ serviceAccountToken }) =>
      serviceAccountToken === undefined ? [] : [serviceAccountToken.audience ?? ""],
    ),
  );
}

/** A CSI driver may want the pod's token to mount its volumes: `tokenRequests` of its CSIDriver. */
async function isAskedByDriver(
  { client }: Pick<AdmissionDependencies, "client">,
  pod: Pod,
  audience: string,
): Promise<boolean> {
  for (const volume of pod.spec.volumes ?? []) {
    const name = await driverOf(client, pod, volume);
    if (name === undefined) continue;
    const driver = await getLive(client, csiDrivers, { name });
    const requests = driver?.spec.tokenRequests ?? [];
    if (requests.some((wanted) => (wanted.audience ?? "") === audience)) return true;
  }
  return false;
}

async function driverOf(
  client: AdmissionDependencies["client"],
  pod: Pod,
  volume: Volume,
): Promise<string | undefined> {
  if (volume.csi !== undefined) return volume.csi.driver;
  const claimName =
    volume.ephemeral === undefined
      ? volume.persistentVolumeClaim?.claimName
      : `${pod.metadata.name}-${volume.name}`;
  if (claimName === undefined) return undefined;
  const { namespace = "" } = pod.metadata;
  const claim = await getLive(client, persistentVolumeClaims, { namespace, name: claimName });
  const name = claim?.spec?.volumeName ?? "";
  if (name === "") return undefined;
  return (await getLive(client, persistentVolumes, { name }))?.spec?.csi?.driver;
}

/** An administrator may let nodes request further audiences, by a verb of its own. */
async function mayRequestAudience(
  { authorizer }: Pick<AdmissionDependencies, "authorizer">,
  { user, namespace, name }: AdmissionAttributes,
  audience: string,
): Promise<boolean> {
  const decision = await authorizer.authorize({
    user,
    verb: "request-serviceaccounts-token-audience",
    isResourceRequest: true,
    apiGroup: "",
    apiVersion: "v1",
    resource: audience,
    subresource: "",
    namespace,
    name,
    path: "",
  });
  return decision.allowed;
}
