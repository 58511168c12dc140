import { isApiError } from "../../apimachinery/api-error.ts";
import type { KubeList } from "../../apimachinery/meta.ts";
import { apiVersionOf } from "../../apimachinery/meta.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { readObject } from "../content/input.ts";
import { inVersion, showList } from "../content/views.ts";
import type { DeleteRequestOptions, ListRequestOptions } from "../registry/options.ts";
import { deleteOptions, listOptions } from "../registry/options.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { admissionAttributes, contentHeaders, placeOf, respond, respondObject } from "./call.ts";
import { returnsDeletedObject } from "./deleted-objects.ts";
import { readPage } from "./reads.ts";

const parallelDeletes = 16;
/** As upstream reads collections to delete them. */
const pageSize = 10_000;

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
  const { definition } = call;
  const { items: chosen, metadata } = await chosenBy(call, list);
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
    metadata,
    items: chosen.map(({ object }) => inVersion(definition, object, call.version)),
  };
  const view = { definition, version: call.version, format: call.output, includeObject: "Metadata" } as const;
  const plainItems = call.output.view === undefined && definition.custom === undefined;
  const object = showList(deleted, { ...view, nowMs: context.clock.now() });
  return { type: "object", status: 200, headers: contentHeaders(call.output), object, plainItems };
}

/** A page where the request asks for one, else all there is, a page after the other. */
async function chosenBy(call: ResourceCall, list: ListRequestOptions): ReturnType<typeof readPage> {
  if (list.limit > 0) return readPage(call, list);
  const first = await readPage(call, { ...list, limit: pageSize });
  const { continue: more = "", remainingItemCount: _left, ...metadata } = first.metadata;
  if (more === "") return first;
  const items = [...first.items];
  for (let next = more; next !== ""; ) {
    const later = { ...list, resourceVersion: "", resourceVersionMatch: "", limit: pageSize, continue: next };
    const page = await readPage(call, later);
    items.push(...page.items);
    next = page.metadata.continue ?? "";
  }
  return { items, metadata };
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
