import type { Strategy } from "../definition.ts";
import { isPodTerminal } from "./pod-conditions.ts";
import type { Pod } from "./types.generated.ts";

export const podStrategy: Strategy<Pod> = {
  gracePeriodSeconds(pod, requested) {
    const seconds = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0;
    // Nothing runs that would need time to end.
    if ((pod.spec.nodeName ?? "") === "" || isPodTerminal(pod)) return 0;
    return seconds < 0 ? 1 : seconds;
  },
};
