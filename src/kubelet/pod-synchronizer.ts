import type { Container, EphemeralContainer, Pod } from "../api/core/types.generated.ts";
import type { Clock } from "../base/clock.ts";
import { podCgroupPath, type QosClass } from "./cgroup-resources.ts";
import { containerConfig, containerHash, type MountedVolume } from "./container-config.ts";
import type { StartFailure } from "./container-statuses.ts";
import type { PodSandboxConfig } from "./cri/config.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import { ContainerConfigError, containerEnvironment } from "./environment.ts";
import type { Host } from "./host/host.ts";
import { hostNetworkHostsFile, hostsFile, podHostname } from "./hosts-file.ts";
import { type ImagePuller, StartError } from "./image-puller.ts";
import { runHook } from "./lifecycle-hooks.ts";
import { type ContainerToStart, computePodActions } from "./pod-actions.ts";
import { type KubeletDirectories, podDirectories } from "./pod-directories.ts";
import type { PodEvents } from "./pod-events.ts";
import { gracePeriodOf, type PodKiller } from "./pod-killer.ts";
import type { ProbeManager } from "./probes/probe-manager.ts";
import type { NetworkProber } from "./probes/prober.ts";
import type { ReferencedObjects } from "./referenced-objects.ts";
import { type NodeDns, podDnsConfig } from "./resolv-conf.ts";
import { containerResources, type NodeAmounts, podCgroupLimits, resourceField } from "./resource-amounts.ts";
import type { RestartBackoff } from "./restart-backoff.ts";
import { newestInstances, type RuntimePodStatus, restartCountOf } from "./runtime-pod.ts";
import { sandboxConfig } from "./sandbox-config.ts";
import type { VolumeManager } from "./volumes/volume-manager.ts";

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

export interface PodSynchronizerDependencies {
  readonly runtime: ContainerRuntime;
  readonly puller: ImagePuller;
  readonly volumes: VolumeManager;
  readonly objects: ReferencedObjects;
  readonly probes: ProbeManager;
  readonly network: NetworkProber;
  readonly killer: PodKiller;
  readonly host: Host;
  readonly clock: Clock;
  readonly events: PodEvents;
  readonly node: NodeContext;
  readonly directories: KubeletDirectories;
  readonly crashBackoff: RestartBackoff;
  readonly serviceVariables: (pod: Pod) => Readonly<Record<string, string>>;
  readonly runtimeHandler: (pod: Pod) => Promise<string>;
}

export interface SyncOutcome {
  /** What the containers' statuses show for those that could not be started, by name. */
  readonly failures: ReadonlyMap<string, StartFailure>;
  /** Try again after this long; undefined: only when something changes. */
  readonly retryAfterMs: number | undefined;
  /** Something was done to the runtime: look again for the new state. */
  readonly acted: boolean;
}

/** Shortest pause before an error that has no back-off of its own is tried again. */
const retryMs = 1000;

export interface PodSynchronizer {
  /** Brings one pod closer to its spec. Failures to start containers are in the outcome; others throw. */
  sync(pod: Pod, runtime: RuntimePodStatus, qosClass: QosClass, signal: AbortSignal): Promise<SyncOutcome>;
}

export function createPodSynchronizer(dependencies: PodSynchronizerDependencies): PodSynchronizer {
  const { runtime, probes, killer, events, node, host, volumes, crashBackoff } = dependencies;

  async function sync(
    pod: Pod,
    status: RuntimePodStatus,
    qosClass: QosClass,
    signal: AbortSignal,
  ): Promise<SyncOutcome> {
    const actions = computePodActions({
      pod,
      runtime: status,
      hashOf: containerHash,
      liveness: (id) => probes.result("liveness", id),
      startup: (id) => probes.result("startup", id),
    });
    const acted = actions.killPod || actions.createSandbox || actions.toKill.length > 0;
    if (actions.killPod) await killer.killPod(pod, status, gracePeriodOf(pod, status), signal);
    for (const { id, message, name } of actions.toKill) {
      const instance = status.containers.find((container) => container.id === id);
      if (instance !== undefined)
        await killer.killContainer(pod, instance, message, graceAfterProbe(pod, name, status));
    }
    if (!actions.createSandbox && actions.toStart.length === 0) {
      if (!actions.killPod) await refreshVolumes(pod, status, signal);
      return { failures: new Map(), retryAfterMs: undefined, acted };
    }
    return startAll(pod, status, actions, { qosClass, signal, acted });
  }

  async function startAll(
    pod: Pod,
    status: RuntimePodStatus,
    actions: ReturnType<typeof computePodActions>,
    { qosClass, signal, acted }: { qosClass: QosClass; signal: AbortSignal; acted: boolean },
  ): Promise<SyncOutcome> {
    const cgroupParent = podCgroupPath(node.cgroupRoot, qosClass, pod.metadata.uid ?? "");
    await host.cgroups.ensure(cgroupParent, podCgroupLimits(pod));
    await dependencies.objects.load(pod, signal);
    const directories = podDirectories(dependencies.directories, pod);
    await host.files.makeDirectory(directories.logs, { mode: 0o755 });
    // Volumes first: while one cannot be mounted, nothing runs.
    const mounted = await volumes.mount(pod, downward(pod, status));
    const config = sandboxConfig({
      pod,
      attempt: actions.sandboxAttempt,
      dns: podDnsConfig(dnsInput(pod), node.dns),
      hostname: podHostname(pod, node.dns.clusterDomain),
      logDirectory: directories.logs,
      cgroupParent,
    });
    let sandboxId = actions.sandboxId;
    let podIps = status.sandboxes[0]?.ips ?? [];
    if (actions.createSandbox) {
      sandboxId = await createSandbox(pod, config, signal);
      podIps = (await runtime.podSandboxStatus(sandboxId)).ips;
    }
    const ips = pod.spec.hostNetwork === true ? node.hostIps : podIps;
    await writeHostsFile(pod, ips, config.hostname ?? node.name);
    const failures = new Map<string, StartFailure>();
    let retryAfterMs: number | undefined;
    for (const toStart of actions.toStart) {
      const place = {
        sandboxId: sandboxId ?? "",
        config,
        mounted,
        ips,
        qosClass,
        isNewSandbox: actions.createSandbox,
      };
      const failed = await startOne(pod, status, toStart, place, signal);
      if (failed === undefined) continue;
      failures.set(toStart.container.name, failed.failure);
      retryAfterMs = Math.min(retryAfterMs ?? Number.POSITIVE_INFINITY, failed.retryAfterMs ?? retryMs);
      // Init containers run one after another: a failed one holds up the rest.
      if (toStart.kind === "init") break;
    }
    return { failures, retryAfterMs, acted: acted || failures.size < actions.toStart.length };
  }

  async function createSandbox(pod: Pod, config: PodSandboxConfig, signal: AbortSignal): Promise<string> {
    const runtimeHandler = await dependencies.runtimeHandler(pod);
    try {
      return await runtime.runPodSandbox(config, { runtimeHandler, signal });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      events.warning(pod, "FailedCreatePodSandBox", `Failed to create pod sandbox: ${why}`);
      throw error;
    }
  }

  interface Place {
    readonly sandboxId: string;
    readonly config: PodSandboxConfig;
    readonly mounted: ReadonlyMap<string, MountedVolume>;
    readonly ips: readonly string[];
    readonly qosClass: QosClass;
    readonly isNewSandbox: boolean;
  }

  /** Starts one container; a StartError is its way of not starting. */
  async function startOne(
    pod: Pod,
    status: RuntimePodStatus,
    { container }: ContainerToStart,
    place: Place,
    signal: AbortSignal,
  ): Promise<StartError | undefined> {
    const previous = newestInstances(status).get(container.name);
    const backoffKey = `${pod.metadata.uid}/${container.name}`;
    try {
      if (previous !== undefined && previous.state === "exited" && !place.isNewSandbox) {
        holdBackCrashLoop(pod, container, backoffKey, previous.finishedAtMs);
      }
      const present = await dependencies.puller.ensure(pod, container, signal);
      const attempt = previous === undefined ? 0 : restartCountOf(previous) + 1;
      const id = await create(pod, status, container, attempt, present, place);
      if (previous !== undefined) crashBackoff.grow(backoffKey);
      await start(pod, container, id, place);
      return undefined;
    } catch (error) {
      if (error instanceof StartError) return error;
      throw error;
    }
  }

  function holdBackCrashLoop(
    pod: Pod,
    container: Container | EphemeralContainer,
    key: string,
    finishedAtMs: number,
  ): void {
    const remainingMs = crashBackoff.remainingMs(key, finishedAtMs);
    if (remainingMs === 0) return;
    const who = `pod=${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
    const delay = formatGoDuration(crashBackoff.delayMs(key));
    const message = `back-off ${delay} restarting failed container=${container.name} ${who}`;
    events.warning(
      pod,
      "BackOff",
      `Back-off restarting failed container ${container.name} in pod ${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`,
      container.name,
    );
    throw new StartError({ reason: "CrashLoopBackOff", message }, remainingMs);
  }

  async function create(
    pod: Pod,
    status: RuntimePodStatus,
    container: Container | EphemeralContainer,
    attempt: number,
    present: Awaited<ReturnType<ImagePuller["ensure"]>>,
    place: Place,
  ): Promise<string> {
    const directories = podDirectories(dependencies.directories, pod);
    const { namespace = "" } = pod.metadata;
    const target =
      "targetContainerName" in container
        ? newestInstances(status).get(container.targetContainerName ?? "")
        : undefined;
    try {
      const environment = containerEnvironment(pod, container, {
        downward: { nodeName: node.name, podIps: place.ips, hostIps: node.hostIps },
        configMap: (name) => dependencies.objects.configMap(namespace, name),
        secret: (name) => dependencies.objects.secret(namespace, name),
        resourceField: (name, resource, divisor) => resourceField(pod, name, resource, divisor, node.amounts),
        serviceVariables: dependencies.serviceVariables(pod),
      });
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
      events.normal(pod, "Created", `Container created`, container.name);
      return id;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const reason =
        error instanceof ContainerConfigError ? "CreateContainerConfigError" : "CreateContainerError";
      events.warning(pod, "Failed", `Error: ${message}`, container.name);
      throw new StartError({ reason, message });
    }
  }

  async function start(
    pod: Pod,
    container: Container | EphemeralContainer,
    id: string,
    place: Place,
  ): Promise<void> {
    try {
      await runtime.startContainer(id);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      events.warning(pod, "Failed", `Error: ${message}`, container.name);
      throw new StartError({ reason: "RunContainerError", message });
    }
    events.normal(pod, "Started", `Container started`, container.name);
    const hook = container.lifecycle?.postStart;
    if (hook === undefined) return;
    try {
      await runHook(hook, { container, containerId: id, podIp: place.ips[0] ?? "" }, dependencies);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      events.warning(pod, "FailedPostStartHook", `PostStartHook failed: ${message}`, container.name);
      await runtime.stopContainer(id, pod.spec.terminationGracePeriodSeconds ?? 30);
      throw new StartError({ reason: "PostStartHookError", message });
    }
  }

  async function refreshVolumes(pod: Pod, status: RuntimePodStatus, signal: AbortSignal): Promise<void> {
    if ((pod.spec.volumes ?? []).length === 0) return;
    await dependencies.objects.load(pod, signal);
    await volumes.mount(pod, downward(pod, status));
  }

  const downward = (pod: Pod, status: RuntimePodStatus) => ({
    nodeName: node.name,
    podIps: pod.spec.hostNetwork === true ? node.hostIps : (status.sandboxes[0]?.ips ?? []),
    hostIps: node.hostIps,
  });

  async function writeHostsFile(pod: Pod, ips: readonly string[], hostname: string): Promise<void> {
    const { hostsFile: path } = podDirectories(dependencies.directories, pod);
    const text =
      pod.spec.hostNetwork === true
        ? hostNetworkHostsFile(pod, await node.hostsFileText())
        : hostsFile(pod, ips, hostname, node.dns.clusterDomain);
    await host.files.writeFile(path, text, { mode: 0o644 });
  }

  return { sync };
}

function dnsInput(pod: Pod) {
  const { dnsPolicy = "ClusterFirst", hostNetwork = false, dnsConfig } = pod.spec;
  const { namespace = "" } = pod.metadata;
  const base = { namespace, policy: dnsPolicy, hostNetwork };
  return dnsConfig === undefined ? base : { ...base, podConfig: dnsConfig };
}

/** A liveness or startup probe may carry a grace period of its own (KEP-2238). */
function graceAfterProbe(pod: Pod, name: string, status: RuntimePodStatus): number {
  const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
    (candidate) => candidate.name === name,
  );
  const probes = [container?.livenessProbe, container?.startupProbe];
  const own = probes.find((probe) => probe?.terminationGracePeriodSeconds !== undefined);
  return own?.terminationGracePeriodSeconds ?? gracePeriodOf(pod, status);
}

/** "10s", "1m20s", "5m0s": Go's way of writing a duration. */
export function formatGoDuration(milliseconds: number): string {
  const total = Math.round(milliseconds / 1000);
  const minutes = Math.floor(total / 60);
  return minutes === 0 ? `${total}s` : `${minutes}m${total % 60}s`;
}
