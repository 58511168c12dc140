import { isSidecar } from "../api/core/pod-conditions.ts";
import type {
  Container,
  ContainerState,
  ContainerStatus,
  EphemeralContainer,
  Pod,
} from "../api/core/types.generated.ts";
import { rfc3339 } from "../base/clock.ts";
import type { ContainerResources } from "./resize/allocations.ts";
import { shouldRestartAfterExit } from "./restart-policy.ts";
import {
  containerNameOf,
  type RuntimeContainer,
  type RuntimePodStatus,
  restartCountOf,
} from "./runtime-pod.ts";

/** Why a container that should run does not: what its last start failed with. */
export interface StartFailure {
  /** "CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError" … */
  readonly reason: string;
  readonly message: string;
}

export interface ContainerStatusInput {
  readonly pod: Pod;
  readonly runtime: RuntimePodStatus;
  /** "containerd": the scheme of container ids. */
  readonly runtimeName: string;
  readonly startFailure: (containerName: string) => StartFailure | undefined;
  /** What a terminated instance left as its termination message. */
  readonly terminationMessage: (containerId: string) => string | undefined;
  readonly readiness: (containerId: string) => "success" | "failure" | undefined;
  readonly startup: (containerId: string) => "success" | "failure" | undefined;
  /** What was granted to a container, and what is in force for a running one. */
  readonly resources?: (
    containerName: string,
    runningId: string | undefined,
  ) => { readonly allocated: ContainerResources; readonly actual: ContainerResources };
}

export interface ContainerStatuses {
  readonly init: readonly ContainerStatus[];
  readonly main: readonly ContainerStatus[];
  readonly ephemeral: readonly ContainerStatus[];
}

/** The statuses of all containers of a pod's spec, from what the runtime holds and what became of the last starts. */
export function containerStatuses(input: ContainerStatusInput): ContainerStatuses {
  const { pod, runtime } = input;
  const instances = new Map<string, RuntimeContainer[]>();
  for (const container of runtime.containers) {
    const name = containerNameOf(container);
    instances.set(name, [...(instances.get(name) ?? []), container]);
  }
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  const initDone = (pod.spec.containers ?? []).some(({ name }) => instances.has(name));
  const status = (
    container: Container | EphemeralContainer,
    old: readonly ContainerStatus[] | undefined,
    waiting: string,
  ) => {
    const one = oneStatus(input, container, instances.get(container.name) ?? [], old, waiting);
    return withMounts(container, withResources(input, container, withReadiness(input, container, one)));
  };
  const waitingMain = hasInit && !initDone ? "PodInitializing" : "ContainerCreating";
  return {
    init: (pod.spec.initContainers ?? []).map((c) =>
      status(c, pod.status?.initContainerStatuses, "PodInitializing"),
    ),
    main: pod.spec.containers.map((c) => status(c, pod.status?.containerStatuses, waitingMain)),
    ephemeral: (pod.spec.ephemeralContainers ?? []).map((c) =>
      status(c, pod.status?.ephemeralContainerStatuses, "ContainerCreating"),
    ),
  };
}

function oneStatus(
  input: ContainerStatusInput,
  container: Container | EphemeralContainer,
  instances: readonly RuntimeContainer[],
  oldStatuses: readonly ContainerStatus[] | undefined,
  waitingReason: string,
): ContainerStatus {
  const [newest, previous] = instances;
  const failure = input.startFailure(container.name);
  if (newest === undefined) return neverSeen(container, oldStatuses, failure, waitingReason);
  let state = stateOf(input, newest, waitingReason);
  let lastState: ContainerState = {};
  if (previous !== undefined && previous.state === "exited")
    lastState = stateOf(input, previous, waitingReason);
  const willRestart =
    newest.state === "exited" &&
    !isEphemeral(input.pod, container) &&
    shouldRestartAfterExit(input.pod, container, newest.exitCode);
  if (willRestart && failure !== undefined) {
    lastState = state;
    state = { waiting: { reason: failure.reason, message: failure.message } };
  }
  return {
    name: container.name,
    state,
    lastState,
    ready: false,
    restartCount: restartCountOf(newest),
    image: newest.image === "" ? (container.image ?? "") : newest.image,
    imageID: newest.imageRef,
    containerID: `${input.runtimeName}://${newest.id}`,
    ...(newest.user === undefined ? {} : { user: { linux: linuxUser(newest.user) } }),
  };
}

function linuxUser(user: NonNullable<RuntimeContainer["user"]>) {
  const { uid, gid, supplementalGroups } = user;
  return { uid, gid, ...(supplementalGroups.length > 0 ? { supplementalGroups } : {}) };
}

/** No instance is known: it waits, unless the API remembers one, which then was lost with its fate. */
function neverSeen(
  container: Container | EphemeralContainer,
  oldStatuses: readonly ContainerStatus[] | undefined,
  failure: StartFailure | undefined,
  waitingReason: string,
): ContainerStatus {
  const old = oldStatuses?.find(({ name }) => name === container.name);
  const base = {
    name: container.name,
    ready: false,
    image: container.image ?? "",
    imageID: "",
    lastState: {},
  };
  if (old?.state?.terminated !== undefined) {
    return { ...old, ready: false, started: false };
  }
  if (old?.state?.running !== undefined) {
    const terminated = {
      exitCode: 137,
      reason: "ContainerStatusUnknown",
      message: "The container could not be located when the pod was terminated",
      startedAt: old.state.running.startedAt ?? "",
      ...(old.containerID === undefined ? {} : { containerID: old.containerID }),
    };
    return {
      ...base,
      image: old.image,
      imageID: old.imageID,
      restartCount: old.restartCount,
      state: { terminated },
    };
  }
  const { reason, message } = failure ?? { reason: waitingReason, message: undefined };
  return {
    ...base,
    restartCount: old?.restartCount ?? 0,
    state: { waiting: { reason, ...(message === undefined || message === "" ? {} : { message }) } },
  };
}

function stateOf(
  input: ContainerStatusInput,
  instance: RuntimeContainer,
  waitingReason: string,
): ContainerState {
  switch (instance.state) {
    case "running":
      return { running: { startedAt: rfc3339(instance.startedAtMs) } };
    case "exited": {
      const message = input.terminationMessage(instance.id) ?? instance.message;
      return {
        terminated: {
          exitCode: instance.exitCode,
          ...(instance.reason === "" ? {} : { reason: instance.reason }),
          ...(message === "" ? {} : { message }),
          startedAt: rfc3339(instance.startedAtMs),
          finishedAt: rfc3339(instance.finishedAtMs),
          containerID: `${input.runtimeName}://${instance.id}`,
        },
      };
    }
    default:
      return { waiting: { reason: waitingReason } };
  }
}

function isEphemeral(pod: Pod, container: Container | EphemeralContainer): boolean {
  return (pod.spec.ephemeralContainers ?? []).some(({ name }) => name === container.name);
}

/** `started` and `ready`, from the probes where there are any. */
function withReadiness(
  input: ContainerStatusInput,
  container: Container | EphemeralContainer,
  status: ContainerStatus,
): ContainerStatus {
  const instance = status.state?.running !== undefined ? status.containerID?.split("://")[1] : undefined;
  const kindOfInit = (input.pod.spec.initContainers ?? []).find(({ name }) => name === container.name);
  if (isEphemeral(input.pod, container)) return status;
  if (kindOfInit !== undefined && !isSidecar(kindOfInit)) {
    // A plain init container is ready by having done its work.
    return { ...status, started: instance !== undefined, ready: status.state?.terminated?.exitCode === 0 };
  }
  if (instance === undefined) return { ...status, started: false, ready: false };
  const started = container.startupProbe === undefined || input.startup(instance) === "success";
  const ready =
    started && (container.readinessProbe === undefined || input.readiness(instance) === "success");
  return { ...status, started, ready };
}

function withResources(
  input: ContainerStatusInput,
  container: Container | EphemeralContainer,
  status: ContainerStatus,
): ContainerStatus {
  if (input.resources === undefined || isEphemeral(input.pod, container)) return status;
  const runningId = status.state?.running === undefined ? undefined : status.containerID?.split("://")[1];
  const { allocated, actual } = input.resources(container.name, runningId);
  return {
    ...status,
    ...(allocated.requests === undefined ? {} : { allocatedResources: allocated.requests }),
    resources: actual,
  };
}

/** The container's mounts, and whether the read-only ones are so all the way down (KEP-3857). */
function withMounts(container: Container | EphemeralContainer, status: ContainerStatus): ContainerStatus {
  const { volumeMounts = [] } = container;
  if (volumeMounts.length === 0) return status;
  const mounts = volumeMounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
    name,
    mountPath,
    ...(readOnly === true
      ? { readOnly, recursiveReadOnly: recursiveReadOnly === "Enabled" ? "Enabled" : "Disabled" }
      : {}),
  }));
  return { ...status, volumeMounts: mounts };
}
