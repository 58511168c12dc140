import type {
  AllocatedDeviceStatus,
  AllocationResult,
  ResourceClaim,
  ResourceClaimStatus,
  ResourceClaimTemplate,
} from "../../api/resource/types.generated.ts";
import { type FieldError, invalid } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
import type { UserInfo } from "../../client/exchange.ts";
import { extraKeys, parseServiceAccount } from "../authentication/identity.ts";
import { forbiddenRequest } from "../authorization/forbidden.ts";
import type { AdmissionAttributes, AdmissionPlugin, AuthorizationAttributes } from "../stages.ts";
import { type AdmissionDependencies, findNamespace } from "./dependencies.ts";

/**
 * Who may write what of a ResourceClaim's status, beyond the permission for the whole (KEP-4817's granular authorization,
 * beta in v1.36), and in which namespaces devices are used with administrators' access. Upstream does this in the storage
 * of the two kinds; here it is a validating step before it, which cannot be switched off.
 */
export function claimAuthorization(dependencies: AdmissionDependencies): AdmissionPlugin {
  return {
    name: "ResourceClaimAuthorization",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    async validate(attributes) {
      const { group, resource } = attributes.resource;
      if (group !== "resource.k8s.io") return;
      const errors =
        resource === "resourceclaims" && attributes.subresource === "status"
          ? await statusErrors(dependencies, attributes)
          : await creationErrors(dependencies, attributes);
      if (errors.length > 0) throw invalid(attributes.kind, attributes.name, errors);
    },
  };
}

async function creationErrors(
  dependencies: AdmissionDependencies,
  attributes: AdmissionAttributes,
): Promise<readonly FieldError[]> {
  if (attributes.operation !== "CREATE" || attributes.subresource !== "") return [];
  const requests = requestsOf(attributes);
  const index = requests.findIndex(({ exactly }) => exactly?.adminAccess === true);
  if (index < 0) return [];
  return adminAccessErrors(
    dependencies,
    attributes.namespace,
    `${field.at("spec.devices.requests", index)}.adminAccess`,
  );
}

function requestsOf({ object, resource }: AdmissionAttributes) {
  // The resource says which of the two it is.
  if (resource.resource === "resourceclaims")
    return (object as AnyObject & ResourceClaim).spec.devices?.requests ?? [];
  if (resource.resource === "resourceclaimtemplates")
    return (object as AnyObject & ResourceClaimTemplate).spec.spec.devices?.requests ?? [];
  return [];
}

const adminAccessLabel = "resource.kubernetes.io/admin-access";

async function adminAccessErrors(
  dependencies: AdmissionDependencies,
  namespace: string,
  path: string,
): Promise<readonly FieldError[]> {
  const found = await findNamespace(dependencies, namespace);
  if (found?.metadata.labels?.[adminAccessLabel] === "true") return [];
  return [
    field.forbidden(
      path,
      `admin access to devices requires the \`${adminAccessLabel}: true\` label on the containing namespace`,
    ),
  ];
}

async function statusErrors(
  dependencies: AdmissionDependencies,
  attributes: AdmissionAttributes,
): Promise<readonly FieldError[]> {
  // The resource says that they are claims.
  const { status = {} } = attributes.object as AnyObject & ResourceClaim;
  const { status: old = {} } = attributes.oldObject as AnyObject & ResourceClaim;
  return [
    ...(await adminStatusErrors(dependencies, attributes, status, old)),
    ...(await bindingErrors(dependencies, attributes, status, old)),
    ...(await deviceErrors(dependencies, attributes, status, old)),
  ];
}

async function adminStatusErrors(
  dependencies: AdmissionDependencies,
  { namespace }: AdmissionAttributes,
  status: ResourceClaimStatus,
  old: ResourceClaimStatus,
): Promise<readonly FieldError[]> {
  const granted = ({ allocation }: ResourceClaimStatus) =>
    (allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess === true);
  const index = granted(status);
  if (index < 0 || granted(old) >= 0) return [];
  const path = `${field.at("status.allocation.devices.results", index)}.adminAccess`;
  return adminAccessErrors(dependencies, namespace, path);
}

/** Allocation and reservation are the scheduler's: asked for all namespaces at once. */
async function bindingErrors(
  dependencies: AdmissionDependencies,
  attributes: AdmissionAttributes,
  status: ResourceClaimStatus,
  old: ResourceClaimStatus,
): Promise<readonly FieldError[]> {
  if (
    field.semanticEqual(status.allocation, old.allocation) &&
    field.semanticEqual(status.reservedFor, old.reservedFor)
  )
    return [];
  const verb = verbOf(attributes);
  const ask = question(attributes, { verb, subresource: "binding", namespace: "", name: "" });
  const refusal = await refusalOf(dependencies, ask);
  if (refusal === undefined) return [];
  return [
    field.forbidden(
      "status",
      `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${verb}" permission: ${refusal}`,
    ),
  ];
}

/** What a device reports is its driver's: on the claim's own node, or on any. */
async function deviceErrors(
  dependencies: AdmissionDependencies,
  attributes: AdmissionAttributes,
  status: ResourceClaimStatus,
  old: ResourceClaimStatus,
): Promise<readonly FieldError[]> {
  const drivers = modifiedDrivers(status.devices ?? [], old.devices ?? []);
  if (drivers.length === 0) return [];
  const verb = verbOf(attributes);
  const isNear = isOnNode(attributes.user, allocatedNode(status.allocation));
  const verbs = [...(isNear ? [`associated-node:${verb}`] : []), `arbitrary-node:${verb}`];
  const errors: FieldError[] = [];
  for (const name of drivers) {
    const refusal = await firstRefusal(dependencies, attributes, verbs, name);
    if (refusal !== undefined)
      errors.push(
        field.forbidden(
          "status.devices",
          `changing status.devices requires resource="resourceclaims/driver", verb="[${verbs.join(" ")}]" permission: ${refusal}`,
        ),
      );
  }
  return errors;
}

/** Undefined: one of the verbs is allowed. */
async function firstRefusal(
  dependencies: AdmissionDependencies,
  attributes: AdmissionAttributes,
  verbs: readonly string[],
  driver: string,
): Promise<string | undefined> {
  let first: string | undefined;
  for (const verb of verbs) {
    const { namespace } = attributes;
    const ask = question(attributes, { verb, subresource: "driver", namespace, name: driver });
    const refusal = await refusalOf(dependencies, ask);
    if (refusal === undefined) return undefined;
    first ??= refusal;
  }
  return first;
}

const verbOf = ({ verb }: AdmissionAttributes) => verb ?? "update";

function question(
  { user, resource }: AdmissionAttributes,
  asked: Pick<AuthorizationAttributes, "verb" | "subresource" | "namespace" | "name">,
): AuthorizationAttributes {
  return {
    user,
    isResourceRequest: true,
    apiGroup: resource.group,
    apiVersion: resource.version,
    resource: resource.resource,
    path: "",
    ...asked,
  };
}

async function refusalOf(
  { authorizer }: AdmissionDependencies,
  ask: AuthorizationAttributes,
): Promise<string | undefined> {
  const { allowed, reason, error } = await authorizer.authorize(ask);
  if (allowed) return undefined;
  return forbiddenRequest(ask, [error, reason].filter((part) => part !== undefined && part !== "").join(": "))
    .message;
}

function modifiedDrivers(
  devices: readonly AllocatedDeviceStatus[],
  old: readonly AllocatedDeviceStatus[],
): readonly string[] {
  const keyOf = ({ driver, pool, device, shareID = "" }: AllocatedDeviceStatus) =>
    JSON.stringify([driver, pool, device, shareID]);
  const before = new Map(old.map((device) => [keyOf(device), device]));
  const drivers = new Set<string>();
  for (const device of devices) {
    const key = keyOf(device);
    if (!field.semanticEqual(before.get(key), device)) drivers.add(device.driver);
    before.delete(key);
  }
  for (const { driver } of before.values()) drivers.add(driver);
  return [...drivers].sort();
}

/** The one node an allocation is for; undefined where there may be several. */
function allocatedNode(allocation: AllocationResult | undefined): string | undefined {
  const terms = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  const [term] = terms;
  if (terms.length !== 1 || term === undefined || (term.matchExpressions ?? []).length > 0) return undefined;
  const [only, ...more] = term.matchFields ?? [];
  if (only === undefined || more.length > 0 || only.key !== "metadata.name" || only.operator !== "In")
    return undefined;
  return only.values?.length === 1 ? only.values[0] : undefined;
}

/** Only a service account's token says where it is used. */
function isOnNode({ name, extra }: UserInfo, node: string | undefined): boolean {
  if (node === undefined || parseServiceAccount(name) === undefined) return false;
  const nodes = extra?.[extraKeys.nodeName] ?? [];
  return nodes.length === 1 && nodes[0] === node;
}
