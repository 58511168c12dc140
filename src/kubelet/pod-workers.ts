import type { Pod } from "../api/core/types.generated.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { SharedInformer } from "../client/informer.ts";
import { PodWorker, type StepResult } from "./pod-worker.ts";

export interface PodWorkersDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly step: (
    pod: Pod,
    phase: StepResult["phase"],
    options: { readonly removed: boolean; readonly signal: AbortSignal },
  ) => Promise<StepResult>;
  /** Nothing of the pod is left, here or in its source. */
  readonly forgotten: (podUid: string) => void;
}

/** The workers of all pods of the node, by uid. */
export class PodWorkers {
  readonly #dependencies: PodWorkersDependencies;
  readonly #workers = new Map<string, PodWorker>();

  constructor(dependencies: PodWorkersDependencies) {
    this.#dependencies = dependencies;
  }

  /** Something happened to the pod. */
  notify(podUid: string): void {
    this.#workers.get(podUid)?.notify();
  }

  has(podUid: string): boolean {
    return this.#workers.has(podUid);
  }

  /** Pods of which something may run still, as they last were. */
  active(): Pod[] {
    return [...this.#workers.values()]
      .filter(({ phase }) => phase === "syncing" || phase === "terminating")
      .map(({ pod }) => pod);
  }

  /** A new pod, or a newer version of one. */
  set(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const worker = this.#workers.get(uid);
    if (worker !== undefined) {
      worker.update(pod);
      return;
    }
    const fresh = new PodWorker(pod, {
      clock: this.#dependencies.clock,
      logger: this.#dependencies.logger,
      step: async (latest, phase, options) => {
        const result = await this.#dependencies.step(latest, phase, options);
        if (result.phase === "finished" && options.removed) this.#forget(uid);
        return result;
      },
    });
    this.#workers.set(uid, fresh);
    fresh.notify();
  }

  /** The pod is gone from its source. */
  remove(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const worker = this.#workers.get(uid);
    worker?.remove();
    if (worker?.phase === "finished") this.#forget(uid);
  }

  /** Takes what the informer knows and learns; `isOurs` leaves out what is run from elsewhere (mirror pods). */
  follow(informer: SharedInformer<Pod>, isOurs: (pod: Pod) => boolean): void {
    const set = (pod: Pod) => {
      if (isOurs(pod)) this.set(pod);
    };
    // Those that run here already have their resources before any new one asks for some.
    for (const pod of informer.lister.list()) if (pod.status?.startTime !== undefined) set(pod);
    informer.addHandler({
      added: set,
      updated: (old, pod) => {
        // Deleted and created again under the same name, while the watch was away.
        if (old.metadata.uid !== pod.metadata.uid) this.remove(old);
        set(pod);
      },
      deleted: (pod) => this.remove(pod),
    });
  }

  /** No more steps; resolves when those under way have ended. */
  async stop(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
  }

  #forget(uid: string): void {
    this.#workers.delete(uid);
    this.#dependencies.forgotten(uid);
  }
}
