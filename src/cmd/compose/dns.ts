import { type Clock, sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { watchClusterRecords } from "../../dns/cluster-records.ts";
import { publishDnsService } from "../../dns/publish.ts";
import type { ClusterNetwork } from "./cluster-network.ts";

export interface DnsDependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
}

const retryMs = 500;

/** Serves cluster DNS at a node's address, behind kube-system/kube-dns, until the signal aborts. */
export async function runDns(
  { client, informers, clock, logger }: DnsDependencies,
  options: {
    readonly network: ClusterNetwork;
    readonly address: string;
    readonly upstreams: readonly string[];
  },
  signal: AbortSignal,
): Promise<void> {
  const { startDnsServer } = await import("../../dns/server/dns-server.ts");
  const records = watchClusterRecords(informers, options.network.clusterDomain);
  informers.start(signal);
  await informers.waitForSync({ signal });
  await using server = await startDnsServer({
    address: options.address,
    port: 0,
    upstreams: options.upstreams,
    records,
    logger,
  });
  while (!signal.aborted) {
    try {
      const where = { clusterIp: options.network.dnsAddress, address: options.address, port: server.port };
      await publishDnsService(client, where, { signal });
      break;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error }, "the DNS service could not be published; trying again");
      await sleep(clock, retryMs, { signal }).catch(() => undefined);
    }
  }
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
