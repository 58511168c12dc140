import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { nodes } from "../api/resources.generated.ts";
import { connect } from "../client/transport/connect.ts";
import { clearContainerd } from "../kubelet/cri/containerd.ts";
import { linuxCgroups } from "../kubelet/host/linux-cgroups.ts";
import { linuxFiles } from "../kubelet/host/linux-files.ts";
import { cgroupRootOf, containerdOptions } from "./compose/real-node.ts";
import {
  type ClusterState,
  isRunning,
  type NodeState,
  paths,
  readState,
  removeState,
} from "./data-directory.ts";
import { removeMachineNetwork } from "./host/machine-network.ts";
import { importInto } from "./import-images.ts";
import type { Progress } from "./up.ts";
import { UserError } from "./user-error.ts";

const startTimeoutMs = 120_000;
const stopTimeoutMs = 60_000;
const pollMs = 50;

/** Starts `up` in a process of its own and waits until the cluster is ready. Resolves to its kubeconfig. */
export async function upDetached(words: readonly string[], dataDirectory: string): Promise<ClusterState> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const running = await readState(dataDirectory);
  if (running !== undefined && (await isRunning(running))) {
    throw new UserError(
      `a cluster runs already on ${dataDirectory} (process ${running.pid}); stop it with: k8ts down --data-dir ${dataDirectory}`,
    );
  }
  const output = openSync(`${paths(dataDirectory).root}/up.log`, "w", 0o600);
  const [, main = ""] = process.argv;
  const child = spawn(process.execPath, [...process.execArgv, main, ...words], {
    detached: true,
    stdio: ["ignore", output, output],
  });
  let ended = false;
  child.once("exit", () => {
    ended = true;
  });
  child.unref();
  for (const endMs = Date.now() + startTimeoutMs; Date.now() < endMs && !ended; await delay(pollMs)) {
    const state = await readState(dataDirectory);
    if (state?.pid === child.pid && state?.ready === true) return state;
  }
  throw new UserError(await whyItDidNotStart(dataDirectory));
}

/** What `up` itself said last, else where to look. */
async function whyItDidNotStart(dataDirectory: string): Promise<string> {
  const output = await readFile(`${dataDirectory}/up.log`, "utf8").catch(() => "");
  const said = /^k8ts: (.*)$/m.exec(output)?.[1];
  return said ?? `the cluster did not start; see ${dataDirectory}/up.log and ${paths(dataDirectory).log}`;
}

/** Stops the cluster with its containers; with `purge`, removes its data too. */
export async function down(dataDirectory: string, purge: boolean, progress: Progress): Promise<void> {
  const state = await readState(dataDirectory);
  if (state !== undefined && (await isRunning(state))) {
    process.kill(state.pid, "SIGTERM");
    const endMs = Date.now() + stopTimeoutMs;
    while ((await isRunning(state)) && Date.now() < endMs) await delay(pollMs);
    if (await isRunning(state)) process.kill(state.pid, "SIGKILL");
    progress("control plane stopped");
  }
  const knownNodes = await nodeStates(dataDirectory, state);
  for (const node of knownNodes) {
    await clearContainerd({ ...containerdOptions(node), purge });
    // What pods had on the disk, with its mounts, and their control groups.
    await linuxFiles.removeTree(`${node.directory}/kubelet/pods`);
    await linuxFiles.removeTree(`${node.directory}/logs`);
    await linuxCgroups().remove(`${cgroupRootOf(node.name)}/kubepods`);
  }
  if (knownNodes.length > 0) {
    await removeMachineNetwork(knownNodes.map(({ networkNamespace }) => networkNamespace));
    progress("pods and their networks removed");
  }
  await removeState(dataDirectory);
  if (purge) {
    await linuxFiles.removeTree(dataDirectory);
    progress(`${dataDirectory} removed`);
  } else if (state === undefined && knownNodes.length === 0) progress(`no cluster runs on ${dataDirectory}`);
}

/** All nodes that this folder ever had: those of the last start, and those that an earlier one left on the disk. */
async function nodeStates(dataDirectory: string, state: ClusterState | undefined): Promise<NodeState[]> {
  const known = (state?.nodes ?? []).filter(({ directory }) => directory !== "");
  const names = await readdir(`${dataDirectory}/nodes`).catch(() => []);
  const others = names
    .filter((name) => !known.some((node) => node.name === name))
    .map((name) => ({
      name,
      directory: paths(dataDirectory).node(name),
      ...(name === firstNodeName ? {} : { networkNamespace: `/run/netns/k8ts-${name}` }),
    }));
  return [...known, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const firstNodeName = "node-1";

/** Prints how the cluster is; resolves to whether it is up and ready. */
export async function status(dataDirectory: string, print: Progress): Promise<boolean> {
  const state = await readState(dataDirectory);
  if (state === undefined || !(await isRunning(state))) {
    print(`no cluster runs on ${dataDirectory}; start one with: k8ts up`);
    return false;
  }
  const { client } = await connect({ kubeconfig: state.kubeconfig });
  const list = await client.list(nodes);
  print(`server      ${state.server}`);
  print(`kubeconfig  ${state.kubeconfig}`);
  print(`process     ${state.pid}`);
  let allReady = state.ready;
  for (const { metadata, status: nodeStatus } of list.items) {
    const ready = nodeStatus?.conditions?.find(({ type }) => type === "Ready");
    const words = ready?.status === "True" ? "Ready" : `NotReady (${ready?.message ?? "unknown"})`;
    allReady &&= ready?.status === "True";
    print(`node        ${metadata.name} ${words}, ${nodeStatus?.nodeInfo?.containerRuntimeVersion ?? ""}`);
  }
  return allReady;
}

/** Imports an image archive into every node. */
export async function importImage(dataDirectory: string, archive: string, print: Progress): Promise<void> {
  const state = await readState(dataDirectory);
  if (state === undefined || !(await isRunning(state))) {
    throw new UserError(`no cluster runs on ${dataDirectory}; start one with: k8ts up`);
  }
  if (state.runtime !== "containerd")
    throw new UserError("the nodes are simulated: every image is there already");
  for (const name of await importInto(state.nodes, archive)) print(`imported ${name}`);
}
