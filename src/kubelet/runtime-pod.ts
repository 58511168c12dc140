import { isNotFound } from "./cri/cri-error.ts";
import type {
  Container,
  ContainerRuntime,
  ContainerStatus,
  PodSandbox,
  PodSandboxStatus,
} from "./cri/runtime.ts";

/** The labels that tie what the runtime holds to a pod of the API; upstream's names, so that tools find them. */
export const runtimeLabels = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;

/** What a container must remember of its spec across a restart of the kubelet. */
export const runtimeAnnotations = {
  hash: "io.kubernetes.container.hash",
  restartCount: "io.kubernetes.container.restartCount",
  terminationMessagePath: "io.kubernetes.container.terminationMessagePath",
  terminationMessagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  podGracePeriod: "io.kubernetes.pod.terminationGracePeriod",
} as const;

/** One pod as the runtime lists it: identities and states only (PLEG's view). */
export interface RuntimePod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Newest first. */
  readonly sandboxes: readonly PodSandbox[];
  readonly containers: readonly Container[];
}

export interface RuntimeContainer extends ContainerStatus {
  readonly podSandboxId: string;
}

/** One pod as the runtime knows it in full: what a sync decides from. */
export interface RuntimePodStatus {
  readonly uid: string;
  /** Newest first. */
  readonly sandboxes: readonly PodSandboxStatus[];
  /** Newest first. */
  readonly containers: readonly RuntimeContainer[];
}

/** Groups the runtime's listing by pod; what carries no pod labels belongs to somebody else and is left out. */
export function groupByPod(
  sandboxes: readonly PodSandbox[],
  containers: readonly Container[],
): Map<string, RuntimePod> {
  const pods = new Map<
    string,
    { uid: string; name: string; namespace: string; sandboxes: PodSandbox[]; containers: Container[] }
  >();
  const podOf = (labels: Readonly<Record<string, string>>) => {
    const uid = labels[runtimeLabels.podUid];
    if (uid === undefined) return undefined;
    let pod = pods.get(uid);
    if (pod === undefined) {
      const name = labels[runtimeLabels.podName] ?? "";
      pod = { uid, name, namespace: labels[runtimeLabels.podNamespace] ?? "", sandboxes: [], containers: [] };
      pods.set(uid, pod);
    }
    return pod;
  };
  for (const sandbox of sandboxes) podOf(sandbox.labels)?.sandboxes.push(sandbox);
  for (const container of containers) podOf(container.labels)?.containers.push(container);
  for (const pod of pods.values()) {
    pod.sandboxes.sort(newestFirst);
    pod.containers.sort(newestFirst);
  }
  return pods;
}

/** Asks the runtime for everything about one pod. A container or sandbox that vanishes meanwhile is left out. */
export async function inspectPod(
  runtime: ContainerRuntime,
  uid: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<RuntimePodStatus> {
  const labels = { [runtimeLabels.podUid]: uid };
  const [sandboxes, containers] = await Promise.all([
    runtime.listPodSandboxes({ labels }, options),
    runtime.listContainers({ labels }, options),
  ]);
  const [sandboxStatuses, containerStatuses] = await Promise.all([
    Promise.all(sandboxes.map((sandbox) => orGone(runtime.podSandboxStatus(sandbox.id, options)))),
    Promise.all(
      containers.map(async ({ id, podSandboxId }) => {
        const status = await orGone(runtime.containerStatus(id, options));
        return status && { ...status, podSandboxId };
      }),
    ),
  ]);
  return {
    uid,
    sandboxes: sandboxStatuses.filter((status) => status !== undefined).sort(newestFirst),
    containers: containerStatuses.filter((status) => status !== undefined).sort(newestFirst),
  };
}

async function orGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function newestFirst(a: { readonly createdAtMs: number }, b: { readonly createdAtMs: number }): number {
  return b.createdAtMs - a.createdAtMs;
}

/** The name of the container of the pod's spec that a runtime container is an instance of. */
export function containerNameOf(container: {
  readonly labels: Readonly<Record<string, string>>;
  readonly metadata: { readonly name: string };
}): string {
  return container.labels[runtimeLabels.containerName] ?? container.metadata.name;
}

/** The newest instance of each container by its name in the spec. */
export function newestInstances(status: RuntimePodStatus): Map<string, RuntimeContainer> {
  const newest = new Map<string, RuntimeContainer>();
  for (const container of status.containers) {
    const name = containerNameOf(container);
    if (!newest.has(name)) newest.set(name, container);
  }
  return newest;
}

/** How often this instance's container was restarted before it. */
export function restartCountOf(container: {
  readonly annotations: Readonly<Record<string, string>>;
  readonly metadata: { readonly attempt: number };
}): number {
  const count = Number(container.annotations[runtimeAnnotations.restartCount]);
  return Number.isInteger(count) && count >= 0 ? count : container.metadata.attempt;
}
