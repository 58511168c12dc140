import { withPodCondition } from "../../api/core/pod-conditions.ts";
import { pods } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { Clock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { PodInfo } from "../cache/pod-info.ts";

export interface EvictionDependencies {
  readonly client: Pick<Client, "patch" | "delete">;
  readonly recorder: Pick<EventRecorder, "event">;
  readonly clock: Clock;
}

/** Deletes one victim, with the condition that says why it goes. One that is gone already is no failure. */
export async function evictVictim(
  { client, recorder, clock }: EvictionDependencies,
  victim: PodInfo,
  preemptor: PodInfo,
  nodeName: string,
): Promise<void> {
  const { namespace = "", name = "", uid, generation } = victim.pod.metadata;
  const { schedulerName = "default-scheduler" } = preemptor.pod.spec;
  const status = withPodCondition(
    victim.pod.status ?? {},
    {
      type: "DisruptionTarget",
      status: "True",
      reason: "PreemptionByScheduler",
      message: `${schedulerName}: preempting to accommodate a higher priority pod`,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    },
    clock.now(),
  );
  const condition = status.conditions?.find(({ type }) => type === "DisruptionTarget");
  try {
    if (status !== victim.pod.status) {
      const patch = { metadata: { uid }, status: { conditions: [condition] } };
      const options = { subresource: "status" };
      await client.patch(pods, { namespace, name }, { type: "strategic", patch }, options);
    }
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await client.delete(pods, { namespace, name }, preconditions);
  } catch (error) {
    // A conflict is a namesake with another UID: the victim is gone.
    if (isApiError(error, "NotFound") || isApiError(error, "Conflict")) return;
    throw error;
  }
  recorder.event(victim.pod, {
    type: "Normal",
    reason: "Preempted",
    action: "Preempting",
    note: `Preempted by pod ${preemptor.uid} on node ${nodeName}`,
    related: preemptor.pod,
  });
}
