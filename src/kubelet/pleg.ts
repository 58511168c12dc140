import type { ContainerState } from "./cri/runtime.ts";
import type { RuntimePod } from "./runtime-pod.ts";

/** PLEG's events (upstream's `pleg.PodLifecycleEvent`): what changed in the runtime since the last listing. */
export interface PodLifecycleEvent {
  readonly podUid: string;
  readonly type: "ContainerStarted" | "ContainerDied" | "ContainerRemoved" | "ContainerChanged" | "PodSync";
  /** The container's or sandbox's id. */
  readonly id: string;
}

type SeenState = "absent" | "running" | "exited" | "unknown";

/** Compares two listings of one pod. A container that came and went between them is told as started and died. */
export function computeEvents(
  before: RuntimePod | undefined,
  after: RuntimePod | undefined,
): PodLifecycleEvent[] {
  const podUid = after?.uid ?? before?.uid ?? "";
  const old = statesOf(before);
  const now = statesOf(after);
  const events: PodLifecycleEvent[] = [];
  for (const id of new Set([...old.keys(), ...now.keys()])) {
    for (const type of transition(old.get(id) ?? "absent", now.get(id) ?? "absent"))
      events.push({ podUid, type, id });
  }
  return events;
}

function transition(before: SeenState, after: SeenState): PodLifecycleEvent["type"][] {
  if (before === after) return [];
  switch (after) {
    case "running":
      return ["ContainerStarted"];
    case "exited":
      return ["ContainerDied"];
    case "unknown":
      return ["ContainerChanged"];
    case "absent":
      // Its exit was never seen on its own: tell both.
      return before === "exited" ? ["ContainerRemoved"] : ["ContainerDied", "ContainerRemoved"];
  }
}

function statesOf(pod: RuntimePod | undefined): Map<string, SeenState> {
  const states = new Map<string, SeenState>();
  for (const container of pod?.containers ?? []) states.set(container.id, seenState(container.state));
  for (const sandbox of pod?.sandboxes ?? [])
    states.set(sandbox.id, sandbox.state === "ready" ? "running" : "exited");
  return states;
}

function seenState(state: ContainerState): SeenState {
  // One that is created but not started yet will be started or fail by our own hand: no event of its own.
  return state === "created" ? "unknown" : state;
}
