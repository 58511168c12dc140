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
  readonly logger: Logger;
}

export interface OrphanCollector {
  /** Ends and removes what the runtime holds of pods that nobody wants any more. Call it only when all pods are known. */
  collect(listing: ReadonlyMap<string, RuntimePod>, isKnown: (podUid: string) => boolean): void;
}

/** Pods deleted while the kubelet was away leave sandboxes, cgroups and files: none of them stays. */
export function createOrphanCollector(dependencies: OrphanDependencies): OrphanCollector {
  const { runtime, host, directories, logger } = dependencies;
  const underWay = new Set<string>();

  async function removePod(pod: RuntimePod): Promise<void> {
    for (const { id } of pod.sandboxes) {
      await runtime.stopPodSandbox(id);
      await runtime.removePodSandbox(id);
    }
    for (const { id, podSandboxId } of pod.containers) {
      if (!pod.sandboxes.some((sandbox) => sandbox.id === podSandboxId)) await runtime.removeContainer(id);
    }
    for (const qosClass of ["Guaranteed", "Burstable", "BestEffort"] as const) {
      await host.cgroups.remove(podCgroupPath(dependencies.cgroupRoot, qosClass, pod.uid));
    }
    const paths = podDirectories(directories, { metadata: pod });
    await host.files.removeTree(paths.root);
    await host.files.removeTree(paths.logs);
  }

  return {
    collect(listing, isKnown) {
      for (const pod of listing.values()) {
        if (isKnown(pod.uid) || underWay.has(pod.uid)) continue;
        underWay.add(pod.uid);
        logger.info({ pod: `${pod.namespace}/${pod.name}`, uid: pod.uid }, "removing an orphaned pod");
        removePod(pod)
          .catch((error: unknown) =>
            logger.warn({ error, uid: pod.uid }, "an orphaned pod could not be removed; trying again"),
          )
          .finally(() => underWay.delete(pod.uid));
      }
    },
  };
}
