import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { podCgroupPath } from "./cgroup-resources.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import type { Host } from "./host/host.ts";
import { type KubeletDirectories, podDirectories } from "./pod-directories.ts";
import type { RuntimePod } from "./runtime-pod.ts";

export interface OrphanDependencies {
  readonly runtime: ContainerRuntime;
  readonly host: Host;
  readonly directories: KubeletDirectories;
  readonly cgroupRoot: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Nobody is left to say how much time the processes have; upstream gives as little. */
const orphanGraceSeconds = 2;
/** What is left on the disk alone is looked for this often. */
const diskLookMs = 120_000;

/** Pods deleted while the kubelet was away leave sandboxes, cgroups and files: none of them stays. */
export class OrphanCollector {
  readonly #dependencies: OrphanDependencies;
  readonly #underWay = new Set<string>();
  #lastDiskLookMs = Number.NEGATIVE_INFINITY;

  constructor(dependencies: OrphanDependencies) {
    this.#dependencies = dependencies;
  }

  /** Ends and removes what is left of pods that nobody wants any more. Call it only when all pods are known. */
  collect(listing: ReadonlyMap<string, RuntimePod>, isKnown: (podUid: string) => boolean): void {
    const { clock, logger } = this.#dependencies;
    for (const pod of listing.values()) {
      if (isKnown(pod.uid)) continue;
      this.#collectOne(pod.uid, () => {
        logger.info({ pod: `${pod.namespace}/${pod.name}`, uid: pod.uid }, "removing an orphaned pod");
        return this.#removePod(pod);
      });
    }
    if (clock.now() - this.#lastDiskLookMs < diskLookMs) return;
    this.#lastDiskLookMs = clock.now();
    this.#collectFiles(new Set(listing.keys()), isKnown).catch((error: unknown) =>
      logger.warn({ error }, "orphaned pods' files could not be looked for"),
    );
  }

  #collectOne(uid: string, remove: () => Promise<void>): void {
    if (this.#underWay.has(uid)) return;
    this.#underWay.add(uid);
    remove()
      .catch((error: unknown) =>
        this.#dependencies.logger.warn({ error, uid }, "an orphaned pod could not be removed; trying again"),
      )
      .finally(() => this.#underWay.delete(uid));
  }

  async #removePod(pod: RuntimePod): Promise<void> {
    const { runtime, host, directories } = this.#dependencies;
    const running = pod.containers.filter(({ state }) => state === "running");
    await Promise.allSettled(running.map(({ id }) => runtime.stopContainer(id, orphanGraceSeconds)));
    for (const { id } of pod.sandboxes) {
      await runtime.stopPodSandbox(id);
      await runtime.removePodSandbox(id);
    }
    for (const { id, podSandboxId } of pod.containers) {
      if (!pod.sandboxes.some((sandbox) => sandbox.id === podSandboxId)) await runtime.removeContainer(id);
    }
    await this.#removeGroups(pod.uid);
    const paths = podDirectories(directories, { metadata: pod });
    await host.files.removeTree(paths.root);
    await host.files.removeTree(paths.logs);
  }

  /** Folders of pods that neither the API nor the runtime knows. */
  async #collectFiles(listed: ReadonlySet<string>, isKnown: (podUid: string) => boolean): Promise<void> {
    const { host, directories } = this.#dependencies;
    const isOrphan = (uid: string) => uid !== "" && !listed.has(uid) && !isKnown(uid);
    for (const uid of await host.files.listDirectory(`${directories.root}/pods`)) {
      if (!isOrphan(uid)) continue;
      this.#collectOne(uid, async () => {
        await this.#removeGroups(uid);
        await host.files.removeTree(`${directories.root}/pods/${uid}`);
      });
    }
    for (const name of await host.files.listDirectory(directories.podLogs)) {
      const uid = name.split("_")[2] ?? "";
      if (isOrphan(uid)) await host.files.removeTree(`${directories.podLogs}/${name}`);
    }
  }

  async #removeGroups(uid: string): Promise<void> {
    const { host, cgroupRoot } = this.#dependencies;
    for (const qosClass of ["Guaranteed", "Burstable", "BestEffort"] as const)
      await host.cgroups.remove(podCgroupPath(cgroupRoot, qosClass, uid));
  }
}
