import { badRequest } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { decodeValue } from "../../apimachinery/schema/decode.ts";
import type { ApiResponse, RequestBody } from "../../client/exchange.ts";
import { inNamespace } from "../registry/metadata.ts";
import { writeOptions } from "../registry/options.ts";
import type { UpdateRules } from "../registry/update-rules.ts";
import { objectRules } from "../registry/update-rules.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { kindOf, placeOf, respondObject } from "./call.ts";
import {
  admitChange,
  authorizedCreateCall,
  checkName,
  fromHub,
  toHub,
  trackedWrite,
  updateCall,
} from "./writes.ts";

export const applyPatchType = "application/apply-patch+yaml";

/** Server-side apply: the request says what one manager wants of an object; the rest stays as others want it. */
export async function handleApply(
  context: HandlerContext,
  call: ResourceCall,
  rules: UpdateRules = objectRules(call.definition),
): Promise<ApiResponse> {
  const options = writeOptions("PatchOptions", call.request.query, true);
  const place = placeOf(call);
  const parsed = await readConfiguration(call.request.body);
  const configuration = inNamespace(named(parsed, place.name), place.namespace);
  const tracked = { ...trackedWrite(context, call, options), force: options.force === true };
  const { object, created } = await call.store.update(place, {
    ...updateCall(context, call, options, rules),
    ...(call.info.subresource === "" ? { createMissing: authorizedCreateCall(context, call, options) } : {}),
    unconditional: true,
    change: async (existing) => {
      const applied = context.fieldManagement.apply(configuration, existing, tracked);
      const checked = conform(context, call, fromHub(call, applied));
      const complete = inNamespace(toHub(call, checked), place.namespace);
      checkName(complete, place.name);
      return admitChange(context, call, complete, existing, options);
    },
  });
  return respondObject(context, call, created ? 201 : 200, object);
}

/** The merged object, its shape checked: an apply may have put a string where a list must be. */
function conform(context: HandlerContext, call: ResourceCall, object: AnyObject): AnyObject {
  const expected = kindOf(call);
  const model = context.input.modelOf(expected);
  return decodeValue(object, { expected, model, fieldValidation: "Ignore" }).object;
}

async function readConfiguration(body: RequestBody | undefined): Promise<AnyObject> {
  const value = body === undefined ? undefined : "object" in body ? body.object : await parseYaml(body.bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badRequest("error decoding YAML: the configuration is no object");
  const { kind, apiVersion, metadata } = value as Partial<AnyObject>; // checked right here
  if (typeof kind !== "string" || typeof apiVersion !== "string")
    throw badRequest("invalid object type: kind and apiVersion must be set");
  if (
    metadata !== undefined &&
    metadata !== null &&
    (typeof metadata !== "object" || Array.isArray(metadata))
  )
    throw badRequest("error decoding YAML: metadata must be an object");
  return { ...(value as AnyObject), metadata: metadata ?? {} };
}

async function parseYaml(bytes: Uint8Array): Promise<unknown> {
  const { parse } = await import("yaml");
  try {
    // Aliases may stand for much: a small document must not become a huge object.
    return parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes), {
      maxAliasCount: 100,
      merge: true,
    });
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The name in the path goes for a configuration that leaves it out. */
function named(configuration: AnyObject, name: string): AnyObject {
  if (configuration.metadata.name !== undefined && configuration.metadata.name !== "") return configuration;
  return { ...configuration, metadata: { ...configuration.metadata, name } };
}
