import { badRequest } from "../api-error.ts";
import { jsonTypeName } from "../schema/normalize.ts";
import { isJsonObject } from "./json-value.ts";

export const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
] as const;

export type PatchType = (typeof patchTypes)[number];

/**
 * What JSON a patch of each type may be, in the words of Go's decoder. Returns what is to be applied: null is no operation, and a strategic
 * merge that changes nothing. Throws `ApiError` 400.
 */
export function checkPatch(type: PatchType, patch: unknown): unknown {
  switch (type) {
    case "application/json-patch+json":
      return operationsOf(patch);
    case "application/merge-patch+json":
      if (patch === null) throw badRequest("Invalid JSON Patch");
      if (!isJsonObject(patch)) throw undecodable(unfit(patch, anyMap));
      return patch;
    case "application/strategic-merge-patch+json":
      if (patch === null) return {};
      if (!isJsonObject(patch)) throw badRequest(unfit(patch, anyMap));
      return patch;
  }
}

const anyMap = "map[string]interface {}";
const operation = "handlers.jsonPatchOp";

function operationsOf(patch: unknown): unknown {
  if (patch === null) return [];
  if (!Array.isArray(patch)) throw undecodable(unfit(patch, `[]${operation}`));
  for (const item of patch as readonly unknown[]) {
    if (item === null) continue;
    if (!isJsonObject(item)) throw undecodable(unfit(item, operation));
    for (const field of ["op", "path", "from"]) {
      const value = item[field] ?? "";
      if (typeof value !== "string")
        throw undecodable(
          `json: cannot unmarshal ${jsonTypeName(value)} into Go struct field jsonPatchOp.${field} of type string`,
        );
    }
  }
  return patch;
}

function unfit(value: unknown, wanted: string): string {
  return `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${wanted}`;
}

function undecodable(why: string) {
  return badRequest(`error decoding patch: ${why}`);
}
