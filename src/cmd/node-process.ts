import { readFileSync } from "node:fs";
import { seededRandom } from "../base/random.ts";
import { systemClock } from "../base/system-clock.ts";
import { systemRandom } from "../base/system-random.ts";
import { createEventRecorder } from "../client/event-recorder.ts";
import { createInformerFactory } from "../client/informer-factory.ts";
import { createClient } from "../client/rest-client.ts";
import { certificate } from "../client/transport/credentials.ts";
import { createHttpsTransport } from "../client/transport/https-transport.ts";
import { type RealNodeConfig, startRealNode } from "./compose/real-node.ts";
import { installLastResort } from "./last-resort.ts";
import { fileLogger } from "./logger.ts";

/** All that the process of one node is told, in a file that only root may read. */
export interface NodeProcessConfig {
  readonly node: RealNodeConfig;
  readonly server: string;
  readonly client: { readonly certificate: string; readonly key: string };
  readonly proxyClient: { readonly certificate: string; readonly key: string };
  readonly log: string;
  readonly logLevel: string;
}

/** Runs one node in a process of its own, in its network namespace, until it is told to stop. */
export async function runNodeProcess(configPath: string): Promise<void> {
  const config = JSON.parse(readFileSync(configPath, "utf8")) as NodeProcessConfig; // written by node-processes.ts
  const logger = fileLogger(config.log, config.logLevel);
  const clock = systemClock;
  const random = systemRandom;
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  installLastResort(logger);
  const connect = (pair: { readonly certificate: string; readonly key: string }, userAgent: string) =>
    createClient({
      clock,
      userAgent,
      transport: createHttpsTransport({
        server: config.server,
        ca: config.node.clusterAuthority,
        credentials: certificate({ cert: pair.certificate, key: pair.key }),
      }),
    });
  const client = connect(config.client, "kubelet");
  const informersOf = (through: typeof client) =>
    createInformerFactory({ client: through, clock, random, logger });
  const node = await startRealNode(
    config.node,
    {
      client,
      informers: informersOf(client),
      proxyInformers: informersOf(connect(config.proxyClient, "kube-proxy")),
      recorder: createEventRecorder({
        client,
        clock,
        random: seededRandom(process.pid),
        logger,
        component: "kubelet",
        host: config.node.name,
        signal: stop.signal,
      }),
      clock,
      random,
      logger,
    },
    stop.signal,
  );
  // A parent that dies takes its nodes with it: a cluster is never half there.
  process.once("disconnect", () => stop.abort());
  await node.running;
  logger.flush();
}
