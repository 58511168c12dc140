import type { Pod } from "../api/core/types.generated.ts";
import type { EventRecorder } from "../client/event-recorder.ts";

/** Events about a pod; `containerName` points the event at that container of its spec. */
export interface PodEvents {
  normal(pod: Pod, reason: string, message: string, containerName?: string): void;
  warning(pod: Pod, reason: string, message: string, containerName?: string): void;
}

export function createPodEvents(recorder: EventRecorder): PodEvents {
  const emit =
    (type: "Normal" | "Warning") => (pod: Pod, reason: string, note: string, containerName?: string) => {
      const { name = "", namespace = "", uid = "", resourceVersion = "" } = pod.metadata;
      const fieldPath =
        containerName === undefined ? undefined : `spec.${listOf(pod, containerName)}{${containerName}}`;
      const regarding = { apiVersion: "v1", kind: "Pod", name, namespace, uid, resourceVersion };
      recorder.event(fieldPath === undefined ? regarding : { ...regarding, fieldPath }, {
        type,
        reason,
        note,
      });
    };
  return { normal: emit("Normal"), warning: emit("Warning") };
}

function listOf(pod: Pod, containerName: string): string {
  if ((pod.spec.initContainers ?? []).some(({ name }) => name === containerName)) return "initContainers";
  if ((pod.spec.ephemeralContainers ?? []).some(({ name }) => name === containerName))
    return "ephemeralContainers";
  return "containers";
}
