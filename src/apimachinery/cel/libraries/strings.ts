import type { Environment } from "@marcbachmann/cel-js";
import { hexOf } from "../../../base/base64.ts";
import { lookupTable } from "../../../base/lookup-table.ts";
import { goRegExp } from "../../structural-schema/go-regexp.ts";
import { runtimeError } from "../errors.ts";
import { define, defineNamespace } from "./define.ts";

/** Strings: the extensions of cel-go that its JavaScript counterpart lacks, and Go's regular expressions. */
export function registerStrings(environment: Environment): void {
  for (const type of ["optional", "google.protobuf.Timestamp", "google.protobuf.Duration"])
    environment.registerOperator(`${type} == null`, (value: unknown) => value === null);
  // For the paths of JSON patches.
  defineNamespace(environment, "jsonpatch", {
    "escapeKey(string): string": (key: string) => key.replaceAll("~", "~0").replaceAll("/", "~1"),
  });
  defineNamespace(environment, "strings", { "quote(string): string": quoted });
  define(environment, {
    "string.goMatches(string): bool": (text: string, pattern: string) => expression(pattern).test(text),
    "goMatches(string, string): bool": (text: string, pattern: string) => expression(pattern).test(text),
    "string.find(string): string": (text: string, pattern: string) =>
      expression(pattern).exec(text)?.[0] ?? "",
    "string.findAll(string): list<string>": (text: string, pattern: string) => findAll(text, pattern, -1),
    "string.findAll(string, int): list<string>": (text: string, pattern: string, limit: bigint) =>
      findAll(text, pattern, Number(limit)),
    "string.charAt(int): string": charAt,
    "string.replace(string, string): string": (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    "string.replace(string, string, int): string": replaceSome,
    "string.format(list): string": format,
    "string(google.protobuf.Timestamp): string": timestampText,
    "string(google.protobuf.Duration): string": durationText,
    "int(google.protobuf.Timestamp): int": (time: Date) => BigInt(Math.floor(time.getTime() / 1000)),
    "timestamp(google.protobuf.Timestamp): google.protobuf.Timestamp": (time: Date) => time,
    "duration(google.protobuf.Duration): google.protobuf.Duration": (duration: object) => duration,
  });
}

const escapes: Readonly<Record<string, string>> = lookupTable({
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
});

const quoted = (text: string) =>
  `"${[...text.toWellFormed()].map((character) => escapes[character] ?? character).join("")}"`;

function expression(pattern: string): RegExp {
  try {
    return goRegExp(pattern);
  } catch (error) {
    throw runtimeError(error instanceof Error ? error.message : String(error));
  }
}

function findAll(text: string, pattern: string, limit: number): string[] {
  const source = expression(pattern);
  const found: string[] = [];
  for (const [match] of text.matchAll(new RegExp(source.source, `${source.flags}g`))) {
    if (limit >= 0 && found.length >= limit) break;
    found.push(match);
  }
  return found;
}

function charAt(text: string, index: bigint): string {
  const characters = [...text];
  const at = Number(index);
  if (at < 0 || at > characters.length) throw runtimeError(`index out of range: ${at}`);
  return characters[at] ?? "";
}

function replaceSome(text: string, from: string, to: string, limit: bigint): string {
  let left = limit < 0n ? Number.POSITIVE_INFINITY : Number(limit);
  return text.replaceAll(from, (match) => (left-- > 0 ? to : match));
}

function timestampText(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, "Z");
}

function durationText(duration: object): string {
  const { seconds, nanos } = duration as { readonly seconds: bigint; readonly nanos: number };
  const fraction = nanos === 0 ? "" : String(Math.abs(nanos)).padStart(9, "0").replace(/0+$/, "");
  return `${seconds}${fraction === "" ? "" : `.${fraction}`}s`;
}

const clause = /%(?:(%)|(?:\.(\d+))?([a-zA-Z]))/g;

/** `"%s: %d".format([name, count])` */
function format(pattern: string, values: readonly unknown[]): string {
  let next = 0;
  return pattern.replace(
    clause,
    (_, percent: string | undefined, precision: string | undefined, verb: string) => {
      if (percent !== undefined) return "%";
      if (next >= values.length) throw runtimeError(`index ${next} out of range`);
      return formatOne(values[next++], verb, precision === undefined ? undefined : Number(precision));
    },
  );
}

function formatOne(value: unknown, verb: string, precision: number | undefined): string {
  const number = typeof value === "object" && value !== null ? value.valueOf() : value;
  switch (verb) {
    case "s":
      return textOf(value);
    case "d":
      if (typeof number === "bigint" || typeof number === "number") return String(number);
      break;
    case "f":
      if (typeof number === "number" || typeof number === "bigint")
        return fixed(Number(number), precision ?? 6);
      break;
    case "e":
      if (typeof number === "number" || typeof number === "bigint") return scientific(Number(number));
      break;
    case "b":
      if (typeof number === "boolean") return number ? "1" : "0";
      if (typeof number === "bigint") return number.toString(2);
      break;
    case "o":
      if (typeof number === "bigint") return number.toString(8);
      break;
    case "x":
    case "X": {
      const text = hexText(number);
      if (text !== undefined) return verb === "X" ? text.toUpperCase() : text;
      break;
    }
    default:
      throw runtimeError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
  throw runtimeError(`error during formatting: %${verb} cannot be used with this type`);
}

function hexText(value: unknown): string | undefined {
  if (typeof value === "bigint") return value.toString(16);
  if (typeof value === "string") return hexOf(new TextEncoder().encode(value));
  return value instanceof Uint8Array ? hexOf(value) : undefined;
}

/** What lies in the middle goes to the even neighbour, as in Go. */
function fixed(value: number, digits: number): string {
  const rounded = value.toFixed(digits);
  const exact = digits < 20 && value.toFixed(digits + 1);
  const isMiddle = exact !== false && exact.endsWith("5") && Number(exact) === value;
  if (!isMiddle || /[02468]$/.test(rounded)) return rounded;
  return exact.slice(0, digits === 0 ? -2 : -1);
}

/** cel-go writes out the power of ten, and takes no heed of a precision. */
function scientific(value: number): string {
  if (!Number.isFinite(value)) return textOf(value);
  const [mantissa = "", exponent = ""] = value.toExponential(6).split("e");
  const digits = exponent.slice(1).padStart(2, "0");
  return `${mantissa}×10${exponent.startsWith("-") ? "⁻" : ""}${digits.replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹".charAt(Number(digit)))}`;
}

/** Inside of lists and maps texts have quotes, and other numbers than whole ones six digits. */
function partText(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  return typeof value === "number" && Number.isFinite(value) ? fixed(value, 6) : textOf(value);
}

function textOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${value.map(partText).join(", ")}]`;
  if (value instanceof Date) return timestampText(value);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (typeof value === "object" && "seconds" in value) return durationText(value);
  const members = membersOf(value);
  if (members !== undefined)
    return `{${members
      .map(([key, member]) => `${partText(key)}:${partText(member)}`)
      .toSorted()
      .join(", ")}}`;
  if (value === Number.POSITIVE_INFINITY) return "Infinity";
  return String(value).replace(/^Type<(.*)>$/, "$1");
}

function membersOf(value: unknown): readonly (readonly [unknown, unknown])[] | undefined {
  if (value instanceof Map) return [...value];
  const isPlain =
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? Object.entries(value) : undefined;
}
