/**
 * Reads an administrator's configuration file: YAML or JSON of one of some versions of a kind, in which a field that is not
 * known is an error, as upstream's strict decoder has it.
 */
import { parseDuration } from "../../apimachinery/protobuf/duration.ts";

/** What a value must look like. "duration" is Go's notation and becomes milliseconds; "any" is taken as it is. */
export type Shape =
  | "any"
  | "string"
  | "number"
  | "boolean"
  | "duration"
  | { readonly list: Shape }
  | { readonly values: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

export interface ConfigurationKind {
  readonly kind: string;
  readonly apiVersions: readonly string[];
  readonly fields: Readonly<Record<string, Shape>>;
}

/** What is wrong with a configuration file; the message is for its author. */
export class ConfigurationError extends Error {}

/** The document with its durations as milliseconds. Throws ConfigurationError. */
export async function decodeConfiguration(
  text: string,
  expected: ConfigurationKind,
): Promise<Readonly<Record<string, unknown>>> {
  return decodeDocument(await parseDocument(text), expected);
}

/** As `decodeConfiguration`, for a document inside of another one. */
export function decodeDocument(
  document: unknown,
  expected: ConfigurationKind,
): Readonly<Record<string, unknown>> {
  if (!isRecord(document)) throw new ConfigurationError("the file holds no object");
  const { apiVersion, kind } = document;
  if (typeof kind !== "string" || kind === "") throw new ConfigurationError("Object 'Kind' is missing");
  if (typeof apiVersion !== "string" || apiVersion === "")
    throw new ConfigurationError("Object 'apiVersion' is missing");
  if (kind !== expected.kind || !expected.apiVersions.includes(apiVersion))
    throw new ConfigurationError(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}; expected ${expected.kind} in ${expected.apiVersions.join(" or ")}`,
    );
  const unknown: string[] = [];
  const fields = { ...expected.fields, apiVersion: "string", kind: "string" } as const;
  const decoded = decodeFields(document, fields, "", unknown);
  if (unknown.length > 0)
    throw new ConfigurationError(
      `strict decoding error: ${unknown.map((path) => `unknown field ${JSON.stringify(path)}`).join(", ")}`,
    );
  return decoded;
}

/** What a YAML or JSON text holds. Throws ConfigurationError. */
export async function parseDocument(text: string): Promise<unknown> {
  const { parse } = await import("yaml");
  try {
    return parse(text, { maxAliasCount: 100 }) as unknown;
  } catch (error) {
    throw new ConfigurationError(error instanceof Error ? error.message : String(error));
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function decodeFields(
  value: Readonly<Record<string, unknown>>,
  shapes: Readonly<Record<string, Shape>>,
  path: string,
  unknown: string[],
): Readonly<Record<string, unknown>> {
  const decoded: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const at = path === "" ? name : `${path}.${name}`;
    const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    if (shape === undefined) unknown.push(at);
    else if (member !== null && member !== undefined) decoded[name] = decode(member, shape, at, unknown);
  }
  return decoded;
}

function decode(value: unknown, shape: Shape, path: string, unknown: string[]): unknown {
  if (shape === "any") return value;
  if (shape === "string" || shape === "boolean" || shape === "number") {
    if (typeof value !== shape) throw mismatch(path, shape, value);
    return value;
  }
  if (shape === "duration") return milliseconds(value, path);
  if ("list" in shape) {
    if (!Array.isArray(value)) throw mismatch(path, "list", value);
    return value.map((item, index) => decode(item, shape.list, `${path}[${index}]`, unknown));
  }
  if (!isRecord(value)) throw mismatch(path, "object", value);
  if ("values" in shape)
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [
        key,
        decode(member, shape.values, `${path}.${key}`, unknown),
      ]),
    );
  return decodeFields(value, shape.fields, path, unknown);
}

function milliseconds(value: unknown, path: string): number {
  if (typeof value !== "string") throw mismatch(path, "duration", value);
  try {
    return parseDuration(value) / 1_000_000;
  } catch (error) {
    throw new ConfigurationError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function mismatch(path: string, wanted: string, value: unknown): ConfigurationError {
  const got = Array.isArray(value) ? "list" : typeof value;
  return new ConfigurationError(`json: cannot unmarshal ${got} into field ${path} of type ${wanted}`);
}
