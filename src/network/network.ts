import { nodes } from "../api/resources.generated.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { InformerFactory } from "../client/informer.ts";
import { cniConfig } from "./cni-config.ts";
import { nodeRules } from "./node-rules.ts";
import { type Route, routeChanges, routesToPods } from "./routes.ts";

/** What the pod network does to the machine. */
export interface NetworkHost {
  /** Where the runtime looks for its CNI configuration; written whole or not at all. */
  writeCniConfig(config: object): Promise<void>;
  /** Forwarding on, bridged packets through the packet rules, node ports on the loopback. */
  prepare(interfaces: { readonly bridge: string; readonly uplink: string }): Promise<void>;
  applyRules(script: string): Promise<void>;
  addRoute(route: Route): Promise<void>;
  removeRoute(route: Route): Promise<void>;
}

export interface NetworkDependencies {
  readonly informers: InformerFactory;
  readonly host: NetworkHost;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NetworkOptions {
  readonly nodeName: string;
  readonly clusterCidr: string;
  readonly bridge: string;
  /** By which the other nodes are reached. */
  readonly uplink: string;
  readonly mtu: number;
  readonly cniDataDirectory: string;
}

const retryMs = 1000;

/**
 * Connects this node's pods: writes the CNI configuration once the node has its pod CIDR, and keeps routes to the other
 * nodes' pods. What a network add-on's agent does in a cluster elsewhere.
 */
export async function runNetwork(
  dependencies: NetworkDependencies,
  options: NetworkOptions,
  signal: AbortSignal,
): Promise<void> {
  const { informers, host, clock, logger } = dependencies;
  const { nodeName, clusterCidr, bridge, uplink, mtu } = options;
  const informer = informers.informer(nodes);
  let configuredCidr: string | undefined;
  let routes: readonly Route[] = [];
  let wake = new AbortController();
  informer.addHandler({
    added: () => wake.abort(),
    updated: () => wake.abort(),
    deleted: () => wake.abort(),
  });
  informers.start(signal);
  await informers.waitForSync({ signal });

  async function sync(): Promise<void> {
    const all = informer.lister.list();
    const podCidr = informer.lister.get(nodeName)?.spec?.podCIDR;
    if (podCidr !== undefined && podCidr !== configuredCidr) {
      await host.prepare({ bridge, uplink });
      await host.applyRules(nodeRules({ podCidr, clusterCidr, bridge, uplink }));
      await host.writeCniConfig(cniConfig({ podCidr, bridge, mtu, dataDirectory: options.cniDataDirectory }));
      configuredCidr = podCidr;
      logger.info({ node: nodeName, podCidr }, "pod network ready");
    }
    const { remove, add } = routeChanges(routes, routesToPods(all, nodeName));
    for (const route of remove) await host.removeRoute(route);
    for (const route of add) await host.addRoute(route);
    routes = routesToPods(all, nodeName);
  }

  while (!signal.aborted) {
    wake = new AbortController();
    let failed = false;
    try {
      await sync();
    } catch (error) {
      failed = true;
      logger.warn({ error, node: nodeName }, "the pod network could not be set up; trying again");
    }
    const pause = failed
      ? sleep(clock, retryMs, { signal })
      : aborted(AbortSignal.any([signal, wake.signal]));
    await pause.catch(() => undefined);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
