import { isSidecar } from "../api/core/pod-conditions.ts";
import type { Container, EphemeralContainer, Pod } from "../api/core/types.generated.ts";
import { formatDuration } from "../apimachinery/protobuf/duration.ts";
import type { Clock } from "../base/clock.ts";
import type { QosClass } from "./cgroup-resources.ts";
import { containerConfig, containerHash, type MountedVolume } from "./container-config.ts";
import type { PodSandboxConfig } from "./cri/config.ts";
import type { ContainerRuntime, ImageService } from "./cri/runtime.ts";
import { ContainerConfigError, containerEnvironment } from "./environment.ts";
import type { Host } from "./host/host.ts";
import { type ImagePuller, type PresentImage, StartError } from "./image-puller.ts";
import { runHook } from "./lifecycle-hooks.ts";
import { type KubeletDirectories, podDirectories } from "./pod-directories.ts";
import type { PodEvents } from "./pod-events.ts";
import type { PodKiller } from "./pod-killer.ts";
import type { NetworkProber } from "./probes/prober.ts";
import type { ReferencedObjects } from "./referenced-objects.ts";
import type { Allocations } from "./resize/allocations.ts";
import type { NodeDns } from "./resolv-conf.ts";
import { containerResources, type NodeAmounts, resourceField } from "./resource-amounts.ts";
import type { RestartBackoff } from "./restart-backoff.ts";
import { newestInstances, type RuntimePodStatus, restartCountOf } from "./runtime-pod.ts";
import type { KubeletCounters } from "./stats/metrics.ts";
import { withImageVolumes } from "./volumes/image-volumes.ts";

/** What a node is to its pods. */
export interface NodeContext {
  readonly name: string;
  readonly hostIps: readonly string[];
  readonly dns: NodeDns;
  readonly amounts: NodeAmounts;
  /** Above `/kubepods`; "" is the hierarchy's root. */
  readonly cgroupRoot: string;
  readonly hostsFileText: () => Promise<string>;
}

export interface ContainerStarterDependencies {
  readonly runtime: ContainerRuntime;
  readonly puller: ImagePuller;
  readonly images: ImageService;
  readonly objects: ReferencedObjects;
  readonly network: NetworkProber;
  readonly killer: PodKiller;
  readonly host: Host;
  readonly clock: Clock;
  readonly events: PodEvents;
  readonly node: NodeContext;
  readonly directories: KubeletDirectories;
  readonly crashBackoff: RestartBackoff;
  readonly allocations: Allocations;
  readonly counters: KubeletCounters;
  readonly serviceVariables: (pod: Pod) => Readonly<Record<string, string>>;
}

/** Where a container is to run. */
export interface Place {
  readonly sandboxId: string;
  readonly config: PodSandboxConfig;
  readonly mounted: ReadonlyMap<string, MountedVolume>;
  readonly ips: readonly string[];
  readonly qosClass: QosClass;
  /** What ran before in another sandbox is no crash loop. */
  readonly isNewSandbox: boolean;
}

type AnyContainer = Container | EphemeralContainer;

/** Starts single containers: back-off, image, environment, creation, start, postStart hook. */
export class ContainerStarter {
  readonly #dependencies: ContainerStarterDependencies;

  constructor(dependencies: ContainerStarterDependencies) {
    this.#dependencies = dependencies;
  }

  /** Starts one container; a StartError is its way of not starting. */
  async start(
    pod: Pod,
    status: RuntimePodStatus,
    container: AnyContainer,
    place: Place,
    signal: AbortSignal,
  ): Promise<StartError | undefined> {
    const { crashBackoff, puller, allocations, counters } = this.#dependencies;
    const previous = newestInstances(status).get(container.name);
    const backoffKey = `${pod.metadata.uid}/${container.name}`;
    try {
      if (previous?.state === "exited" && !place.isNewSandbox)
        this.#holdBackCrashLoop(pod, container, backoffKey, previous.finishedAtMs);
      const volumes = await withImageVolumes(pod, container, place.mounted, this.#dependencies, signal);
      const present = await puller.ensure(pod, container, signal);
      const attempt = previous === undefined ? 0 : restartCountOf(previous) + 1;
      const id = await this.#create(pod, status, container, {
        attempt,
        present,
        place: { ...place, mounted: volumes },
      });
      // Every restart makes the next one wait longer, an init container's next in line excepted.
      if (previous !== undefined) crashBackoff.grow(backoffKey);
      if (!("targetContainerName" in container))
        allocations.setActuated(pod, id, "resources" in container ? container.resources : undefined);
      await this.#startCreated(pod, container, id, place, signal);
      counters.add("kubelet_started_containers_total", { container_type: kindOf(pod, container) });
      return undefined;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const { reason: code } = error.failure;
      if (!code.endsWith("BackOff"))
        counters.add("kubelet_started_containers_errors_total", {
          container_type: kindOf(pod, container),
          code,
        });
      return error;
    }
  }

  #holdBackCrashLoop(pod: Pod, container: AnyContainer, key: string, finishedAtMs: number): void {
    const { crashBackoff, events } = this.#dependencies;
    const remainingMs = crashBackoff.remainingMs(key, finishedAtMs);
    if (remainingMs === 0) return;
    const { name, namespace, uid } = pod.metadata;
    const who = `${name}_${namespace}(${uid})`;
    const delay = formatDuration(crashBackoff.delayMs(key) * 1e6);
    const message = `back-off ${delay} restarting failed container=${container.name} pod=${who}`;
    const note = `Back-off restarting failed container ${container.name} in pod ${who}`;
    events.warning(pod, "BackOff", note, container.name);
    throw new StartError({ reason: "CrashLoopBackOff", message }, remainingMs);
  }

  async #create(
    pod: Pod,
    status: RuntimePodStatus,
    container: AnyContainer,
    from: { readonly attempt: number; readonly present: PresentImage; readonly place: Place },
  ): Promise<string> {
    const { host, node, events, runtime } = this.#dependencies;
    const { attempt, present, place } = from;
    const directories = podDirectories(this.#dependencies.directories, pod);
    const target =
      "targetContainerName" in container
        ? newestInstances(status).get(container.targetContainerName ?? "")
        : undefined;
    try {
      const environment = containerEnvironment(pod, container, this.#environmentSources(pod, place));
      await host.files.ensureFile(directories.terminationLog(container.name, attempt), { mode: 0o666 });
      await host.files.makeDirectory(`${directories.logs}/${container.name}`, { mode: 0o755 });
      const config = await containerConfig(
        {
          pod,
          container,
          attempt,
          image: present.image,
          imageRef: present.ref,
          environment,
          volumes: place.mounted,
          resources: containerResources(pod, container, place.qosClass, node.amounts),
          directories,
          hash: containerHash(container),
          ...(target === undefined ? {} : { targetId: target.id }),
        },
        host.files,
      );
      const id = await runtime.createContainer(place.sandboxId, config, place.config);
      events.normal(pod, "Created", "Container created", container.name);
      return id;
    } catch (error) {
      const message = messageOf(error);
      const reason =
        error instanceof ContainerConfigError ? "CreateContainerConfigError" : "CreateContainerError";
      events.warning(pod, "Failed", `Error: ${message}`, container.name);
      throw new StartError({ reason, message });
    }
  }

  #environmentSources(pod: Pod, place: Place) {
    const { node, objects, serviceVariables } = this.#dependencies;
    const { namespace = "" } = pod.metadata;
    return {
      downward: { nodeName: node.name, podIps: place.ips, hostIps: node.hostIps },
      configMap: (name: string) => objects.configMap(namespace, name),
      secret: (name: string) => objects.secret(namespace, name),
      resourceField: (name: string, resource: string, divisor: string) =>
        resourceField(pod, name, resource, divisor, node.amounts),
      serviceVariables: serviceVariables(pod),
    };
  }

  async #startCreated(
    pod: Pod,
    container: AnyContainer,
    id: string,
    place: Place,
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime, events } = this.#dependencies;
    try {
      await runtime.startContainer(id);
    } catch (error) {
      const message = messageOf(error);
      events.warning(pod, "Failed", `Error: ${message}`, container.name);
      throw new StartError({ reason: "RunContainerError", message });
    }
    events.normal(pod, "Started", "Container started", container.name);
    const hook = container.lifecycle?.postStart;
    if (hook === undefined) return;
    const target = { container, containerId: id, podIp: place.ips[0] ?? "" };
    try {
      await runHook(hook, target, this.#dependencies, { signal });
    } catch (error) {
      signal.throwIfAborted();
      await this.#undoStart(pod, container, id, messageOf(error), signal);
    }
  }

  /** A container whose postStart hook failed does not count as started. */
  async #undoStart(
    pod: Pod,
    container: AnyContainer,
    id: string,
    why: string,
    signal: AbortSignal,
  ): Promise<never> {
    const { runtime, events, killer } = this.#dependencies;
    events.warning(pod, "FailedPostStartHook", `PostStartHook failed: ${why}`, container.name);
    const { podSandboxId = "" } = (await runtime.listContainers({ id }))[0] ?? {};
    const instance = { ...(await runtime.containerStatus(id)), podSandboxId };
    const graceSeconds = pod.spec.terminationGracePeriodSeconds ?? 30;
    await killer.killContainer(pod, instance, { message: "FailedPostStartHook", graceSeconds, signal });
    throw new StartError({ reason: "PostStartHookError", message: why });
  }
}

/** Init containers run one after another, sidecars among them excepted: one that fails holds up the rest. */
export function holdsUpTheRest(pod: Pod, container: AnyContainer): boolean {
  const init = (pod.spec.initContainers ?? []).find(({ name }) => name === container.name);
  return init !== undefined && !isSidecar(init);
}

function kindOf(pod: Pod, { name }: AnyContainer): string {
  if ((pod.spec.initContainers ?? []).some((container) => container.name === name)) return "init_container";
  return pod.spec.containers.some((container) => container.name === name)
    ? "container"
    : "ephemeral_container";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
