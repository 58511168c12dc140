import { internalError } from "../apimachinery/api-error.ts";
import type { UserInfo } from "../client/exchange.ts";
import type { AuditTrail } from "./audit/trail.ts";
import { forbiddenRequest } from "./authorization/forbidden.ts";
import type { RequestInfo } from "./request-info.ts";
import type { AuthorizationAttributes, Authorizer, Impersonator } from "./stages.ts";

/** A request as authorizers see it. */
export function attributesOf(user: UserInfo, info: RequestInfo): AuthorizationAttributes {
  return {
    user,
    verb: info.verb,
    isResourceRequest: info.isResourceRequest,
    apiGroup: info.apiGroup,
    apiVersion: info.apiVersion,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    path: info.path,
    ...(info.fieldSelector === undefined ? {} : { fieldSelector: info.fieldSelector }),
    ...(info.labelSelector === undefined ? {} : { labelSelector: info.labelSelector }),
  };
}

/** Throws 403 where the user may not do what the request asks for. */
export async function authorizeRequest(
  authorizer: Authorizer,
  attributes: AuthorizationAttributes,
  audit?: AuditTrail,
): Promise<void> {
  const verdict = authorizer.authorize(attributes);
  const { allowed, reason, error } = verdict instanceof Promise ? await verdict : verdict;
  if (error === undefined || allowed) {
    audit?.annotate("authorization.k8s.io/decision", allowed ? "allow" : "forbid");
    audit?.annotate("authorization.k8s.io/reason", reason);
  } else audit?.annotate("authorization.k8s.io/reason", "internal error");
  if (allowed) return;
  if (error !== undefined) throw internalError(error);
  throw forbiddenRequest(attributes, reason);
}

/** The user the request is to be carried out as. Throws 400 and 403. */
export async function effectiveUser(
  impersonator: Impersonator | undefined,
  user: UserInfo,
  info: RequestInfo,
  headers: Readonly<Record<string, string | undefined>>,
  audit?: AuditTrail,
): Promise<UserInfo> {
  if (impersonator === undefined) return user;
  let constraint: string | undefined;
  const acting = await impersonator.impersonate(attributesOf(user, info), headers, (verb) => {
    constraint = verb;
  });
  if (acting !== undefined) audit?.impersonates(acting, constraint);
  return acting ?? user;
}

/** system:masters may do everything: nothing can be misconfigured so that nobody can repair it. */
export function privileged(authorizer: Authorizer): Authorizer {
  return {
    authorize: (attributes) =>
      attributes.user.groups.includes("system:masters") ? allowed : authorizer.authorize(attributes),
  };
}

const allowed = { allowed: true, reason: "" };
