import type { Container, Pod } from "../../api/core/types.generated.ts";
import type { PodSandboxStatus } from "../cri/runtime.ts";
import {
  type RuntimeContainer,
  type RuntimePodStatus,
  runtimeAnnotations,
  runtimeLabels,
} from "../runtime-pod.ts";

/** A pod with the given spec; one container "a" unless said otherwise. */
export function podWith(spec: Partial<Pod["spec"]> = {}, rest: Partial<Pod> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "n", uid: "u", generation: 1 },
    spec: { containers: [{ name: "a", image: "i" }], restartPolicy: "Always", ...spec },
    ...rest,
  };
}

export function sandbox(id = "s", state: "ready" | "notReady" = "ready", attempt = 0): PodSandboxStatus {
  return {
    id,
    state,
    createdAtMs: attempt * 1000,
    labels: {},
    annotations: {},
    runtimeHandler: "",
    metadata: { name: "p", uid: "u", namespace: "n", attempt },
    ips: ["10.244.0.5"],
    namespaces: { network: "pod", pid: "container", ipc: "pod" },
  };
}

export type InstanceState = "created" | "running" | "unknown" | number;

/** An instance of a container: a number as state is the code it exited with. */
export function instance(
  name: string,
  state: InstanceState,
  more: Partial<RuntimeContainer> = {},
): RuntimeContainer {
  const exited = typeof state === "number";
  return {
    id: `${name}-0`,
    podSandboxId: "s",
    metadata: { name, attempt: 0 },
    image: "i",
    imageRef: "sha256:1",
    imageId: "sha256:1",
    state: exited ? "exited" : state,
    createdAtMs: 1000,
    startedAtMs: 2000,
    finishedAtMs: exited ? 3000 : 0,
    exitCode: exited ? state : 0,
    reason: exited ? (state === 0 ? "Completed" : "Error") : "",
    message: "",
    mounts: [],
    logPath: "",
    labels: { [runtimeLabels.containerName]: name },
    annotations: { [runtimeAnnotations.hash]: "h" },
    ...more,
  };
}

export function runtimeWith(
  containers: readonly RuntimeContainer[],
  sandboxes: readonly PodSandboxStatus[] = [sandbox()],
): RuntimePodStatus {
  return { uid: "u", sandboxes, containers };
}

export const containerNamed = (name: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "i",
  ...more,
});
