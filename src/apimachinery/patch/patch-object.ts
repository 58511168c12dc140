/** A PATCH request as a whole: bytes of one of three formats, the object before, the object after. */
import { type ApiError, badRequest, failure, invalid, isApiError } from "../api-error.ts";
import type { AnyObject } from "../meta.ts";
import { type Decoded, type DecodeOptions, decodeValue } from "../schema/decode.ts";
import { jsonSyntaxError } from "../schema/json-syntax-error.ts";
import { countKeysInText, countKeysInValue } from "../schema/json-text.ts";
import { ShapeError } from "../schema/shape-error.ts";
import { strictErrors } from "../schema/strict-errors.ts";
import { conversionFault } from "./conversion-fault.ts";
import { goText } from "./go-text.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { isJsonObject } from "./json-value.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { checkPatch, type PatchType, patchTypes } from "./patch-shape.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

/** Server-side apply: not one of these patches, but taken in the same place. */
export const applyPatchType = "application/apply-patch+yaml";

/**
 * Reads a Content-Type. Throws `ApiError` 415; strategic merge needs a model, so custom resources have none. Upstream's router of built-in
 * kinds refuses a type before anybody asks which ones there are.
 */
export function patchTypeOf(contentType: string | undefined, hasModel: boolean): PatchType {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  const supported = patchTypes.filter(
    (each) => hasModel || each !== "application/strategic-merge-patch+json",
  );
  const found = supported.find((each) => each === type);
  if (found !== undefined) return found;
  if (hasModel) throw failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {});
  throw failure(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${[...supported, applyPatchType].join(", ")}`,
  );
}

/**
 * Applies the patch in `body` to `current` and normalizes the result. Throws `ApiError`: 400 for a patch that cannot be
 * read, 413 for one that is too long, 422 for one that does not apply or whose result is not valid in shape.
 */
export function patchObject(
  type: PatchType,
  body: Uint8Array,
  current: AnyObject,
  options: DecodeOptions,
): Decoded {
  const { patch, duplicates } = parsePatch(type, body, options);
  const patched = applyPatch(type, current, patch, options);
  // Upstream quotes the result, but of a strategic merge the patch, as Go prints it.
  const isStrategic = type === "application/strategic-merge-patch+json";
  const quoted = () => (isStrategic ? goText(patch) : jsonText(patched, options.model === undefined));
  // Faults of the patch come before those of what it makes.
  const strict = (faults: readonly string[]) =>
    invalidPatch(quoted(), `${strictPrefix}${[...duplicates, ...faults].join(", ")}`);
  let decoded: Decoded;
  try {
    decoded = decodeValue(patched, { ...options, known: current });
  } catch (error) {
    if (!isApiError(error, "BadRequest")) throw error;
    const reason = withoutSubject(error.message);
    throw reason.startsWith(strictPrefix)
      ? strict([reason.slice(strictPrefix.length)])
      : invalidPatch(quoted(), isStrategic ? conversionFault(reason) : reason);
  }
  if (duplicates.length === 0) return decoded;
  if (options.fieldValidation === "Strict") throw strict([]);
  return { object: decoded.object, warnings: [...duplicates, ...decoded.warnings] };
}

const strictPrefix = "strict decoding error: ";

function applyPatch(type: PatchType, current: AnyObject, patch: unknown, { model }: DecodeOptions): unknown {
  switch (type) {
    case "application/json-patch+json":
      return applyJsonPatch(current, patch);
    case "application/merge-patch+json":
      return applyMergePatch(current, patch);
    case "application/strategic-merge-patch+json":
      if (model === undefined) throw badRequest("strategic merge patch format is not supported");
      // The kind is the one of the struct that the result is converted to.
      return {
        ...applyStrategicMergePatch(current, patch, model),
        apiVersion: current.apiVersion,
        kind: current.kind,
      };
  }
}

const operationFields: ReadonlySet<string> = new Set(["op", "path", "from", "value"]);

function unknownOperationFields(patch: unknown): readonly string[] {
  if (!Array.isArray(patch)) return [];
  return patch.flatMap((operation: unknown, index) =>
    isJsonObject(operation)
      ? Object.keys(operation)
          .filter((key) => !operationFields.has(key))
          .map((key) => `unknown field "[${index}].${key}"`)
      : [],
  );
}

function parsePatch(
  type: PatchType,
  body: Uint8Array,
  { fieldValidation }: DecodeOptions,
): { patch: unknown; duplicates: readonly string[] } {
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    const patch = checkPatch(type, JSON.parse(text));
    const hasDuplicates = countKeysInText(text) !== countKeysInValue(patch);
    if (fieldValidation === "Ignore") return { patch, duplicates: [] };
    const found = hasDuplicates ? strictErrors(text, undefined) : [];
    if (type !== "application/json-patch+json") return { patch, duplicates: found };
    const faults = [...found, ...unknownOperationFields(patch)];
    return { patch, duplicates: faults.map((fault) => `json patch ${fault}`) };
  } catch (error) {
    if (error instanceof SyntaxError) {
      // Who reads a strategic merge patch passes on what the parser says.
      const prefix = type === "application/strategic-merge-patch+json" ? "" : "error decoding patch: ";
      throw badRequest(`${prefix}${jsonSyntaxError(text)}`);
    }
    if (error instanceof TypeError || error instanceof ShapeError)
      throw badRequest(`error decoding patch: ${error.message}`);
    throw error;
  }
}

/** The longest part of an object that a message quotes. */
const maxQuotedLength = 10_000;

function invalidPatch(quoted: string, why: string): ApiError {
  const message = `Invalid value: ${JSON.stringify(quoted.slice(0, maxQuotedLength))}: ${why}`;
  return invalid({ group: "", kind: "" }, "", [{ type: "FieldValueInvalid", field: "patch", message }]);
}

/** Without the sentence that names the kind, which speaks of a body. */
function withoutSubject(message: string): string {
  return message.replace(
    /^(\w+ in version "[^"]*" cannot be handled as a \w+|the object provided is unrecognized \(must be of type \w+\)): /,
    "",
  );
}

const byKey = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]) =>
  left < right ? -1 : 1;

/** Operations can make a value that nests deeper than the stack is. */
function jsonText(value: unknown, isFree: boolean): string {
  try {
    // Go writes what it holds as a map in the order of its keys: of a kind without a type all there is.
    const sorted = (part: unknown): unknown =>
      isJsonObject(part) ? Object.fromEntries(Object.entries(part).sort(byKey)) : part;
    return JSON.stringify(sorted(value), isFree ? (_, part: unknown) => sorted(part) : undefined);
  } catch {
    return "a value that nests too deep";
  }
}
