import type { ContainerStatus, Event, Pod } from "../../api/core/types.generated.ts";
import { events, pods, serviceAccounts } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { type Logger, silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { Client } from "../../client/client.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { defaultNetwork } from "../../cmd/compose/cluster-network.ts";
import { startControlPlane } from "../../cmd/compose/control-plane.ts";
import { nodeIdentity } from "../../cmd/compose/identities.ts";
import { inProcessPki } from "../../cmd/compose/in-process-pki.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";
import { createSimRuntime, type SimRuntime, type SimRuntimeOptions } from "../cri/sim/sim-runtime.ts";
import { simMachine, simNetworkProber } from "../host/sim-host.ts";
import { createKubelet, type Kubelet, type KubeletOptions } from "../kubelet.ts";
import type { MachineInfo } from "../node-status.ts";
import type { NetworkProber } from "../probes/prober.ts";
import { type MemoryHost, memoryHost } from "./memory-host.ts";

export interface TestNodeOptions {
  readonly seed?: number;
  readonly runtime?: Partial<SimRuntimeOptions>;
  readonly kubelet?: Partial<KubeletOptions>;
  readonly machine?: Partial<MachineInfo>;
  readonly network?: NetworkProber;
  readonly logger?: Logger;
}

const nodeName = "node-1";
const admin = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** One kubelet on a simulated runtime, an in-memory disk and the real API server, on a virtual clock; nothing else runs. */
export class TestNode implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly client: Client;
  readonly runtime: SimRuntime;
  readonly host: MemoryHost;
  kubelet: Kubelet;
  readonly #start: () => { kubelet: Kubelet; stop: AbortController; running: Promise<void> };
  readonly #close: () => Promise<void>;
  #stop: AbortController;
  #running: Promise<void>;

  private constructor(parts: {
    readonly clock: VirtualClock;
    readonly client: Client;
    readonly runtime: SimRuntime;
    readonly host: MemoryHost;
    readonly start: () => { kubelet: Kubelet; stop: AbortController; running: Promise<void> };
    readonly close: () => Promise<void>;
  }) {
    this.clock = parts.clock;
    this.client = parts.client;
    this.runtime = parts.runtime;
    this.host = parts.host;
    this.#start = parts.start;
    this.#close = parts.close;
    const { kubelet, stop, running } = parts.start();
    this.kubelet = kubelet;
    this.#stop = stop;
    this.#running = running;
  }

  static async start(options: TestNodeOptions = {}): Promise<TestNode> {
    const { seed = 1, logger = silentLogger } = options;
    const clock = new VirtualClock();
    const random = seededRandom(seed);
    const storage = createMemoryStorage({ clock });
    const plane = await startControlPlane({
      storage,
      clock,
      random,
      logger,
      pki: inProcessPki(),
      network: defaultNetwork,
      externalUrl: "https://127.0.0.1:6443",
      disabled: new Set(["scheduler", "controller-manager"]),
    });
    let isReady = false;
    void plane.ready.then(() => {
      isReady = true;
    });
    await clock.advanceUntil(() => isReady, { timeoutMs: 60_000 });
    const runtime = createSimRuntime({ clock, random, podCidr: "10.244.0.0/24", ...options.runtime });
    const host = memoryHost();
    const client = plane.clientFor(nodeIdentity(nodeName));
    const machine = {
      ...simMachine(nodeName, "10.95.0.1", { cpus: 8, memoryBytes: 32 * 2 ** 30 }),
      ...options.machine,
    };
    const start = () => {
      const stop = new AbortController();
      const kubelet = createKubelet(
        {
          client,
          informers: createInformerFactory({ client, clock, random, logger }),
          recorder: plane.recorderFor(client, "kubelet", nodeName),
          runtime: runtime.runtime,
          images: runtime.images,
          host,
          network: options.network ?? simNetworkProber((ip) => runtime.answers(ip)),
          machine: () => Promise.resolve(machine),
          clock,
          random,
          logger,
        },
        {
          identity: { name: nodeName, labels: {}, taints: [], registerSchedulable: true },
          directories: { root: "/kubelet", podLogs: "/logs" },
          dns: {
            host: { servers: [], searches: [], options: [] },
            clusterDns: [defaultNetwork.dnsAddress],
            clusterDomain: defaultNetwork.clusterDomain,
          },
          kubeletVersion: "v1.36.0",
          serverPort: 0,
          ...options.kubelet,
        },
      );
      return { kubelet, stop, running: kubelet.run(stop.signal) };
    };
    const close = async () => {
      await plane.close();
      await runtime.close();
      await storage.close();
    };
    const node = new TestNode({ clock, client: plane.clientFor(admin), runtime, host, start, close });
    const metadata = { name: "default", namespace: "default" };
    await node.client.create(serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata });
    await node.until(() => node.kubelet.node() !== undefined);
    return node;
  }

  /** Stops the kubelet as a crash would, containers going on; `startKubelet` brings a new one. */
  async stopKubelet(): Promise<void> {
    this.#stop.abort();
    let stopped = false;
    void this.#running.finally(() => {
      stopped = true;
    });
    await this.clock.advanceUntil(() => stopped, { timeoutMs: 600_000 });
  }

  startKubelet(): void {
    const { kubelet, stop, running } = this.#start();
    this.kubelet = kubelet;
    this.#stop = stop;
    this.#running = running;
  }

  /** Creates a pod bound to the node: one container "c" unless the spec says otherwise. */
  create(name: string, spec: Partial<Pod["spec"]> = {}, metadata: Pod["metadata"] = {}): Promise<Pod> {
    return this.client.create(pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default", ...metadata },
      spec: {
        nodeName,
        automountServiceAccountToken: false,
        containers: [{ name: "c", image: "app:1" }],
        ...spec,
      },
    });
  }

  pod(name: string): Promise<Pod> {
    return this.client.get(pods, { namespace: "default", name });
  }

  async exists(name: string): Promise<boolean> {
    try {
      await this.pod(name);
      return true;
    } catch (error) {
      if (isApiError(error, "NotFound")) return false;
      throw error;
    }
  }

  delete(name: string, gracePeriodSeconds?: number): Promise<unknown> {
    const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
    return this.client.delete(pods, { namespace: "default", name }, grace);
  }

  /** Moves time until the promise settles: for what takes time on the node. */
  async during<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    work.then(done, done);
    await this.until(() => settled);
    return work;
  }

  /** Moves time until the condition holds. */
  until(condition: () => boolean | Promise<boolean>, timeoutMs = 600_000): Promise<void> {
    // A write that time set off may take some more turns to arrive.
    const settled = async () => {
      if (await condition()) return true;
      await this.clock.settle();
      return condition();
    };
    return this.clock.advanceUntil(settled, { timeoutMs });
  }

  /** Moves time until the pod is as wanted; fails with the pod's status where that does not come. */
  async untilPod(name: string, wanted: (pod: Pod) => boolean, timeoutMs = 600_000): Promise<Pod> {
    try {
      await this.until(async () => wanted(await this.pod(name)), timeoutMs);
    } catch (error) {
      throw new Error(`${name}: ${JSON.stringify((await this.pod(name)).status, null, 1)}`, { cause: error });
    }
    return this.pod(name);
  }

  untilRunning(name: string): Promise<Pod> {
    return this.untilPod(name, (pod) => pod.status?.phase === "Running" && isReady(pod));
  }

  /** The events about a pod, oldest first, as "Reason: message". */
  async eventsOf(name: string): Promise<string[]> {
    await this.clock.advance(2000);
    const list = await this.client.list(events, { namespace: "default" });
    return list.items
      .filter(({ involvedObject }: Event) => involvedObject?.name === name)
      .map(({ reason, message }: Event) => `${reason}: ${message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopKubelet();
    await this.#close();
  }
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

/** The status of one of the pod's containers, of whatever sort. */
export function statusOf(pod: Pod, container = "c"): ContainerStatus {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = pod.status ?? {};
  const found = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    ({ name }) => name === container,
  );
  if (found === undefined)
    throw new Error(`no status of container ${container}: ${JSON.stringify(pod.status)}`);
  return found;
}
