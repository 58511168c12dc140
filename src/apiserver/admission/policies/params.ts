import type { ParamKind, ParamRef } from "../../../api/admissionregistration/types.generated.ts";
import { isApiError } from "../../../apimachinery/api-error.ts";
import { formatLabelSelector, requirementsOf } from "../../../apimachinery/label-selector.ts";
import type { AnyObject, ResourceType } from "../../../apimachinery/meta.ts";
import { parseApiVersion } from "../../../apimachinery/meta.ts";
import type { PolicyDependencies } from "./policy-dependencies.ts";

/** The parameters a binding refers to; null where the policy takes none. Throws an Error that says what is wrong with the binding. */
export async function collectParams(
  { client, definitions }: Pick<PolicyDependencies, "client" | "definitions">,
  kind: ParamKind | undefined,
  reference: ParamRef | undefined,
  requestNamespace: string,
): Promise<readonly (AnyObject | null)[]> {
  if (kind === undefined) return [null];
  if (reference === undefined) return [null];
  const { apiVersion = "", kind: kindName = "" } = kind;
  const { group, version } = parseApiVersion(apiVersion);
  const definition = definitions().find(
    (each) => each.group === group && each.kind === kindName && each.versions.includes(version),
  );
  if (definition === undefined)
    throw new Error(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kindName}'`);
  const type: ResourceType<AnyObject> = {
    group,
    version,
    resource: definition.plural,
    kind: kindName,
    namespaced: definition.namespaced,
  };
  const namespace = definition.namespaced ? (reference.namespace ?? requestNamespace) : undefined;
  if (!definition.namespaced && reference.namespace)
    throw new Error("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  if (namespace === "")
    throw new Error("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
  const found = await find(client, type, namespace, reference);
  if (found.length > 0) return found;
  if (reference.parameterNotFoundAction === "Allow") return [];
  throw new Error("no params found for policy binding with `Deny` parameterNotFoundAction");
}

async function find(
  client: PolicyDependencies["client"],
  type: ResourceType<AnyObject>,
  namespace: string | undefined,
  { name, selector }: ParamRef,
): Promise<readonly AnyObject[]> {
  const place = namespace === undefined ? {} : { namespace };
  if (name !== undefined && name !== "") {
    try {
      return [await client.get(type, { ...place, name })];
    } catch (error) {
      if (isApiError(error, "NotFound")) return [];
      throw error;
    }
  }
  if (selector === undefined) throw new Error("one of name or selector must be provided");
  const labelSelector = formatLabelSelector(requirementsOf(selector) ?? []);
  const { items } = await client.list(type, { ...place, ...(labelSelector === "" ? {} : { labelSelector }) });
  return items;
}
