import type { Strategy } from "../definition.ts";
import { dropField } from "../fill.ts";
import { isPodTerminal } from "./pod-conditions.ts";
import { defaultPod } from "./pod-defaults.ts";
import { withLabelKeys } from "./pod-label-keys.ts";
import { appArmorWarnings, withAppArmorProfiles } from "./pod-profiles.ts";
import { computePodQosClass } from "./pod-qos.ts";
import { validatePodResize } from "./pod-resize-validation.ts";
import { validatePodStatusUpdate } from "./pod-status-validation.ts";
import { validateEphemeralContainersUpdate, validatePod, validatePodUpdate } from "./pod-validation.ts";
import { podWarnings } from "./pod-warnings.ts";
import type { Pod, PodStatus } from "./types.generated.ts";

export const podStrategy: Strategy<Pod> = {
  defaults: defaultPod,
  prepareForCreate: (pod) => ({
    ...withLabelKeys(withAppArmorProfiles(pod)),
    status: { phase: "Pending", qosClass: computePodQosClass(pod), ...gatedStatus(pod) },
  }),
  prepareForStatusUpdate: (pod, old) => ({
    // What nodes allocate for claims is behind a gate that is off.
    ...defaultPod({
      ...pod,
      status: dropField(
        keepReported(pod.status ?? {}, old.status ?? {}),
        "nodeAllocatableResourceClaimStatuses",
      ),
    }),
    // Who owns the pod and when it goes is not for those who report its state.
    metadata: withOwnersOf(pod, old),
  }),
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  validateSubresourceUpdate: (subresource, pod, old) =>
    subresource === "resize" ? validatePodResize(pod, old) : validateEphemeralContainersUpdate(pod, old),
  warnings: podWarnings,
  inputWarnings: appArmorWarnings,
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
        ...(pod.metadata.creationTimestamp ? { lastTransitionTime: pod.metadata.creationTimestamp } : {}),
      },
    ],
  };
}

/** What clients that do not know of it leave out: the class of the pod, and which generation was seen. */
function keepReported(status: PodStatus, old: PodStatus): PodStatus {
  const qosClass = status.qosClass || old.qosClass;
  const observedGeneration = status.observedGeneration || old.observedGeneration;
  const left = [...(old.conditions ?? [])];
  const conditions = (status.conditions ?? []).map((condition) => {
    const index = left.findIndex(({ type }) => type === condition.type);
    const [before] = index < 0 ? [] : left.splice(index, 1);
    return condition.observedGeneration || !before?.observedGeneration
      ? condition
      : { ...condition, observedGeneration: before.observedGeneration };
  });
  return {
    ...status,
    ...(qosClass ? { qosClass } : {}),
    ...(observedGeneration ? { observedGeneration } : {}),
    ...(status.conditions === undefined ? {} : { conditions }),
  };
}

function withOwnersOf(pod: Pod, { metadata: { ownerReferences } }: Pod): Pod["metadata"] {
  const { ownerReferences: _, ...metadata } = pod.metadata;
  return ownerReferences === undefined ? metadata : { ...metadata, ownerReferences };
}
