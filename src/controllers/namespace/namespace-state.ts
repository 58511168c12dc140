import type { Namespace } from "../../api/core/types.generated.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";

export function nameOf({ metadata }: KubeObject): string {
  return metadata.name ?? "";
}

/** New objects are welcome in it. */
export function isActiveNamespace({ metadata, status }: Namespace): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== "Terminating";
}
