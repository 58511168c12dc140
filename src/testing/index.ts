import type { Clock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/log.ts";
import { type Random, seededRandom } from "../base/random.ts";
import { systemClock } from "../base/system-clock.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { Client } from "../client/client.ts";
import type { InformerFactory } from "../client/informer.ts";
import { createInformerFactory } from "../client/informer-factory.ts";
import { defaultNetwork } from "../cmd/compose/cluster-network.ts";
import { type ControlPlane, startControlPlane } from "../cmd/compose/control-plane.ts";
import { inProcessPki } from "../cmd/compose/in-process-pki.ts";
import { type SimNode, startSimNode } from "../cmd/compose/sim-node.ts";
import type { SimRuntimeOptions } from "../kubelet/cri/sim/sim-runtime.ts";
import { createMemoryStorage } from "../storage/memory/memory-storage.ts";
import { milliseconds } from "./duration.ts";

/** What kind of cluster; by default one node on virtual time. */
export interface TestClusterOptions {
  /** Simulated nodes, "node-1" and on; default 1. */
  readonly nodes?: number;
  /** "virtual" (the default): time moves only by `advance`. "real": it moves by itself. */
  readonly clock?: "virtual" | "real";
  /** The run is the same for the same seed. Default 1. */
  readonly seed?: number;
  /** Components or controllers that are not to run: "scheduler", "controller-manager", "job-controller" … */
  readonly disable?: readonly string[];
  /** What the simulated containers do; by default they start at once and run until they are stopped. */
  readonly runtime?: Partial<SimRuntimeOptions>;
  readonly logger?: Logger;
}

/** A whole cluster in this process: the real API server, scheduler, controllers and kubelets on simulated runtimes. */
export interface TestCluster extends AsyncDisposable {
  /** As system:masters. */
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly controlPlane: ControlPlane;
  /** Moves virtual time: "10m", "1.5s", "2h", or milliseconds. Throws on a real clock. */
  advance(duration: string | number): Promise<void>;
  /** Moves virtual time (or waits, on a real clock) until the condition holds; throws after `timeout` ("10m"). */
  until(
    condition: () => boolean | Promise<boolean>,
    options?: { readonly timeout?: string | number },
  ): Promise<void>;
  /** Stops everything. No timer, socket or promise is left. */
  close(): Promise<void>;
}

const admin = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** Starts a cluster for a test; ready to use when this resolves. */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { nodes = 1, seed = 1, logger = silentLogger } = options;
  const virtual = options.clock === "real" ? undefined : new VirtualClock();
  const clock: Clock = virtual ?? systemClock;
  const random = seededRandom(seed);
  const storage = createMemoryStorage({ clock });
  const stop = new AbortController();
  const plane = await startControlPlane({
    storage,
    clock,
    random,
    logger,
    pki: inProcessPki(),
    network: defaultNetwork,
    externalUrl: "https://127.0.0.1:6443",
    disabled: new Set(options.disable ?? []),
  });
  plane.startComponents();
  const simNodes = Array.from({ length: nodes }, (_, index) =>
    startSimNode(
      {
        plane,
        name: `node-${index + 1}`,
        index,
        network: defaultNetwork,
        clock,
        random,
        logger,
        ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
      },
      stop.signal,
    ),
  );
  const client = plane.clientFor(admin);
  if (virtual === undefined) await plane.ready;
  else await virtual.advanceUntil(() => isSettled(plane.ready), { timeoutMs: 60_000 });
  const cluster: TestCluster = {
    client,
    informers: createInformerFactory({ client, clock, random, logger }),
    clock,
    random,
    nodes: simNodes,
    controlPlane: plane,
    async advance(duration) {
      if (virtual === undefined)
        throw new Error("advance needs the virtual clock: startCluster({ clock: 'virtual' })");
      await virtual.advance(milliseconds(duration));
    },
    async until(condition, { timeout = "10m" } = {}) {
      const timeoutMs = milliseconds(timeout);
      await (virtual === undefined
        ? waitUntil(condition, timeoutMs)
        : virtual.advanceUntil(condition, { timeoutMs }));
    },
    async close() {
      stop.abort();
      const closing = Promise.allSettled(simNodes.map(({ running }) => running)).then(() => plane.close());
      // What waits for time to pass while it stops gets it.
      if (virtual !== undefined)
        await virtual.advanceUntil(() => isSettled(closing), { timeoutMs: 3_600_000 }).catch(() => undefined);
      await closing;
      await Promise.all(simNodes.map(({ runtime }) => runtime.close()));
      await storage.close();
    },
    [Symbol.asyncDispose]() {
      return cluster.close();
    },
  };
  return cluster;
}

/** On real time: looks every few milliseconds. */
async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  const endMs = systemClock.now() + timeoutMs;
  while (!(await condition())) {
    if (systemClock.now() > endMs) throw new Error("until: the condition did not hold in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  const state = await Promise.race([
    promise.then(() => undefined),
    new Promise((resolve) => setImmediate(resolve, pending)),
  ]);
  return state !== pending;
}
