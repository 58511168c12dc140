import type { Timer } from "../../../base/clock.ts";
import type { ContainerConfig, LinuxContainerResources, PodSandboxConfig } from "../config.ts";
import type { Container, ContainerStatus, PodSandboxState, PodSandboxStatus } from "../runtime.ts";
import type { ContainerBehavior } from "./behavior.ts";
import type { MainProcess } from "./main-process.ts";
import { type Run, runProgram } from "./program.ts";

/** One simulated sandbox. */
export interface SimSandbox {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  readonly createdAtMs: number;
  readonly containers: Set<SimContainer>;
  state: PodSandboxState;
  ip: string | undefined;
}

/** One simulated container; its times are 0 until they happen. */
export class SimContainer {
  readonly id: string;
  readonly sandbox: SimSandbox;
  readonly config: ContainerConfig;
  readonly behavior: ContainerBehavior;
  readonly imageId: string;
  readonly imageRef: string;
  readonly createdAtMs: number;
  readonly program: Run;
  state: "created" | "running" | "exited" = "created";
  startedAtMs = 0;
  finishedAtMs = 0;
  exitCode = 0;
  reason = "";
  message = "";
  resources: LinuxContainerResources;
  /** What will end it by itself. */
  exitTimer: Timer | undefined;
  /** The program that a test gave it, once it has started. */
  main: MainProcess | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(made: {
    readonly id: string;
    readonly sandbox: SimSandbox;
    readonly config: ContainerConfig;
    readonly behavior: ContainerBehavior;
    readonly imageId: string;
    readonly imageRef: string;
    readonly createdAtMs: number;
  }) {
    this.id = made.id;
    this.sandbox = made.sandbox;
    this.config = made.config;
    this.behavior = made.behavior;
    this.imageId = made.imageId;
    this.imageRef = made.imageRef;
    this.createdAtMs = made.createdAtMs;
    this.program = runProgram([...(made.config.command ?? []), ...(made.config.args ?? [])]);
    this.resources = made.config.linux?.resources ?? {};
  }

  /** Whether it would answer a probe now. */
  answers(nowMs: number): boolean {
    const { readyAfterMs = 0, unreadyAfterMs = Number.POSITIVE_INFINITY } = this.behavior;
    const age = nowMs - this.startedAtMs;
    return this.state === "running" && age >= readyAfterMs && age < unreadyAfterMs;
  }

  finish(end: {
    readonly atMs: number;
    readonly exitCode: number;
    readonly reason?: string;
    readonly message?: string;
  }): void {
    this.exitTimer?.cancel();
    this.main?.stop();
    this.state = "exited";
    this.finishedAtMs = end.atMs;
    this.exitCode = end.exitCode;
    this.reason = end.reason ?? (end.exitCode === 0 ? "Completed" : "Error");
    this.message = end.message ?? "";
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Resolves when it has ended. */
  ended(): Promise<void> {
    if (this.state === "exited") return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  get logPath(): string {
    const { logPath } = this.config;
    return logPath === undefined ? "" : `${this.sandbox.config.logDirectory ?? ""}/${logPath}`;
  }

  listed(): Container {
    return {
      id: this.id,
      podSandboxId: this.sandbox.id,
      metadata: this.config.metadata,
      image: this.config.userSpecifiedImage ?? this.config.image,
      imageRef: this.imageRef,
      imageId: this.imageId,
      state: this.state,
      createdAtMs: this.createdAtMs,
      labels: this.config.labels ?? {},
      annotations: this.config.annotations ?? {},
    };
  }

  status(): ContainerStatus {
    const { podSandboxId: _, ...listed } = this.listed();
    return {
      ...listed,
      startedAtMs: this.startedAtMs,
      finishedAtMs: this.finishedAtMs,
      exitCode: this.exitCode,
      reason: this.reason,
      message: this.message,
      mounts: this.config.mounts ?? [],
      logPath: this.logPath,
      resources: this.resources,
    };
  }
}

export function sandboxStatus(sandbox: SimSandbox): PodSandboxStatus {
  const { config } = sandbox;
  const modes = config.linux?.securityContext?.namespaces ?? {};
  return {
    id: sandbox.id,
    metadata: config.metadata,
    state: sandbox.state,
    createdAtMs: sandbox.createdAtMs,
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    runtimeHandler: sandbox.runtimeHandler,
    ips: sandbox.ip === undefined || sandbox.state !== "ready" ? [] : [sandbox.ip],
    namespaces: { network: modes.network ?? "pod", pid: modes.pid ?? "container", ipc: modes.ipc ?? "pod" },
  };
}
