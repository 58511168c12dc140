import { abortable } from "../../../base/abortable.ts";
import { type Clock, sleep } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { ContainerConfig, LinuxContainerResources, PodSandboxConfig } from "../config.ts";
import { CriError } from "../cri-error.ts";
import type {
  CallOptions,
  ContainerEventType,
  ContainerFilter,
  ContainerStatsFilter,
  EventOptions,
  ImageMounts,
  PodSandboxFilter,
  RunPodSandboxOptions,
} from "../runtime.ts";
import {
  annotatedBehavior,
  type BehaviorOf,
  containerdLatencies,
  type PullBehavior,
  type SimLatencies,
} from "./behavior.ts";
import { EventHub } from "./event-hub.ts";
import { IpPool } from "./ip-pool.ts";
import { MainProcess } from "./main-process.ts";
import { SimContainer, type SimSandbox, sandboxStatus } from "./sim-container.ts";
import { SimImages } from "./sim-images.ts";
import { SimLogs } from "./sim-logs.ts";

/** How simulated containers and images behave; only the clock and the random are needed. */
export interface SimRuntimeOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Default: what the pod's annotation says (`behaviorAnnotation`). */
  readonly behavior?: BehaviorOf;
  readonly pullBehavior?: (image: string) => PullBehavior;
  /** Images that are there from the start; others can be pulled. */
  readonly images?: readonly string[];
  /** As a runtime without image volumes of its own has it; absent: containers' mounts name images. */
  readonly imageMounts?: ImageMounts;
  readonly latencies?: Partial<SimLatencies>;
  /** Where pods' addresses come from until updateRuntimeConfig says otherwise. */
  readonly podCidr?: string;
  /** Asked before each call: an error that it returns is what the call fails with. */
  readonly fault?: (method: string) => Error | undefined;
}

const killedExitCode = 137;

/**
 * A simulated node's sandboxes and containers: what happens to them, and when. `SimRuntime` adds streams and statistics.
 */
export class SimNode {
  readonly clock: Clock;
  readonly #random: Random;
  readonly #behavior: BehaviorOf;
  readonly #latencies: SimLatencies;
  readonly #fault: (method: string) => Error | undefined;
  readonly #ips: IpPool;
  readonly #events = new EventHub();
  readonly #sandboxes = new Map<string, SimSandbox>();
  readonly #containers = new Map<string, SimContainer>();
  readonly #byIp = new Map<string, SimSandbox>();
  readonly images: SimImages;
  readonly logs: SimLogs;

  constructor(options: SimRuntimeOptions) {
    this.clock = options.clock;
    this.#random = options.random;
    this.#behavior = options.behavior ?? annotatedBehavior;
    this.#latencies = { ...containerdLatencies, ...options.latencies };
    this.#fault = options.fault ?? (() => undefined);
    this.#ips = new IpPool(options.podCidr ?? "10.244.0.0/16");
    this.logs = new SimLogs(options.clock);
    this.images = new SimImages({
      clock: options.clock,
      present: options.images ?? [],
      mounts: options.imageMounts,
      pullMs: this.#latencies.pullImageMs,
      pullBehavior: options.pullBehavior ?? (() => ({})),
    });
  }

  async version() {
    this.admit("Version");
    return { runtimeName: "sim", runtimeVersion: "1.0.0", runtimeApiVersion: "v1" };
  }

  async status() {
    this.admit("Status");
    const met = (type: string) => ({ type, status: true, reason: "", message: "" });
    return {
      conditions: [met("RuntimeReady"), met("NetworkReady")],
      runtimeHandlers: [{ name: "", recursiveReadOnlyMounts: true, userNamespaces: true }],
      supplementalGroupsPolicy: true,
    };
  }

  async updateRuntimeConfig({ podCidr }: { readonly podCidr: string }) {
    this.admit("UpdateRuntimeConfig");
    if (podCidr !== "" && this.#byIp.size === 0) this.#ips.setCidr(podCidr);
  }

  async runPodSandbox(config: PodSandboxConfig, options: RunPodSandboxOptions = {}) {
    await this.#take("RunPodSandbox", this.#latencies.runPodSandboxMs, options);
    const onHost = config.linux?.securityContext?.namespaces?.network === "node";
    const ip = onHost ? undefined : this.#ips.take();
    if (!onHost && ip === undefined)
      throw new CriError(
        "Unknown",
        "failed to setup network for sandbox: no IP addresses available in range",
      );
    const sandbox: SimSandbox = {
      id: this.#newId(),
      config,
      runtimeHandler: options.runtimeHandler ?? "",
      createdAtMs: this.clock.now(),
      containers: new Set(),
      state: "ready",
      ip,
    };
    this.#sandboxes.set(sandbox.id, sandbox);
    if (ip !== undefined) this.#byIp.set(ip, sandbox);
    this.#emit("created", sandbox.id, sandbox.id);
    this.#emit("started", sandbox.id, sandbox.id);
    return sandbox.id;
  }

  async stopPodSandbox(podSandboxId: string, options?: CallOptions) {
    const sandbox = this.#sandboxes.get(podSandboxId);
    const ready = sandbox?.state === "ready";
    await this.#take("StopPodSandbox", ready ? this.#latencies.stopPodSandboxMs : 0, options);
    if (sandbox?.state !== "ready") return;
    for (const container of sandbox.containers)
      if (container.state === "running") this.end(container, { exitCode: killedExitCode });
    sandbox.state = "notReady";
    if (sandbox.ip !== undefined) {
      this.#byIp.delete(sandbox.ip);
      this.#ips.release(sandbox.ip);
    }
    this.#emit("stopped", sandbox.id, sandbox.id);
  }

  async removePodSandbox(podSandboxId: string, options?: CallOptions) {
    const sandbox = this.#sandboxes.get(podSandboxId);
    if (sandbox?.state === "ready") await this.stopPodSandbox(podSandboxId, options);
    this.admit("RemovePodSandbox");
    if (sandbox === undefined) return;
    for (const container of [...sandbox.containers]) await this.removeContainer(container.id, options);
    this.#sandboxes.delete(podSandboxId);
    this.#emit("deleted", sandbox.id, sandbox.id);
  }

  async podSandboxStatus(podSandboxId: string) {
    this.admit("PodSandboxStatus");
    return sandboxStatus(this.sandbox(podSandboxId));
  }

  async listPodSandboxes(filter: PodSandboxFilter = {}) {
    this.admit("ListPodSandbox");
    const one = filter.id === undefined ? undefined : this.#sandboxes.get(filter.id);
    const candidates =
      filter.id === undefined ? [...this.#sandboxes.values()] : one === undefined ? [] : [one];
    return candidates
      .filter(
        ({ state, config }) => (filter.state ?? state) === state && hasLabels(config.labels, filter.labels),
      )
      .map((sandbox) => {
        const { ips: _ips, namespaces: _namespaces, ...listed } = sandboxStatus(sandbox);
        return listed;
      });
  }

  async createContainer(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
    options?: CallOptions,
  ) {
    await this.#take("CreateContainer", this.#latencies.createContainerMs, options);
    const sandbox = this.sandbox(podSandboxId);
    if (sandbox.state !== "ready")
      throw new CriError("Unknown", `failed to create container: sandbox ${podSandboxId} is not running`);
    const image = this.images.find(config.image);
    if (image === undefined)
      throw new CriError("NotFound", `failed to create container: image "${config.image}": not found`);
    for (const other of sandbox.containers) {
      const { name, attempt } = other.config.metadata;
      if (name === config.metadata.name && attempt === config.metadata.attempt)
        throw new CriError(
          "AlreadyExists",
          `a container of the name ${name} and attempt ${attempt} exists: ${other.id}`,
        );
    }
    const container = new SimContainer({
      id: this.#newId(),
      sandbox,
      config,
      behavior: this.#behavior(config, sandboxConfig),
      imageId: image.id,
      imageRef: image.repoDigests[0] ?? image.id,
      createdAtMs: this.clock.now(),
    });
    this.#containers.set(container.id, container);
    sandbox.containers.add(container);
    this.#emit("created", container.id, sandbox.id);
    return container.id;
  }

  async startContainer(containerId: string, options?: CallOptions) {
    const container = this.container(containerId);
    const { behavior, config, program } = container;
    const { startDelayMs = this.#latencies.startContainerMs, startError, log = [], exitAfterMs } = behavior;
    await this.#take("StartContainer", startDelayMs, options);
    if (container.state !== "created")
      throw new CriError("Unknown", `failed to start container: it is in state ${container.state}`);
    if (startError !== undefined) {
      container.startedAtMs = this.clock.now();
      this.end(container, { exitCode: 128, reason: "StartError", message: startError });
      throw new CriError("Unknown", startError);
    }
    container.state = "running";
    container.startedAtMs = this.clock.now();
    this.#emit("started", container.id, container.sandbox.id);
    const write = (stream: "stdout" | "stderr", text: string) =>
      this.logs.append(container.logPath, stream, text);
    write("stdout", log.join("\n"));
    if (behavior.run === undefined) {
      write("stdout", program.stdout);
      write("stderr", program.stderr);
    } else {
      container.main = new MainProcess({ config, clock: this.clock, log: write });
      // It never rejects.
      void container.main.run(behavior.run).then((exitCode) => this.end(container, { exitCode }));
    }
    const { durationMs, exitCode, readsStdin } = program;
    // Without an input of its own it reads the end of it at once.
    const waitsForInput = readsStdin && config.stdin === true;
    const endsItself = waitsForInput || container.main !== undefined;
    const endMs = exitAfterMs ?? (endsItself ? undefined : durationMs);
    if (endMs === undefined) return;
    const { exitCode: declared = 0, exitReason } = behavior;
    const code = exitAfterMs === undefined ? exitCode : declared;
    const end = { exitCode: code, ...(exitReason !== undefined && { reason: exitReason }) };
    container.exitTimer = this.clock.setTimer(endMs, () => this.end(container, end));
  }

  async stopContainer(containerId: string, gracePeriodSeconds: number, options?: CallOptions) {
    this.admit("StopContainer");
    const container = this.#containers.get(containerId);
    if (container?.state !== "running") return;
    container.main?.stop();
    const { stopDelayMs, stopExitCode = container.program.stopExitCode } = container.behavior;
    const never = container.main !== undefined || stopExitCode === undefined;
    const delayMs = stopDelayMs ?? (never ? Number.POSITIVE_INFINITY : 0);
    const graceMs = gracePeriodSeconds * 1000;
    const inTime = delayMs <= graceMs && gracePeriodSeconds > 0;
    const end = { exitCode: inTime ? (stopExitCode ?? 0) : killedExitCode };
    const waitMs = Math.min(delayMs, graceMs);
    if (waitMs === 0) {
      this.end(container, end);
      return;
    }
    const timer = this.clock.setTimer(waitMs, () => this.end(container, end));
    await abortable(container.ended(), options?.signal);
    timer.cancel();
  }

  async removeContainer(containerId: string, _options?: CallOptions) {
    this.admit("RemoveContainer");
    const container = this.#containers.get(containerId);
    if (container === undefined) return;
    if (container.state === "running") this.end(container, { exitCode: killedExitCode });
    this.#containers.delete(containerId);
    container.sandbox.containers.delete(container);
    this.logs.remove(container.logPath);
    this.#emit("deleted", container.id, container.sandbox.id);
  }

  async listContainers(filter: ContainerFilter = {}) {
    this.admit("ListContainers");
    return this.select(filter)
      .filter(({ state }) => (filter.state ?? state) === state)
      .map((container) => container.listed());
  }

  async containerStatus(containerId: string) {
    this.admit("ContainerStatus");
    return this.container(containerId).status();
  }

  async updateContainerResources(containerId: string, resources: LinuxContainerResources) {
    this.admit("UpdateContainerResources");
    const container = this.container(containerId);
    container.resources = { ...container.resources, ...resources };
  }

  async reopenContainerLog(containerId: string) {
    this.admit("ReopenContainerLog");
    this.logs.remove(this.container(containerId).logPath);
  }

  events(options: EventOptions) {
    return this.#events.subscribe(options);
  }

  container(containerId: string): SimContainer {
    const container = this.#containers.get(containerId);
    if (container === undefined) throw notFound("container", containerId);
    return container;
  }

  answers(podIp: string): boolean {
    const sandbox = this.#byIp.get(podIp);
    return sandbox !== undefined && this.answeringIn(sandbox).length > 0;
  }

  sandboxAt(podIp: string): SimSandbox | undefined {
    return this.#byIp.get(podIp);
  }

  answeringIn({ containers }: SimSandbox): SimContainer[] {
    return [...containers].filter((container) => container.answers(this.clock.now()));
  }

  end(
    container: SimContainer,
    end: { readonly exitCode: number; readonly reason?: string; readonly message?: string },
  ): void {
    if (container.state === "exited") return;
    container.finish({ atMs: this.clock.now(), ...end });
    this.#emit("stopped", container.id, container.sandbox.id);
  }

  /** Leaves no timer behind. */
  close(): void {
    for (const container of this.#containers.values()) {
      container.exitTimer?.cancel();
      container.main?.stop();
    }
  }

  running(containerId: string): SimContainer {
    const container = this.container(containerId);
    if (container.state !== "running")
      throw new CriError("Unknown", `container ${containerId} is in state ${container.state}, not running`);
    return container;
  }

  sandbox(podSandboxId: string): SimSandbox {
    const sandbox = this.#sandboxes.get(podSandboxId);
    if (sandbox === undefined) throw notFound("sandbox", podSandboxId);
    return sandbox;
  }

  select(filter: ContainerStatsFilter): SimContainer[] {
    const one = filter.id === undefined ? undefined : this.#containers.get(filter.id);
    const inSandbox =
      filter.podSandboxId === undefined
        ? this.#containers.values()
        : (this.#sandboxes.get(filter.podSandboxId)?.containers ?? []);
    const candidates = filter.id === undefined ? [...inSandbox] : one === undefined ? [] : [one];
    return candidates.filter(
      ({ sandbox, config }) =>
        (filter.podSandboxId ?? sandbox.id) === sandbox.id && hasLabels(config.labels, filter.labels),
    );
  }

  #emit(type: ContainerEventType, containerId: string, podSandboxId: string): void {
    this.#events.emit({ type, containerId, podSandboxId, atMs: this.clock.now() });
  }

  admit(method: string): void {
    const error = this.#fault(method);
    if (error !== undefined) throw error;
  }

  async #take(method: string, durationMs: number, options: CallOptions = {}): Promise<void> {
    this.admit(method);
    options.signal?.throwIfAborted();
    if (durationMs > 0) await sleep(this.clock, durationMs, options);
  }

  #newId(): string {
    return `${this.#random.uuid()}${this.#random.uuid()}`.replaceAll("-", "");
  }
}

function hasLabels(
  labels: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>> | undefined,
): boolean {
  return Object.entries(wanted ?? {}).every(([name, value]) => labels?.[name] === value);
}

function notFound(what: string, id: string): CriError {
  return new CriError("NotFound", `an error occurred when try to find ${what} "${id}": not found`);
}
