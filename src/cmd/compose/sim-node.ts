import { type Duplex, duplexPair } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { socketChannel } from "../../client/streaming/byte-channel.ts";
import {
  createSimRuntime,
  type SimRuntime,
  type SimRuntimeOptions,
} from "../../kubelet/cri/sim/sim-runtime.ts";
import type { readLog } from "../../kubelet/host/log-reader.ts";
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
  /** Where logs, exec, attach and port-forward are served; absent: only in this process, and no socket is opened. */
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
  /** Connects to its kubelet, or to a port of one of its pods, without a socket; undefined: the address is not here. */
  dial(place: { readonly host: string; readonly port: number }): Promise<Duplex | undefined>;
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
  const parts = { name, clock, logger, kubelet, runtime };
  const run = async () => {
    if (options.server === undefined) return kubelet.run(signal);
    await using server = await startServer(options.server, client, parts);
    port = server.port;
    await kubelet.run(signal);
  };
  return { name, runtime, running: run(), dial: dialer(address, parts) };
}

interface NodeParts {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly kubelet: Kubelet;
  readonly runtime: SimRuntime;
}

/** What the kubelet's own server answers with: the simulated runtime's streams and logs. */
async function servicesOf({ name, clock, logger, kubelet, runtime }: NodeParts) {
  const { readSimLog } = await import("../../kubelet/host/sim-log-reader.ts");
  const logs = { clock, text: runtime.readLog, changed: runtime.logChanged };
  return {
    pods: new PodAccess(runtime.runtime, kubelet.pods),
    views: kubelet.views,
    runtime: runtime.runtime,
    logger: logger.child({ component: "kubelet", node: name }),
    nowMs: () => clock.now(),
    readLog: (...[source, options, signal]: Parameters<typeof readLog>) =>
      readSimLog(logs, source, options, signal),
  };
}

async function startServer(
  { address, serving, clusterAuthority }: SimServerOptions,
  client: Client,
  parts: NodeParts,
) {
  const { startKubeletServer } = await import("../../kubelet/host/server.ts");
  return startKubeletServer({
    ...(await servicesOf(parts)),
    address,
    port: 0,
    certificate: serving.certificate,
    privateKey: serving.key,
    clientAuthority: clusterAuthority,
    access: createServerAccess({ client, clock: parts.clock, nodeName: parts.name }),
  });
}

/** Connections within this process. What serves them is loaded with the first. */
function dialer(address: string, parts: NodeParts): SimNode["dial"] {
  const { clock, runtime } = parts;
  const load = async () => {
    const { kubeletInProcess } = await import("../../kubelet/host/in-process-server.ts");
    return kubeletInProcess(await servicesOf(parts));
  };
  let connectKubelet: Promise<() => Duplex> | undefined;
  return async ({ host, port }) => {
    if (host === address) {
      connectKubelet ??= clock.hold(load());
      return (await connectKubelet)();
    }
    return runtime.hasAddress(host) ? connectPod(runtime, host, port) : undefined;
  };
}

/** Throws where nothing listens. */
function connectPod(runtime: SimRuntime, host: string, port: number): Duplex {
  const [near, far] = duplexPair();
  const { source, sink } = socketChannel(far, new Uint8Array());
  const served = runtime.connect(host, port, { source, sink });
  if (served === undefined) throw new Error(`connect to ${host}:${port}: connection refused`);
  served.then(
    () => far.end(),
    () => far.destroy(),
  );
  return near;
}
