import { ApiError, forbidden } from "../../apimachinery/api-error.ts";
import type { AuthorizationAttributes } from "../stages.ts";

/** A request that no authorizer allowed: its refusal says what the client typed. */
export class RequestForbidden extends ApiError {}

/** The 403 of a request that no authorizer allowed, in upstream's words. */
export function forbiddenRequest(attributes: AuthorizationAttributes, reason: string): ApiError {
  const message = sanitize(describe(attributes));
  const { status } = forbidden(
    { group: attributes.apiGroup, resource: attributes.resource },
    attributes.name,
    reason === "" ? message : `${message}: ${reason}`,
  );
  return new RequestForbidden(status);
}

function describe(attributes: AuthorizationAttributes): string {
  const quote = JSON.stringify;
  const user = `User ${quote(attributes.user.name)} cannot ${attributes.verb}`;
  if (!attributes.isResourceRequest) return `${user} path ${quote(attributes.path)}`;
  const { resource, subresource, apiGroup, namespace } = attributes;
  const target = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${quote(namespace)}`;
  return `${user} resource ${quote(target)} in API group ${quote(apiGroup)} ${where}`;
}

/** What a client typed must not come back as HTML. */
function sanitize(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
