import type { Node, Pod, PodStatus } from "../../api/core/types.generated.ts";
import { leases, namespaces, nodes, pods } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import type { AdmissionDependencies } from "../../apiserver/admission/dependencies.ts";
import { namespaceLifecycle } from "../../apiserver/admission/namespace-lifecycle.ts";
import { defaultTolerationSeconds, taintNodesByCondition } from "../../apiserver/admission/pod-defaults.ts";
import { resourceQuota } from "../../apiserver/admission/resource-quota.ts";
import { inProcessTransport } from "../../apiserver/in-process.ts";
import { loopbackUser } from "../../apiserver/server.ts";
import type { AdmissionPlugin, StagesFactory } from "../../apiserver/stages.ts";
import { openStages, startTestServer } from "../../apiserver/test-support/server.ts";
import { rfc3339, rfc3339Micro } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import type { VirtualClock } from "../../base/virtual-clock.ts";
import type { Client } from "../../client/client.ts";
import type { Transport } from "../../client/exchange.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { createClient } from "../../client/rest-client.ts";
import { type ControllerManagerOptions, createControllerManager } from "../main.ts";

export interface TestCluster {
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly informers: InformerFactory;
  /** Advances virtual time until the condition holds. */
  until(condition: () => boolean | Promise<boolean>, options?: { timeoutMs?: number }): Promise<void>;
  list<T extends KubeObject = AnyObject>(type: ResourceType<T>, namespace?: string): Promise<readonly T[]>;
  /** Undefined where there is none. */
  find<T extends KubeObject = AnyObject>(
    type: ResourceType<T>,
    name: string,
    namespace?: string,
  ): Promise<T | undefined>;
  addNode(name: string, more?: Partial<Node>): Promise<void>;
  /** Ends all controllers in the middle of whatever they do, and starts others that know nothing. */
  restartControllers(): Promise<void>;
  /** Reports the node ready and renews its lease every 10 s, until `stop`. */
  keepAlive(name: string): Promise<{ stop(): void }>;
  close(): Promise<void>;
}

export interface TestClusterOptions {
  readonly options?: ControllerManagerOptions;
  /** Writes of the controllers that are lost, by a seed: half on the way there, half on the way back. */
  readonly faults?: { readonly seed: number; readonly rate: number };
  /** How the stand-in kubelet treats a pod; absent: no kubelet. */
  readonly kubelet?: KubeletBehaviour;
}

export interface KubeletBehaviour {
  /** Virtual time from a pod's creation until it runs and is ready. */
  readyAfterMs(pod: Pod): number;
  /** The outcome of a pod that ends, and when after it started. */
  outcome?(pod: Pod): { readonly afterMs: number; readonly status: PodStatus } | undefined;
  readonly nodeOf?: (pod: Pod) => string;
}

/** The API server, all controllers and a kubelet's stand-in in one process, on a virtual clock. */
export async function startTestCluster({
  options = {},
  kubelet,
  faults,
}: TestClusterOptions = {}): Promise<TestCluster> {
  const stop = new AbortController();
  const stages = stagesWithAdmission(stop.signal, () => server.clock);
  const server = await startTestServer({ dependencies: { stages } });
  await server.server.start();
  const { clock } = server;
  const random = seededRandom(7);
  const transport = inProcessTransport(server.server, loopbackUser);
  const client = createClient({ transport, clock });
  const informers = createInformerFactory({
    client,
    clock,
    random,
    logger: silentLogger,
    detectMutations: true,
  });
  for (const name of ["default", "kube-system", "kube-node-lease"]) {
    await client
      .create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: {} })
      .catch((error: unknown) => {
        if (!isApiError(error, "AlreadyExists")) throw error;
      });
  }
  if (kubelet !== undefined) runKubelet(client, informers, clock, kubelet);
  informers.start(stop.signal);
  const managerTransport = faults === undefined ? transport : lossy(transport, faults);
  const startControllers = () => runControllers(managerTransport, clock, random, options);
  let controllers = startControllers();
  await clock.settle();
  return {
    client,
    clock,
    informers,
    until: (condition, limits) => clock.advanceUntil(condition, limits),
    list: async (type, namespace) =>
      (await client.list(type, namespace === undefined ? {} : { namespace })).items,
    async find(type, name, namespace) {
      try {
        return await client.get(type, namespace === undefined ? { name } : { namespace, name });
      } catch (error) {
        if (isApiError(error, "NotFound")) return undefined;
        throw error;
      }
    },
    async addNode(name, more = {}) {
      const metadata = { name, ...more.metadata };
      await client.create(nodes, { apiVersion: "v1", kind: "Node", spec: {}, ...more, metadata });
    },
    keepAlive: (name) => keepAlive(client, clock, name),
    async restartControllers() {
      await controllers.stop();
      controllers = startControllers();
    },
    async close() {
      stop.abort(new Error("the test is over"));
      await controllers.stop();
      await transport.close();
      await server.close();
    },
  };
}

/** A controller manager with caches of its own. */
function runControllers(
  transport: Transport,
  clock: VirtualClock,
  random: Random,
  options: ControllerManagerOptions,
): { stop(): Promise<void> } {
  const abort = new AbortController();
  const client = createClient({ transport, clock });
  const sources = { client, clock, random, logger: silentLogger };
  const informers = createInformerFactory({ ...sources, detectMutations: true });
  const running = createControllerManager({ ...sources, informers, options })
    .start(abort.signal)
    .catch((error: unknown) => {
      if (!abort.signal.aborted) throw error;
    });
  return {
    stop() {
      abort.abort(new Error("the controllers are stopped"));
      return running;
    },
  };
}

/** A connection that loses writes, before or after they were carried out. */
function lossy(
  transport: Transport,
  { seed, rate }: { readonly seed: number; readonly rate: number },
): Transport {
  const random = seededRandom(seed);
  return {
    async send(request) {
      const isWrite = request.method !== "GET";
      if (isWrite && random.next() < rate / 2) throw new Error("connection refused");
      const answer = await transport.send(request);
      if (isWrite && random.next() < rate / 2) throw new Error("connection reset");
      return answer;
    },
    close: () => transport.close(),
  };
}

async function keepAlive(client: Client, clock: VirtualClock, name: string): Promise<{ stop(): void }> {
  const at = () => rfc3339(clock.now());
  const ready = { type: "Ready", status: "True", lastHeartbeatTime: at(), lastTransitionTime: at() };
  const report = { type: "merge", patch: { status: { conditions: [ready] } } } as const;
  await client.patch(nodes, { name }, report, { subresource: "status" });
  const renewTime = () => rfc3339Micro(clock.now());
  const metadata = { name, namespace: "kube-node-lease" };
  await client.create(leases, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata,
    spec: { holderIdentity: name, renewTime: renewTime() },
  });
  let isAlive = true;
  const renew = () => {
    if (!isAlive) return;
    const change = { type: "merge", patch: { spec: { renewTime: renewTime() } } } as const;
    void client.patch(leases, metadata, change).catch(() => {});
    clock.setTimer(10_000, renew);
  };
  clock.setTimer(10_000, renew);
  return {
    stop() {
      isAlive = false;
    },
  };
}

/** No authentication and no authorization, but what admission does for controllers: it guards namespaces and quotas. */
function stagesWithAdmission(signal: AbortSignal, clockOf: () => VirtualClock): StagesFactory {
  return (loopback) => {
    let plugins: readonly AdmissionPlugin[] | undefined;
    // Made when the first request comes: the server and its clock are there then.
    const start = () => {
      const clock = clockOf();
      const client = createClient({ transport: loopback, clock });
      const informers = createInformerFactory({
        client,
        clock,
        random: seededRandom(3),
        logger: silentLogger,
      });
      // What these plugins do not use is left out.
      const dependencies = { client, informers, clock } as unknown as AdmissionDependencies;
      const made = [namespaceLifecycle(dependencies), resourceQuota(dependencies)];
      informers.start(signal);
      return made;
    };
    const guard: AdmissionPlugin = {
      name: "Guard",
      handles: () => true,
      async admit(attributes) {
        plugins ??= start();
        for (const plugin of plugins) {
          if (plugin.handles(attributes.operation)) await plugin.admit?.(attributes);
        }
        return attributes.object;
      },
      async validate(attributes) {
        for (const plugin of plugins ?? []) {
          if (plugin.handles(attributes.operation)) await plugin.validate?.(attributes);
        }
      },
    };
    return { ...openStages, admission: [guard, taintNodesByCondition(), defaultTolerationSeconds()] };
  };
}

function runKubelet(
  client: Client,
  informers: InformerFactory,
  clock: VirtualClock,
  kubelet: KubeletBehaviour,
): void {
  const known = new Set<string>();
  const report = async (pod: Pod, status: PodStatus) => {
    const { namespace = "", name = "" } = pod.metadata;
    try {
      const live = await client.get(pods, { namespace, name });
      if (live.metadata.uid !== pod.metadata.uid) return;
      await client.update(
        pods,
        { ...live, status: { ...live.status, ...status } },
        { subresource: "status" },
      );
    } catch (error) {
      if (isApiError(error, "Conflict")) await report(pod, status);
      else if (!isApiError(error, "NotFound")) throw error;
    }
  };
  const readiness = (status: "True" | "False") => [
    { type: "Ready", status, lastTransitionTime: rfc3339(clock.now()) },
  ];
  const start = (pod: Pod) => {
    const { namespace = "", name = "", uid = "" } = pod.metadata;
    if (known.has(uid)) return;
    known.add(uid);
    clock.setTimer(kubelet.readyAfterMs(pod), () => {
      const ip = `10.9.${known.size >> 8}.${known.size & 255}`;
      void report(pod, { phase: "Running", podIP: ip, podIPs: [{ ip }], conditions: readiness("True") });
      const outcome = kubelet.outcome?.(pod);
      if (outcome === undefined) return;
      clock.setTimer(outcome.afterMs, () => {
        void report(pod, { conditions: readiness("False"), ...outcome.status });
      });
    });
    if (pod.spec.nodeName === undefined && kubelet.nodeOf !== undefined) {
      const target = { apiVersion: "v1", kind: "Node", name: kubelet.nodeOf(pod) };
      const binding = { apiVersion: "v1", kind: "Binding", metadata: { name }, target };
      void client.createSubresource(pods, { namespace, name }, "binding", binding).catch(() => {});
    }
  };
  const end = ({ metadata: { namespace = "", name = "", uid = "" } }: Pod) => {
    clock.setTimer(1000, () => {
      void client
        .delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
        .catch(() => {});
    });
  };
  informers.informer(pods).addHandler({
    added: start,
    updated(old, pod) {
      const { deletionTimestamp } = pod.metadata;
      if (deletionTimestamp !== undefined && old.metadata.deletionTimestamp === undefined) end(pod);
    },
  });
}
