import type { Node, Pod } from "../../api/core/types.generated.ts";
import { nodeFit, type Rejection } from "./node-fit.ts";
import { forbiddenSysctl } from "./sysctls.ts";

export type { Rejection };

export interface PodAdmissionDependencies {
  /** The last known state of this node. */
  readonly node: () => Node | undefined;
  /** The node as the API has it now: labels may have changed a moment ago. */
  readonly refreshNode: () => Promise<Node | undefined>;
  /** Pods that hold resources here: admitted and not ended, with the resources allocated to them. */
  readonly activePods: () => readonly Pod[];
  /** Why no further pod of this sort is taken at the moment (memory or disk pressure). */
  readonly pressure: (pod: Pod) => Rejection | undefined;
  /** Unsafe sysctls that the node allows (`--allowed-unsafe-sysctls`). */
  readonly allowedUnsafeSysctls?: readonly string[];
}

/** The node's own say about a pod bound to it: one that does not fit fails at once. */
export class PodAdmission {
  readonly #dependencies: PodAdmissionDependencies;
  readonly #admitted = new Set<string>();

  constructor(dependencies: PodAdmissionDependencies) {
    this.#dependencies = dependencies;
  }

  /** Whether the pod was taken, and so holds its resources. */
  has(podUid: string): boolean {
    return this.#admitted.has(podUid);
  }

  forget(podUid: string): void {
    this.#admitted.delete(podUid);
  }

  /** Takes the pod, or says why not. One that has started before (the kubelet was restarted) is never sent away. */
  async admit(pod: Pod): Promise<Rejection | undefined> {
    const uid = pod.metadata.uid ?? "";
    if (this.#admitted.has(uid)) return undefined;
    if (this.#dependencies.node() === undefined) await this.#dependencies.refreshNode();
    let rejection = pod.status?.startTime === undefined ? this.#judge(pod) : undefined;
    if (rejection?.reason === "NodeAffinity") {
      await this.#dependencies.refreshNode();
      rejection = this.#judge(pod);
    }
    if (rejection === undefined) this.#admitted.add(uid);
    return rejection;
  }

  #judge(pod: Pod): Rejection | undefined {
    const { node, activePods, pressure, allowedUnsafeSysctls = [] } = this.#dependencies;
    const here = node();
    if (here === undefined) return { reason: "InvalidNodeInfo", message: "Kubelet cannot get node info." };
    const sysctl = forbiddenSysctl(pod, allowedUnsafeSysctls);
    if (sysctl !== undefined) return sysctl;
    if (pod.spec.os !== undefined && pod.spec.os.name !== here.status?.nodeInfo?.operatingSystem) {
      const message = "Failed to admit pod as the OS field doesn't match node OS";
      return { reason: "PodOSNotSupported", message };
    }
    const others = activePods().filter(
      ({ metadata }) => metadata.uid !== pod.metadata.uid && this.#admitted.has(metadata.uid ?? ""),
    );
    return pressure(pod) ?? nodeFit(pod, others, here);
  }
}
