import type { Pod } from "../../api/core/types.generated.ts";

/** Failures since the last success, and when the last of them was: what delays the next pod of a job. */
export interface FailureRecord {
  readonly failures: number;
  readonly lastFailureMs: number;
}

export const noFailures: FailureRecord = { failures: 0, lastFailureMs: 0 };

const initialBackoffMs = 10_000;
const longestBackoffMs = 10 * 60_000;

/** How long until the next pod may be created: 10 s after the first failure, doubling up to 10 min. */
export function remainingBackoffMs({ failures, lastFailureMs }: FailureRecord, nowMs: number): number {
  if (failures === 0) return 0;
  const backoffMs = Math.min(longestBackoffMs, initialBackoffMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(0, lastFailureMs + backoffMs - nowMs);
}

/** The record after these pods finished. A success starts the count over; failures after it count anew. */
export function withFinished(
  record: FailureRecord,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
): FailureRecord {
  const lastSuccessMs = Math.max(Number.NEGATIVE_INFINITY, ...succeeded.map(finishedMs));
  const failedMs = failed.map(finishedMs).filter((atMs) => atMs > lastSuccessMs);
  const before = succeeded.length > 0 ? noFailures : record;
  if (failedMs.length === 0) return before;
  return { failures: before.failures + failedMs.length, lastFailureMs: Math.max(...failedMs) };
}

/** When a pod came to its end, as well as its status tells. */
export function finishedMs(pod: Pod): number {
  const { metadata, status } = pod;
  const ends = [...(status?.containerStatuses ?? []), ...sidecarStatuses(pod)].map(
    ({ state }) => state?.terminated?.finishedAt,
  );
  if (ends.length > 0 && ends.every((end) => end))
    return Math.max(...ends.map((end) => Date.parse(end ?? "")));
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status === "False" && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  if (metadata.deletionTimestamp !== undefined) {
    return Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  }
  return metadata.creationTimestamp ? Date.parse(metadata.creationTimestamp) : 0;
}

function sidecarStatuses({ spec, status }: Pod) {
  const sidecars = new Set(
    (spec.initContainers ?? [])
      .filter(({ restartPolicy }) => restartPolicy === "Always")
      .map(({ name }) => name),
  );
  return (status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name));
}
