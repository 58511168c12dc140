import type { ResourceVerb } from "../../api/definition.ts";
import { failure } from "../../apimachinery/api-error.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { handleDelete, handleDeleteCollection } from "./deletes.ts";
import { handlePatch } from "./patches.ts";
import { handleGet, handleListOrWatch } from "./reads.ts";
import { handleCreate, handleUpdate } from "./writes.ts";

/** A request for an object or a collection. Throws ApiErrors. */
export async function dispatchResource(context: HandlerContext, call: ResourceCall): Promise<ApiResponse> {
  const { definition, info, request } = call;
  // Inside a namespace there are only namespaced resources; of those, outside of one, only lists and watches.
  if (!definition.namespaced && info.namespace !== "" && definition.plural !== "namespaces")
    throw noSuchResource();
  const verb = info.verb;
  const isCollection = info.parts.length < 2;
  if (definition.namespaced && info.namespace === "" && !(isCollection && request.method === "GET")) {
    throw isCollection ? methodNotAllowed() : noSuchResource();
  }
  if (definition.verbs !== undefined && !definition.verbs.includes(verb as ResourceVerb))
    throw methodNotAllowed();
  switch (verb) {
    case "get":
      return handleGet(context, call);
    case "list":
      return handleListOrWatch(context, call);
    case "watch":
      return handleListOrWatch(context, call, true);
    case "create":
      if (!isCollection) throw methodNotAllowed();
      return handleCreate(context, call);
    case "update":
      if (isCollection) throw methodNotAllowed();
      return handleUpdate(context, call);
    case "patch":
      if (isCollection) throw methodNotAllowed();
      return handlePatch(context, call);
    case "delete":
      return handleDelete(context, call);
    case "deletecollection":
      return handleDeleteCollection(context, call);
    default:
      throw methodNotAllowed();
  }
}

export function noSuchResource(): Error {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

export function methodNotAllowed(): Error {
  return failure(
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
    {},
  );
}
