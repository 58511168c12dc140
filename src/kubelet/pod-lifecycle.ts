import { isPodTerminal } from "../api/core/pod-conditions.ts";
import type { Container, Pod, PodStatus } from "../api/core/types.generated.ts";
import { type Clock, rfc3339 } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { PodAdmission, Rejection } from "./admission/pod-admission.ts";
import type { QosClass } from "./cgroup-resources.ts";
import type { NodeContext } from "./container-starter.ts";
import type { StartFailure } from "./container-statuses.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import type { Host } from "./host/host.ts";
import type { ImagePuller } from "./image-puller.ts";
import { KillsUnderWay } from "./kills-under-way.ts";
import { removeDeadInstances, removePod } from "./pod-cleanup.ts";
import type { PodEvents } from "./pod-events.ts";
import { gracePeriodOf, type PodKiller } from "./pod-killer.ts";
import { generatePodStatus } from "./pod-status.ts";
import type { PodSynchronizer } from "./pod-synchronizer.ts";
import { type StepResult, shouldTerminate } from "./pod-worker.ts";
import type { ProbeManager } from "./probes/probe-manager.ts";
import type { ReferencedObjects } from "./referenced-objects.ts";
import type { Allocations } from "./resize/allocations.ts";
import type { PodResizer, ResizeCondition } from "./resize/pod-resizer.ts";
import type { RestartBackoff } from "./restart-backoff.ts";
import { inspectPod, type RuntimePodStatus } from "./runtime-pod.ts";
import type { KubeletCounters } from "./stats/metrics.ts";
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
  readonly admission: PodAdmission;
  readonly allocations: Allocations;
  readonly resizer: PodResizer;
  readonly counters: KubeletCounters;
  readonly logDirectoryOf: (pod: Pod) => string;
  readonly qosClassOf: (pod: Pod) => QosClass;
  /** Look at these pods again: what they wait for may have come. */
  readonly changed: (podUid: string) => void;
}

export interface StepOptions {
  /** The pod is gone from its source. */
  readonly removed: boolean;
  readonly signal: AbortSignal;
}

interface Ending extends Pick<PodStatus, "reason" | "message"> {
  readonly phase: string;
  readonly graceSeconds?: number;
  /** The node did not take it: its status tells of nothing else. */
  readonly isRejection?: boolean;
}

/** A resize that the runtime refused is tried again after this long. */
const resizeRetryMs = 10_000;

/**
 * A pod's life on its node, one step at a time: observe the runtime, decide, act, tell the API. Syncing leads to
 * terminating (asked to end, or everything has ended), that to terminated (all has stopped) and finished (nothing left).
 */
export class PodLifecycle {
  readonly #dependencies: PodLifecycleDependencies;
  readonly #failures = new Map<string, ReadonlyMap<string, StartFailure>>();
  /** How pods end that were decided to end: told when everything of them has stopped. */
  readonly #endings = new Map<string, Ending>();

  readonly #kills: KillsUnderWay;

  constructor(dependencies: PodLifecycleDependencies) {
    this.#dependencies = dependencies;
    this.#kills = new KillsUnderWay(dependencies.clock, dependencies.changed);
  }

  step(pod: Pod, phase: StepResult["phase"], { removed, signal }: StepOptions): Promise<StepResult> {
    switch (phase) {
      case "syncing":
        return shouldTerminate(pod, removed) ? this.#terminate(pod, signal) : this.#admitAndSync(pod, signal);
      case "terminating":
        return this.#terminate(pod, signal);
      case "terminated":
        return this.#cleanUp(pod, removed);
      case "finished":
        return Promise.resolve({ phase: "finished" });
    }
  }

  /** Ends a pod at once because the node needs what it has. */
  evict(pod: Pod, message: string): void {
    const { events, changed } = this.#dependencies;
    const uid = pod.metadata.uid ?? "";
    if (this.#endings.has(uid)) return;
    events.warning(pod, "Evicted", message);
    this.#endings.set(uid, { phase: "Failed", reason: "Evicted", message, graceSeconds: 0 });
    changed(uid);
  }

  async #admitAndSync(pod: Pod, signal: AbortSignal): Promise<StepResult> {
    const { admission } = this.#dependencies;
    const rejection = await admission.admit(pod);
    return rejection === undefined ? this.#sync(pod, signal) : this.#reject(pod, rejection);
  }

  #reject(pod: Pod, { reason, message }: Rejection): StepResult {
    const { events, statuses, qosClassOf, counters } = this.#dependencies;
    const uid = pod.metadata.uid ?? "";
    counters.add("kubelet_admission_rejections_total", { reason });
    events.warning(pod, reason, message);
    this.#endings.set(uid, { phase: "Failed", isRejection: true });
    const why = `Pod was rejected: ${message}`;
    const { generation } = pod.metadata;
    statuses.set(pod, {
      ...pod.status,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      phase: "Failed",
      reason,
      message: why,
      qosClass: qosClassOf(pod),
    });
    return { phase: "terminating", stepAgainAfterMs: 0 };
  }

  async #sync(pod: Pod, signal: AbortSignal): Promise<StepResult> {
    const { statuses, probes, clock, synchronizer, allocations, resizer, qosClassOf } = this.#dependencies;
    const uid = pod.metadata.uid ?? "";
    const pendingResize = resizer.review(pod);
    const granted = allocations.allocatedPod(pod);
    let observed = await this.#observe(granted);
    probes.observe(granted, observed, this.#probedIp(pod, observed));
    const deadlineMs = deadlineLeftMs({ ...pod, status: statuses.get(uid) ?? pod.status ?? {} }, clock.now());
    if (deadlineMs !== undefined && deadlineMs <= 0) return this.#endAtDeadline(pod, observed);
    statuses.set(pod, this.#status(pod, observed, { isTerminal: false, pendingResize }));
    if (this.#endings.has(uid)) return { phase: "terminating", stepAgainAfterMs: 0 };
    const outcome = await this.#synchronize(pod, () =>
      synchronizer.sync(granted, observed, qosClassOf(pod), signal),
    );
    this.#failures.set(uid, outcome.failures);
    if (outcome.acted || outcome.failures.size > 0) {
      observed = await this.#observe(granted);
      probes.observe(granted, observed, this.#probedIp(pod, observed));
      statuses.set(pod, this.#status(pod, observed, { isTerminal: false, pendingResize }));
      await removeDeadInstances(observed, this.#dependencies);
      allocations.keepActuated(uid, new Set(observed.containers.map(({ id }) => id)));
    }
    const tokensDueMs = this.#dependencies.tokens.renewAtMs(uid);
    const waits = [
      outcome.retryAfterMs,
      deadlineMs,
      tokensDueMs === undefined ? undefined : tokensDueMs - clock.now(),
      resizer.progress(granted, observed) === undefined ? undefined : resizeRetryMs,
    ];
    return { phase: "syncing", ...soonest(waits) };
  }

  async #synchronize<T>(pod: Pod, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof VolumeError) {
        const message = `MountVolume.SetUp failed for volume ${error.message}`;
        this.#dependencies.events.warning(pod, "FailedMount", message);
      }
      throw error;
    }
  }

  #endAtDeadline(pod: Pod, observed: RuntimePodStatus): StepResult {
    const message = "Pod was active on the node longer than the specified deadline";
    this.#dependencies.events.normal(pod, "DeadlineExceeded", message);
    this.#endings.set(pod.metadata.uid ?? "", { phase: "Failed", reason: "DeadlineExceeded", message });
    this.#dependencies.statuses.set(pod, this.#status(pod, observed, { isTerminal: false }));
    return { phase: "terminating", stepAgainAfterMs: 0 };
  }

  async #terminate(pod: Pod, signal: AbortSignal): Promise<StepResult> {
    const { statuses, probes, killer } = this.#dependencies;
    const uid = pod.metadata.uid ?? "";
    const observed = await this.#observe(pod);
    // Readiness goes on being told until the end.
    probes.observe(pod, observed, this.#probedIp(pod, observed));
    probes.stopLivenessAndStartup(uid);
    // One that had ended before this kubelet began, or was never taken, has nothing new to tell.
    const isRejected = this.#endings.get(uid)?.isRejection === true;
    const tells = (!isPodTerminal(pod) || statuses.get(uid) !== undefined) && !isRejected;
    if (tells) statuses.set(pod, this.#status(pod, observed, { isTerminal: false }));
    const graceSeconds = this.#endings.get(uid)?.graceSeconds ?? gracePeriodOf(pod, observed);
    const isOver = await this.#kills.advance(uid, signal, (killSignal) =>
      killer.killPod(pod, observed, graceSeconds, killSignal),
    );
    if (!isOver) return { phase: "terminating" };
    const stopped = await this.#observe(pod);
    if (stopped.containers.some(({ state }) => state === "running"))
      throw new Error("containers still run after they were stopped");
    probes.remove(uid);
    if (tells) statuses.set(pod, this.#status(pod, stopped, { isTerminal: true }));
    this.#release(uid);
    return { phase: "terminated", stepAgainAfterMs: 0 };
  }

  /** What the pod held is free for others. */
  #release(uid: string): void {
    const { admission, resizer, changed } = this.#dependencies;
    admission.forget(uid);
    resizer.forget(uid);
    for (const waiting of resizer.deferredPods) changed(waiting);
  }

  /** Everything has stopped. What is left is kept only as long as the API keeps the pod (its logs can be read). */
  async #cleanUp(pod: Pod, removed: boolean): Promise<StepResult> {
    const { objects, tokens, volumes, statuses, node, qosClassOf, logDirectoryOf } = this.#dependencies;
    const uid = pod.metadata.uid ?? "";
    objects.release(uid);
    tokens.release(uid);
    await volumes.unmount(pod);
    if (!removed && pod.metadata.deletionTimestamp === undefined) return { phase: "terminated" };
    const { cgroupRoot } = node;
    const place = { cgroupRoot, qosClass: qosClassOf(pod), logDirectory: logDirectoryOf(pod) };
    await removePod(pod, place, this.#dependencies);
    if (!removed) statuses.finishDeletion(pod);
    this.#forget(uid);
    return { phase: "finished" };
  }

  #forget(uid: string): void {
    const { crashBackoff, puller, terminationMessages, allocations } = this.#dependencies;
    this.#failures.delete(uid);
    this.#endings.delete(uid);
    crashBackoff.forget(`${uid}/`);
    puller.forget(uid);
    terminationMessages.forget(uid);
    allocations.forget(uid);
  }

  /** An evicted pod was ended by no fault of its own: its owner may count that apart (KEP-3329). */
  #endConditions({ conditions = [] }: PodStatus, { reason, message = "" }: Ending) {
    if (reason !== "Evicted" || conditions.some(({ type }) => type === "DisruptionTarget")) return conditions;
    const lastTransitionTime = rfc3339(this.#dependencies.clock.now());
    const why = { reason: "TerminationByKubelet", message };
    return [...conditions, { type: "DisruptionTarget", status: "True", ...why, lastTransitionTime }];
  }

  async #observe(pod: Pod): Promise<RuntimePodStatus> {
    const observed = await inspectPod(this.#dependencies.runtime, pod.metadata.uid ?? "");
    await this.#dependencies.terminationMessages.read(observed);
    return observed;
  }

  #probedIp(pod: Pod, observed: RuntimePodStatus): string {
    const [hostIp = ""] = this.#dependencies.node.hostIps;
    return pod.spec.hostNetwork === true ? hostIp : (observed.sandboxes[0]?.ips[0] ?? "");
  }

  #status(
    pod: Pod,
    observed: RuntimePodStatus,
    options: { readonly isTerminal: boolean; readonly pendingResize?: ResizeCondition | undefined },
  ): PodStatus {
    const { statuses, probes, clock, node, runtimeName, terminationMessages, qosClassOf } =
      this.#dependencies;
    const { allocations, resizer } = this.#dependencies;
    const uid = pod.metadata.uid ?? "";
    const known = statuses.get(uid);
    const granted = allocations.allocatedPod(pod);
    const progress = options.isTerminal ? undefined : resizer.progress(granted, observed);
    const status = generatePodStatus({
      pod: known === undefined ? pod : { ...pod, status: mergeKnown(known, pod.status) },
      runtime: observed,
      runtimeName,
      startFailure: (name) => this.#failures.get(uid)?.get(name),
      terminationMessage: (id) => terminationMessages.get(id),
      readiness: (id) => probes.result("readiness", id),
      startup: (id) => probes.result("startup", id),
      resources: (name, runningId) => {
        const { resources = {} } = containersOf(granted).find((container) => container.name === name) ?? {};
        const actual = runningId === undefined ? undefined : allocations.actuated(granted, name, runningId);
        return { allocated: resources, actual: actual ?? resources };
      },
      nowMs: clock.now(),
      hostIps: node.hostIps,
      qosClass: qosClassOf(pod),
      isTerminal: options.isTerminal,
      resizeConditions: [options.pendingResize, progress].filter((condition) => condition !== undefined),
    });
    return this.#withEnding(pod, status, observed, known?.phase ?? pod.status?.phase);
  }

  /** A pod has ended only when nothing of it runs any more: until then it keeps the phase it had. */
  #withEnding(
    pod: Pod,
    status: PodStatus,
    observed: RuntimePodStatus,
    oldPhase: string | undefined,
  ): PodStatus {
    const uid = pod.metadata.uid ?? "";
    if (isEnded(status) && !this.#endings.has(uid)) this.#endings.set(uid, { phase: status.phase ?? "" });
    const ending = this.#endings.get(uid);
    if (ending === undefined) return status;
    const runs = observed.containers.some(({ state }) => state === "running");
    if (!runs) return { ...status, ...endingOf(ending), conditions: this.#endConditions(status, ending) };
    return isEnded(status) ? { ...status, phase: oldPhase ?? "Running" } : status;
  }
}

function containersOf({ spec }: Pod): Container[] {
  return [...spec.containers, ...(spec.initContainers ?? [])];
}

function endingOf({ phase, reason, message }: Ending): Partial<PodStatus> {
  return {
    phase,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

function isEnded(status: PodStatus | undefined): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

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
