import { isMirrorPod } from "../api/core/pod-conditions.ts";
import { podQosClass } from "../api/core/pod-qos.ts";
import type { Node, Pod, Service } from "../api/core/types.generated.ts";
import { nodes, pods, runtimeClasses, services } from "../api/resources.generated.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import type { InformerFactory, SharedInformer } from "../client/informer.ts";
import { PodAdmission } from "./admission/pod-admission.ts";
import { kubeletConfiguration } from "./configuration.ts";
import type { NodeContext } from "./container-starter.ts";
import type { ContainerRuntime, ImageService } from "./cri/runtime.ts";
import { EvictionManager } from "./eviction/eviction-manager.ts";
import type { EvictionThresholds } from "./eviction/pressure.ts";
import type { Host } from "./host/host.ts";
import { ImageGarbageCollector, type ImageGarbageOptions } from "./image-garbage.ts";
import { ImagePuller } from "./image-puller.ts";
import { LogRotator, type LogRotatorOptions } from "./logs/log-rotation.ts";
import { runningLogs } from "./logs/running-logs.ts";
import { nodeObserver } from "./node-observer.ts";
import { NodeRegistrar } from "./node-registrar.ts";
import type { MachineInfo, NodeIdentity } from "./node-status.ts";
import { OrphanCollector } from "./orphans.ts";
import { Pleg, type PlegOptions } from "./pleg-loop.ts";
import { type KubeletDirectories, podDirectories } from "./pod-directories.ts";
import { createPodEvents, type PodEvents } from "./pod-events.ts";
import { PodKiller } from "./pod-killer.ts";
import { PodLifecycle } from "./pod-lifecycle.ts";
import { PodSynchronizer } from "./pod-synchronizer.ts";
import { PodWorkers } from "./pod-workers.ts";
import { ProbeManager } from "./probes/probe-manager.ts";
import { type NetworkProber, runProbe } from "./probes/prober.ts";
import { pullCredentials } from "./pull-credentials.ts";
import { ReferencedObjects } from "./referenced-objects.ts";
import { Allocations } from "./resize/allocations.ts";
import { PodResizer } from "./resize/pod-resizer.ts";
import type { NodeDns } from "./resolv-conf.ts";
import { resourceField } from "./resource-amounts.ts";
import { RestartBackoff } from "./restart-backoff.ts";
import { serviceEnvironment } from "./service-environment.ts";
import { isStaticPod } from "./static-pods/static-pod.ts";
import { StaticPods } from "./static-pods/static-pods.ts";
import { KubeletCounters } from "./stats/metrics.ts";
import { StatsProvider } from "./stats/summary.ts";
import { createViews, type KubeletViews } from "./stats/views.ts";
import { StatusManager } from "./status-manager.ts";
import { createTerminationMessages } from "./termination-messages.ts";
import { imageVolumesOf } from "./volumes/image-volumes.ts";
import { createTokenManager } from "./volumes/tokens.ts";
import { VolumeManager } from "./volumes/volume-manager.ts";

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
  readonly allowedUnsafeSysctls?: readonly string[];
  /** A directory with manifests of pods to run whether the API server is there or not (`--pod-manifest-path`). */
  readonly staticPodPath?: string;
  readonly hostsFileText?: () => Promise<string>;
  readonly pleg?: PlegOptions;
  readonly logs?: LogRotatorOptions;
  readonly imageGarbage?: ImageGarbageOptions;
  readonly eviction?: EvictionThresholds;
}

export interface Kubelet {
  /** Runs until the signal aborts; pods keep running after that. */
  run(signal: AbortSignal): Promise<void>;
  /** The pods this node runs, as the API has them. */
  readonly pods: () => readonly Pod[];
  /** The latest Node object; undefined before registration. */
  readonly node: () => Node | undefined;
  /** For the kubelet's server. */
  readonly views: KubeletViews;
}

/** A node's agent: from the pods bound to it to containers that run, and back to their statuses. */
export function createKubelet(dependencies: KubeletDependencies, options: KubeletOptions): Kubelet {
  return new NodeAgent(dependencies, options);
}

/** How long a kubelet that ends waits for its last writes. */
const lastWritesMs = 2000;

class NodeAgent implements Kubelet {
  readonly #dependencies: KubeletDependencies;
  readonly #options: KubeletOptions;
  readonly #podInformer: SharedInformer<Pod>;
  readonly #serviceInformer: SharedInformer<Service>;
  readonly #events: PodEvents;
  readonly #statuses: StatusManager;
  readonly #probes: ProbeManager;
  readonly #staticPods: StaticPods | undefined;
  readonly #objects: ReferencedObjects;
  readonly #allocations = new Allocations();
  readonly #pleg: Pleg;
  readonly #counters = new KubeletCounters();
  readonly views: KubeletViews;
  readonly #garbage: ImageGarbageCollector;
  readonly #eviction: EvictionManager;
  readonly #registrar: NodeRegistrar;
  #lifecycle: PodLifecycle | undefined;
  #workers: PodWorkers | undefined;
  #node: Node | undefined;

  constructor(dependencies: KubeletDependencies, options: KubeletOptions) {
    const { informers, runtime, clock, random, network } = dependencies;
    this.#dependencies = dependencies;
    this.#options = options;
    const fieldSelector = `spec.nodeName=${options.identity.name}`;
    this.#podInformer = informers.informer(pods, { fieldSelector });
    this.#serviceInformer = informers.informer(services);
    this.#events = createPodEvents(dependencies.recorder);
    this.#staticPods = this.#createStaticPods();
    this.#statuses = new StatusManager({
      ...dependencies,
      shownBy: (pod) => (isStaticPod(pod) ? this.#staticPods?.mirrorOf(pod) : pod),
    });
    this.#objects = new ReferencedObjects({ ...dependencies, changed: this.#notify });
    this.#probes = new ProbeManager({
      clock,
      random,
      events: this.#events,
      changed: this.#notify,
      probe: (probe, target) => runProbe(probe, target, { runtime, network }),
    });
    this.#pleg = this.#createPleg();
    this.#garbage = new ImageGarbageCollector(
      { ...dependencies, files: dependencies.host.files, mounted: () => imageVolumesOf(this.pods()) },
      options.imageGarbage,
    );
    this.#eviction = this.#createEviction();
    this.#registrar = this.#createRegistrar();
    this.views = createViews({
      stats: new StatsProvider({ ...dependencies, nodeName: options.identity.name, pods: this.pods }),
      counters: this.#counters,
      probes: () => this.#probes.counts(),
      pods: this.pods,
      listing: () => this.#pleg.listing,
      lastRelistMs: () => this.#pleg.lastRelistMs,
      machine: dependencies.machine,
      nodeName: options.identity.name,
      version: options.kubeletVersion,
      configuration: () => kubeletConfiguration(options),
    });
  }

  readonly pods = () => [
    ...this.#podInformer.lister.list().filter((pod) => !isMirrorPod(pod)),
    ...(this.#staticPods?.pods ?? []),
  ];
  readonly node = () => this.#node;
  readonly #notify = (podUid: string) => this.#workers?.notify(podUid);

  async run(signal: AbortSignal): Promise<void> {
    const { informers, clock, logger } = this.#dependencies;
    const lifecycle = await this.#createLifecycle();
    const workers = new PodWorkers({
      clock,
      logger,
      step: (pod, phase, stepOptions) => lifecycle.step(pod, phase, stepOptions),
      forgotten: (uid) => {
        this.#statuses.remove(uid);
        this.#staticPods?.gone(uid);
      },
    });
    this.#workers = workers;
    this.#lifecycle = lifecycle;
    const registering = this.#registrar.run(signal);
    informers.start(signal);
    await this.#staticPods?.start(workers, this.#podInformer);
    // A container's environment tells of the services: those that exist are known first.
    await informers.waitForSync({ signal });
    workers.follow(this.#podInformer, (pod) => !isMirrorPod(pod));
    await Promise.all([
      registering,
      this.#pleg.run(signal),
      this.#garbage.run(signal),
      this.#eviction.run(signal),
      this.#staticPods?.run(signal),
    ]);
    this.#probes.close();
    this.#objects.close();
    await workers.stop();
    // What the API server does not take now, the next kubelet tells it.
    const waiting = new AbortController();
    const longEnough = sleep(clock, lastWritesMs, { signal: waiting.signal }).catch(() => undefined);
    await Promise.race([this.#statuses.flush(), longEnough]).finally(() => waiting.abort());
    this.#statuses.close();
  }

  #createStaticPods(): StaticPods | undefined {
    const { client, clock, logger, host } = this.#dependencies;
    const { staticPodPath, identity } = this.#options;
    if (staticPodPath === undefined) return undefined;
    return new StaticPods({
      client,
      clock,
      logger,
      files: host.files,
      directory: staticPodPath,
      nodeName: identity.name,
      node: this.node,
      appeared: ({ metadata }) => this.#statuses.shown(metadata.uid ?? ""),
    });
  }

  #createPleg(): Pleg {
    const { runtime, host, clock, logger } = this.#dependencies;
    const { directories, cgroupRoot = "" } = this.#options;
    const orphans = new OrphanCollector({ runtime, host, directories, clock, logger, cgroupRoot });
    const rotator = new LogRotator({ runtime, files: host.files, clock, logger }, this.#options.logs);
    const listed: ConstructorParameters<typeof Pleg>[0]["listed"] = (listing) => {
      void rotator.check(runningLogs(listing, directories));
      if (!this.#podInformer.hasSynced) return;
      // The informer may know of pods that the workers have not been told of yet.
      const wanted = new Set(this.pods().map(({ metadata }) => metadata.uid));
      orphans.collect(listing, (uid) => wanted.has(uid) || this.#workers?.has(uid) === true);
    };
    return new Pleg({ runtime, clock, logger, changed: this.#notify, listed }, this.#options.pleg);
  }

  #createRegistrar(): NodeRegistrar {
    const { client, clock, logger } = this.#dependencies;
    const options = this.#options;
    const { identity, kubeletVersion, maxPods = 110, eviction: heldBack } = options;
    // Asked for each time: the server's port is known only once it listens.
    const facts = () => ({ kubeletVersion, kubeletPort: options.serverPort, maxPods, heldBack });
    const lastRelistMs = () => this.#pleg.lastRelistMs;
    const pressure = () => ({
      memory: this.#eviction.isUnder("memory"),
      disk: this.#eviction.isUnder("disk"),
      pid: this.#eviction.isUnder("pid"),
    });
    const observe = nodeObserver({ ...this.#dependencies, lastRelistMs, pressure });
    return new NodeRegistrar({
      client,
      clock,
      logger,
      identity,
      observe: () => observe(facts()),
      onNode: (latest) => {
        this.#node = latest;
      },
    });
  }

  #createEviction(): EvictionManager {
    const { eviction } = this.#options;
    return new EvictionManager({
      ...this.#dependencies,
      ...(eviction === undefined ? {} : { thresholds: eviction }),
      activePods: this.#activePods,
      freeDisk: () => this.#garbage.collect(),
      changed: () => this.#registrar.refresh(),
      evict: (pod, message, signal) => {
        this.#counters.add("kubelet_evictions", { eviction_signal: signal });
        this.#lifecycle?.evict(pod, message);
      },
    });
  }

  /** Settled once the machine and the runtime were asked; nothing runs before that. */
  async #createLifecycle(): Promise<PodLifecycle> {
    const { client, clock, host, images, runtime } = this.#dependencies;
    const { directories } = this.#options;
    const machine = await this.#dependencies.machine();
    const { runtimeName } = await runtime.version();
    const node = this.#context(machine);
    const objects = this.#objects;
    const tokens = createTokenManager({ client, clock });
    const parts = {
      ...this.#dependencies,
      events: this.#events,
      probes: this.#probes,
      allocations: this.#allocations,
      counters: this.#counters,
      directories,
      node,
      objects,
      tokens,
      killer: new PodKiller({ ...this.#dependencies, events: this.#events }),
      crashBackoff: new RestartBackoff(clock),
      resizer: this.#resizer(),
      volumes: new VolumeManager({
        client,
        files: host.files,
        images,
        objects,
        tokens,
        directories,
        resourceField: (pod, container, resource, divisor) =>
          resourceField(pod, container, resource, divisor, node.amounts),
      }),
      puller: new ImagePuller({
        images,
        clock,
        events: this.#events,
        maxParallelPulls: this.#options.maxParallelPulls ?? 5,
        credentials: (pod, registry) => Promise.resolve(pullCredentials(pod, registry, objects)),
      }),
    };
    return new PodLifecycle({
      ...parts,
      synchronizer: new PodSynchronizer({
        ...parts,
        serviceVariables: (pod) => this.#serviceVariables(pod),
        runtimeHandler: (pod) => this.#runtimeHandler(pod),
      }),
      admission: this.#admission(),
      statuses: this.#statuses,
      terminationMessages: createTerminationMessages(host.files),
      runtimeName,
      changed: this.#notify,
      qosClassOf: podQosClass,
      logDirectoryOf: (pod) => podDirectories(directories, pod).logs,
    });
  }

  #context(machine: MachineInfo): NodeContext {
    const { identity, dns, cgroupRoot = "", hostsFileText } = this.#options;
    const amounts = () => ({
      memoryBytes: machine.memoryBytes,
      allocatable: this.#node?.status?.allocatable ?? {},
    });
    return {
      name: identity.name,
      hostIps: machine.addresses,
      dns,
      get amounts() {
        return amounts();
      },
      cgroupRoot,
      hostsFileText: hostsFileText ?? (() => Promise.resolve("127.0.0.1\tlocalhost\n")),
    };
  }

  #admission(): PodAdmission {
    const { client } = this.#dependencies;
    const { identity, allowedUnsafeSysctls = [] } = this.#options;
    return new PodAdmission({
      node: this.node,
      refreshNode: async () => {
        this.#node = await client.get(nodes, { name: identity.name });
        return this.#node;
      },
      activePods: this.#activePods,
      pressure: (pod) => this.#eviction.rejection(pod),
      allowedUnsafeSysctls,
    });
  }

  #resizer(): PodResizer {
    return new PodResizer({
      allocations: this.#allocations,
      node: this.node,
      activePods: this.#activePods,
      events: this.#events,
    });
  }

  /** With what was granted to them. */
  readonly #activePods = () =>
    (this.#workers?.active() ?? []).map((pod) => this.#allocations.allocatedPod(pod));

  #serviceVariables({ metadata, spec }: Pod) {
    const all = this.#serviceInformer.lister.list();
    return serviceEnvironment(all, metadata.namespace ?? "", spec.enableServiceLinks !== false);
  }

  async #runtimeHandler({ spec: { runtimeClassName } }: Pod): Promise<string> {
    if (runtimeClassName === undefined) return "";
    return (await this.#dependencies.client.get(runtimeClasses, { name: runtimeClassName })).handler;
  }
}
