import { isSidecar } from "../api/core/pod-conditions.ts";
import type { Container, EphemeralContainer, Pod } from "../api/core/types.generated.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import { runHook } from "./lifecycle-hooks.ts";
import type { PodEvents } from "./pod-events.ts";
import type { NetworkProber } from "./probes/prober.ts";
import {
  containerNameOf,
  type RuntimeContainer,
  type RuntimePodStatus,
  runtimeAnnotations,
} from "./runtime-pod.ts";

export interface PodKillerDependencies {
  readonly runtime: ContainerRuntime;
  readonly network: NetworkProber;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface KillOptions {
  /** What the Killing event says; "": that it is being stopped. */
  readonly message: string;
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
}

/** Every process gets this much to end by itself, even where a hook ate the grace period up or none was given. */
const minimumGraceSeconds = 2;

/** Stops containers: hook, stop signal, and the kill that follows when the grace period is over. */
export class PodKiller {
  readonly #dependencies: PodKillerDependencies;

  constructor(dependencies: PodKillerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Runs the preStop hook and stops one container within its grace period. */
  async killContainer(
    pod: Pod,
    instance: RuntimeContainer,
    { message, graceSeconds, signal }: KillOptions,
  ): Promise<void> {
    const { runtime, events, clock } = this.#dependencies;
    const name = containerNameOf(instance);
    const spec = specOf(pod, name);
    events.normal(pod, "Killing", message === "" ? `Stopping container ${name}` : message, name);
    const startedAtMs = clock.now();
    if (spec !== undefined && graceSeconds > 0 && instance.state === "running")
      await this.#runPreStop(pod, spec, instance, graceSeconds, signal);
    signal.throwIfAborted();
    await runtime.stopContainer(instance.id, this.#left(graceSeconds, startedAtMs), { signal });
  }

  /** Stops everything of a pod: main containers at once, sidecars after them in reverse order, then the sandboxes. */
  async killPod(
    pod: Pod,
    status: RuntimePodStatus,
    graceSeconds: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime, clock } = this.#dependencies;
    const startedAtMs = clock.now();
    const running = status.containers.filter(({ state }) => state === "running" || state === "unknown");
    const sidecarNames = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
    const mains = running.filter((instance) => !sidecarNames.includes(containerNameOf(instance)));
    const stop = (instance: RuntimeContainer, seconds: number) =>
      this.#killQuietly(pod, instance, { message: "", graceSeconds: seconds, signal });
    await Promise.all(mains.map((instance) => stop(instance, graceSeconds)));
    for (const name of sidecarNames.toReversed()) {
      const instance = running.find((candidate) => containerNameOf(candidate) === name);
      if (instance !== undefined) await stop(instance, this.#left(graceSeconds, startedAtMs));
    }
    await Promise.all(
      status.sandboxes.filter(({ state }) => state === "ready").map(({ id }) => runtime.stopPodSandbox(id)),
    );
  }

  #left(graceSeconds: number, sinceMs: number): number {
    const usedSeconds = Math.floor((this.#dependencies.clock.now() - sinceMs) / 1000);
    return Math.max(minimumGraceSeconds, graceSeconds - usedSeconds);
  }

  async #runPreStop(
    pod: Pod,
    container: Container | EphemeralContainer,
    instance: RuntimeContainer,
    graceSeconds: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { events, clock } = this.#dependencies;
    const handler = container.lifecycle?.preStop;
    if (handler === undefined) return;
    const timeoutMs = graceSeconds * 1000;
    const target = { container, containerId: instance.id, podIp: pod.status?.podIP ?? "" };
    const over = new AbortController();
    const options = { timeoutMs, signal: AbortSignal.any([signal, over.signal]) };
    const hook = runHook(handler, target, this.#dependencies, options).catch((error: unknown) => {
      if (options.signal.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      events.warning(pod, "FailedPreStopHook", `PreStopHook failed: ${why}`, container.name);
    });
    const deadline = sleep(clock, timeoutMs, { signal: options.signal }).catch(() => undefined);
    await Promise.race([hook, deadline]);
    over.abort();
  }

  /** One that will not stop by itself is killed with its sandbox. */
  async #killQuietly(pod: Pod, instance: RuntimeContainer, options: KillOptions): Promise<void> {
    try {
      await this.killContainer(pod, instance, options);
    } catch (error) {
      // Interrupted: the pod has less time now than it had.
      options.signal.throwIfAborted();
      const container = containerNameOf(instance);
      this.#dependencies.logger.warn(
        { error, pod: pod.metadata.name, container },
        "a container could not be stopped",
      );
    }
  }
}

function specOf(pod: Pod, name: string): Container | EphemeralContainer | undefined {
  const all = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []),
    ...(pod.spec.ephemeralContainers ?? []),
  ];
  return all.find((container) => container.name === name);
}

/** The seconds a pod has to end, from its deletion, else its spec, else what its containers were annotated with. */
export function gracePeriodOf(pod: Pod, runtime: RuntimePodStatus): number {
  const asked = pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds;
  if (asked !== undefined) return asked;
  const annotated = Number(runtime.containers[0]?.annotations[runtimeAnnotations.podGracePeriod]);
  return Number.isInteger(annotated) && annotated >= 0 ? annotated : 30;
}
