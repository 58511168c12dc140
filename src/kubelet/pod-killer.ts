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

/** A hook that eats up the whole grace period leaves the process this much to end by itself. */
const minimumGraceSeconds = 2;

export interface PodKiller {
  /** Runs the preStop hook and stops one container within its grace period. */
  killContainer(
    pod: Pod,
    container: RuntimeContainer,
    message: string,
    graceSeconds: number,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Stops everything of a pod: main containers at once, sidecars after them in reverse order, then the sandboxes. */
  killPod(pod: Pod, runtime: RuntimePodStatus, graceSeconds: number, signal: AbortSignal): Promise<void>;
}

export function createPodKiller(dependencies: PodKillerDependencies): PodKiller {
  const { runtime, events, clock, logger } = dependencies;

  async function killContainer(
    pod: Pod,
    instance: RuntimeContainer,
    message: string,
    graceSeconds: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const name = containerNameOf(instance);
    const spec = specOf(pod, name);
    events.normal(pod, "Killing", message === "" ? `Stopping container ${name}` : message, name);
    const startedAtMs = clock.now();
    if (spec?.lifecycle?.preStop !== undefined && graceSeconds > 0 && instance.state === "running") {
      await runPreStop(pod, spec, instance, graceSeconds, signal);
    }
    const usedSeconds = Math.floor((clock.now() - startedAtMs) / 1000);
    const left = graceSeconds === 0 ? 0 : Math.max(minimumGraceSeconds, graceSeconds - usedSeconds);
    signal?.throwIfAborted();
    await runtime.stopContainer(instance.id, left, signal === undefined ? {} : { signal });
  }

  async function runPreStop(
    pod: Pod,
    container: Container | EphemeralContainer,
    instance: RuntimeContainer,
    graceSeconds: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const handler = container.lifecycle?.preStop;
    if (handler === undefined) return;
    const timeoutMs = graceSeconds * 1000;
    const target = { container, containerId: instance.id, podIp: pod.status?.podIP ?? "" };
    const stop = new AbortController();
    signal?.addEventListener("abort", () => stop.abort(), { once: true });
    const hook = runHook(handler, target, dependencies, { timeoutMs, signal: stop.signal }).catch(
      (error: unknown) => {
        if (stop.signal.aborted) return;
        const why = error instanceof Error ? error.message : String(error);
        events.warning(pod, "FailedPreStopHook", `PreStopHook failed: ${why}`, container.name);
      },
    );
    const deadline = sleep(clock, timeoutMs, { signal: stop.signal }).catch(() => undefined);
    await Promise.race([hook, deadline]);
    stop.abort();
  }

  async function killPod(
    pod: Pod,
    status: RuntimePodStatus,
    graceSeconds: number,
    signal: AbortSignal,
  ): Promise<void> {
    const startedAtMs = clock.now();
    const running = status.containers.filter(({ state }) => state === "running" || state === "unknown");
    const sidecarNames = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
    const mains = running.filter((instance) => !sidecarNames.includes(containerNameOf(instance)));
    await Promise.all(mains.map((instance) => killQuietly(pod, instance, graceSeconds, signal)));
    const leftSeconds = () =>
      graceSeconds === 0
        ? 0
        : Math.max(minimumGraceSeconds, graceSeconds - Math.floor((clock.now() - startedAtMs) / 1000));
    for (const name of sidecarNames.toReversed()) {
      const instance = running.find((candidate) => containerNameOf(candidate) === name);
      if (instance !== undefined) await killQuietly(pod, instance, leftSeconds(), signal);
    }
    await Promise.all(
      status.sandboxes.filter(({ state }) => state === "ready").map(({ id }) => runtime.stopPodSandbox(id)),
    );
  }

  /** One that will not stop by itself is killed with its sandbox. */
  async function killQuietly(
    pod: Pod,
    instance: RuntimeContainer,
    graceSeconds: number,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await killContainer(pod, instance, "", graceSeconds, signal);
    } catch (error) {
      // Interrupted: the pod has less time now than it had.
      signal.throwIfAborted();
      logger.warn(
        { error, pod: pod.metadata.name, container: containerNameOf(instance) },
        "a container could not be stopped",
      );
    }
  }

  return { killContainer, killPod };
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
