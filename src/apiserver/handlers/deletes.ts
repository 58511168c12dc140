import { isApiError } from "../../apimachinery/api-error.ts";
import type { KubeList } from "../../apimachinery/meta.ts";
import { apiVersionOf } from "../../apimachinery/meta.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { readObject } from "../content/input.ts";
import { inVersion, showList } from "../content/views.ts";
import type { DeleteRequestOptions } from "../registry/options.ts";
import { deleteOptions, listOptions } from "../registry/options.ts";
import { selectionOf } from "../registry/select.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { admissionAttributes, contentHeaders, placeOf, respond, respondObject } from "./call.ts";
import { returnsDeletedObject } from "./deleted-objects.ts";
import { emptyContinue } from "./reads.ts";

const parallelDeletes = 16;

/** DELETE of one object. */
export async function handleDelete(context: HandlerContext, call: ResourceCall): Promise<ApiResponse> {
  const options = await readOptions(context, call);
  const { object, removed } = await deleteOne(context, call, placeOf(call), options);
  const { group, plural } = call.definition;
  if (!removed) {
    const status = options.orphanDependents === false ? 202 : 200;
    return respondObject(context, call, status, object);
  }
  if (returnsDeletedObject(call.definition)) return respondObject(context, call, 200, object);
  const { name, uid } = object.metadata;
  return respond(call, 200, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(group === "" ? {} : { group }), kind: plural, uid },
  });
}

function deleteOne(
  context: HandlerContext,
  call: ResourceCall,
  place: { readonly namespace: string; readonly name: string },
  options: DeleteRequestOptions,
) {
  return call.store.delete(place, {
    options,
    validate: async (oldObject) => {
      const attributes = admissionAttributes(call, {
        operation: "DELETE",
        name: place.name,
        oldObject,
        dryRun: options.dryRun,
        options: { ...options },
      });
      await context.admission.admit(attributes);
      await context.admission.validate(attributes);
    },
  });
}

/** DELETE of a collection: not atomic; what cannot be deleted fails the request when all have been tried. */
export async function handleDeleteCollection(
  context: HandlerContext,
  call: ResourceCall,
): Promise<ApiResponse> {
  const list = listOptions(call.request.query);
  const options = await readOptions(context, call);
  const { definition, store } = call;
  const selection = selectionOf(definition, {
    namespace: placeOf(call).namespace,
    name: "",
    labelSelector: list.labelSelector,
    fieldSelector: list.fieldSelector,
  });
  const { items, revision } = await store.cache.list({ selection, signal: call.request.signal });
  const chosen = list.limit > 0 ? items.slice(0, list.limit) : items;
  const failures: unknown[] = [];
  let next = 0;
  const worker = async () => {
    for (let item = chosen[next++]; item !== undefined; item = chosen[next++]) {
      const { namespace = "", name = "" } = item.object.metadata;
      try {
        await deleteOne(context, call, { namespace, name }, options);
      } catch (error) {
        if (!isApiError(error, "NotFound")) failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallelDeletes, chosen.length) }, worker));
  if (failures.length > 0) throw failures[0];
  const apiVersion = apiVersionOf({ group: definition.group, version: call.version });
  const deleted: KubeList = {
    kind: definition.listKind,
    apiVersion,
    metadata: { ...emptyContinue(call), resourceVersion: String(revision) },
    items: chosen.map(({ object }) => inVersion(definition, object, call.version)),
  };
  const view = { definition, version: call.version, format: call.output, includeObject: "Metadata" } as const;
  const plainItems = call.output.view === undefined && definition.custom === undefined;
  const object = showList(deleted, { ...view, nowMs: context.clock.now() });
  return { type: "object", status: 200, headers: contentHeaders(call.output), object, plainItems };
}

async function readOptions(context: HandlerContext, call: ResourceCall): Promise<DeleteRequestOptions> {
  const body = await readObject(call.request, context.input, {
    kind: { group: "", version: "v1", kind: "DeleteOptions" },
    fieldValidation: "Ignore",
    bare: true,
  });
  if (body !== undefined) call.audit?.requestObject(() => body.object);
  return deleteOptions(call.request.query, body?.object);
}
