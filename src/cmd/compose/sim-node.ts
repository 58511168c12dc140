import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import {
  createSimRuntime,
  type SimRuntime,
  type SimRuntimeOptions,
} from "../../kubelet/cri/sim/sim-runtime.ts";
import { simHost, simMachine, simNetworkProber } from "../../kubelet/host/sim-host.ts";
import { createKubelet, type Kubelet } from "../../kubelet/kubelet.ts";
import { PodAccess } from "../../kubelet/pod-access.ts";
import { createServerAccess } from "../../kubelet/server-access.ts";
import type { ClusterNetwork } from "./cluster-network.ts";
import type { ControlPlane } from "./control-plane.ts";
import { nodeIdentity } from "./identities.ts";
import { kubeletVersion } from "./versions.ts";

export interface SimNodeOptions {
  readonly plane: ControlPlane;
  readonly name: string;
  readonly index: number;
  readonly network: ClusterNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly labels?: Readonly<Record<string, string>>;
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly runtime?: Partial<SimRuntimeOptions>;
  /** Where logs, exec, attach and port-forward are served; absent: nowhere, and no socket is opened. */
  readonly server?: SimServerOptions;
}

export interface SimServerOptions {
  /** One of this machine's own, another for each node; the node's address in the API too. */
  readonly address: string;
  /** PEM, good for the address. */
  readonly serving: { readonly certificate: string; readonly key: string };
  readonly clusterAuthority: string;
}

/** A simulated node that runs: its runtime, and the end of its kubelet. */
export interface SimNode {
  readonly name: string;
  readonly runtime: SimRuntime;
  readonly running: Promise<void>;
}

/** A node whose containers are simulated: the real kubelet on an in-memory runtime. */
export function startSimNode(options: SimNodeOptions, signal: AbortSignal): SimNode {
  const { plane, name, index, network, clock, random, logger } = options;
  const client = plane.clientFor(nodeIdentity(name));
  const runtime = createSimRuntime({
    clock,
    random,
    podCidr: `10.244.${index % 256}.0/24`,
    ...options.runtime,
  });
  const address = options.server?.address ?? `10.95.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  const machine = simMachine(name, address, {
    cpus: options.cpus ?? 8,
    memoryBytes: options.memoryBytes ?? 32 * 2 ** 30,
  });
  let port = 0;
  const kubelet = createKubelet(
    {
      client,
      informers: createInformerFactory({ client, clock, random, logger }),
      recorder: plane.recorderFor(client, "kubelet", name),
      runtime: runtime.runtime,
      images: runtime.images,
      host: simHost,
      network: simNetworkProber((ip) => runtime.answers(ip)),
      machine: () => Promise.resolve(machine),
      clock,
      random,
      logger: logger.child({ component: "kubelet", node: name }),
    },
    {
      identity: { name, labels: options.labels ?? {}, taints: [], registerSchedulable: true },
      directories: { root: `/sim/${name}`, podLogs: `/sim/${name}/logs` },
      dns: {
        host: { servers: [], searches: [], options: [] },
        clusterDns: [network.dnsAddress],
        clusterDomain: network.clusterDomain,
      },
      kubeletVersion,
      get serverPort() {
        return port;
      },
    },
  );
  const run = async () => {
    if (options.server === undefined) return kubelet.run(signal);
    await using server = await startServer(options.server, { ...options, client, kubelet, sim: runtime });
    port = server.port;
    await kubelet.run(signal);
  };
  return { name, runtime, running: run() };
}

/** The kubelet's own server, on the simulated runtime's streams and logs. */
async function startServer(
  { address, serving, clusterAuthority }: SimServerOptions,
  node: {
    readonly name: string;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly client: Client;
    readonly kubelet: Kubelet;
    readonly sim: SimRuntime;
  },
) {
  const { startKubeletServer } = await import("../../kubelet/host/server.ts");
  const { readSimLog } = await import("../../kubelet/host/sim-log-reader.ts");
  const { name, clock, logger, client, kubelet, sim } = node;
  const logs = { clock, text: (path: string) => sim.readLog(path) };
  return startKubeletServer({
    address,
    port: 0,
    certificate: serving.certificate,
    privateKey: serving.key,
    clientAuthority: clusterAuthority,
    access: createServerAccess({ client, clock, nodeName: name }),
    pods: new PodAccess(sim.runtime, kubelet.pods),
    views: kubelet.views,
    runtime: sim.runtime,
    logger: logger.child({ component: "kubelet", node: name }),
    readLog: (source, logOptions, signal) => readSimLog(logs, source, logOptions, signal),
  });
}
