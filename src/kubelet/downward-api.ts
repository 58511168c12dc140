import type { Pod } from "../api/core/types.generated.ts";

/** What the downward API can tell of where a pod runs. */
export interface DownwardContext {
  readonly nodeName: string;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

/** The value of a fieldRef, as text; undefined where the path is not one of the downward API's. */
export function podField(pod: Pod, path: string, context: DownwardContext): string | undefined {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path);
  if (subscript !== null) {
    const entries = subscript[1] === "labels" ? metadata.labels : metadata.annotations;
    return entries?.[subscript[2] ?? ""] ?? "";
  }
  switch (path) {
    case "metadata.name":
      return metadata.name ?? "";
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
      return formatMap(metadata.labels);
    case "metadata.annotations":
      return formatMap(metadata.annotations);
    case "spec.nodeName":
      return context.nodeName;
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "";
    case "status.podIP":
      return context.podIps[0] ?? "";
    case "status.podIPs":
      return context.podIps.join(",");
    case "status.hostIP":
      return context.hostIps[0] ?? "";
    case "status.hostIPs":
      return context.hostIps.join(",");
    default:
      return undefined;
  }
}

/** `key="value"` a line, sorted by key, values quoted as Go's %q does. */
function formatMap(entries: Readonly<Record<string, string>> = {}): string {
  return Object.keys(entries)
    .sort()
    .map((key) => `${key}=${JSON.stringify(entries[key] ?? "")}`)
    .join("\n");
}
