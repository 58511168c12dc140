import { badRequest, conflict, failure, isApiError } from "../../apimachinery/api-error.ts";
import { isMap } from "../../apimachinery/managed-fields/form.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { applyPatchType } from "../../apimachinery/patch/patch-object.ts";
import { decodeValue, goKindOf } from "../../apimachinery/schema/decode.ts";
import { countKeysInText, countKeysInValue } from "../../apimachinery/schema/json-text.ts";
import { type ParsedYaml, parseYamlText, type YamlParser } from "../../apimachinery/schema/yaml-text.ts";
import type { ApiResponse, RequestBody } from "../../client/exchange.ts";
import type { HandlerContext, ResourceCall } from "../handlers/call.ts";
import { kindOf, placeOf, respondObject } from "../handlers/call.ts";
import {
  admitChange,
  authorizedCreateCall,
  checkName,
  toHub,
  trackedWrite,
  updateCall,
} from "../handlers/writes.ts";
import { inNamespace, withMetadata } from "../registry/metadata.ts";
import { type WriteRequestOptions, writeOptions } from "../registry/options.ts";
import type { UpdateRules } from "../registry/update-rules.ts";
import { objectRules } from "../registry/update-rules.ts";

/** Whether a PATCH is a server-side apply, by its Content-Type. */
export function isApply(call: ResourceCall): boolean {
  return call.request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() === applyPatchType;
}

/** Server-side apply: the request says what one manager wants of an object; the rest stays as others want it. */
export async function handleApply(
  context: HandlerContext,
  call: ResourceCall,
  rules: UpdateRules = objectRules(call.definition),
): Promise<ApiResponse> {
  const options = writeOptions("PatchOptions", call.request.query, true);
  const place = placeOf(call);
  const { configuration, tellDuplicates } = await readConfiguration(context, call, options);
  const tracked = { ...trackedWrite(context, call, options), force: options.force === true };
  const { object, created } = await call.store.update(place, {
    ...updateCall(context, call, options, rules),
    ...(call.info.subresource === "" ? { createMissing: authorizedCreateCall(context, call, options) } : {}),
    // A configuration that names no resourceVersion means whatever stands there.
    unconditional: true,
    change: async (existing) => {
      // Only a whole object can be made by applying it; the store refuses the rest.
      if (existing === undefined && call.info.subresource !== "") throw await missing(call);
      const applied = context.fieldManagement.apply(configuration, existing, tracked);
      tellDuplicates();
      const uid = applied.metadata.uid ?? "";
      if (existing === undefined && uid !== "")
        throw conflict(
          call.store.resource,
          place.name,
          `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
        );
      const conforming = conform(context, call, applied, existing);
      const complete = inNamespace(toHub(call, conforming), place.namespace);
      checkName(complete, place.name);
      return admitChange(context, call, complete, existing, options);
    },
  });
  return respondObject(context, call, created ? 201 : 200, object);
}

async function missing(call: ResourceCall): Promise<Error> {
  try {
    await call.store.get(placeOf(call));
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return failure(409, "Conflict", "the object was made while the request was under way");
}

/** The merged object as a decoder gives it: zero values left out, quantities canonical. */
function conform(
  context: HandlerContext,
  call: ResourceCall,
  object: AnyObject,
  existing: AnyObject | undefined,
): AnyObject {
  const expected = kindOf(call);
  const model = context.input.modelOf(expected);
  const { managedFields } = object.metadata;
  const shape = call.definition.custom?.shape;
  if (shape !== undefined) {
    // Of custom objects upstream reads the metadata only: a null that was applied is there to be refused.
    const { apiVersion, kind, metadata } = object;
    const read = shape.normalize({ apiVersion, kind, metadata: withoutManagers(metadata) });
    const known = read.object.metadata as AnyObject["metadata"]; // read as such
    return { ...object, metadata: { ...known, ...(managedFields === undefined ? {} : { managedFields }) } };
  }
  const decoded = decodeValue(object, {
    expected,
    model,
    fieldValidation: "Ignore",
  }).object;
  // Of an existing object, an empty list says that nobody owns anything any more.
  const isNobody = existing === undefined && managedFields?.length === 0;
  return withMetadata(decoded, { managedFields: isNobody ? undefined : managedFields });
}

function withoutManagers({ managedFields: _, ...rest }: AnyObject["metadata"]): AnyObject["metadata"] {
  return rest;
}

/** What a client wants of an object, and a function that complains of keys that are there twice, where that is asked for. */
export interface AppliedConfiguration {
  readonly configuration: unknown;
  /** Once, after the configuration was found fit: warns, or throws 400. */
  readonly tellDuplicates: () => void;
}

/** The request's body: JSON or YAML of any shape. Throws 400. */
export async function readConfiguration(
  context: HandlerContext,
  call: ResourceCall,
  { fieldValidation }: WriteRequestOptions,
): Promise<AppliedConfiguration> {
  const { value, duplicates } = await parseConfiguration(
    call.request.body,
    context.input.parseYaml ?? parseYamlText,
  );
  const configuration = value ?? {};
  if (!isMap(configuration))
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${goKindOf(configuration)} into Go value of type map[string]interface {}`,
    );
  call.audit?.requestObject(() => configuration);
  let isTold = duplicates.length === 0 || fieldValidation === "Ignore";
  return {
    configuration,
    tellDuplicates() {
      if (isTold) return;
      isTold = true;
      const lines = duplicates.map((duplicate) => duplicate.replace(/^yaml: /, ""));
      if (fieldValidation === "Strict")
        throw badRequest(
          [
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:",
            ...lines.map((line) => `  ${line}`),
          ].join("\n"),
        );
      for (const line of lines) call.warn(line);
    },
  };
}

async function parseConfiguration(body: RequestBody | undefined, parseYaml: YamlParser): Promise<ParsedYaml> {
  if (body === undefined) return { value: undefined, duplicates: [] };
  if ("object" in body) return { value: body.object, duplicates: [] };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body.bytes);
    const parsed = parseJson(text) ?? (await parseYaml(text));
    // An alias within its own anchor makes a value without end.
    countKeysInValue(parsed.value);
    return parsed;
  } catch (error) {
    if (isApiError(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`error decoding YAML: error converting YAML to JSON: yaml: ${why}`);
  }
}

/** Most clients send JSON, which is YAML as well: of keys that are there twice, YAML's reader tells the lines. */
function parseJson(text: string): ParsedYaml | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return countKeysInText(text) === countKeysInValue(value) ? { value, duplicates: [] } : undefined;
}
