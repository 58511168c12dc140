import type { ResourceVerb, SubresourceDefinition } from "../../api/definition.ts";
import { notFound } from "../../apimachinery/api-error.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import type { BackendTransport } from "../connect/backend.ts";
import { pageNotFound } from "../non-resource.ts";
import { subresourceRules } from "../registry/subresource-rules.ts";
import { methodNotAllowed, noSuchResource, refusedMethod } from "../router-refusals.ts";
import type { CreateHandler } from "../stages.ts";
import { handleBinding } from "./binding.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { handleLog, handleProxy, isConnection } from "./connections.ts";
import { handleCreateHandler } from "./create-handlers.ts";
import { handleEviction } from "./eviction.ts";
import { handlePatch } from "./patches.ts";
import { handleGet } from "./reads.ts";
import { handleScale } from "./scale.ts";
import { handleUpdate } from "./writes.ts";

export interface SubresourceDependencies {
  readonly backends: BackendTransport | undefined;
  readonly createHandlerOf: (group: string, plural: string, subresource: string) => CreateHandler | undefined;
}

/** A request for a part of an object. Throws ApiErrors. */
export async function dispatchSubresource(
  context: HandlerContext,
  call: ResourceCall,
  dependencies: SubresourceDependencies,
): Promise<ApiResponse> {
  const { definition, info } = call;
  const { subresource, verb } = info;
  const isCustom = definition.custom !== undefined;
  if (definition.namespaced && info.namespace === "") {
    if (isCustom) return pageNotFound();
    throw noSuchResource();
  }
  if (!isCustom && call.request.method === "HEAD" && !isConnection(call))
    throw isServed(call) ? methodNotAllowed() : noSuchResource();
  if (subresource === "scale" && definition.scale !== undefined) return handleScale(context, call);
  const rules = subresourceRules(definition, subresource);
  const declared = declaredSubresource(call);
  if (declared !== undefined && rules !== undefined && !declared.verbs.includes(verb as ResourceVerb))
    throw methodNotAllowed();
  if (rules !== undefined && (subresource === "status" || declared !== undefined)) {
    if (verb === "get") return handleGet(context, call);
    if (verb === "update") return handleUpdate(context, call, rules);
    if (verb === "patch") return handlePatch(context, call, rules);
    throw refusedMethod(call);
  }
  if (declared === undefined) throw isCustom ? notFound(call.store.resource, info.name) : noSuchResource();
  if (isConnection(call)) return handleProxy(context, call, declared, dependencies.backends);
  if (definition.group === "" && definition.plural === "pods" && subresource === "log") {
    if (verb !== "get") throw methodNotAllowed();
    return handleLog(context, call, dependencies.backends);
  }
  if (verb !== "create") throw methodNotAllowed();
  if (definition.group === "" && definition.plural === "pods") {
    if (subresource === "binding") return handleBinding(context, call, call.store);
    if (subresource === "eviction") return handleEviction(context, call);
  }
  const handler = dependencies.createHandlerOf(definition.group, definition.plural, subresource);
  if (handler === undefined) throw noSuchResource();
  const { group, version, kind } = declared;
  return handleCreateHandler(context, call, handler, { group, version, kind });
}

function isServed(call: ResourceCall): boolean {
  const { definition, info } = call;
  return (
    declaredSubresource(call) !== undefined ||
    (info.subresource === "status" && definition.hasStatus) ||
    (info.subresource === "scale" && definition.scale !== undefined)
  );
}

export function declaredSubresource(call: ResourceCall): SubresourceDefinition | undefined {
  return call.definition.subresources?.find(({ name }) => name === call.info.subresource);
}
