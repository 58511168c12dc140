/** Reads an object that a client sent: JSON or YAML bytes to a normalized object, with upstream's messages. */

import { hexOf } from "../../base/base64.ts";
import { type ApiError, badRequest, invalid, isApiError } from "../api-error.ts";
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
  /** What the object was made from, in order as it is: its parts are taken where they stand in the same place. */
  readonly known?: AnyObject | undefined;
  /** Whether this server has a shape for another kind: what is said of one in the wrong place. */
  readonly knows?: ((kind: GroupVersionKind) => boolean) | undefined;
  /** Faults are told without saying of which kind, as upstream does of options. */
  readonly bare?: boolean | undefined;
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
    const fault = error instanceof SyntaxError ? jsonSyntaxError(text) : "invalid UTF-8";
    throw unrecognized(options, `couldn't get version/kind; json parse error: ${fault}`, body);
  }
  if (!isObjectLike(value)) throw unrecognized(options, notAnObject(value), body);
  checkTypeMeta(options, value, body);
  checkNamed(options, value, body, () => text);
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
  let text = "";
  let parsed: ParsedYaml;
  try {
    text = utf8.decode(body);
    parsed = await parse(text);
  } catch (error) {
    if (isApiError(error)) throw error;
    throw unrecognized(options, `yaml: ${messageOf(error)}`, body);
  }
  const { value, duplicates } = parsed;
  if (!isObjectLike(value)) throw unrecognized(options, notAnObject(value), body);
  checkTypeMeta(options, value, body);
  // Upstream makes JSON of YAML first, but for whoever asked to hear of keys that are there twice.
  const isQuoted = options.fieldValidation !== "Ignore";
  checkNamed(options, value, body, () => (isQuoted ? text : JSON.stringify(value)));
  return guarded(options, value, () => {
    // First: an alias within its own anchor makes a value without end.
    countKeysInValue(value);
    return decodeText(undefined, value, false, duplicates, options);
  });
}

/** What is no text is no version and no kind; told apart from other faults, for it decides who reads the rest. */
function checkTypeMeta(options: DecodeOptions, value: object | null, body?: Uint8Array): void {
  for (const [name, member] of Object.entries(value ?? {})) {
    if (name !== "apiVersion" && name !== "kind") continue;
    if (typeof member === "string" || member === null) continue;
    const why = `json: cannot unmarshal ${goKindOf(member)} into Go struct field .${name} of type string`;
    throw unrecognized(options, `couldn't get version/kind; json parse error: ${why}`, body);
  }
  const { apiVersion } = (value ?? {}) as { readonly apiVersion?: unknown };
  if (typeof apiVersion === "string" && apiVersion.split("/").length > 2)
    throw unrecognized(options, `unexpected GroupVersion string: ${apiVersion}`, body);
}

/** As Go's JSON decoder names a value. */
export function goKindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/**
 * Objects without a schema of their own (custom resources) must say what they are: nothing is taken for granted of them.
 * `quoted` is the object as the refusal shows it.
 */
function checkNamed(options: DecodeOptions, value: unknown, body: Uint8Array, quoted: () => string): void {
  const { expected, model, bare, fieldValidation } = options;
  if (model !== undefined || bare === true) return;
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  if (!kind) {
    const why = `Object 'Kind' is missing in '${quoted()}'`;
    throw fieldValidation === "Ignore"
      ? cannotBeHandled(value, options, why)
      : unrecognized(options, why, body);
  }
  if (apiVersion === null)
    throw badRequest(
      `${kind} in version "" cannot be handled as a ${expected.kind}: .apiVersion accessor error: <nil> is of the type <nil>, expected string`,
    );
  if (apiVersion === undefined || apiVersion === "")
    throw badRequest(
      `the API version in the data () does not match the expected API version (${apiVersionOf(expected)})`,
    );
}

/** Checks an object that is already parsed, such as the result of a patch. Throws `ApiError` 400. */
export function decodeValue(value: unknown, options: DecodeOptions): Decoded {
  return guarded(options, value, () => {
    countKeysInValue(value, 0, options.known);
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
    model === undefined ? { object: typed, hasUnknownFields: false } : normalize(model, typed, options.known);
  const complete = object as AnyObject; // apiVersion and kind are there, and metadata is of every kind's model
  if (fieldValidation === "Ignore" || !(hasDuplicates || hasUnknownFields || known.length > 0))
    return { object: complete, warnings: [] };
  return told(value, options, complete, known, strictErrors(text ?? JSON.stringify(value), model));
}

/** Warnings of what is not quite right, or a refusal: of all of it, the YAML's keys that are there twice in one. */
function told(
  value: unknown,
  options: DecodeOptions,
  object: AnyObject,
  ofYaml: readonly string[],
  faults: readonly string[],
): Decoded {
  if (options.fieldValidation !== "Strict") return { object, warnings: [...ofYaml, ...faults] };
  const yaml = ofYaml.length === 0 ? [] : [["yaml: unmarshal errors:", ...ofYaml].join("\n  ")];
  const errors = [...yaml, ...faults];
  if (errors.length === 0) return { object, warnings: [] };
  throw cannotBeHandled(value, options, `strict decoding error: ${errors.join(", ")}`);
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
  const unknown = unknownFields.map((path) => `unknown field "${path}"`);
  return told(value, options, complete, known, [...duplicates, ...unknown]);
}

/** Kinds that may say any group version. */
const optionKinds = new Set(["DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions", "Status"]);

function withTypeMeta(value: unknown, options: DecodeOptions): Readonly<Record<string, unknown>> {
  const { expected } = options;
  if (!isObjectLike(value)) throw unrecognized(options, notAnObject(value));
  checkTypeMeta(options, value);
  const { apiVersion, kind, ...rest } = (value ?? {}) as { apiVersion?: string | null; kind?: string | null };
  // "/v1" is how Go writes a version of the core group, and "/" one of nothing.
  const named = apiVersion?.replace(/^\//, "");
  const found = { apiVersion: named || apiVersionOf(expected), kind: kind || expected.kind };
  if (!optionKinds.has(expected.kind) || found.kind !== expected.kind) checkKind(value, found, options);
  return { kind: found.kind, apiVersion: found.apiVersion, ...rest };
}

/** Older versions of the same shape that are taken still: what `kubectl drain` before 1.22 sends. */
const sameShape: Readonly<Record<string, string>> = { "policy/v1 Eviction": "policy/v1beta1" };

function checkKind(value: unknown, found: TypeMeta, options: DecodeOptions): void {
  const { expected } = options;
  const version = apiVersionOf(expected);
  if (found.apiVersion === version && found.kind === expected.kind) return;
  if (found.kind === expected.kind && sameShape[`${version} ${expected.kind}`] === found.apiVersion) return;
  const isKnown = options.shape !== undefined || options.knows?.(kindOf(found)) === true;
  if (!isKnown || optionKinds.has(expected.kind))
    throw cannotBeHandled(value, options, notRegistered(found, expected));
  if (options.shape === undefined && found.kind !== expected.kind)
    throw cannotBeHandled(
      value,
      options,
      `converting (${parseApiVersion(found.apiVersion).version}.${found.kind}) to (${goPackage(expected.group)}.${expected.kind}): unknown conversion`,
    );
  if (found.apiVersion !== version)
    throw badRequest(
      `the API version in the data (${found.apiVersion}) does not match the expected API version (${version})`,
    );
  // Custom objects are read whatever they are called; what they should be called is a rule of theirs.
  const name = (value as { metadata?: { name?: unknown } } | null)?.metadata?.name;
  throw invalid({ group: expected.group, kind: found.kind }, typeof name === "string" ? name : "", [
    {
      type: "FieldValueInvalid",
      field: "kind",
      message: `Invalid value: ${JSON.stringify(found.kind)}: must be ${expected.kind}`,
    },
  ]);
}

interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

function kindOf({ apiVersion, kind }: TypeMeta): GroupVersionKind {
  return { ...parseApiVersion(apiVersion), kind };
}

/** Upstream keeps its kinds in several registries, and names them by the line of code that makes them. */
function notRegistered({ apiVersion, kind }: TypeMeta, { group, kind: expected }: GroupVersionKind): string {
  const registry = optionKinds.has(expected)
    ? "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"
    : group === "apiextensions.k8s.io"
      ? "k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55"
      : "pkg/api/legacyscheme/scheme.go:30";
  return `no kind "${kind}" is registered for version "${apiVersion}" in scheme "${registry}"`;
}

/** Where upstream declares the hub types of a group: its first name, but for what lives in the core group. */
export function goPackage(group: string): string {
  return group === "" || group === "events.k8s.io" ? "core" : (group.split(".", 1)[0] ?? group);
}

function guarded(options: DecodeOptions, value: unknown, decode: () => Decoded): Decoded {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ShapeError) throw cannotBeHandled(value, options, error.message);
    throw error;
  }
}

function cannotBeHandled(value: unknown, { expected, bare }: DecodeOptions, why: string): ApiError {
  if (bare === true) return badRequest(why);
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const foundKind = typeof kind === "string" && kind !== "" ? kind : expected.kind;
  const foundVersion =
    typeof apiVersion === "string" && apiVersion !== ""
      ? parseApiVersion(apiVersion).version
      : expected.version;
  return badRequest(
    `${foundKind} in version "${foundVersion}" cannot be handled as a ${expected.kind}: ${why}`,
  );
}

/** The 400 of a body that cannot be read as what is expected of it. `body`: how it begins is told, too. */
export function unrecognized(
  { expected, bare }: Pick<DecodeOptions, "bare" | "expected">,
  why: string,
  body?: Uint8Array,
): ApiError {
  if (bare === true) return badRequest(why);
  const beginning = body === undefined ? "" : ` (${summaryOf(body)})`;
  return badRequest(
    `the object provided is unrecognized (must be of type ${expected.kind}): ${why}${beginning}`,
  );
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
  const shown = body[0] === 0x7b ? new TextDecoder().decode(start) : hexOf(start);
  return body.length > summaryLength ? `${shown} ...` : shown;
}
