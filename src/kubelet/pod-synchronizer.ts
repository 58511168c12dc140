import type { Pod } from "../api/core/types.generated.ts";
import { podCgroupPath, type QosClass } from "./cgroup-resources.ts";
import { containerHash } from "./container-config.ts";
import {
  ContainerStarter,
  type ContainerStarterDependencies,
  holdsUpTheRest,
  type Place,
} from "./container-starter.ts";
import type { StartFailure } from "./container-statuses.ts";
import type { PodSandboxConfig } from "./cri/config.ts";
import { hostNetworkHostsFile, hostsFile, podHostname } from "./hosts-file.ts";
import { computePodActions, type PodActions } from "./pod-actions.ts";
import { podDirectories } from "./pod-directories.ts";
import { gracePeriodOf } from "./pod-killer.ts";
import type { ProbeManager } from "./probes/probe-manager.ts";
import { resizeInPlace } from "./resize/actuate.ts";
import { resizeOf } from "./resize/allocations.ts";
import type { PodResizer } from "./resize/pod-resizer.ts";
import { podDnsConfig } from "./resolv-conf.ts";
import { podCgroupLimits } from "./resource-amounts.ts";
import type { RuntimePodStatus } from "./runtime-pod.ts";
import { sandboxConfig } from "./sandbox-config.ts";
import type { VolumeManager } from "./volumes/volume-manager.ts";

export interface PodSynchronizerDependencies extends ContainerStarterDependencies {
  readonly volumes: VolumeManager;
  readonly probes: ProbeManager;
  readonly resizer: PodResizer;
  /** The runtime's name of the pod's RuntimeClass; "" is the default. */
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

/** Brings pods closer to their specs, one step at a time: decides by `computePodActions`, then acts. */
export class PodSynchronizer {
  readonly #dependencies: PodSynchronizerDependencies;
  readonly #starter: ContainerStarter;

  constructor(dependencies: PodSynchronizerDependencies) {
    this.#dependencies = dependencies;
    this.#starter = new ContainerStarter(dependencies);
  }

  /** One step. Failures to start containers are in the outcome; others throw. */
  async sync(
    pod: Pod,
    status: RuntimePodStatus,
    qosClass: QosClass,
    signal: AbortSignal,
  ): Promise<SyncOutcome> {
    const { probes, allocations } = this.#dependencies;
    const actions = computePodActions({
      pod,
      runtime: status,
      hashOf: containerHash,
      liveness: (id) => probes.result("liveness", id),
      startup: (id) => probes.result("startup", id),
      resizeNeedsRestart: (container, id) =>
        resizeOf(container, allocations.actuated(pod, container.name, id)) === "restart",
    });
    await this.#kill(pod, status, actions, signal);
    const resized = !actions.killPod && (await this.#resize(pod, status, qosClass));
    const acted = resized || actions.killPod || actions.createSandbox || actions.toKill.length > 0;
    if (actions.createSandbox || actions.toStart.length > 0)
      return this.#startAll(pod, status, actions, { qosClass, signal, acted });
    if (!actions.killPod) await this.#refreshVolumes(pod, status, signal);
    return { failures: new Map(), retryAfterMs: undefined, acted };
  }

  async #kill(pod: Pod, status: RuntimePodStatus, actions: PodActions, signal: AbortSignal): Promise<void> {
    const { killer, events, counters } = this.#dependencies;
    if (actions.killPod) {
      if (actions.createSandbox) counters.add("kubelet_restarted_pods_total");
      if (actions.createSandbox)
        events.normal(pod, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
      await killer.killPod(pod, status, gracePeriodOf(pod, status), signal);
    }
    const kills = actions.toKill.map(async ({ id, message, name }) => {
      const instance = status.containers.find((container) => container.id === id);
      const graceSeconds = graceAfterProbe(pod, name, status);
      if (instance !== undefined)
        await killer.killContainer(pod, instance, { message, graceSeconds, signal });
    });
    await Promise.all(kills);
  }

  /** A resize that fails is told in the pod's conditions and tried again. */
  async #resize(pod: Pod, status: RuntimePodStatus, qosClass: QosClass): Promise<boolean> {
    const { resizer, node } = this.#dependencies;
    const { cgroupRoot, amounts } = node;
    try {
      const changed = await resizeInPlace(pod, status, qosClass, {
        ...this.#dependencies,
        cgroupRoot,
        amounts,
      });
      if (changed) resizer.completed(pod);
      return changed;
    } catch (error) {
      resizer.failed(pod, error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  async #startAll(
    pod: Pod,
    status: RuntimePodStatus,
    actions: PodActions,
    { qosClass, signal, acted }: { qosClass: QosClass; signal: AbortSignal; acted: boolean },
  ): Promise<SyncOutcome> {
    const { host, node, objects, volumes, runtime } = this.#dependencies;
    this.#refuseDevices(pod);
    const cgroupParent = podCgroupPath(node.cgroupRoot, qosClass, pod.metadata.uid ?? "");
    await host.cgroups.ensure(cgroupParent, podCgroupLimits(pod));
    await objects.load(pod, signal);
    const directories = podDirectories(this.#dependencies.directories, pod);
    await host.files.makeDirectory(directories.logs, { mode: 0o755 });
    // Volumes first: while one cannot be mounted, nothing runs.
    const mounted = await volumes.mount(pod, this.#downward(pod, status));
    const config = sandboxConfig({
      pod,
      attempt: actions.sandboxAttempt,
      dns: podDnsConfig(dnsInput(pod), node.dns),
      hostname: podHostname(pod, node.dns.clusterDomain),
      logDirectory: directories.logs,
      cgroupParent,
    });
    let sandboxId = actions.sandboxId ?? "";
    let podIps = status.sandboxes[0]?.ips ?? [];
    if (actions.createSandbox) {
      sandboxId = await this.#createSandbox(pod, config, signal);
      podIps = (await runtime.podSandboxStatus(sandboxId)).ips;
    }
    const ips = pod.spec.hostNetwork === true ? node.hostIps : podIps;
    await this.#writeHostsFile(pod, ips, config.hostname ?? node.name);
    const place = { sandboxId, config, mounted, ips, qosClass, isNewSandbox: actions.createSandbox };
    return { ...(await this.#startContainers(pod, status, actions, place, signal, acted)) };
  }

  /** A pod that runs without the devices it was given is worse than one that says why it does not. */
  #refuseDevices(pod: Pod): void {
    if ((pod.spec.resourceClaims ?? []).length === 0) return;
    const why = "prepare dynamic resources: no DRA driver is registered with this kubelet";
    this.#dependencies.events.warning(
      pod,
      "FailedPrepareDynamicResources",
      `Failed to prepare dynamic resources: ${why}`,
    );
    throw new Error(why);
  }

  async #startContainers(
    pod: Pod,
    status: RuntimePodStatus,
    actions: PodActions,
    place: Place,
    signal: AbortSignal,
    acted: boolean,
  ): Promise<SyncOutcome> {
    const failures = new Map<string, StartFailure>();
    let retryAfterMs: number | undefined;
    for (const { container } of actions.toStart) {
      const failed = await this.#starter.start(pod, status, container, place, signal);
      if (failed === undefined) continue;
      failures.set(container.name, failed.failure);
      retryAfterMs = Math.min(retryAfterMs ?? Number.POSITIVE_INFINITY, failed.retryAfterMs ?? retryMs);
      if (holdsUpTheRest(pod, container)) break;
    }
    return { failures, retryAfterMs, acted: acted || failures.size < actions.toStart.length };
  }

  async #createSandbox(pod: Pod, config: PodSandboxConfig, signal: AbortSignal): Promise<string> {
    const { runtime, events, runtimeHandler, counters } = this.#dependencies;
    try {
      if (pod.spec.hostUsers === false)
        throw new Error("can't set `spec.hostUsers: false`: this kubelet has no user namespaces to give");
      counters.add("kubelet_started_pods_total");
      return await runtime.runPodSandbox(config, { runtimeHandler: await runtimeHandler(pod), signal });
    } catch (error) {
      signal.throwIfAborted();
      counters.add("kubelet_started_pods_errors_total");
      const why = error instanceof Error ? error.message : String(error);
      events.warning(pod, "FailedCreatePodSandBox", `Failed to create pod sandbox: ${why}`);
      throw error;
    }
  }

  async #refreshVolumes(pod: Pod, status: RuntimePodStatus, signal: AbortSignal): Promise<void> {
    if ((pod.spec.volumes ?? []).length === 0) return;
    await this.#dependencies.objects.load(pod, signal);
    await this.#dependencies.volumes.mount(pod, this.#downward(pod, status));
  }

  #downward(pod: Pod, status: RuntimePodStatus) {
    const { name: nodeName, hostIps } = this.#dependencies.node;
    const podIps = pod.spec.hostNetwork === true ? hostIps : (status.sandboxes[0]?.ips ?? []);
    return { nodeName, podIps, hostIps };
  }

  async #writeHostsFile(pod: Pod, ips: readonly string[], hostname: string): Promise<void> {
    const { host, node } = this.#dependencies;
    const { hostsFile: path } = podDirectories(this.#dependencies.directories, pod);
    const text =
      pod.spec.hostNetwork === true
        ? hostNetworkHostsFile(pod, await node.hostsFileText())
        : hostsFile(pod, ips, hostname, node.dns.clusterDomain);
    await host.files.writeFile(path, text, { mode: 0o644 });
  }
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
