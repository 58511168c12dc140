import { isSidecar } from "../api/core/pod-conditions.ts";
import type { ContainerStatus, Pod, PodCondition, PodStatus } from "../api/core/types.generated.ts";
import { rfc3339 } from "../base/clock.ts";
import {
  type ContainerStatuses,
  type ContainerStatusInput,
  containerStatuses,
} from "./container-statuses.ts";
import type { ResizeCondition } from "./resize/pod-resizer.ts";

export interface PodStatusInput extends ContainerStatusInput {
  readonly nowMs: number;
  readonly hostIps: readonly string[];
  readonly qosClass: string;
  /** The pod was asked to end, or has: what is stopped now is not restarted. */
  readonly isTerminal: boolean;
  /** Conditions about a resize, while they hold. */
  readonly resizeConditions?: readonly ResizeCondition[];
}

/** The whole status of a pod as this node sees it (upstream's generateAPIPodStatus). */
export function generatePodStatus(input: PodStatusInput): PodStatus {
  const { pod } = input;
  const statuses = containerStatuses(input);
  const phase = stickyPhase(pod, podPhase(pod, statuses, input.isTerminal));
  const [sandbox] = input.runtime.sandboxes;
  const ips = pod.spec.hostNetwork === true ? input.hostIps : sandbox?.state === "ready" ? sandbox.ips : [];
  // A stopped sandbox has no address any more; what the pod had is still worth knowing.
  const podIps = ips.length > 0 ? ips.map((ip) => ({ ip })) : (pod.status?.podIPs ?? []);
  const old = pod.status ?? {};
  return {
    phase,
    conditions: podConditions(input, statuses, phase),
    ...(old.message === undefined ? {} : { message: old.message }),
    ...(old.reason === undefined ? {} : { reason: old.reason }),
    ...(old.nominatedNodeName === undefined ? {} : { nominatedNodeName: old.nominatedNodeName }),
    ...(input.hostIps[0] === undefined
      ? {}
      : { hostIP: input.hostIps[0], hostIPs: input.hostIps.map((ip) => ({ ip })) }),
    ...(podIps[0] === undefined ? {} : { podIP: podIps[0].ip, podIPs: podIps }),
    startTime: old.startTime ?? rfc3339(input.nowMs),
    ...(statuses.init.length > 0 ? { initContainerStatuses: statuses.init } : {}),
    containerStatuses: statuses.main,
    ...(statuses.ephemeral.length > 0 ? { ephemeralContainerStatuses: statuses.ephemeral } : {}),
    qosClass: input.qosClass,
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    ...(old.resourceClaimStatuses === undefined ? {} : { resourceClaimStatuses: old.resourceClaimStatuses }),
  };
}

/** An ended pod stays ended. */
function stickyPhase(pod: Pod, phase: string): string {
  const old = pod.status?.phase;
  return old === "Succeeded" || old === "Failed" ? old : phase;
}

/** Upstream's getPhase. */
function podPhase(pod: Pod, statuses: ContainerStatuses, isTerminal: boolean): string {
  const restartPolicy = pod.spec.restartPolicy ?? "Always";
  let pendingInit = 0;
  let failedInit = 0;
  (pod.spec.initContainers ?? []).forEach((container, index) => {
    const status = statuses.init[index];
    const terminated =
      status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
    if (isSidecar(container)) {
      if (status?.started !== true && terminated === undefined) pendingInit++;
    } else if (terminated === undefined) pendingInit++;
    else if (terminated.exitCode !== 0) {
      failedInit++;
    }
  });
  if (failedInit > 0 && (restartPolicy === "Never" || isTerminal)) return "Failed";
  if (failedInit > 0 && statuses.main.every((status) => status.state?.waiting !== undefined))
    return "Pending";

  const count = { running: 0, waiting: 0, stopped: 0, succeeded: 0 };
  for (const { state, lastState } of statuses.main) {
    if (state?.running !== undefined) count.running++;
    else if (state?.terminated !== undefined) {
      count.stopped++;
      if (state.terminated.exitCode === 0) count.succeeded++;
    } else if (lastState?.terminated !== undefined) count.stopped++;
    else count.waiting++;
  }
  const mainBegan = count.running + count.stopped > 0;
  if (pendingInit > 0 && !mainBegan) return isTerminal && count.waiting === 0 ? "Failed" : "Pending";
  if (count.waiting > 0) return isTerminal && count.running === 0 && count.stopped > 0 ? "Failed" : "Pending";
  if (count.running > 0) return "Running";
  if (count.stopped === 0) return "Pending";
  const allSucceeded = count.stopped === count.succeeded;
  if (isTerminal) return allSucceeded ? "Succeeded" : "Failed";
  if (restartPolicy === "Always") return "Running";
  if (allSucceeded) return "Succeeded";
  return restartPolicy === "Never" ? "Failed" : "Running";
}

/** They hold for a while only: not told any more, they are gone. */
export const resizeConditionTypes: ReadonlySet<string> = new Set(["PodResizePending", "PodResizeInProgress"]);

interface ConditionState {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
}

function podConditions(input: PodStatusInput, statuses: ContainerStatuses, phase: string): PodCondition[] {
  const { pod } = input;
  const [sandbox] = input.runtime.sandboxes;
  const hasSandbox = sandbox?.state === "ready" && (pod.spec.hostNetwork === true || sandbox.ips.length > 0);
  const containersReady = containersReadyCondition(pod, statuses, phase);
  const own: ConditionState[] = [
    { type: "PodReadyToStartContainers", status: hasSandbox ? "True" : "False" },
    initializedCondition(pod, statuses, phase),
    readyCondition(pod, containersReady),
    containersReady,
    { type: "PodScheduled", status: "True" },
    ...(input.resizeConditions ?? []),
  ];
  const nowText = rfc3339(input.nowMs);
  const generation = pod.metadata.generation;
  const old = pod.status?.conditions ?? [];
  const conditions = own.map((condition): PodCondition => {
    const before = old.find(({ type }) => type === condition.type);
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return {
      ...condition,
      lastTransitionTime: since ?? nowText,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
  // What others put there (readiness gates, DisruptionTarget) is theirs.
  const others = old.filter(
    ({ type }) => !resizeConditionTypes.has(type) && !own.some((condition) => condition.type === type),
  );
  return [...conditions, ...others];
}

function initializedCondition(pod: Pod, statuses: ContainerStatuses, phase: string): ConditionState {
  const type = "Initialized";
  const mainBegan = statuses.main.some(
    ({ state }) => state?.running !== undefined || state?.terminated !== undefined,
  );
  const incomplete = (pod.spec.initContainers ?? [])
    .filter((container, index) => {
      const status = statuses.init[index];
      return isSidecar(container) ? status?.started !== true : status?.ready !== true;
    })
    .map(({ name }) => name);
  if (phase === "Succeeded") return { type, status: "True", reason: "PodCompleted" };
  if (incomplete.length === 0 || mainBegan) return { type, status: "True" };
  return {
    type,
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${incomplete.join(" ")}]`,
  };
}

function containersReadyCondition(pod: Pod, statuses: ContainerStatuses, phase: string): ConditionState {
  const type = "ContainersReady";
  if (phase === "Succeeded") return { type, status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { type, status: "False", reason: "PodFailed" };
  const sidecars = statuses.init.filter((_, index) => {
    const container = pod.spec.initContainers?.[index];
    return container !== undefined && isSidecar(container);
  });
  const unready = [...sidecars, ...statuses.main]
    .filter((status) => !isReady(status))
    .map(({ name }) => name);
  if (unready.length === 0) return { type, status: "True" };
  return {
    type,
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: [${unready.join(" ")}]`,
  };
}

const isReady = (status: ContainerStatus) => status.ready;

function readyCondition(pod: Pod, containersReady: ConditionState): ConditionState {
  const type = "Ready";
  if (containersReady.status !== "True") return { ...containersReady, type };
  const messages = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = pod.status?.conditions?.find((condition) => condition.type === conditionType);
    if (gate === undefined)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (gate.status !== "True")
      return [`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`];
    return [];
  });
  if (messages.length === 0) return { type, status: "True" };
  return { type, status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") };
}
