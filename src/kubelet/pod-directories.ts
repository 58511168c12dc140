import type { Pod } from "../api/core/types.generated.ts";
import { runtimeAnnotations, runtimeLabels } from "./runtime-pod.ts";

/** Where a pod's things lie on the node's disk: upstream's layout, so that its tools find them. */
export interface PodDirectories {
  readonly root: string;
  readonly volumes: string;
  /** The file mounted at /etc/hosts. */
  readonly hostsFile: string;
  readonly logs: string;
  volume(plugin: string, name: string): string;
  /** The file where one instance of a container leaves its last words. */
  terminationLog(containerName: string, attempt: number): string;
}

/** Where a container of a listing logs to, by what its labels tell of it; undefined: it is not one of ours. */
export function logPathOf(
  directories: KubeletDirectories,
  container: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly metadata: { readonly attempt: number };
  },
): string | undefined {
  const { labels, annotations, metadata } = container;
  const name = labels[runtimeLabels.podName];
  const namespace = labels[runtimeLabels.podNamespace];
  const uid = labels[runtimeLabels.podUid];
  const containerName = labels[runtimeLabels.containerName];
  if (uid === undefined || containerName === undefined) return undefined;
  const attempt = annotations[runtimeAnnotations.restartCount] ?? metadata.attempt;
  return `${directories.podLogs}/${namespace}_${name}_${uid}/${containerName}/${attempt}.log`;
}

export interface KubeletDirectories {
  /** Upstream: /var/lib/kubelet. */
  readonly root: string;
  /** Upstream: /var/log/pods. */
  readonly podLogs: string;
}

export function podDirectories(directories: KubeletDirectories, pod: Pick<Pod, "metadata">): PodDirectories {
  const { uid = "", name = "", namespace = "" } = pod.metadata;
  const root = `${directories.root}/pods/${uid}`;
  return {
    root,
    volumes: `${root}/volumes`,
    hostsFile: `${root}/etc-hosts`,
    logs: `${directories.podLogs}/${namespace}_${name}_${uid}`,
    volume: (plugin, volumeName) => `${root}/volumes/kubernetes.io~${plugin}/${volumeName}`,
    terminationLog: (containerName, attempt) => `${root}/containers/${containerName}/${attempt}`,
  };
}
