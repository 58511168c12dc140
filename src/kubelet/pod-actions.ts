import { isSidecar } from "../api/core/pod-conditions.ts";
import type { Container, EphemeralContainer, Pod } from "../api/core/types.generated.ts";
import { shouldRestartAfterExit } from "./restart-policy.ts";
import {
  containerNameOf,
  type RuntimeContainer,
  type RuntimePodStatus,
  runtimeAnnotations,
} from "./runtime-pod.ts";

export type ContainerKind = "init" | "main" | "ephemeral";

export interface ContainerToStart {
  readonly container: Container | EphemeralContainer;
  readonly kind: ContainerKind;
}

export type KillReason = "ContainerChanged" | "Resize" | "LivenessProbe" | "StartupProbe" | "UnknownState";

export interface ContainerToKill {
  readonly id: string;
  readonly name: string;
  readonly reason: KillReason;
  /** What the Killing event says. */
  readonly message: string;
}

/** What one sync does to the runtime, in this order: kill, sandbox, start. Upstream's `podActions`. */
export interface PodActions {
  /** Stop all containers and the sandbox first. */
  readonly killPod: boolean;
  readonly createSandbox: boolean;
  /** How many sandboxes the pod had before the one to create. */
  readonly sandboxAttempt: number;
  /** The sandbox to start containers in, when none is created. */
  readonly sandboxId: string | undefined;
  readonly toKill: readonly ContainerToKill[];
  readonly toStart: readonly ContainerToStart[];
}

export interface PodActionInput {
  readonly pod: Pod;
  readonly runtime: RuntimePodStatus;
  /** The hash of a container's spec, as annotated on what was started from it. */
  readonly hashOf: (container: Container | EphemeralContainer) => string;
  /** What the probes last found for a container's id; undefined: nothing yet, or no probe. */
  readonly liveness: (containerId: string) => "success" | "failure" | undefined;
  readonly startup: (containerId: string) => "success" | "failure" | undefined;
  /** Whether a running container gets the resources granted to it only by a restart. */
  readonly resizeNeedsRestart?: (container: Container, containerId: string) => boolean;
}

/** Decides what a pod needs from what it should be and what the runtime holds. */
export function computePodActions(input: PodActionInput): PodActions {
  const { pod, runtime } = input;
  const sandbox = decideSandbox(pod, runtime);
  if (sandbox.create) return startOver(input, sandbox);

  const instances = currentInstances(runtime, sandbox.id);
  const ephemeral = (pod.spec.ephemeralContainers ?? [])
    .filter((container) => !instances.has(container.name))
    .map((container): ContainerToStart => ({ container, kind: "ephemeral" }));
  const init = initActions(input, instances);
  const base = { createSandbox: false, sandboxAttempt: sandbox.attempt, sandboxId: sandbox.id };
  if (init.failed) return { ...base, killPod: true, toKill: init.toKill, toStart: [] };
  if (!init.initialized) {
    return { ...base, killPod: false, toKill: init.toKill, toStart: [...ephemeral, ...init.toStart] };
  }
  const main = mainActions(input, instances);
  if (main.kept === 0 && main.toStart.length === 0)
    return { ...base, killPod: true, toKill: [], toStart: [] };
  return {
    ...base,
    killPod: false,
    toKill: [...init.toKill, ...main.toKill],
    toStart: [...ephemeral, ...init.toStart, ...main.toStart],
  };
}

interface SandboxDecision {
  readonly create: boolean;
  readonly attempt: number;
  readonly id: string | undefined;
}

/** A pod needs a new sandbox when it has none that is ready, or the one it has lost its network. */
function decideSandbox(pod: Pod, runtime: RuntimePodStatus): SandboxDecision {
  const [newest] = runtime.sandboxes;
  if (newest === undefined) return { create: true, attempt: 0, id: undefined };
  const { attempt } = newest.metadata;
  const ready = runtime.sandboxes.filter((sandbox) => sandbox.state === "ready");
  const usesHostNetwork = pod.spec.hostNetwork === true;
  const broken =
    ready.length > 1 ||
    newest.state !== "ready" ||
    (newest.namespaces.network === "node") !== usesHostNetwork ||
    (!usesHostNetwork && newest.ips.length === 0);
  return broken
    ? { create: true, attempt: attempt + 1, id: newest.id }
    : { create: false, attempt, id: newest.id };
}

/** A new sandbox means a fresh start, unless everything that could run has run. */
function startOver({ pod, runtime }: PodActionInput, sandbox: SandboxDecision): PodActions {
  const newest = newestByName(runtime.containers);
  const runnable = (pod.spec.containers ?? []).filter((container) => {
    const instance = newest.get(container.name);
    return (
      instance === undefined ||
      instance.state !== "exited" ||
      shouldRestartAfterExit(pod, container, instance.exitCode)
    );
  });
  const nothingLeft =
    runnable.length === 0 ||
    (pod.spec.restartPolicy === "Never" && sandbox.attempt > 0 && runtime.containers.length > 0);
  const base = {
    killPod: runtime.sandboxes.length > 0,
    sandboxAttempt: sandbox.attempt,
    sandboxId: sandbox.id,
    toKill: [],
  };
  if (nothingLeft) return { ...base, createSandbox: false, toStart: [] };
  const [firstInit] = pod.spec.initContainers ?? [];
  const toStart: ContainerToStart[] =
    firstInit === undefined
      ? runnable.map((container) => ({ container, kind: "main" }))
      : [{ container: firstInit, kind: "init" }];
  return { ...base, createSandbox: true, toStart };
}

interface InitActions {
  readonly initialized: boolean;
  /** An init container failed for good: so does the pod. */
  readonly failed: boolean;
  readonly toStart: readonly ContainerToStart[];
  readonly toKill: readonly ContainerToKill[];
}

function initActions(input: PodActionInput, instances: ReadonlyMap<string, RuntimeContainer>): InitActions {
  const { pod } = input;
  const initContainers = pod.spec.initContainers ?? [];
  const mainHasBegun = (pod.spec.containers ?? []).some((container) => instances.has(container.name));
  const current = mainHasBegun
    ? initContainers.length
    : initContainers.findLastIndex(({ name }) => instances.has(name));
  if (current < 0) {
    const [first] = initContainers;
    if (first === undefined) return { initialized: true, failed: false, toStart: [], toKill: [] };
    return { initialized: false, failed: false, toStart: [{ container: first, kind: "init" }], toKill: [] };
  }
  const toStart: ContainerToStart[] = [];
  const toKill: ContainerToKill[] = [];
  // Those before the current one have done their part; sidecars among them are kept alive.
  for (const container of initContainers.slice(0, current).filter(isSidecar)) {
    const upkeep = keepSidecar(input, container, instances.get(container.name));
    toKill.push(...upkeep.toKill);
    if (upkeep.start) toStart.push({ container, kind: "init" });
  }
  const container = initContainers[current];
  if (container === undefined) return { initialized: true, failed: false, toStart, toKill };
  const step = initStep(input, container, instances.get(container.name));
  toKill.push(...step.toKill);
  if (step.outcome === "failed") return { initialized: false, failed: true, toStart: [], toKill };
  if (step.outcome === "start") toStart.push({ container, kind: "init" });
  const next = initContainers[current + 1];
  if (step.outcome === "done" && next !== undefined) toStart.push({ container: next, kind: "init" });
  return { initialized: step.outcome === "done" && next === undefined, failed: false, toStart, toKill };
}

interface InitStep {
  readonly outcome: "wait" | "start" | "done" | "failed";
  readonly toKill: readonly ContainerToKill[];
}

/** Where the init container that is at work stands. */
function initStep(
  input: PodActionInput,
  container: Container,
  instance: RuntimeContainer | undefined,
): InitStep {
  if (isSidecar(container)) {
    const { start, toKill } = keepSidecar(input, container, instance);
    if (start) return { outcome: "start", toKill };
    const started =
      instance?.state === "running" &&
      (container.startupProbe === undefined || input.startup(instance.id) === "success");
    return { outcome: started ? "done" : "wait", toKill };
  }
  switch (instance?.state) {
    case "exited":
      if (instance.exitCode === 0) return { outcome: "done", toKill: [] };
      return {
        outcome: shouldRestartAfterExit(input.pod, container, instance.exitCode) ? "start" : "failed",
        toKill: [],
      };
    case "unknown":
      return { outcome: "start", toKill: [unknownState(instance, container.name)] };
    case "created":
    case undefined:
      // Created and never started (the start failed, or the kubelet died in between): started anew.
      return { outcome: "start", toKill: [] };
    default:
      return { outcome: "wait", toKill: [] };
  }
}

function keepSidecar(input: PodActionInput, container: Container, instance: RuntimeContainer | undefined) {
  if (instance === undefined || instance.state === "exited" || instance.state === "created")
    return { start: true, toKill: [] };
  if (instance.state === "unknown") return { start: true, toKill: [unknownState(instance, container.name)] };
  const kill = instance.state === "running" ? reasonToKill(input, container, instance) : undefined;
  if (kill === undefined) return { start: false, toKill: [] };
  return { start: true, toKill: [announced(kill)] };
}

function announced(kill: ContainerToKill): ContainerToKill {
  return kill.reason === "Resize" ? kill : { ...kill, message: `${kill.message}, will be restarted` };
}

function mainActions(input: PodActionInput, instances: ReadonlyMap<string, RuntimeContainer>) {
  const { pod } = input;
  const toStart: ContainerToStart[] = [];
  const toKill: ContainerToKill[] = [];
  let kept = 0;
  for (const container of pod.spec.containers ?? []) {
    const instance = instances.get(container.name);
    if (instance === undefined || instance.state === "created") {
      // Created and never started: started anew.
      toStart.push({ container, kind: "main" });
    } else if (instance.state === "unknown") {
      toKill.push(unknownState(instance, container.name));
      toStart.push({ container, kind: "main" });
    } else if (instance.state === "exited") {
      if (shouldRestartAfterExit(pod, container, instance.exitCode))
        toStart.push({ container, kind: "main" });
    } else {
      const kill = reasonToKill(input, container, instance);
      if (kill === undefined) {
        kept++;
        continue;
      }
      // A changed definition is always acted on; a failed probe counts as a failure of the container.
      const restart =
        kill.reason === "ContainerChanged" ||
        kill.reason === "Resize" ||
        shouldRestartAfterExit(pod, container, failedByProbe);
      toKill.push(restart ? announced(kill) : kill);
      if (restart) toStart.push({ container, kind: "main" });
    }
  }
  return { kept: kept + toKill.length, toStart, toKill };
}

/** The exit code (SIGKILL's) by which the restart policy judges a container that a probe condemned. */
const failedByProbe = 137;

function reasonToKill(
  input: PodActionInput,
  container: Container,
  instance: RuntimeContainer,
): ContainerToKill | undefined {
  const { id } = instance;
  const { name } = container;
  const hash = instance.annotations[runtimeAnnotations.hash];
  if (hash !== undefined && hash !== input.hashOf(container)) {
    return { id, name, reason: "ContainerChanged", message: `Container ${name} definition changed` };
  }
  if (input.resizeNeedsRestart?.(container, id) === true) {
    return { id, name, reason: "Resize", message: `Container ${name} resize requires restart` };
  }
  if (input.liveness(id) === "failure") {
    return { id, name, reason: "LivenessProbe", message: `Container ${name} failed liveness probe` };
  }
  if (input.startup(id) === "failure") {
    return { id, name, reason: "StartupProbe", message: `Container ${name} failed startup probe` };
  }
  return undefined;
}

function unknownState({ id }: RuntimeContainer, name: string): ContainerToKill {
  return {
    id,
    name,
    reason: "UnknownState",
    message: `Container is in "UNKNOWN" state, try killing it before restart`,
  };
}

function newestByName(containers: readonly RuntimeContainer[]): Map<string, RuntimeContainer> {
  const newest = new Map<string, RuntimeContainer>();
  for (const container of containers) {
    const name = containerNameOf(container);
    if (!newest.has(name)) newest.set(name, container);
  }
  return newest;
}

/** What ran in an earlier sandbox says nothing about this one. */
function currentInstances(
  runtime: RuntimePodStatus,
  sandboxId: string | undefined,
): Map<string, RuntimeContainer> {
  return newestByName(runtime.containers.filter((container) => container.podSandboxId === sandboxId));
}
