import { badRequest } from "../../apimachinery/api-error.ts";
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { readObject } from "../content/input.ts";
import { inNamespace } from "../registry/metadata.ts";
import { writeOptions } from "../registry/options.ts";
import type { CreateHandler } from "../stages.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { placeOf, respond } from "./call.ts";
import { admitCreate, createCall, trackedWrite } from "./writes.ts";

/** A POST that stores nothing by itself: reviews, service account tokens. */
export async function handleCreateHandler(
  context: HandlerContext,
  call: ResourceCall,
  handler: CreateHandler,
  kind: GroupVersionKind,
): Promise<ApiResponse> {
  const options = writeOptions("CreateOptions", call.request.query);
  const decoded = await readObject(call.request, context.input, {
    kind,
    fieldValidation: options.fieldValidation,
  });
  if (decoded === undefined) throw badRequest(`a ${kind.kind} is required`);
  for (const warning of decoded.warnings) call.warn(warning);
  const own = kind.group === call.definition.group && kind.kind === call.definition.kind;
  const defaults = own ? call.definition.strategy.defaults : handler.defaults;
  const defaulted = defaults?.(decoded.object) ?? decoded.object;
  call.audit?.requestObject(() => defaulted);
  const next = inNamespace(defaulted, placeOf(call).namespace);
  const tracked = trackedWrite(context, call, options);
  const owned = context.fieldManagement.trackAs(kind, { next, live: undefined }, tracked);
  const object = await admitCreate(context, call, owned, {
    ...options,
    // A token is asked for an account that is there.
    keepsIdentity: handler.subresource !== undefined,
  });
  await createCall(context, call, options).validate(object);
  const answer = await handler.create(object, {
    user: call.user,
    requestInfo: call.info,
    dryRun: options.dryRun,
    signal: call.request.signal,
    warn: call.warn,
    ...(call.audit === undefined ? {} : { annotate: call.audit.annotate }),
  });
  return respond(call, 201, answer);
}
