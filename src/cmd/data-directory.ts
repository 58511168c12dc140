import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where a cluster keeps everything, unless said otherwise. */
export function defaultDataDirectory(): string {
  return process.getuid?.() === 0 ? "/var/lib/k8ts" : join(homedir(), ".k8ts");
}

export function paths(directory: string) {
  return {
    root: directory,
    pki: join(directory, "pki"),
    store: join(directory, "store"),
    kubeconfig: join(directory, "kubeconfig"),
    state: join(directory, "state.json"),
    log: join(directory, "k8ts.log"),
    node: (name: string) => join(directory, "nodes", name),
  };
}

/** What other commands need to know of a cluster that was started. */
export interface ClusterState {
  readonly pid: number;
  /** The start time of the process, so that another one with its number is not taken for it. */
  readonly processStart: string;
  readonly server: string;
  readonly kubeconfig: string;
  readonly runtime: "containerd" | "sim";
  readonly nodes: readonly NodeState[];
  readonly ready: boolean;
}

export interface NodeState {
  readonly name: string;
  readonly directory: string;
  readonly containerdAddress?: string;
  readonly networkNamespace?: string;
  /** The process that runs it, where it is not the cluster's own. */
  readonly pid?: number;
}

export async function readState(directory: string): Promise<ClusterState | undefined> {
  try {
    return JSON.parse(await readFile(paths(directory).state, "utf8")) as ClusterState; // written by writeState
  } catch {
    return undefined;
  }
}

export async function writeState(directory: string, state: ClusterState): Promise<void> {
  const { state: path } = paths(directory);
  await writeFile(`${path}.tmp`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}

export async function removeState(directory: string): Promise<void> {
  await rm(paths(directory).state, { force: true });
}

/** When a process began, in the kernel's own count; "" for one that does not exist. */
export async function processStart(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended: only its parent has not asked yet.
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}

export async function isRunning(state: Pick<ClusterState, "pid" | "processStart">): Promise<boolean> {
  const start = await processStart(state.pid);
  return start !== "" && start === state.processStart;
}
