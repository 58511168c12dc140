import { lookupTable } from "../../base/lookup-table.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { AuthorizationAttributes, AuthorizationDecision } from "../stages.ts";
import { nodeRules } from "./bootstrap-policy/node-rules.ts";
import type { NodeRelations, RelatedKind } from "./node-relations.ts";
import { rulesAllow } from "./rbac-rules.ts";

/** Upstream's Node authorizer: a kubelet may reach what its own node needs, and no more. */

const nodePrefix = "system:node:";
const nodesGroup = "system:nodes";

/** The node a user is: undefined for others, "" for a member of system:nodes without a node's name. */
export function nodeOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(nodePrefix)) return undefined;
  return user.groups.includes(nodesGroup) ? user.name.slice(nodePrefix.length) : undefined;
}

const allow: AuthorizationDecision = { allowed: true, reason: "" };
const noOpinion = (reason = ""): AuthorizationDecision => ({ allowed: false, reason });

type Decide = (
  nodeName: string,
  attributes: AuthorizationAttributes,
  relations: NodeRelations,
) => AuthorizationDecision;

/** By "resource" or "resource.group"; what is not here is decided by the static rules of the system:node role. */
const decisions: Readonly<Record<string, Decide>> = lookupTable({
  secrets: readNamespaced("secrets"),
  configmaps: readNamespaced("configmaps"),
  persistentvolumeclaims: (nodeName, attributes, relations) =>
    attributes.subresource === "status"
      ? updateClaimStatus(nodeName, attributes, relations)
      : getOnly("persistentvolumeclaims")(nodeName, attributes, relations),
  persistentvolumes: getOnly("persistentvolumes"),
  "resourceclaims.resource.k8s.io": getOnly("resourceclaims"),
  "volumeattachments.storage.k8s.io": getOnly("volumeattachments"),
  serviceaccounts: (nodeName, attributes, relations) =>
    attributes.verb === "get" && attributes.subresource === ""
      ? getOnly("serviceaccounts")(nodeName, attributes, relations)
      : createToken(nodeName, attributes, relations),
  "leases.coordination.k8s.io": lease,
  "csinodes.storage.k8s.io": csiNode,
  "resourceslices.resource.k8s.io": resourceSlice,
  nodes: node,
  pods: pod,
});

export function authorizeNode(
  relations: NodeRelations,
  attributes: AuthorizationAttributes,
): AuthorizationDecision {
  const nodeName = nodeOf(attributes.user);
  if (nodeName === undefined) return noOpinion();
  if (nodeName === "") return noOpinion(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
  if (attributes.isResourceRequest) {
    const { resource, apiGroup } = attributes;
    const decide = decisions[apiGroup === "" ? resource : `${resource}.${apiGroup}`];
    if (decide !== undefined) return decide(nodeName, attributes, relations);
  }
  return rulesAllow(attributes, nodeRules) ? allow : noOpinion();
}

function related(
  kind: RelatedKind,
  nodeName: string,
  { namespace, name }: AuthorizationAttributes,
  relations: NodeRelations,
): AuthorizationDecision {
  if (name === "") return noOpinion("No Object name found");
  if (relations.isRelated(nodeName, { kind, namespace, name })) return allow;
  return noOpinion(`no relationship found between node '${nodeName}' and this object`);
}

function getOnly(kind: RelatedKind): Decide {
  return (nodeName, attributes, relations) => {
    if (attributes.verb !== "get") return noOpinion("can only get individual resources of this type");
    if (attributes.subresource !== "") return noOpinion("cannot get subresource");
    return related(kind, nodeName, attributes, relations);
  };
}

function readNamespaced(kind: RelatedKind): Decide {
  return (nodeName, attributes, relations) => {
    if (!["get", "list", "watch"].includes(attributes.verb))
      return noOpinion("can only read resources of this type");
    if (attributes.subresource !== "") return noOpinion("cannot read subresource");
    if (attributes.namespace === "") return noOpinion("can only read namespaced object of this type");
    return related(kind, nodeName, attributes, relations);
  };
}

function updateClaimStatus(
  nodeName: string,
  attributes: AuthorizationAttributes,
  relations: NodeRelations,
): AuthorizationDecision {
  if (attributes.verb !== "update" && attributes.verb !== "patch")
    return noOpinion("can only get/update/patch this type");
  return related("persistentvolumeclaims", nodeName, attributes, relations);
}

function createToken(
  nodeName: string,
  attributes: AuthorizationAttributes,
  relations: NodeRelations,
): AuthorizationDecision {
  if (attributes.verb !== "create" || attributes.name === "")
    return noOpinion("can only create tokens for individual service accounts");
  if (attributes.subresource !== "token")
    return noOpinion("can only create token subresource of serviceaccount");
  return related("serviceaccounts", nodeName, attributes, relations);
}

const ownVerbs = ["get", "create", "update", "patch", "delete"];
const leaseNamespace = "kube-node-lease";

function lease(nodeName: string, { verb, namespace, name }: AuthorizationAttributes): AuthorizationDecision {
  if (!ownVerbs.includes(verb))
    return noOpinion("can only get, create, update, patch, or delete a node lease");
  if (namespace !== leaseNamespace)
    return noOpinion(`can only access leases in the ${JSON.stringify(leaseNamespace)} system namespace`);
  // The name is not known at create; the NodeRestriction plugin checks it then.
  if (verb !== "create" && name !== nodeName)
    return noOpinion("can only access node lease with the same name as the requesting node");
  return allow;
}

function csiNode(nodeName: string, attributes: AuthorizationAttributes): AuthorizationDecision {
  const { verb, subresource, name } = attributes;
  if (!ownVerbs.includes(verb)) return noOpinion("can only get, create, update, patch, or delete a CSINode");
  if (subresource !== "") return noOpinion("cannot authorize CSINode subresources");
  if (verb !== "create" && name !== nodeName)
    return noOpinion("can only access CSINode with the same name as the requesting node");
  return allow;
}

function resourceSlice(
  nodeName: string,
  attributes: AuthorizationAttributes,
  relations: NodeRelations,
): AuthorizationDecision {
  if (attributes.subresource !== "") return noOpinion("cannot authorize ResourceSlice subresources");
  switch (attributes.verb) {
    case "create":
      return allow;
    case "get":
    case "update":
    case "patch":
    case "delete":
      return related("resourceslices", nodeName, attributes, relations);
    case "watch":
    case "list":
    case "deletecollection":
      return selectsField(attributes.fieldSelector, "spec.nodeName", nodeName)
        ? allow
        : noOpinion("can only list/watch/deletecollection resourceslices with nodeName field selector");
    default:
      return noOpinion(
        "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
      );
  }
}

function node(nodeName: string, { verb, subresource, name }: AuthorizationAttributes): AuthorizationDecision {
  if (subresource === "status") return verb === "update" || verb === "patch" ? allow : noOpinion();
  if (subresource !== "") return noOpinion();
  if (["create", "update", "patch"].includes(verb)) return allow;
  if (!["get", "list", "watch"].includes(verb)) return noOpinion();
  if (name === nodeName) return allow;
  if (name === "") return noOpinion(`node '${nodeName}' cannot read all nodes, only its own Node object`);
  return noOpinion(`node '${nodeName}' cannot read '${name}', only its own Node object`);
}

function pod(
  nodeName: string,
  attributes: AuthorizationAttributes,
  relations: NodeRelations,
): AuthorizationDecision {
  const { verb, subresource } = attributes;
  if (subresource === "status") return verb === "update" || verb === "patch" ? allow : noOpinion();
  if (subresource === "eviction") return verb === "create" ? allow : noOpinion();
  if (subresource !== "") return noOpinion();
  switch (verb) {
    case "get":
      return related("pods", nodeName, attributes, relations);
    case "list":
    case "watch":
      if (selectsField(attributes.fieldSelector, "spec.nodeName", nodeName)) return allow;
      if (attributes.name !== "") return related("pods", nodeName, attributes, relations);
      return noOpinion("can only list/watch pods with spec.nodeName field selector");
    case "create":
    case "delete":
      // For mirror pods; the NodeRestriction plugin sees to it that they are the node's own.
      return allow;
    default:
      return noOpinion();
  }
}

function selectsField(selector: string | undefined, field: string, value: string): boolean {
  return (selector ?? "").split(",").some((term) => {
    const match = /^\s*([^=!]+)==?([^=]*)$/.exec(term);
    return match?.[1] === field && match[2] === value;
  });
}
