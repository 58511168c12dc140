import { podRequests } from "../../api/core/pod-resources.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { quantityValue } from "../../apimachinery/quantity.ts";

const systemCriticalPriority = 2_000_000_000;

export interface RankedPod {
  readonly pod: Pod;
  readonly usedBytes: number;
  readonly requestedBytes: number;
}

/**
 * Who has to go first when memory is short: pods that use more than they asked for before those that do not, then by
 * priority, then by how far they are over. Critical pods never do.
 */
export function rankForMemory(pods: readonly Pod[], usedBytes: (podUid: string) => number): RankedPod[] {
  const ranked = pods
    .filter(({ spec }) => (spec.priority ?? 0) < systemCriticalPriority)
    .map((pod) => {
      const { memory } = podRequests(pod);
      const requestedBytes = memory === undefined ? 0 : quantityValue(memory);
      return { pod, usedBytes: usedBytes(pod.metadata.uid ?? ""), requestedBytes };
    });
  const over = ({ usedBytes: used, requestedBytes }: RankedPod) => used - requestedBytes;
  return ranked.sort(
    (a, b) =>
      Number(over(b) > 0) - Number(over(a) > 0) ||
      (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0) ||
      over(b) - over(a),
  );
}
