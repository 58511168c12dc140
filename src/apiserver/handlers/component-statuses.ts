import { failure } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { showList } from "../content/views.ts";
import type { HealthCheck } from "../health.ts";
import { listOptions } from "../registry/options.ts";
import { selectionOf } from "../registry/select.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { contentHeaders, respondObject, viewOptions } from "./call.ts";

/** How the parts of the control plane are: nothing of it is kept, each is asked as the answer is made. */
export async function handleComponentStatuses(
  context: HandlerContext,
  call: ResourceCall,
): Promise<ApiResponse> {
  const { components } = context;
  if (call.info.parts.length > 1) {
    const check = components.find(({ name }) => name === call.info.name);
    if (check === undefined) throw failure(500, "", `Component not found: ${call.info.name}`);
    return respondObject(context, call, 200, await statusOf(check));
  }
  const { labelSelector, fieldSelector } = listOptions(call.request.query);
  const { matches, name } = selectionOf(call.definition, {
    namespace: "",
    name: "",
    labelSelector,
    fieldSelector,
  });
  const asked = components.filter((check) => name === undefined || check.name === name);
  const all = await Promise.all(asked.map(statusOf));
  const items = matches === undefined ? all : all.filter(matches);
  const list = { kind: call.definition.listKind, apiVersion: "v1", metadata: {}, items };
  const plainItems = call.output.view === undefined;
  const object = plainItems ? list : showList(list, viewOptions(context, call));
  return { type: "object", status: 200, headers: contentHeaders(call.output), object, plainItems };
}

async function statusOf({ name, check }: HealthCheck): Promise<AnyObject> {
  let status = "True";
  let message = "ok";
  try {
    await check();
  } catch (error) {
    status = "False";
    message = error instanceof Error ? error.message : String(error);
  }
  return {
    kind: "ComponentStatus",
    apiVersion: "v1",
    metadata: { name },
    conditions: [{ type: "Healthy", status, message }],
  };
}
