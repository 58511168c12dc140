import type { AnyObject, KubeObject } from "../apimachinery/meta.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { UserInfo } from "../client/exchange.ts";
import type { InformerFactory } from "../client/informer.ts";
import type { StreamConnection, StreamTransport } from "../client/transport/stream-address.ts";
import type { ControlPlane } from "../cmd/compose/control-plane.ts";
import type { SimNode } from "../cmd/compose/sim-node.ts";
import type { SimRuntimeOptions } from "../kubelet/cri/sim/sim-runtime.ts";
import type { ExtensionApis } from "./extension-apis.ts";
import type { Faults } from "./faults.ts";
import type { TestKubeconfig } from "./kubeconfig.ts";
import type { Webhooks } from "./webhooks.ts";

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
  /** As another user: a name alone is one of system:masters, for faults that are to hit one client and not the others. */
  clientFor(user: string | UserInfo): Client;
  /** For functions that open streams of pods: `runInPod(cluster, …)`, `forwardPort(cluster, …)`. Within this process, as system:masters. */
  readonly transport: StreamTransport;
  /** The same as another user: `runInPod(cluster.connectionFor("alice"), …)`. */
  connectionFor(user: string | UserInfo): StreamConnection & { readonly client: Client };
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly controlPlane: ControlPlane;
  /** What goes wrong between the API server and those who ask it. */
  readonly faults: Faults;
  /** Functions of the test as admission and conversion webhooks. */
  readonly webhooks: Webhooks;
  /** Functions of the test as aggregated APIs; what pods use, for autoscalers. */
  readonly apis: ExtensionApis;
  /** Moves virtual time: "10m", "1.5s", "2h", or milliseconds. Throws on a real clock. */
  advance(duration: string | number): Promise<void>;
  /**
   * Moves virtual time (or waits, on a real clock) until the condition holds. That what it asks for is not found counts as "not yet".
   * Throws what else it throws, and after `timeout` ("10m") an error with the cluster's last warnings.
   */
  until(
    condition: () => boolean | Promise<boolean>,
    options?: { readonly timeout?: string | number },
  ): Promise<void>;
  /**
   * Waits for work that lives on real time (kubectl, another process), while virtual time moves at its pace, or `speed` times as
   * fast. On a real clock it only waits.
   */
  during<T>(work: Promise<T>, options?: { readonly speed?: number }): Promise<T>;
  /**
   * Creates objects: given as such, or as YAML or JSON in a file or in all files of a folder. Custom resource definitions come
   * first, and are served when this resolves.
   */
  install(...sources: readonly (string | URL | KubeObject | AnyObject)[]): Promise<AnyObject[]>;
  /** A new namespace with its service account; `await using` empties and removes it at the end of the block. */
  namespace(prefix?: string): Promise<TestNamespace>;
  /** Listens on a free port of 127.0.0.1 from the first call on: for kubectl, or any other client. */
  kubeconfig(): Promise<TestKubeconfig>;
  /** Stops everything. No timer, socket or promise is left. */
  close(): Promise<void>;
}

/** A namespace of one test's own; disposing of it deletes what is in it. */
export interface TestNamespace extends AsyncDisposable {
  readonly name: string;
}
