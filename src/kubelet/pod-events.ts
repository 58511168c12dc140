import type { Pod } from "../api/core/types.generated.ts";

/** Events about a pod; `containerName` points the event at that container of its spec. */
export interface PodEvents {
  normal(pod: Pod, reason: string, message: string, containerName?: string): void;
  warning(pod: Pod, reason: string, message: string, containerName?: string): void;
}
