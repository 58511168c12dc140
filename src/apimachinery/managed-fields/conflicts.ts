import { type ApiError, failure } from "../api-error.ts";
import type { MaybeSet } from "./field-set.ts";
import type { ManagerIdentity } from "./managers.ts";
import { managerKey } from "./managers.ts";
import { pathsOf } from "./path-element.ts";

/** Fields of another manager that an applied configuration would change. */
export interface Conflict {
  readonly manager: ManagerIdentity;
  readonly set: MaybeSet;
}

/** The 409 that names each manager and field. */
export function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const found = conflicts
    .toSorted((left, right) => (managerKey(left.manager) < managerKey(right.manager) ? -1 : 1))
    .map(({ manager, set }) => ({ manager: showManager(manager), paths: pathsOf(set) }));
  const causes = found.flatMap(({ manager, paths }) =>
    paths.map((path) => ({
      reason: "FieldManagerConflict",
      message: `conflict with ${manager}`,
      field: path,
    })),
  );
  return failure(409, "Conflict", describe(found, causes.length), { causes });
}

function describe(
  found: readonly { readonly manager: string; readonly paths: readonly string[] }[],
  count: number,
): string {
  const [first] = found;
  if (count === 1) return `Apply failed with 1 conflict: conflict with ${first?.manager}: ${first?.paths[0]}`;
  const lines = found.flatMap(({ manager, paths }) => [
    `conflicts with ${manager}:`,
    ...paths.map((path) => `- ${path}`),
  ]);
  return `Apply failed with ${count} conflicts: ${lines.join("\n")}`;
}

function showManager({ manager, operation, apiVersion, subresource }: ManagerIdentity): string {
  const name = JSON.stringify(manager);
  const whole = subresource === "" ? name : `${name} with subresource ${JSON.stringify(subresource)}`;
  return operation === "Update" ? `${whole} using ${apiVersion}` : whole;
}
