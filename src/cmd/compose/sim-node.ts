import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import {
  createSimRuntime,
  type SimRuntime,
  type SimRuntimeOptions,
} from "../../kubelet/cri/sim/sim-runtime.ts";
import { simHost, simMachine, simNetworkProber } from "../../kubelet/host/sim-host.ts";
import { createKubelet } from "../../kubelet/kubelet.ts";
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
}

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
  const machine = simMachine(name, `10.95.${Math.floor(index / 250)}.${(index % 250) + 1}`, {
    cpus: options.cpus ?? 8,
    memoryBytes: options.memoryBytes ?? 32 * 2 ** 30,
  });
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
      serverPort: 0,
    },
  );
  return { name, runtime, running: kubelet.run(signal) };
}
