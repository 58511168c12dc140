import { podQosClass } from "../api/core/pod-qos.ts";
import type { Node, Pod } from "../api/core/types.generated.ts";
import { pods, runtimeClasses, services } from "../api/resources.generated.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import type { InformerFactory, SharedInformer } from "../client/informer.ts";
import type { NodeContext } from "./container-starter.ts";
import type { ContainerRuntime, ImageService } from "./cri/runtime.ts";
import type { Host } from "./host/host.ts";
import { ImagePuller } from "./image-puller.ts";
import { createNodeRegistrar } from "./node-registrar.ts";
import type { MachineInfo, NodeIdentity, NodeObservation } from "./node-status.ts";
import { createOrphanCollector } from "./orphans.ts";
import { createPleg, type PlegOptions } from "./pleg-loop.ts";
import { type KubeletDirectories, podDirectories } from "./pod-directories.ts";
import type { PodEvents } from "./pod-events.ts";
import { PodKiller } from "./pod-killer.ts";
import { createPodLifecycle } from "./pod-lifecycle.ts";
import { PodSynchronizer } from "./pod-synchronizer.ts";
import { PodWorker } from "./pod-worker.ts";
import { ProbeManager } from "./probes/probe-manager.ts";
import { type NetworkProber, runProbe } from "./probes/prober.ts";
import { pullCredentials } from "./pull-credentials.ts";
import { createReferencedObjects } from "./referenced-objects.ts";
import type { NodeDns } from "./resolv-conf.ts";
import { resourceField } from "./resource-amounts.ts";
import { RestartBackoff } from "./restart-backoff.ts";
import { serviceEnvironment } from "./service-environment.ts";
import { StatusManager } from "./status-manager.ts";
import { createTerminationMessages } from "./termination-messages.ts";
import { createTokenManager } from "./volumes/tokens.ts";
import { createVolumeManager } from "./volumes/volume-manager.ts";

export interface KubeletDependencies {
  readonly client: Client;
  /** For this node's pods and all services; started by the kubelet. */
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
  readonly runtime: ContainerRuntime;
  readonly images: ImageService;
  readonly host: Host;
  readonly network: NetworkProber;
  readonly machine: () => Promise<MachineInfo>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface KubeletOptions {
  readonly identity: NodeIdentity;
  readonly directories: KubeletDirectories;
  readonly dns: NodeDns;
  /** Above `/kubepods`; "" is the hierarchy's root. */
  readonly cgroupRoot?: string;
  readonly kubeletVersion: string;
  /** Where the kubelet's server listens; 0: there is none. */
  readonly serverPort: number;
  readonly maxPods?: number;
  readonly maxParallelPulls?: number;
  readonly hostsFileText?: () => Promise<string>;
  readonly pleg?: PlegOptions;
}

export interface Kubelet {
  /** Runs until the signal aborts; pods keep running after that. */
  run(signal: AbortSignal): Promise<void>;
  /** The pods this node runs, as the API has them. */
  readonly pods: () => readonly Pod[];
  /** The latest Node object; undefined before registration. */
  readonly node: () => Node | undefined;
}

/** A node's agent: from the pods bound to it to containers that run, and back to their statuses. */
export function createKubelet(dependencies: KubeletDependencies, options: KubeletOptions): Kubelet {
  const { client, informers, runtime, images, host, clock, random, logger } = dependencies;
  const { identity, directories } = options;
  const workers = new Map<string, PodWorker>();
  const notify = (podUid: string) => workers.get(podUid)?.notify();
  const events = podEvents(dependencies.recorder);
  const podInformer = informers.informer(pods, { fieldSelector: `spec.nodeName=${identity.name}` });
  const serviceInformer = informers.informer(services);
  let node: Node | undefined;
  let runtimeName = "containerd";

  const terminationMessages = createTerminationMessages(host.files);
  const statuses = new StatusManager({ client, clock, random, logger });
  const probes = new ProbeManager({
    clock,
    random,
    events,
    changed: notify,
    probe: (probe, target) => runProbe(probe, target, { runtime, network: dependencies.network }),
  });
  const objects = createReferencedObjects({ client, clock, logger, changed: notify });
  const tokens = createTokenManager({ client, clock });
  const killer = new PodKiller({ runtime, network: dependencies.network, events, clock, logger });
  const crashBackoff = new RestartBackoff(clock);
  const puller = new ImagePuller({
    images,
    clock,
    events,
    maxParallelPulls: options.maxParallelPulls ?? 5,
    credentials: (pod, registry) => Promise.resolve(pullCredentials(pod, registry, objects)),
  });

  /** Settled once the machine and the runtime were asked; nothing runs before that. */
  async function assemble() {
    const machine = await dependencies.machine();
    const { runtimeName: name } = await runtime.version();
    runtimeName = name;
    const amounts = () => ({
      memoryBytes: machine.memoryBytes,
      allocatable: node?.status?.allocatable ?? {},
    });
    const context: NodeContext = {
      name: identity.name,
      hostIps: machine.addresses,
      dns: options.dns,
      get amounts() {
        return amounts();
      },
      cgroupRoot: options.cgroupRoot ?? "",
      hostsFileText: options.hostsFileText ?? (() => Promise.resolve("127.0.0.1\tlocalhost\n")),
    };
    const volumes = createVolumeManager({
      client,
      files: host.files,
      objects,
      tokens,
      directories,
      resourceField: (pod, container, resource, divisor) =>
        resourceField(pod, container, resource, divisor, amounts()),
    });
    const common = {
      runtime,
      probes,
      killer,
      volumes,
      objects,
      puller,
      crashBackoff,
      host,
      events,
      clock,
      node: context,
    };
    const synchronizer = new PodSynchronizer({
      ...common,
      network: dependencies.network,
      directories,
      serviceVariables: (pod) =>
        serviceEnvironment(
          serviceInformer.lister.list(),
          pod.metadata.namespace ?? "",
          pod.spec.enableServiceLinks !== false,
        ),
      runtimeHandler: async ({ spec: { runtimeClassName } }) =>
        runtimeClassName === undefined
          ? ""
          : (await client.get(runtimeClasses, { name: runtimeClassName })).handler,
    });
    return createPodLifecycle({
      ...common,
      synchronizer,
      statuses,
      tokens,
      terminationMessages,
      runtimeName,
      logger,
      qosClassOf: (pod) => podQosClass(pod),
      logDirectoryOf: (pod) => podDirectories(directories, pod).logs,
    });
  }

  function followPods(informer: SharedInformer<Pod>, step: ReturnType<typeof createPodLifecycle>): void {
    const workerOf = (pod: Pod): PodWorker => {
      const uid = pod.metadata.uid ?? "";
      let worker = workers.get(uid);
      if (worker === undefined) {
        worker = new PodWorker(pod, {
          clock,
          logger,
          step: async (latest, phase, stepOptions) => {
            const result = await step(latest, phase, stepOptions);
            if (result.phase === "finished" && stepOptions.removed) {
              statuses.remove(uid);
              workers.delete(uid);
            }
            return result;
          },
        });
        workers.set(uid, worker);
      }
      return worker;
    };
    informer.addHandler({
      added: (pod) => workerOf(pod).notify(),
      updated: (_, pod) => workerOf(pod).update(pod),
      deleted: (pod) => {
        const worker = workers.get(pod.metadata.uid ?? "");
        worker?.remove();
        if (worker?.phase === "finished") {
          statuses.remove(pod.metadata.uid ?? "");
          workers.delete(pod.metadata.uid ?? "");
        }
      },
    });
  }

  const orphans = createOrphanCollector({
    runtime,
    host,
    directories,
    logger,
    cgroupRoot: options.cgroupRoot ?? "",
  });
  const pleg = createPleg(
    {
      runtime,
      clock,
      logger,
      changed: notify,
      listed: (listing) => {
        if (podInformer.hasSynced) orphans.collect(listing, (uid) => workers.has(uid));
      },
    },
    options.pleg,
  );

  async function observeNode(): Promise<NodeObservation> {
    const machine = await dependencies.machine();
    const reasons: string[] = [];
    let runtimeVersion = "unknown";
    let handlers: NodeObservation["handlers"];
    let present: NodeObservation["images"] = [];
    try {
      const [version, status, list] = await Promise.all([
        runtime.version(),
        runtime.status(),
        images.listImages(),
      ]);
      runtimeVersion = `${version.runtimeName}://${version.runtimeVersion}`;
      for (const condition of status.conditions) {
        if (!condition.status)
          reasons.push(
            `${conditionWords[condition.type] ?? condition.type}: reason:${condition.reason} message:${condition.message}`,
          );
      }
      handlers = status.runtimeHandlers.map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
        name,
        features: { recursiveReadOnlyMounts, userNamespaces },
      }));
      present = list.map((image) => ({
        names: [...image.repoDigests, ...image.repoTags],
        sizeBytes: image.sizeBytes,
      }));
    } catch (error) {
      reasons.push(`container runtime is down: ${error instanceof Error ? error.message : String(error)}`);
    }
    const silentMs = clock.now() - pleg.lastRelistMs;
    if (silentMs > plegLimitMs)
      reasons.push(
        `PLEG is not healthy: pleg was last seen active ${Math.round(silentMs / 1000)}s ago; threshold is 3m0s`,
      );
    return {
      machine,
      runtimeVersion,
      kubeletVersion: options.kubeletVersion,
      kubeletPort: options.serverPort,
      maxPods: options.maxPods ?? 110,
      images: present,
      notReadyReasons: reasons,
      handlers,
    };
  }

  return {
    pods: () => podInformer.lister.list(),
    node: () => node,
    async run(signal) {
      const step = await assemble();
      const registrar = createNodeRegistrar({
        client,
        clock,
        logger,
        identity,
        observe: observeNode,
        onNode: (latest) => {
          node = latest;
        },
      });
      const registering = registrar.run(signal);
      informers.start(signal);
      // A container's environment tells of the services: those that exist are known first.
      await informers.waitForSync({ signal });
      followPods(podInformer, step);
      await Promise.all([registering, pleg.run(signal)]);
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      await statuses.flush();
    },
  };
}

const plegLimitMs = 180_000;

const conditionWords: Readonly<Record<string, string>> = {
  RuntimeReady: "container runtime status check may not have completed yet",
  NetworkReady: "container runtime network not ready: NetworkReady=false",
};

function podEvents(recorder: EventRecorder): PodEvents {
  const emit =
    (type: "Normal" | "Warning") => (pod: Pod, reason: string, note: string, containerName?: string) => {
      const { name = "", namespace = "", uid = "", resourceVersion = "" } = pod.metadata;
      const fieldPath =
        containerName === undefined ? undefined : `spec.${listOf(pod, containerName)}{${containerName}}`;
      const regarding = { apiVersion: "v1", kind: "Pod", name, namespace, uid, resourceVersion };
      recorder.event(fieldPath === undefined ? regarding : { ...regarding, fieldPath }, {
        type,
        reason,
        note,
      });
    };
  return { normal: emit("Normal"), warning: emit("Warning") };
}

function listOf(pod: Pod, containerName: string): string {
  if ((pod.spec.initContainers ?? []).some(({ name }) => name === containerName)) return "initContainers";
  if ((pod.spec.ephemeralContainers ?? []).some(({ name }) => name === containerName))
    return "ephemeralContainers";
  return "containers";
}
