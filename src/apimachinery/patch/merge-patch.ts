import { isJsonObject, type JsonObject } from "./json-value.ts";

/** JSON merge patch (RFC 7386): objects merge, null removes, all else replaces. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, unknown> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyMergePatch((result as JsonObject)[key], value);
  }
  return result;
}
