import type { Pod } from "../api/core/types.generated.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import { containerNameOf, inspectPod, type RuntimeContainer } from "./runtime-pod.ts";

/** What cannot be given, with the HTTP status that says so. */
export class PodAccessError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = "PodAccessError";
    this.status = status;
  }
}

/** Finds containers and sandboxes for those who come from outside: logs, exec, attach, port-forward. */
export class PodAccess {
  readonly #runtime: ContainerRuntime;
  readonly #pods: () => readonly Pod[];

  constructor(runtime: ContainerRuntime, pods: () => readonly Pod[]) {
    this.#runtime = runtime;
    this.#pods = pods;
  }

  pod(namespace: string, name: string): Pod {
    const found = this.#pods().find(
      ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
    );
    if (found === undefined)
      throw new PodAccessError(404, `pod "${name}" not found in namespace "${namespace}"`);
    return found;
  }

  /** The instance that runs now. */
  async runningContainer(
    namespace: string,
    podName: string,
    containerName: string,
  ): Promise<RuntimeContainer> {
    const [newest] = await this.#instances(namespace, podName, containerName);
    if (newest?.state === "running") return newest;
    throw new PodAccessError(404, `container not found ("${containerName}")`);
  }

  /** The instance whose log is asked for: the newest, or the one before it. */
  async loggedContainer(
    namespace: string,
    podName: string,
    containerName: string,
    previous: boolean,
  ): Promise<RuntimeContainer> {
    const instances = await this.#instances(namespace, podName, containerName);
    const chosen = previous ? instances[1] : instances.find(({ state }) => state !== "created");
    if (chosen !== undefined) return chosen;
    if (previous) {
      throw new PodAccessError(
        400,
        `previous terminated container "${containerName}" in pod "${podName}" not found`,
      );
    }
    const waiting = this.#waitingReason(namespace, podName, containerName);
    throw new PodAccessError(
      400,
      `container "${containerName}" in pod "${podName}" is waiting to start: ${waiting}`,
    );
  }

  async sandbox(namespace: string, podName: string): Promise<string> {
    const { metadata } = this.pod(namespace, podName);
    const { sandboxes } = await inspectPod(this.#runtime, metadata.uid ?? "");
    const ready = sandboxes.find(({ state }) => state === "ready");
    if (ready === undefined) throw new PodAccessError(404, `pod "${podName}" is not running`);
    return ready.id;
  }

  async isRunning(containerId: string): Promise<boolean> {
    try {
      return (await this.#runtime.containerStatus(containerId)).state === "running";
    } catch {
      return false;
    }
  }

  async #instances(namespace: string, podName: string, containerName: string): Promise<RuntimeContainer[]> {
    const { metadata, spec } = this.pod(namespace, podName);
    const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
    if (!all.some(({ name }) => name === containerName)) {
      throw new PodAccessError(404, `container not found ("${containerName}")`);
    }
    const { containers } = await inspectPod(this.#runtime, metadata.uid ?? "");
    return containers.filter((container) => containerNameOf(container) === containerName);
  }

  #waitingReason(namespace: string, podName: string, containerName: string): string {
    const { status = {} } = this.pod(namespace, podName);
    const all = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
    return all.find(({ name }) => name === containerName)?.state?.waiting?.reason ?? "ContainerCreating";
  }
}
