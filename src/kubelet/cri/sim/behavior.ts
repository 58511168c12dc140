import type { ForwardedConnection } from "../../../client/streaming/byte-stream.ts";
import type { ContainerConfig, PodSandboxConfig } from "../config.ts";
import type { SimProcess } from "./sim-process.ts";

/** What a simulated container does, declared before it starts. Nothing said: it runs its program (see `program.ts`). */
export interface ContainerBehavior {
  /** How long StartContainer takes. */
  readonly startDelayMs?: number;
  /** StartContainer fails with this message (the container then has exited with code 128, reason StartError). */
  readonly startError?: string;
  /** Ends by itself after this long; absent: when its program does. */
  readonly exitAfterMs?: number;
  /** With what `exitAfterMs` ends; default 0. */
  readonly exitCode?: number;
  /** "OOMKilled"; absent: "Completed" for code 0, else "Error". */
  readonly exitReason?: string;
  /** Answers probes this long after its start; absent: at once. */
  readonly readyAfterMs?: number;
  /** Stops answering probes this long after its start. */
  readonly unreadyAfterMs?: number;
  /** How long it takes to end after its stop signal; longer than the grace period: killed with code 137. */
  readonly stopDelayMs?: number;
  /** With what it ends after its stop signal; absent: as its program does. */
  readonly stopExitCode?: number;
  /** What it writes to its log as it starts. */
  readonly log?: readonly string[];
  /**
   * Its own program, instead of what its command says: it ends with the exit code that this resolves with. What it writes is its
   * log, and what those see who attach.
   */
  run?(process: SimProcess): number | Promise<number>;
  /**
   * Runs a command in it (exec, probes and hooks that run one). Undefined leaves it to the simulator's own few programs. It may write
   * and read as it goes, or return all that it says.
   */
  exec?(
    command: readonly string[],
    process: SimProcess,
  ): ExecOutcome | undefined | Promise<ExecOutcome | undefined>;
  /**
   * What listens on a port of its pod, for port-forwards and proxies: resolves when it is done with the connection. Undefined refuses
   * it. Absent: what is sent comes back.
   */
  connect?(port: number, connection: ForwardedConnection): Promise<void> | undefined;
  /** What its statistics tell while it runs. */
  readonly cpuNanoCores?: number;
  readonly memoryBytes?: number;
}

/** What a command in a container writes and returns, and how long it takes. */
export interface ExecOutcome {
  readonly exitCode: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly delayMs?: number;
}

/** What pulling an image does. */
export interface PullBehavior {
  readonly delayMs?: number;
  /** Fails with this message. */
  readonly error?: string;
}

/** Decides a container's behaviour when it is created: from its pod's name, its image, its attempt, ... */
export type BehaviorOf = (container: ContainerConfig, pod: PodSandboxConfig) => ContainerBehavior;

/** How long the runtime's own steps take; the defaults are what containerd took on a small machine. */
export interface SimLatencies {
  readonly runPodSandboxMs: number;
  readonly stopPodSandboxMs: number;
  readonly createContainerMs: number;
  readonly startContainerMs: number;
  readonly pullImageMs: number;
}

export const containerdLatencies: SimLatencies = {
  runPodSandboxMs: 73,
  stopPodSandboxMs: 40,
  createContainerMs: 6,
  startContainerMs: 53,
  pullImageMs: 500,
};

/**
 * The annotation by which a pod says itself how its containers behave on simulated nodes: JSON, a behaviour by container
 * name, without functions: {"web":{"readyAfterMs":5000}}.
 */
export const behaviorAnnotation = "sim.k8ts.io/behavior";

/** The behaviour that the pod's annotation declares; one that cannot be read declares nothing. */
export const annotatedBehavior: BehaviorOf = (container, pod) => {
  const text = pod.annotations?.[behaviorAnnotation];
  if (text === undefined) return {};
  try {
    const declared: unknown = JSON.parse(text);
    if (typeof declared !== "object" || declared === null) return {};
    return (declared as Readonly<Record<string, ContainerBehavior>>)[container.metadata.name] ?? {};
  } catch {
    return {};
  }
};
