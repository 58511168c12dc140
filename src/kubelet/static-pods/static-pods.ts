import { isMirrorPod } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import type { SharedInformer } from "../../client/informer.ts";
import type { PodWorkers } from "../pod-workers.ts";
import { MirrorPods, type MirrorPodsDependencies } from "./mirror-pods.ts";
import { StaticPodSource, type StaticPodSourceDependencies } from "./static-pod-source.ts";

export type StaticPodsDependencies = Omit<StaticPodSourceDependencies, "changed"> & MirrorPodsDependencies;

/** The node's static pods: run from their manifests whether there is an API server or not, shown in the API by mirrors. */
export class StaticPods {
  readonly #source: StaticPodSource;
  readonly #mirrors: MirrorPods;
  #workers: PodWorkers | undefined;
  #running = new Map<string, Pod>();

  constructor(dependencies: StaticPodsDependencies) {
    this.#source = new StaticPodSource({ ...dependencies, changed: () => this.apply() });
    this.#mirrors = new MirrorPods(dependencies);
  }

  get pods(): readonly Pod[] {
    return [...this.#running.values()];
  }

  mirrorOf(pod: Pod): Pod | undefined {
    return this.#mirrors.mirrorOf(pod);
  }

  /** Hands what there is to the workers; from now on they are told of every change. */
  async start(workers: PodWorkers, informer: SharedInformer<Pod>): Promise<void> {
    this.#workers = workers;
    const observed = (pod: Pod) => {
      if (isMirrorPod(pod)) this.#mirrors.observed(pod);
    };
    informer.addHandler({
      added: observed,
      updated: (_, pod) => observed(pod),
      deleted: (pod) => {
        if (isMirrorPod(pod)) this.#mirrors.removed(pod);
      },
    });
    await this.#source.poll();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#source.run(signal), this.#mirrors.run(signal)]);
  }

  /** Brings the workers in line with the manifests. A pod waits until the one it replaces under its name is gone. */
  apply(): void {
    const workers = this.#workers;
    if (workers === undefined) return;
    const wanted = new Map(this.#source.pods.map((pod) => [pod.metadata.uid ?? "", pod]));
    for (const [uid, pod] of this.#running) {
      if (wanted.has(uid)) continue;
      workers.remove(pod);
      if (!workers.has(uid)) this.#running.delete(uid);
    }
    for (const [uid, pod] of wanted) {
      const isHeldUp = [...this.#running].some(([other, running]) => other !== uid && sameName(running, pod));
      if (this.#running.has(uid) || isHeldUp) continue;
      this.#running.set(uid, pod);
      workers.set(pod);
    }
    this.#mirrors.want(this.pods.filter(({ metadata }) => wanted.has(metadata.uid ?? "")));
  }

  /** Nothing of a pod is left on the node. */
  gone(uid: string): void {
    if (this.#running.delete(uid)) this.apply();
  }
}

function sameName(a: Pod, b: Pod): boolean {
  return a.metadata.name === b.metadata.name && a.metadata.namespace === b.metadata.namespace;
}
