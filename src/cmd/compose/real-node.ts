import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Containerd, startContainerd } from "../../kubelet/cri/containerd.ts";
import { defaultThresholds } from "../../kubelet/eviction/pressure.ts";
import { linuxCgroups } from "../../kubelet/host/linux-cgroups.ts";
import { linuxFiles } from "../../kubelet/host/linux-files.ts";
import { readMachine } from "../../kubelet/host/linux-machine.ts";
import { linuxUsage } from "../../kubelet/host/linux-usage.ts";
import { networkProber } from "../../kubelet/host/network-prober.ts";
import { startKubeletServer } from "../../kubelet/host/server.ts";
import { createKubelet } from "../../kubelet/kubelet.ts";
import { PodAccess } from "../../kubelet/pod-access.ts";
import { parseResolvConf } from "../../kubelet/resolv-conf.ts";
import { createServerAccess } from "../../kubelet/server-access.ts";
import { linuxNetworkHost } from "../../network/host/linux-network.ts";
import { runNetwork } from "../../network/network.ts";
import { nftPacketRules } from "../../proxy/host/nft.ts";
import { runProxy } from "../../proxy/proxy.ts";
import type { ClusterNetwork } from "./cluster-network.ts";
import { kubeletVersion } from "./versions.ts";

/** What a node is, apart from how it reaches the API server. */
export interface RealNodeConfig {
  readonly name: string;
  /** The folder that holds all of it: containerd, pods, logs. */
  readonly directory: string;
  /** By which the other nodes and the API server reach it. */
  readonly address: string;
  /** The interface that has the address. */
  readonly uplink: string;
  readonly kubeletPort: number;
  /** Above `/kubepods` in the control groups; "" is the root. */
  readonly cgroupRoot: string;
  /** The socket of a containerd that runs already. */
  readonly containerdAddress?: string;
  /** "/run/netns/NAME" where the node is not the whole machine. */
  readonly networkNamespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: ClusterNetwork;
  /** Of its kubelet's server; PEM. */
  readonly serving: { readonly certificate: string; readonly key: string };
  readonly clusterAuthority: string;
  readonly disabled: readonly string[];
}

export interface RealNodeDependencies {
  /** As the node itself. */
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
  /** As kube-proxy: services, endpoints and nodes. */
  readonly proxyInformers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RealNode {
  readonly containerd: Containerd;
  /** Resolves when everything of the node has stopped; pods and containerd go on. */
  readonly running: Promise<void>;
}

/** Where a node keeps its containerd: `down` and `images import` find it there too. */
export function containerdOptions(
  node: Pick<RealNodeConfig, "name" | "directory" | "containerdAddress" | "networkNamespace">,
) {
  const { name, networkNamespace } = node;
  return {
    directory: join(node.directory, "containerd"),
    ...(node.containerdAddress === undefined ? {} : { address: node.containerdAddress }),
    ...(networkNamespace === undefined ? {} : { networkNamespace, hostname: name }),
  };
}

/** The first node's pods hang at the root of the control groups, as on a machine that is one node; others below a name. */
export function cgroupRootOf(nodeName: string): string {
  return nodeName === "node-1" ? "" : `/${nodeName}`;
}

const bridge = "k8ts0";
const podMtu = 1500;

/** Starts containerd and with it kubelet, pod network and proxy; resolves when containerd answers. */
export async function startRealNode(
  config: RealNodeConfig,
  dependencies: RealNodeDependencies,
  signal: AbortSignal,
): Promise<RealNode> {
  const { logger } = dependencies;
  const directories = { root: join(config.directory, "kubelet"), podLogs: join(config.directory, "logs") };
  await mkdir(directories.root, { recursive: true });
  const containerd = await startContainerd({
    ...containerdOptions(config),
    keepRunning: true,
    logger: logger.child({ component: "containerd" }),
    signal,
  });
  // Told when it happens: the other parts go on, and the node never becomes ready.
  const failed = (error: unknown) => {
    if (!signal.aborted) logger.error({ error, node: config.name }, "a part of the node failed");
  };
  const parts = [
    runKubelet(config, dependencies, containerd, directories, signal),
    ...(config.disabled.includes("network") ? [] : [runPodNetwork(config, dependencies, containerd, signal)]),
    ...(config.disabled.includes("proxy") ? [] : [runServiceProxy(config, dependencies, signal)]),
  ];
  const running = Promise.all(parts.map((part) => part.catch(failed))).then(() => containerd.close());
  return { containerd, running };
}

async function runKubelet(
  config: RealNodeConfig,
  dependencies: RealNodeDependencies,
  containerd: Containerd,
  directories: { readonly root: string; readonly podLogs: string },
  signal: AbortSignal,
): Promise<void> {
  const { client, clock } = dependencies;
  const logger = dependencies.logger.child({ component: "kubelet", node: config.name });
  const { runtime } = containerd;
  const machine = () =>
    readMachine({ root: directories.root, hostname: config.name, addresses: [config.address] });
  const kubelet = createKubelet(
    {
      ...dependencies,
      runtime,
      images: containerd.images,
      host: {
        files: linuxFiles,
        cgroups: linuxCgroups(),
        usage: () => linuxUsage(directories.root),
      },
      network: networkProber,
      machine,
      logger,
    },
    {
      identity: { name: config.name, labels: config.labels, taints: [], registerSchedulable: true },
      directories,
      dns: {
        host: hostDns(await readFile("/etc/resolv.conf", "utf8").catch(() => "")),
        clusterDns: [config.network.dnsAddress],
        clusterDomain: config.network.clusterDomain,
      },
      cgroupRoot: config.cgroupRoot,
      kubeletVersion,
      serverPort: config.kubeletPort,
      // This machine is its owner's, and its disk may well be fuller than a server's; imported images have no registry.
      imageGarbage: { highPercent: 97, lowPercent: 95 },
      eviction: { ...defaultThresholds, diskShare: 0.03, inodeShare: 0.02 },
      hostsFileText: () => readFile("/etc/hosts", "utf8"),
    },
  );
  await using _server = await startKubeletServer({
    // Its node's address alone: who else is on the machine's networks has no business with it.
    address: config.address,
    port: config.kubeletPort,
    certificate: config.serving.certificate,
    privateKey: config.serving.key,
    clientAuthority: config.clusterAuthority,
    access: createServerAccess({ client, clock, nodeName: config.name }),
    pods: new PodAccess(runtime, kubelet.pods),
    views: kubelet.views,
    runtime,
    logger,
  });
  await kubelet.run(signal);
}

/** A resolver on the host's own loopback (systemd-resolved) cannot be reached from a pod. */
function hostDns(text: string) {
  const parsed = parseResolvConf(text);
  return {
    ...parsed,
    servers: parsed.servers.filter((server) => !server.startsWith("127.") && server !== "::1"),
  };
}

function runPodNetwork(
  config: RealNodeConfig,
  dependencies: RealNodeDependencies,
  containerd: Containerd,
  signal: AbortSignal,
) {
  return runNetwork(
    {
      informers: dependencies.proxyInformers,
      host: linuxNetworkHost({ cniConfigDirectory: containerd.cniConfDirectory }),
      clock: dependencies.clock,
      logger: dependencies.logger.child({ component: "network", node: config.name }),
    },
    {
      nodeName: config.name,
      clusterCidr: config.network.clusterCidr,
      bridge,
      uplink: config.uplink,
      mtu: podMtu,
      cniDataDirectory: join(config.directory, "cni-addresses"),
    },
    signal,
  );
}

function runServiceProxy(config: RealNodeConfig, dependencies: RealNodeDependencies, signal: AbortSignal) {
  return runProxy(
    {
      informers: dependencies.proxyInformers,
      rules: nftPacketRules,
      clock: dependencies.clock,
      logger: dependencies.logger.child({ component: "proxy", node: config.name }),
    },
    { nodeName: config.name, clusterCidr: config.network.clusterCidr },
    signal,
  );
}
