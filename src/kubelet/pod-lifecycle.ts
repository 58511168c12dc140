import { isPodTerminal } from "../api/core/pod-conditions.ts";
import type { Pod, PodStatus } from "../api/core/types.generated.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { podCgroupPath, type QosClass } from "./cgroup-resources.ts";
import type { NodeContext } from "./container-starter.ts";
import type { StartFailure } from "./container-statuses.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import type { Host } from "./host/host.ts";
import type { ImagePuller } from "./image-puller.ts";
import type { PodEvents } from "./pod-events.ts";
import { gracePeriodOf, type PodKiller } from "./pod-killer.ts";
import { generatePodStatus } from "./pod-status.ts";
import type { PodSynchronizer } from "./pod-synchronizer.ts";
import { type StepResult, shouldTerminate } from "./pod-worker.ts";
import type { ProbeManager } from "./probes/probe-manager.ts";
import type { ReferencedObjects } from "./referenced-objects.ts";
import type { RestartBackoff } from "./restart-backoff.ts";
import { inspectPod, type RuntimePodStatus } from "./runtime-pod.ts";
import type { StatusManager } from "./status-manager.ts";
import type { TerminationMessages } from "./termination-messages.ts";
import { VolumeError } from "./volumes/payload.ts";
import type { TokenManager } from "./volumes/tokens.ts";
import type { VolumeManager } from "./volumes/volume-manager.ts";

export interface PodLifecycleDependencies {
  readonly runtime: ContainerRuntime;
  /** The scheme of container ids: "containerd". */
  readonly runtimeName: string;
  readonly synchronizer: PodSynchronizer;
  readonly killer: PodKiller;
  readonly probes: ProbeManager;
  readonly statuses: StatusManager;
  readonly volumes: VolumeManager;
  readonly tokens: TokenManager;
  readonly objects: ReferencedObjects;
  readonly puller: ImagePuller;
  readonly crashBackoff: RestartBackoff;
  readonly terminationMessages: TerminationMessages;
  readonly host: Host;
  readonly events: PodEvents;
  readonly node: NodeContext;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logDirectoryOf: (pod: Pod) => string;
  readonly qosClassOf: (pod: Pod) => QosClass;
}

/**
 * A pod's life on its node, one step at a time: observe the runtime, decide, act, tell the API. Syncing leads to
 * terminating (asked to end, or everything has ended), that to terminated (all has stopped) and finished (nothing left).
 */
export function createPodLifecycle(dependencies: PodLifecycleDependencies) {
  const { runtime, statuses, probes, clock, node } = dependencies;
  const failures = new Map<string, ReadonlyMap<string, StartFailure>>();

  function statusFrom(pod: Pod, observed: RuntimePodStatus, isTerminal: boolean): PodStatus {
    const uid = pod.metadata.uid ?? "";
    const known = statuses.get(uid);
    const withKnown = known === undefined ? pod : { ...pod, status: mergeKnown(known, pod.status) };
    return generatePodStatus({
      pod: withKnown,
      runtime: observed,
      runtimeName: dependencies.runtimeName,
      startFailure: (name) => failures.get(uid)?.get(name),
      terminationMessage: (id) => dependencies.terminationMessages.get(id),
      readiness: (id) => probes.result("readiness", id),
      startup: (id) => probes.result("startup", id),
      nowMs: clock.now(),
      hostIps: node.hostIps,
      qosClass: dependencies.qosClassOf(pod),
      isTerminal,
    });
  }

  async function observe(pod: Pod): Promise<RuntimePodStatus> {
    const observed = await inspectPod(runtime, pod.metadata.uid ?? "");
    await dependencies.terminationMessages.read(observed);
    return observed;
  }

  async function syncStep(pod: Pod, signal: AbortSignal): Promise<StepResult> {
    const uid = pod.metadata.uid ?? "";
    let observed = await observe(pod);
    const ip = observed.sandboxes[0]?.ips[0] ?? node.hostIps[0] ?? "";
    probes.observe(pod, observed, pod.spec.hostNetwork === true ? (node.hostIps[0] ?? "") : ip);
    const deadline = deadlineLeftMs(pod, clock.now());
    if (deadline !== undefined && deadline <= 0) {
      const message = "Pod was active on the node longer than the specified deadline";
      dependencies.events.normal(pod, "DeadlineExceeded", message);
      statuses.set(pod, {
        ...statusFrom(pod, observed, false),
        phase: "Failed",
        reason: "DeadlineExceeded",
        message,
      });
      return { phase: "terminating", stepAgainAfterMs: 0 };
    }
    const before = statusFrom(pod, observed, false);
    statuses.set(pod, before);
    if (before.phase === "Succeeded" || before.phase === "Failed")
      return { phase: "terminating", stepAgainAfterMs: 0 };
    try {
      const outcome = await dependencies.synchronizer.sync(
        pod,
        observed,
        dependencies.qosClassOf(pod),
        signal,
      );
      failures.set(uid, outcome.failures);
      if (outcome.acted || outcome.failures.size > 0) {
        observed = await observe(pod);
        probes.observe(
          pod,
          observed,
          pod.spec.hostNetwork === true ? (node.hostIps[0] ?? "") : (observed.sandboxes[0]?.ips[0] ?? ""),
        );
        statuses.set(pod, statusFrom(pod, observed, false));
        await removeDeadInstances(observed);
      }
      const tokensDueMs = dependencies.tokens.renewAtMs(uid);
      const waits = [
        outcome.retryAfterMs,
        deadline,
        tokensDueMs === undefined ? undefined : tokensDueMs - clock.now(),
      ];
      return { phase: "syncing", ...soonest(waits) };
    } catch (error) {
      if (error instanceof VolumeError) {
        dependencies.events.warning(pod, "FailedMount", `MountVolume.SetUp failed: ${error.message}`);
      }
      throw error;
    }
  }

  /** Keeps, of each container, the newest dead instance beside the newest: the one `logs --previous` shows. */
  async function removeDeadInstances(observed: RuntimePodStatus): Promise<void> {
    const seen = new Map<string, number>();
    for (const { id, state, metadata } of observed.containers) {
      const count = (seen.get(metadata.name) ?? 0) + 1;
      seen.set(metadata.name, count);
      if (count > keptInstances && state === "exited") await runtime.removeContainer(id);
    }
    const [, ...oldSandboxes] = observed.sandboxes;
    for (const { id, state } of oldSandboxes) {
      const inUse = observed.containers.some(
        (container) =>
          container.podSandboxId === id && (seen.get(container.metadata.name) ?? 0) <= keptInstances,
      );
      if (state === "notReady" && !inUse) await runtime.removePodSandbox(id);
    }
  }

  async function terminateStep(pod: Pod, signal: AbortSignal): Promise<StepResult> {
    const uid = pod.metadata.uid ?? "";
    const observed = await observe(pod);
    probes.stopLivenessAndStartup(uid);
    const ended = statuses.get(uid)?.phase ?? pod.status?.phase;
    if (ended !== "Succeeded" && ended !== "Failed") statuses.set(pod, statusFrom(pod, observed, false));
    await dependencies.killer.killPod(pod, observed, gracePeriodOf(pod, observed), signal);
    const stopped = await observe(pod);
    const stillRuns = stopped.containers.some(({ state }) => state === "running");
    if (stillRuns) throw new Error("containers still run after they were stopped");
    probes.remove(uid);
    // One that had ended before this kubelet began has nothing new to tell.
    if (!isPodTerminal(pod) || statuses.get(uid) !== undefined)
      statuses.set(pod, statusFrom(pod, stopped, true));
    return { phase: "terminated", stepAgainAfterMs: 0 };
  }

  /** Everything has stopped. What is left is kept only as long as the API keeps the pod (its logs can be read). */
  async function cleanUpStep(pod: Pod, removed: boolean): Promise<StepResult> {
    const uid = pod.metadata.uid ?? "";
    dependencies.objects.release(uid);
    dependencies.tokens.release(uid);
    await dependencies.volumes.unmount(pod);
    const deleted = removed || pod.metadata.deletionTimestamp !== undefined;
    if (!deleted) return { phase: "terminated" };
    const observed = await inspectPod(runtime, uid);
    for (const { id } of observed.sandboxes) await runtime.removePodSandbox(id);
    for (const { id, podSandboxId } of observed.containers) {
      if (!observed.sandboxes.some((sandbox) => sandbox.id === podSandboxId))
        await runtime.removeContainer(id);
    }
    await dependencies.host.cgroups.remove(podCgroupPath(node.cgroupRoot, dependencies.qosClassOf(pod), uid));
    await dependencies.host.files.removeTree(dependencies.logDirectoryOf(pod));
    if (!removed) statuses.finishDeletion(pod);
    forget(uid);
    return { phase: "finished" };
  }

  function forget(uid: string): void {
    failures.delete(uid);
    dependencies.crashBackoff.forget(`${uid}/`);
    dependencies.puller.forget(uid);
    dependencies.terminationMessages.forget(uid);
  }

  return async function step(
    pod: Pod,
    phase: StepResult["phase"],
    { removed, signal }: { readonly removed: boolean; readonly signal: AbortSignal },
  ): Promise<StepResult> {
    switch (phase) {
      case "syncing":
        return shouldTerminate(pod, removed) ? terminateStep(pod, signal) : syncStep(pod, signal);
      case "terminating":
        return terminateStep(pod, signal);
      case "terminated":
        return cleanUpStep(pod, removed);
      case "finished":
        return { phase: "finished" };
    }
  };
}

/** The newest instance and the one before it. */
const keptInstances = 2;

const ownConditions = [
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
];

/** The status as this node last told it, with what others have written into it since. */
function mergeKnown(known: PodStatus, api: PodStatus = {}): PodStatus {
  const { nominatedNodeName, resourceClaimStatuses } = api;
  const own = (known.conditions ?? []).filter(({ type }) => ownConditions.includes(type));
  const others = (api.conditions ?? []).filter(({ type }) => !ownConditions.includes(type));
  return {
    ...known,
    conditions: [...own, ...others],
    ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
    ...(resourceClaimStatuses === undefined ? {} : { resourceClaimStatuses }),
  };
}

function deadlineLeftMs(pod: Pod, nowMs: number): number | undefined {
  const { activeDeadlineSeconds } = pod.spec;
  const { startTime } = pod.status ?? {};
  if (activeDeadlineSeconds === undefined || startTime === undefined) return undefined;
  return Date.parse(startTime) + activeDeadlineSeconds * 1000 - nowMs;
}

function soonest(waits: readonly (number | undefined)[]): Pick<StepResult, "stepAgainAfterMs"> {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? {} : { stepAgainAfterMs: Math.max(0, Math.min(...known)) };
}
