import { mkdir, readFile } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Node } from "../api/core/types.generated.ts";
import { nodes as nodeResource } from "../api/resources.generated.ts";
import { ensurePki, type Pki } from "../apiserver/pki/ensure-pki.ts";
import { writeKubeconfig } from "../apiserver/pki/kubeconfig.ts";
import type { Logger } from "../base/log.ts";
import { systemClock } from "../base/system-clock.ts";
import { systemRandom } from "../base/system-random.ts";
import { createInformerFactory } from "../client/informer-factory.ts";
import type { ControlPlaneOptions } from "./compose/api-server.ts";
import { defaultNetwork } from "./compose/cluster-network.ts";
import { type ControlPlane, startControlPlane } from "./compose/control-plane.ts";
import { identities, nodeIdentity } from "./compose/identities.ts";
import { kubernetesVersion } from "./compose/versions.ts";
import {
  isRunning,
  type NodeState,
  paths,
  processStart,
  readState,
  removeState,
  writeState,
} from "./data-directory.ts";
import { ensureNodeBridge, ensureNodeNamespace, nodeAddress, uplinkOf } from "./host/machine-network.ts";
import { startNodeProcess } from "./host/node-processes.ts";
import { choosePort, missingForContainerd, requireNoKubelet } from "./host/preflight.ts";
import { installLastResort } from "./last-resort.ts";
import { fileLogger } from "./logger.ts";
import { openStorage } from "./open-storage.ts";
import type { UpOptions } from "./up-options.ts";
import { UserError } from "./user-error.ts";

/** Says how far things are. */
export type Progress = (line: string) => void;

export interface RunningCluster {
  readonly port: number;
  readonly kubeconfig: string;
  /** Stops the control plane and the nodes' agents; containers go on. */
  stop(): Promise<void>;
}

const firstKubeletPort = 10_250;
const nodeReadyTimeoutMs = 60_000;

/** Starts the whole cluster in this process (and one more for each node past the first); resolves when it is ready. */
export async function up(options: UpOptions, progress: Progress): Promise<RunningCluster> {
  const startedAtMs = systemClock.now();
  const runtime = await chooseRuntime(options, progress);
  const where = paths(options.dataDirectory);
  await refuseSecond(options.dataDirectory);
  const isReal = runtime === "containerd" && options.nodes > 0;
  const host = isReal ? "0.0.0.0" : "127.0.0.1";
  const port = await choosePort(host, options.port, options.operation?.serving);
  if (isReal) await requireNoKubelet(nodeAddress(0), firstKubeletPort);
  await mkdir(where.root, { recursive: true, mode: 0o700 });
  const logger = fileLogger(where.log, options.logLevel);
  installLastResort(logger);
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.toReversed())
      await close().catch((error: unknown) => logger.warn({ error }, "a part did not stop cleanly"));
    closers.length = 0;
    await removeState(where.root);
    logger.flush();
  };
  try {
    // The first start makes certificates while the store's thread opens it.
    const makingPki = ensurePki(where.pki, { nowMs: systemClock.now(), servingNames: servingNames() });
    makingPki.catch(() => undefined); // awaited below; must not count as unhandled meanwhile
    const { close, ...stored } = await openStorage(options, { directory: where.store, logger });
    closers.push(close);
    const pki = await makingPki;
    if (isReal) await ensureNodeBridge();
    const server = `https://127.0.0.1:${port}`;
    const plane = await startControlPlane({
      ...stored,
      clock: systemClock,
      random: systemRandom,
      logger,
      pki,
      network: defaultNetwork,
      listen: { host, port },
      externalUrl: server,
      ...(isReal ? { endpoint: { address: nodeAddress(0), port } } : {}),
      disabled: new Set(options.disabled),
      ...administration(options),
    });
    closers.push(() => plane.close());
    const kubeconfig = options.kubeconfig ?? where.kubeconfig;
    writeAdminKubeconfig(kubeconfig, server, pki);
    plane.startComponents();
    const starting = startNodes({ options, plane, pki, logger, port, runtime, closers });
    starting.catch(() => undefined); // awaited below; must not count as unhandled meanwhile
    await plane.ready;
    progress(`API server ready at ${server} (${seconds(startedAtMs)})`);
    const nodes = await starting;
    const { pid } = process;
    const state = { pid, processStart: await processStart(pid), server, kubeconfig, runtime, nodes };
    await writeState(where.root, { ...state, ready: false });
    if (options.nodes > 0) {
      await nodesReady(plane, options.nodes);
      progress(`${options.nodes === 1 ? "node" : `${options.nodes} nodes`} ready (${seconds(startedAtMs)})`);
    }
    if (isReal) {
      await labelControlPlane(plane, nodeName(0));
      await importImages(options, nodes, progress);
    }
    await writeState(where.root, { ...state, ready: true });
    closers.push(() => plane.announceShutdown()); // the last is called first
    return { port, kubeconfig, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What an administrator said of the API server. */
function administration({
  auth,
  operation,
  flags,
}: UpOptions): Pick<ControlPlaneOptions, "auth" | "flags" | "operation"> {
  return {
    ...(auth === undefined ? {} : { auth }),
    ...(operation === undefined ? {} : { operation }),
    flags,
  };
}

function writeAdminKubeconfig(path: string, server: string, { clusterAuthority, admin }: Pki): void {
  const { certificate: certificateAuthority } = clusterAuthority;
  writeKubeconfig(path, { server, certificateAuthority, userName: "kubernetes-admin", client: admin });
}

function seconds(sinceMs: number): string {
  return `${((systemClock.now() - sinceMs) / 1000).toFixed(1)} s`;
}

async function chooseRuntime(
  { runtime, nodes, containerdAddress }: UpOptions,
  progress: Progress,
): Promise<"containerd" | "sim"> {
  if (runtime === "sim" || nodes === 0) return "sim";
  const missing = await missingForContainerd({ containerdGiven: containerdAddress !== undefined });
  if (missing === undefined) return "containerd";
  if (runtime === "containerd") throw new UserError(missing);
  progress(`containers will be simulated: ${missing}`);
  return "sim";
}

async function refuseSecond(directory: string): Promise<void> {
  const state = await readState(directory);
  if (state !== undefined && (await isRunning(state))) {
    throw new UserError(
      `a cluster runs already on ${directory} (process ${state.pid}); stop it with: k8ts down --data-dir ${directory}`,
    );
  }
}

function servingNames(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list = []) =>
    list.map(({ address }) => address),
  );
  return [
    hostname(),
    nodeAddress(0),
    ...addresses.filter((address) => !address.includes("%") && !address.startsWith("fe80")),
  ];
}

interface NodesInput {
  readonly options: UpOptions;
  readonly plane: ControlPlane;
  readonly pki: Pki;
  readonly logger: Logger;
  readonly port: number;
  readonly runtime: "containerd" | "sim";
  readonly closers: (() => Promise<void>)[];
}

async function startNodes(input: NodesInput): Promise<NodeState[]> {
  const { options, runtime } = input;
  if (options.nodes === 0) return [];
  return runtime === "sim" ? startSimNodes(input) : startRealNodes(input);
}

/** More simulated nodes than this are for scale: none of them serves logs and exec. */
const maxServedSimNodes = 50;

async function startSimNodes({ options, plane, pki, logger, closers }: NodesInput): Promise<NodeState[]> {
  const { startSimNode } = await import("./compose/sim-node.ts");
  const stop = new AbortController();
  const start = async (index: number) => {
    // The whole of 127.0.0.0/8 is this machine: each node has an address there for its kubelet's server.
    const address = `127.95.${Math.floor(index / 250)}.${(index % 250) + 1}`;
    const clusterAuthority = pki.clusterAuthority.certificate;
    const server =
      options.nodes > maxServedSimNodes
        ? undefined
        : { address, serving: (await pki.node(nodeName(index), [address])).serving, clusterAuthority };
    return startSimNode(
      {
        plane,
        ...(server === undefined ? {} : { server }),
        name: nodeName(index),
        index,
        network: defaultNetwork,
        clock: systemClock,
        random: systemRandom,
        logger,
      },
      stop.signal,
    );
  };
  const started = await Promise.all(Array.from({ length: options.nodes }, (_, index) => start(index)));
  closers.push(async () => {
    stop.abort();
    await Promise.allSettled(started.map(({ running }) => running));
  });
  return started.map(({ name }) => ({ name, directory: "" }));
}

function nodeName(index: number): string {
  return `node-${index + 1}`;
}

async function startRealNodes(input: NodesInput): Promise<NodeState[]> {
  const { options, plane, pki, logger, port, closers } = input;
  const where = paths(options.dataDirectory);
  const { cgroupRootOf, startRealNode } = await import("./compose/real-node.ts");
  const stop = new AbortController();
  const configOf = async (index: number, networkNamespace?: string) => {
    const name = nodeName(index);
    const address = nodeAddress(index);
    const credentials = await pki.node(name, [address, "127.0.0.1"]);
    const config = {
      name,
      directory: where.node(name),
      address,
      uplink: uplinkOf(index),
      kubeletPort: firstKubeletPort,
      cgroupRoot: cgroupRootOf(name),
      ...(options.containerdAddress === undefined || index > 0
        ? {}
        : { containerdAddress: options.containerdAddress }),
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
      labels: {},
      network: defaultNetwork,
      serving: credentials.serving,
      clusterAuthority: pki.clusterAuthority.certificate,
      disabled: options.disabled,
    };
    return { config, client: credentials.client };
  };
  const others = Array.from({ length: options.nodes - 1 }, async (_, offset) => {
    const index = offset + 1;
    const { config: node, client } = await configOf(index, await ensureNodeNamespace(index));
    const config = {
      node,
      server: `https://${nodeAddress(0)}:${port}`,
      client,
      proxyClient: pki.proxy,
      log: join(node.directory, "node.log"),
      logLevel: options.logLevel,
    };
    const child = await startNodeProcess(config, logger);
    closers.push(() => child.stop());
    return { ...stateOf(node), pid: child.pid };
  });
  const { config: first } = await configOf(0);
  const client = plane.clientFor(nodeIdentity(first.name));
  const node = await startRealNode(
    first,
    {
      client,
      informers: createInformerFactory({ client, clock: systemClock, random: systemRandom, logger }),
      proxyInformers: plane.informers,
      recorder: plane.recorderFor(client, "kubelet", first.name),
      clock: systemClock,
      random: systemRandom,
      logger,
    },
    stop.signal,
  );
  closers.push(async () => {
    stop.abort();
    await node.running;
  });
  if (!options.disabled.includes("dns")) await startDns(input, stop.signal);
  return [stateOf(first), ...(await Promise.all(others))];
}

function stateOf(node: {
  readonly name: string;
  readonly directory: string;
  readonly containerdAddress?: string;
  readonly networkNamespace?: string;
}): NodeState {
  const { name, directory, containerdAddress, networkNamespace } = node;
  return {
    name,
    directory,
    ...(containerdAddress === undefined ? {} : { containerdAddress }),
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
  };
}

async function startDns({ plane, logger }: NodesInput, signal: AbortSignal): Promise<void> {
  const { runDns } = await import("./compose/dns.ts");
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  const upstreams = [...text.matchAll(/^nameserver\s+(\S+)/gm)].map((match) => match[1] ?? "");
  runDns(
    {
      client: plane.clientFor(identities.dns),
      informers: plane.informers,
      clock: systemClock,
      logger: logger.child({ component: "dns" }),
    },
    { network: defaultNetwork, address: nodeAddress(0), upstreams },
    signal,
  ).catch((error: unknown) => logger.error({ error }, "cluster DNS failed"));
}

async function nodesReady(plane: ControlPlane, count: number): Promise<void> {
  const informer = plane.informers.informer(nodeResource);
  plane.informers.start(new AbortController().signal);
  const isReady = (node: Node) =>
    node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      const waiting = informer.lister.list().filter((node) => !isReady(node));
      const why = waiting.map(
        (node) =>
          `${node.metadata.name}: ${node.status?.conditions?.find(({ type }) => type === "Ready")?.message}`,
      );
      reject(
        new UserError(
          `nodes did not become ready: ${why.join("; ") || "none registered"}; see k8ts.log in the data directory`,
        ),
      );
    }, nodeReadyTimeoutMs);
    const check = () => {
      if (informer.lister.list().filter(isReady).length < count) return;
      clearTimeout(timer);
      registration.remove();
      resolve();
    };
    const registration = informer.addHandler({ added: check, updated: check });
    check();
  });
}

async function importImages(
  { images }: UpOptions,
  nodes: readonly NodeState[],
  progress: Progress,
): Promise<void> {
  if (images.length === 0) return;
  const { importInto } = await import("./import-images.ts");
  for (const archive of images) progress(`imported ${(await importInto(nodes, archive)).join(", ")}`);
}

/** A node may not give itself a role: NodeRestriction. */
async function labelControlPlane(plane: ControlPlane, name: string): Promise<void> {
  const labels = { "node-role.kubernetes.io/control-plane": "" };
  const client = plane.clientFor(identities.controllerManager);
  await client.patch(nodeResource, { name }, { type: "merge", patch: { metadata: { labels } } });
}

/** What to type next. */
export function nextSteps(kubeconfig: string): string {
  return `
k8ts ${kubernetesVersion} is ready. Next:

  export KUBECONFIG=${kubeconfig}
  kubectl get nodes
  kubectl apply -f examples/web.yaml`;
}
