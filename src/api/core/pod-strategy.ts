import type { Strategy } from "../definition.ts";
import { isPodTerminal } from "./pod-conditions.ts";
import { defaultPod } from "./pod-defaults.ts";
import { computePodQosClass } from "./pod-qos.ts";
import { validatePodResize } from "./pod-resize-validation.ts";
import {
  validateEphemeralContainersUpdate,
  validatePod,
  validatePodStatusUpdate,
  validatePodUpdate,
} from "./pod-validation.ts";
import { podWarnings } from "./pod-warnings.ts";
import type { Pod } from "./types.generated.ts";

export const podStrategy: Strategy<Pod> = {
  defaults: defaultPod,
  prepareForCreate: (pod) => ({
    ...pod,
    status: { phase: "Pending", qosClass: computePodQosClass(pod), ...gatedStatus(pod) },
  }),
  prepareForStatusUpdate: (pod, old) => ({
    ...defaultPod(pod),
    // Who owns the pod and when it goes is not for those who report its state.
    metadata: { ...pod.metadata, ...ownership(old) },
  }),
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  validateSubresourceUpdate: (subresource, pod, old) =>
    subresource === "resize" ? validatePodResize(pod, old) : validateEphemeralContainersUpdate(pod, old),
  warnings: podWarnings,
  gracePeriodSeconds(pod, requested) {
    const seconds = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0;
    // Nothing runs that would need time to end.
    if ((pod.spec.nodeName ?? "") === "" || isPodTerminal(pod)) return 0;
    return seconds < 0 ? 1 : seconds;
  },
};

/** A pod that waits for its gates says so from the start. */
function gatedStatus(pod: Pod): Pick<NonNullable<Pod["status"]>, "conditions"> {
  if ((pod.spec.schedulingGates ?? []).length === 0) return {};
  return {
    conditions: [
      {
        type: "PodScheduled",
        status: "False",
        reason: "SchedulingGated",
        message: "Scheduling is blocked due to non-empty scheduling gates",
      },
    ],
  };
}

function ownership({ metadata }: Pod): Partial<Pod["metadata"]> {
  return metadata.ownerReferences === undefined ? {} : { ownerReferences: metadata.ownerReferences };
}
