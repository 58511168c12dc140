import type { ClusterRole, PolicyRule, RoleBinding, RoleRef } from "../../api/rbac/types.generated.ts";
import { notFound } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { UserInfo } from "../../client/exchange.ts";
import { superuserGroup } from "../authorization/create-authorizer.ts";
import { rulesOf, rulesOfRole } from "../authorization/rbac-authorizer.ts";
import { compactRules, describeRule, quotedList, uncoveredRules } from "../authorization/rbac-rules.ts";
import type { RbacSource } from "../authorization/rbac-source.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, refuse } from "./dependencies.ts";

/**
 * Nobody grants what they do not hold, unless they may `escalate` the role or `bind` it. Upstream does this in the storage
 * of the four RBAC kinds; here it is the last validating step before it.
 */
export function rbacEscalation(dependencies: AdmissionDependencies): AdmissionPlugin {
  return {
    name: "RBACEscalation",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    async validate(attributes) {
      const { group, resource } = attributes.resource;
      if (group !== "rbac.authorization.k8s.io" || attributes.subresource !== "") return;
      if (attributes.user.groups.includes(superuserGroup) || onlyGarbageFieldsDiffer(attributes)) return;
      if (resource === "roles" || resource === "clusterroles") await checkRole(dependencies, attributes);
      else await checkBinding(dependencies, attributes);
    },
  };
}

const fullAuthority: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

async function checkRole(
  dependencies: AdmissionDependencies,
  attributes: AdmissionAttributes,
): Promise<void> {
  if (await mayOnRole(dependencies, attributes, "escalate", attributes.resource.resource, attributes.name))
    return;
  // The resource says that it is a role; only a ClusterRole has an aggregation rule.
  const role = attributes.object as AnyObject & ClusterRole;
  const missing = escalation(dependencies.rbac, attributes, role.rules ?? []);
  if (missing !== undefined) throw refuse(attributes, missing);
  const old = attributes.oldObject as (AnyObject & ClusterRole) | undefined;
  // It can gather anything; taking it off makes what was gathered stay.
  if (
    (role.aggregationRule !== undefined || old?.aggregationRule !== undefined) &&
    escalation(dependencies.rbac, attributes, fullAuthority) !== undefined
  )
    throw refuse(attributes, "must have cluster-admin privileges to use an aggregationRule");
}

async function checkBinding(
  dependencies: AdmissionDependencies,
  attributes: AdmissionAttributes,
): Promise<void> {
  // The resource says that it is a binding; the two kinds share these fields.
  const { roleRef } = attributes.object as AnyObject & RoleBinding;
  const resource = roleRef.kind === "Role" ? "roles" : "clusterroles";
  if (await mayOnRole(dependencies, attributes, "bind", resource, roleRef.name)) return;
  const role = await referredRules(dependencies, roleRef, attributes.namespace);
  const missing = escalation(dependencies.rbac, attributes, role);
  if (missing !== undefined) throw refuse(attributes, missing);
}

async function referredRules(
  { rbac }: AdmissionDependencies,
  roleRef: RoleRef,
  namespace: string,
): Promise<readonly PolicyRule[]> {
  const role = rulesOfRole(rbac, roleRef, namespace);
  if (role.found) return role.rules;
  const resource = `${roleRef.kind.toLowerCase()}s`;
  throw notFound({ group: "rbac.authorization.k8s.io", resource }, roleRef.name);
}

/** What a user would grant without holding it, in upstream's words; undefined: nothing. */
function escalation(
  rbac: RbacSource,
  { user, namespace }: { readonly user: UserInfo; readonly namespace: string },
  granted: readonly PolicyRule[],
): string | undefined {
  const held = rulesOf(rbac, user, namespace);
  const missing = uncoveredRules(held.rules, granted);
  if (missing.length === 0) return undefined;
  const lines = [...new Set(compactRules(missing).map(describeRule))].sort();
  const message = `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${lines.join("\n")}`;
  return held.errors.length === 0 ? message : `${message}; resolution errors: [${held.errors.join(", ")}]`;
}

async function mayOnRole(
  { authorizer }: AdmissionDependencies,
  attributes: AdmissionAttributes,
  verb: "escalate" | "bind",
  resource: string,
  name: string,
): Promise<boolean> {
  const decision = await authorizer.authorize({
    user: attributes.user,
    verb,
    isResourceRequest: true,
    apiGroup: "rbac.authorization.k8s.io",
    apiVersion: "*",
    resource,
    subresource: "",
    namespace: attributes.namespace,
    name,
    path: "",
  });
  return decision.allowed;
}

/** The garbage collector may always take owners and finalizers off. */
function onlyGarbageFieldsDiffer({ object, oldObject }: AdmissionAttributes): boolean {
  if (object === undefined || oldObject === undefined) return false;
  return JSON.stringify(withoutGarbageFields(object)) === JSON.stringify(withoutGarbageFields(oldObject));
}

function withoutGarbageFields(object: AnyObject): object {
  const { ownerReferences, finalizers, managedFields, resourceVersion, ...metadata } = object.metadata;
  return { ...object, metadata };
}
