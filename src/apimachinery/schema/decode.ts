/** Reads an object that a client sent: JSON or YAML bytes to a normalized object, with upstream's messages. */
import { type ApiError, badRequest, isApiError } from "../api-error.ts";
import { type AnyObject, apiVersionOf, type GroupVersionKind, parseApiVersion } from "../meta.ts";
import { jsonSyntaxError } from "./json-syntax-error.ts";
import { countKeysInText, countKeysInValue } from "./json-text.ts";
import { normalize } from "./normalize.ts";
import { ShapeError } from "./shape-error.ts";
import { strictErrors } from "./strict-errors.ts";
import type { Model } from "./tables.ts";
import { type ParsedYaml, parseYamlText, type YamlParser } from "./yaml-text.ts";

/** What becomes of fields that nobody knows and of duplicates: the `fieldValidation` parameter. */
export type FieldValidation = "Ignore" | "Warn" | "Strict";

export interface DecodeOptions {
  /** What the endpoint takes; fills in apiVersion and kind where the body has none. */
  readonly expected: GroupVersionKind;
  /** Undefined for a custom resource: its object is checked by its own schema later. */
  readonly model: Model | undefined;
  /** How a custom resource is read. */
  readonly shape?: ObjectShape | undefined;
  readonly fieldValidation: FieldValidation;
}

/** The shape of a custom kind. */
export interface ObjectShape {
  /**
   * The object as it will be seen: unknown fields dropped, defaults filled in, metadata in order. `unknownFields` are the
   * paths of what was dropped. Throws `ShapeError`.
   */
  normalize(object: Readonly<Record<string, unknown>>): {
    readonly object: Readonly<Record<string, unknown>>;
    readonly unknownFields: readonly string[];
  };
}

export interface Decoded {
  readonly object: AnyObject;
  /** Texts for Warning headers. */
  readonly warnings: readonly string[];
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Throws `ApiError` 400. */
export function decodeJson(body: Uint8Array, options: DecodeOptions): Decoded {
  let text = "";
  let value: unknown;
  try {
    text = utf8.decode(body);
    value = JSON.parse(text);
  } catch (error) {
    throw unrecognized(
      options,
      `couldn't get version/kind; json parse error: ${jsonSyntaxError(error, text)} (${summaryOf(body)})`,
    );
  }
  if (!isObjectLike(value)) throw unrecognized(options, `${notAnObject(value)} (${summaryOf(body)})`);
  return guarded(options, value, () => {
    // Only where the text has more keys than the value is there a duplicate; finding which is slow and rare.
    const duplicates = countKeysInText(text) !== countKeysInValue(value);
    return decodeText(text, value, duplicates, [], options);
  });
}

/** Throws `ApiError` 400. Aliases may expand a document to a hundred times its size at most. */
export async function decodeYaml(
  body: Uint8Array,
  options: DecodeOptions,
  parse: YamlParser = parseYamlText,
): Promise<Decoded> {
  let parsed: ParsedYaml;
  try {
    parsed = await parse(utf8.decode(body));
  } catch (error) {
    if (isApiError(error)) throw error;
    throw unrecognized(
      options,
      `error converting YAML to JSON: yaml: ${messageOf(error)} (${summaryOf(body)})`,
    );
  }
  const { value, duplicates } = parsed;
  if (!isObjectLike(value)) throw unrecognized(options, `${notAnObject(value)} (${summaryOf(body)})`);
  return guarded(options, value, () => {
    // First: an alias within its own anchor makes a value without end.
    countKeysInValue(value);
    return decodeText(undefined, value, false, duplicates, options);
  });
}

/** Checks an object that is already parsed, such as the result of a patch. Throws `ApiError` 400. */
export function decodeValue(value: unknown, options: DecodeOptions): Decoded {
  return guarded(options, value, () => {
    countKeysInValue(value);
    return decodeText(undefined, value, false, [], options);
  });
}

function decodeText(
  text: string | undefined,
  value: unknown,
  hasDuplicates: boolean,
  known: readonly string[],
  options: DecodeOptions,
): Decoded {
  const { model, shape, fieldValidation } = options;
  const typed = withTypeMeta(value, options);
  if (shape !== undefined) return decodeCustom(text, typed, hasDuplicates, known, { ...options, shape });
  const { object, hasUnknownFields } =
    model === undefined ? { object: typed, hasUnknownFields: false } : normalize(model, typed);
  const complete = object as AnyObject; // apiVersion and kind are there, and metadata is of every kind's model
  if (fieldValidation === "Ignore" || !(hasDuplicates || hasUnknownFields || known.length > 0))
    return { object: complete, warnings: [] };
  const errors = [...known, ...strictErrors(text ?? JSON.stringify(value), model)];
  if (fieldValidation === "Strict" && errors.length > 0)
    throw cannotBeHandled(value, options, `strict decoding error: ${errors.join(", ")}`);
  return { object: complete, warnings: errors };
}

function decodeCustom(
  text: string | undefined,
  value: Readonly<Record<string, unknown>>,
  hasDuplicates: boolean,
  known: readonly string[],
  options: DecodeOptions & { readonly shape: ObjectShape },
): Decoded {
  const { shape, fieldValidation } = options;
  const { object, unknownFields } = shape.normalize(value);
  const complete = object as AnyObject; // shapes have apiVersion, kind and metadata
  if (fieldValidation === "Ignore") return { object: complete, warnings: [] };
  const duplicates = hasDuplicates && text !== undefined ? strictErrors(text, undefined) : [];
  const errors = [...known, ...duplicates, ...unknownFields.map((path) => `unknown field "${path}"`)];
  if (fieldValidation === "Strict" && errors.length > 0)
    throw cannotBeHandled(value, options, `strict decoding error: ${errors.join(", ")}`);
  return { object: complete, warnings: errors };
}

/** Kinds that may say any group version. */
const optionKinds = new Set(["DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions", "Status"]);

function withTypeMeta(value: unknown, options: DecodeOptions): Readonly<Record<string, unknown>> {
  const { expected } = options;
  if (!isObjectLike(value)) throw unrecognized(options, notAnObject(value));
  const { apiVersion, kind, ...rest } = value ?? {};
  if (
    (apiVersion !== undefined && apiVersion !== null && typeof apiVersion !== "string") ||
    (kind !== undefined && kind !== null && typeof kind !== "string")
  )
    throw unrecognized(
      options,
      "couldn't get version/kind; json parse error: apiVersion and kind must be strings",
    );
  const found = { apiVersion: apiVersion || apiVersionOf(expected), kind: kind || expected.kind };
  if (!optionKinds.has(expected.kind) || found.kind !== expected.kind) checkKind(value, found, options);
  return { kind: found.kind, apiVersion: found.apiVersion, ...rest };
}

/** Older versions of the same shape that are taken still: what `kubectl drain` before 1.22 sends. */
const sameShape: Readonly<Record<string, string>> = { "policy/v1 Eviction": "policy/v1beta1" };

function checkKind(
  value: unknown,
  found: { apiVersion: string; kind: string },
  options: DecodeOptions,
): void {
  const { expected } = options;
  const version = apiVersionOf(expected);
  if (found.apiVersion === version && found.kind === expected.kind) return;
  if (found.kind === expected.kind && sameShape[`${version} ${expected.kind}`] === found.apiVersion) return;
  if (found.kind === expected.kind && parseApiVersion(found.apiVersion).group === expected.group)
    throw badRequest(
      `the API version in the data (${found.apiVersion}) does not match the expected API version (${version})`,
    );
  throw cannotBeHandled(
    value,
    options,
    `no kind "${found.kind}" of version "${found.apiVersion}" is taken here, only "${expected.kind}" of "${version}"`,
  );
}

function guarded(options: DecodeOptions, value: unknown, decode: () => Decoded): Decoded {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ShapeError) throw cannotBeHandled(value, options, error.message);
    throw error;
  }
}

function cannotBeHandled(value: unknown, { expected }: DecodeOptions, why: string): ApiError {
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const foundKind = typeof kind === "string" && kind !== "" ? kind : expected.kind;
  const foundVersion =
    typeof apiVersion === "string" ? parseApiVersion(apiVersion).version : expected.version;
  return badRequest(
    `${foundKind} in version "${foundVersion}" cannot be handled as a ${expected.kind}: ${why}`,
  );
}

function unrecognized({ expected }: DecodeOptions, why: string): ApiError {
  return badRequest(`the object provided is unrecognized (must be of type ${expected.kind}): ${why}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Go reads null into a struct as nothing at all: an object without any field. */
function isObjectLike(value: unknown): value is Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && !Array.isArray(value);
}

/** Where upstream looks for the kind of what it reads. */
const typeMetaStruct =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function notAnObject(value: unknown): string {
  const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return `couldn't get version/kind; json parse error: json: cannot unmarshal ${type} into Go value of type ${typeMetaStruct}`;
}

const summaryLength = 30;

/** How a body begins: as text where it may be JSON, and else as hexadecimal digits. */
function summaryOf(body: Uint8Array): string {
  const start = body.subarray(0, summaryLength);
  const shown = body[0] === 0x7b ? new TextDecoder().decode(start) : start.toHex();
  return body.length > summaryLength ? `${shown} ...` : shown;
}
