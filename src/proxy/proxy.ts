import { endpointSlices, services } from "../api/resources.generated.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { InformerFactory } from "../client/informer.ts";
import { type RuleOptions, type ServiceRules, serviceRules } from "./nft-rules.ts";
import { nftTransaction } from "./nft-transaction.ts";
import { servicePorts } from "./service-ports.ts";

/** The kernel's packet rules. */
export interface PacketRules {
  /** Carries out an nft script, whole or not at all. */
  apply(script: string): Promise<void>;
  /** Removes the table. No error if it is not there. */
  remove(): Promise<void>;
  /** Forgets UDP flows to an address whose endpoints changed: they would go on to where nobody is. */
  forgetFlows(protocol: string, address: string, port: number): Promise<void>;
}

export interface ProxyDependencies {
  readonly informers: InformerFactory;
  readonly rules: PacketRules;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ProxyOptions {
  readonly nodeName: string;
  readonly clusterCidr: string;
}

/** Changes are gathered for this long before the rules are written (upstream's minSyncPeriod is a second). */
const gatherMs = 20;
const retryMs = 1000;

/** Turns services and their endpoints into packet rules on this node, and keeps them so until the signal aborts. */
export async function runProxy(
  dependencies: ProxyDependencies,
  options: ProxyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { informers, rules, clock, logger } = dependencies;
  const ruleOptions: RuleOptions = { family: "ip", clusterCidr: options.clusterCidr };
  const serviceInformer = informers.informer(services);
  const sliceInformer = informers.informer(endpointSlices);
  let applied: ReadonlyMap<string, ServiceRules> | undefined;
  let timer: Timer | undefined;
  let syncing = false;
  let again = false;

  async function sync(): Promise<void> {
    const ports = servicePorts(
      serviceInformer.lister.list(),
      sliceInformer.lister.list(),
      options.nodeName,
      "IPv4",
    );
    const wanted = new Map(ports.map((port) => [port.key, serviceRules(port, ruleOptions)]));
    const script = nftTransaction(applied, wanted, ruleOptions);
    if (script === undefined) return;
    await rules.apply(script);
    for (const { key, protocol, clusterIps, port } of ports) {
      if (protocol !== "udp" || JSON.stringify(applied?.get(key)) === JSON.stringify(wanted.get(key)))
        continue;
      for (const ip of clusterIps) await rules.forgetFlows(protocol, ip, port);
    }
    applied = wanted;
  }

  function schedule(delayMs: number): void {
    if (signal.aborted) return;
    if (syncing) {
      again = true;
      return;
    }
    timer ??= clock.setTimer(delayMs, () => {
      timer = undefined;
      syncing = true;
      sync()
        .then(
          () => undefined,
          (error: unknown) => {
            logger.warn({ error }, "the packet rules could not be written; trying again with all of them");
            applied = undefined;
            again = true;
          },
        )
        .finally(() => {
          syncing = false;
          if (!again) return;
          again = false;
          schedule(applied === undefined ? retryMs : gatherMs);
        });
    });
  }

  informers.start(signal);
  await informers.waitForSync({ signal });
  const changed = () => schedule(gatherMs);
  for (const informer of [serviceInformer, sliceInformer]) {
    informer.addHandler({ added: changed, updated: changed, deleted: changed });
  }
  schedule(0);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  timer?.cancel();
}
