import { Optional } from "@marcbachmann/cel-js";
import { encodeBase64 } from "../../base/base64.ts";
import { CelRuntimeError } from "./errors.ts";

/** A CEL value as JSON; optional values that are absent are left out. */
export function toJson(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toJson).filter((item) => item !== undefined);
  if (value instanceof Optional) return value.hasValue() ? toJson(value.value()) : undefined;
  if (value instanceof Map) return fromEntries([...value].map(([key, member]) => [String(key), member]));
  if (value instanceof Date) return value.toISOString().replace(/\.?0*Z$/, "Z");
  if (value instanceof Uint8Array) return encodeBase64(value);
  if (Object.getPrototypeOf(value) === Object.prototype) return fromEntries(Object.entries(value));
  const primitive = value.valueOf();
  if (typeof primitive === "bigint") return Number(primitive);
  throw new CelRuntimeError("the value cannot be converted to JSON");
}

function fromEntries(entries: readonly (readonly [string, unknown])[]): Readonly<Record<string, unknown>> {
  const members = entries.map(([name, member]) => [name, toJson(member)] as const);
  return Object.fromEntries(members.filter(([, member]) => member !== undefined));
}
