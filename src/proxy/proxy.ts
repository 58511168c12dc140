import { endpointSlices, services } from "../api/resources.generated.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { InformerFactory } from "../client/informer.ts";
import { type RuleOptions, type ServiceRules, serviceRules } from "./nft-rules.ts";
import { nftTransaction } from "./nft-transaction.ts";
import { type ServicePort, servicePorts } from "./service-ports.ts";

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
  const { informers } = dependencies;
  const serviceInformer = informers.informer(services);
  const sliceInformer = informers.informer(endpointSlices);
  const writer = new RuleWriter(dependencies, options, () =>
    servicePorts(serviceInformer.lister.list(), sliceInformer.lister.list(), options.nodeName, "IPv4"),
  );
  informers.start(signal);
  await informers.waitForSync({ signal });
  const changed = () => writer.schedule(gatherMs);
  for (const informer of [serviceInformer, sliceInformer]) {
    informer.addHandler({ added: changed, updated: changed, deleted: changed });
  }
  writer.schedule(0);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  writer.stop();
}

/** Writes the rules that changed, one write at a time; after a failure all of them. */
class RuleWriter {
  readonly #dependencies: ProxyDependencies;
  readonly #options: RuleOptions;
  readonly #ports: () => readonly ServicePort[];
  #applied: ReadonlyMap<string, ServiceRules> | undefined;
  #timer: Timer | undefined;
  #writing = false;
  #again = false;
  #stopped = false;

  constructor(dependencies: ProxyDependencies, options: ProxyOptions, ports: () => readonly ServicePort[]) {
    this.#dependencies = dependencies;
    this.#options = { family: "ip", clusterCidr: options.clusterCidr };
    this.#ports = ports;
  }

  /** Writes after `delayMs`; what comes meanwhile is gathered. */
  schedule(delayMs: number): void {
    if (this.#stopped) return;
    if (this.#writing) {
      this.#again = true;
      return;
    }
    this.#timer ??= this.#dependencies.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      void this.#run();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    this.#writing = true;
    try {
      await this.#write();
    } catch (error) {
      const { logger } = this.#dependencies;
      logger.warn({ error }, "the packet rules could not be written; trying again with all of them");
      this.#applied = undefined;
      this.#again = true;
    }
    this.#writing = false;
    if (!this.#again) return;
    this.#again = false;
    this.schedule(this.#applied === undefined ? retryMs : gatherMs);
  }

  async #write(): Promise<void> {
    const { rules } = this.#dependencies;
    const ports = this.#ports();
    const wanted = new Map(ports.map((port) => [port.key, serviceRules(port, this.#options)]));
    const script = nftTransaction(this.#applied, wanted, this.#options);
    if (script === undefined) return;
    await rules.apply(script);
    for (const { key, protocol, clusterIps, port } of ports) {
      const before = this.#applied?.get(key);
      if (protocol !== "udp" || JSON.stringify(before) === JSON.stringify(wanted.get(key))) continue;
      for (const ip of clusterIps) await rules.forgetFlows(protocol, ip, port);
    }
    this.#applied = wanted;
  }
}
