import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { signalProcess } from "./containerd-process.ts";

const run = promisify(execFile);

/**
 * Ends what a containerd that is stopped has left: shims, the containers' processes, mounts below its directory and the
 * pods' network namespaces. Does nothing where nothing is left.
 */
export async function clearRemains(remains: {
  readonly directory: string;
  readonly address: string;
}): Promise<void> {
  const { directory, address } = remains;
  for (const pid of await containerProcesses(join(directory, "runc"))) signalProcess(pid, "SIGKILL");
  const shims = await shimProcesses(address);
  for (const pid of shims) signalProcess(pid, "SIGKILL");
  for (let tries = 0; tries < 200 && (await shimProcesses(address)).length > 0; tries++) await pause(5);
  await unmountBelow(directory);
}

/** The first process of each container that runc knows of. */
async function containerProcesses(runcRoot: string): Promise<number[]> {
  const pids: number[] = [];
  for (const namespace of await readdir(runcRoot).catch(() => [])) {
    for (const id of await readdir(join(runcRoot, namespace)).catch(() => [])) {
      const state = await readFile(join(runcRoot, namespace, id, "state.json"), "utf8").catch(() => "{}");
      const { init_process_pid: pid, init_process_start: startedAt } = JSON.parse(state);
      if (typeof pid === "number" && pid > 0 && (await startedAtTick(pid)) === startedAt) pids.push(pid);
    }
  }
  return pids;
}

async function startedAtTick(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

/** The shims that were started for the containerd of this address. */
async function shimProcesses(address: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    pids.map(async (pid) => (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0")),
  );
  return pids
    .filter((_, index) => {
      const command = commands[index] ?? [];
      return command[0]?.includes("containerd-shim") === true && command.includes(address);
    })
    .map(Number);
}

async function unmountBelow(directory: string): Promise<void> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8");
  const points = mounts
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\040/g, " "))
    .filter((point) => point.startsWith(`${directory}/`));
  // Deepest first; a busy one is detached and goes when its last user does.
  for (const point of points.toReversed()) await run("umount", ["-l", point]).catch(() => {});
}
