import type { Container, Node, Pod } from "../../api/core/types.generated.ts";
import { beyondCapacity, resourceShortage } from "../admission/node-fit.ts";
import type { PodEvents } from "../pod-events.ts";
import { containerNameOf, type RuntimePodStatus } from "../runtime-pod.ts";
import { type Allocations, resizeOf } from "./allocations.ts";

/** One of a pod's resize conditions, while it holds. */
export interface ResizeCondition {
  readonly type: "PodResizePending" | "PodResizeInProgress";
  readonly status: "True";
  readonly reason?: string;
  readonly message?: string;
}

export interface PodResizerDependencies {
  readonly allocations: Allocations;
  readonly node: () => Node | undefined;
  /** Pods that hold resources here, with what they were granted. */
  readonly activePods: () => readonly Pod[];
  readonly events: PodEvents;
}

/** Grants resizes of running pods as far as the node has room (upstream's allocation manager). */
export class PodResizer {
  readonly #dependencies: PodResizerDependencies;
  readonly #deferred = new Map<string, string>();
  readonly #failures = new Map<string, string>();

  constructor(dependencies: PodResizerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Grants what the pod's spec asks for if that is possible now; else the condition says why not. */
  review(pod: Pod): ResizeCondition | undefined {
    const { allocations, events, node, activePods } = this.#dependencies;
    const uid = pod.metadata.uid ?? "";
    const here = node();
    if (here === undefined || !allocations.isResizePending(pod)) {
      this.#deferred.delete(uid);
      return undefined;
    }
    const impossible = beyondCapacity(pod, here);
    if (impossible !== undefined) {
      const { name, requested, capacity } = impossible;
      const why = `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`;
      return this.#pending(pod, "Infeasible", why);
    }
    const others = activePods().filter(({ metadata }) => metadata.uid !== uid);
    const shortage = resourceShortage(pod, others, here);
    if (shortage !== undefined) return this.#pending(pod, "Deferred", shortage.message);
    allocations.grant(pod);
    this.#deferred.delete(uid);
    events.normal(pod, "ResizeStarted", "Pod resize started");
    return undefined;
  }

  /** Whether some granted change is not yet in force. */
  progress(allocatedPod: Pod, runtime: RuntimePodStatus): ResizeCondition | undefined {
    const { allocations } = this.#dependencies;
    const all: readonly Container[] = [
      ...allocatedPod.spec.containers,
      ...(allocatedPod.spec.initContainers ?? []),
    ];
    const unfinished = runtime.containers.some((instance) => {
      if (instance.state !== "running") return false;
      const name = containerNameOf(instance);
      const container = all.find((candidate) => candidate.name === name);
      const actuated = allocations.actuated(allocatedPod, name, instance.id);
      return container !== undefined && resizeOf(container, actuated) !== "none";
    });
    if (!unfinished) return undefined;
    const failure = this.#failures.get(allocatedPod.metadata.uid ?? "");
    const base = { type: "PodResizeInProgress", status: "True" } as const;
    return failure === undefined ? base : { ...base, reason: "Error", message: failure };
  }

  /** The runtime or the kernel refused; tried again with the next step. */
  failed(pod: Pod, message: string): void {
    const uid = pod.metadata.uid ?? "";
    if (this.#failures.get(uid) !== message) this.#dependencies.events.warning(pod, "ResizeError", message);
    this.#failures.set(uid, message);
  }

  completed(pod: Pod): void {
    this.#failures.delete(pod.metadata.uid ?? "");
    this.#dependencies.events.normal(pod, "ResizeCompleted", "Pod resize completed");
  }

  /** Pods whose resize waits for room: worth another look when other pods end. */
  get deferredPods(): Iterable<string> {
    return this.#deferred.keys();
  }

  forget(podUid: string): void {
    this.#deferred.delete(podUid);
    this.#failures.delete(podUid);
  }

  #pending(pod: Pod, reason: "Infeasible" | "Deferred", message: string): ResizeCondition {
    const uid = pod.metadata.uid ?? "";
    const key = `${reason}: ${message}`;
    if (this.#deferred.get(uid) !== key)
      this.#dependencies.events.warning(pod, `Resize${reason}`, `Pod resize ${reason}: ${message}`);
    this.#deferred.set(uid, key);
    return { type: "PodResizePending", status: "True", reason, message };
  }
}
