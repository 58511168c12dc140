import type { ResourceDefinition, ResourceVerb } from "../../api/definition.ts";
import { badRequest } from "../../apimachinery/api-error.ts";
import { pathSegment } from "../../apimachinery/names.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { pageNotFound } from "../non-resource.ts";
import type { ResourceStore } from "../registry/store.ts";
import { methodNotAllowed, noSuchResource, notSupported, refusedMethod } from "../router-refusals.ts";
import { handleBinding } from "./binding.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { handleComponentStatuses } from "./component-statuses.ts";
import { handleDelete, handleDeleteCollection } from "./deletes.ts";
import { handlePatch } from "./patches.ts";
import { handleGet, handleListOrWatch } from "./reads.ts";
import { handleCreate, handleUpdate } from "./writes.ts";

/** A request for an object or a collection. Throws ApiErrors. */
export async function dispatchResource(context: HandlerContext, call: ResourceCall): Promise<ApiResponse> {
  const { definition, info, request } = call;
  const verb = info.verb;
  const isCollection = info.parts.length < 2;
  const isCustom = definition.custom !== undefined;
  // Inside a namespace there are only namespaced resources; of those, outside of one, only lists and watches.
  if (!definition.namespaced && info.namespace !== "" && definition.plural !== "namespaces") {
    if (isCustom) return pageNotFound();
    throw noSuchResource();
  }
  if (definition.namespaced && info.namespace === "" && !(isCollection && readsAll(request.method))) {
    if (isCustom) return pageNotFound();
    throw isCollection ? methodNotAllowed() : noSuchResource();
  }
  // The prefix of proxies is no more, whatever the method.
  if (verb === "proxy") throw noSuchResource();
  if (isCustom) return dispatchVerb(context, call, isCollection);
  // Custom kinds are behind a handler of verbs, the others behind a router of methods, that knows no HEAD.
  if (request.method === "HEAD") throw methodNotAllowed();
  // The old /watch/ prefix is a path of its own, for reading.
  if (verb === "watch" && request.method !== "GET") throw methodNotAllowed();
  if (definition.verbs !== undefined && !definition.verbs.includes(verb as ResourceVerb))
    throw verb === "watch" && definition.verbs.includes("list")
      ? notSupported(definition, verb)
      : methodNotAllowed();
  if (isCollection ? verb === "update" || verb === "patch" : verb === "create") throw methodNotAllowed();
  return dispatchVerb(context, call, isCollection);
}

const readsAll = (method: string) => method === "GET" || method === "HEAD";

async function dispatchVerb(
  context: HandlerContext,
  call: ResourceCall,
  isCollection: boolean,
): Promise<ApiResponse> {
  const { definition, info } = call;
  const { verb } = info;
  if (!isCollection) checkSegment(info.name);
  else if (verb === "update" || verb === "patch") throw badRequest("name must be provided");
  switch (verb) {
    case "get":
      if (isComponentStatus(definition)) return handleComponentStatuses(context, call);
      return handleGet(context, call);
    case "list":
      if (isComponentStatus(definition)) return handleComponentStatuses(context, call);
      return handleListOrWatch(context, call);
    case "watch":
      return handleListOrWatch(context, call, true);
    case "create":
      // Nothing is kept of a Binding: it is what is done to a pod.
      if (definition.group === "" && definition.plural === "bindings")
        return handleBinding(context, call, podsOf(context));
      return handleCreate(context, call);
    case "update":
      return handleUpdate(context, call);
    case "patch":
      return handlePatch(context, call);
    case "delete":
      return handleDelete(context, call);
    case "deletecollection":
      return handleDeleteCollection(context, call);
    default:
      throw refusedMethod(call);
  }
}

function isComponentStatus({ group, plural }: ResourceDefinition): boolean {
  return group === "" && plural === "componentstatuses";
}

function podsOf(context: HandlerContext): ResourceStore {
  const pods = context.storeOf({ group: "", plural: "pods" });
  if (pods === undefined) throw noSuchResource();
  return pods;
}

/** Throws 400 for a name that cannot be a segment of a path, and so of no object. */
function checkSegment(name: string): void {
  const reasons = pathSegment(name);
  if (reasons.length > 0)
    throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${reasons.join(";")}`);
}
