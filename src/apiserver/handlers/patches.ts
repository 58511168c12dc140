import { notFound } from "../../apimachinery/api-error.ts";
import { patchObject, patchTypeOf } from "../../apimachinery/patch/patch-object.ts";
import { sharing } from "../../apimachinery/patch/sharing.ts";
import type { ApiResponse, RequestBody } from "../../client/exchange.ts";
import { handleApply, isApply } from "../apply/apply-patch.ts";
import { knownKinds } from "../content/input.ts";
import { inNamespace } from "../registry/metadata.ts";
import { writeOptions } from "../registry/options.ts";
import type { UpdateRules } from "../registry/update-rules.ts";
import { objectRules } from "../registry/update-rules.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { kindOf, placeOf, respondObject } from "./call.ts";
import { admitChange, checkName, fromHub, toHub, trackedWrite, updateCall } from "./writes.ts";

/** PATCH of an object, or with `rules` of a subresource that has the object's own shape. */
export async function handlePatch(
  context: HandlerContext,
  call: ResourceCall,
  rules: UpdateRules = objectRules(call.definition),
): Promise<ApiResponse> {
  if (isApply(call)) return handleApply(context, call, rules);
  const expected = kindOf(call);
  const model = context.input.modelOf(expected);
  const type = patchTypeOf(call.request.headers["content-type"], model !== undefined);
  const options = writeOptions("PatchOptions", call.request.query);
  const patch = patchBytes(call.request.body);
  call.audit?.requestPatch(patch);
  const place = placeOf(call);
  const { object } = await call.store.update(place, {
    ...updateCall(context, call, options, rules),
    // A patch that names no resourceVersion means whatever stands there.
    unconditional: true,
    change: async (existing) => {
      if (existing === undefined) throw notFound(call.store.resource, place.name);
      const { object: patched, warnings } = patchObject(type, patch, fromHub(call, existing), {
        expected,
        model,
        shape: call.definition.custom?.shape,
        fieldValidation: options.fieldValidation,
        knows: knownKinds(context.input),
      });
      for (const warning of warnings) call.warn(warning);
      const named = inNamespace(sharing(toHub(call, patched), existing), place.namespace);
      checkName(named, place.name);
      const tracked = context.fieldManagement.track(named, existing, trackedWrite(context, call, options));
      return admitChange(context, call, tracked, existing, options);
    },
  });
  return respondObject(context, call, 200, object);
}

export function patchBytes(body: RequestBody | undefined): Uint8Array {
  if (body === undefined) return new Uint8Array();
  return "bytes" in body ? body.bytes : new TextEncoder().encode(JSON.stringify(body.object));
}
