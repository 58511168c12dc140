import { spawn } from "node:child_process";
import { open, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { ContainerdSetupError } from "./containerd-host.ts";

/** A containerd of ours, started by this process or by one before it. */
export interface DaemonProcess {
  readonly pid: number;
  readonly adopted: boolean;
  exited(): Promise<boolean>;
}

interface LaunchOptions {
  readonly command: readonly string[];
  readonly logFile: string;
  readonly pidFile: string;
}

const largestLogBytes = 10 * 1024 * 1024;

/** Starts a process of its own session: it outlives this one, whatever ends it. */
export async function launchDaemon({ command, logFile, pidFile }: LaunchOptions): Promise<DaemonProcess> {
  const [program, ...args] = command;
  if (program === undefined) throw new ContainerdSetupError("nothing to launch");
  const logged = await stat(logFile).catch(() => undefined);
  if (logged !== undefined && logged.size > largestLogBytes) await rename(logFile, `${logFile}.1`);
  const log = await open(logFile, "a");
  try {
    const child = spawn(program, args, { detached: true, stdio: ["ignore", log.fd, log.fd] });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once("error", (error) =>
        reject(new ContainerdSetupError(`cannot start ${program}: ${error.message}`, { cause: error })),
      );
      child.once("spawn", () => resolve(child.pid ?? 0));
    });
    child.unref();
    const startedAt = await startTime(pid);
    await writeFile(pidFile, JSON.stringify({ pid, startedAt }));
    return daemonProcess(pid, startedAt, false);
  } finally {
    await log.close();
  }
}

/**
 * The containerd of ours that runs already. The pid file names it with its start time, since a pid alone may have been
 * given to another process; where a crash came before that file was written, its command line tells.
 */
export async function runningDaemon(files: {
  readonly pidFile: string;
  readonly configFile: string;
}): Promise<DaemonProcess | undefined> {
  return (await recordedDaemon(files.pidFile)) ?? (await daemonByCommand(files.configFile));
}

async function daemonByCommand(configFile: string): Promise<DaemonProcess | undefined> {
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.endsWith(`\0--config\0${configFile}\0`))
      return daemonProcess(Number(pid), await startTime(Number(pid)), true);
  }
  return undefined;
}

async function recordedDaemon(pidFile: string): Promise<DaemonProcess | undefined> {
  const text = await readFile(pidFile, "utf8").catch(() => "{}");
  let record: { readonly pid?: unknown; readonly startedAt?: unknown };
  try {
    record = JSON.parse(text);
  } catch {
    return undefined; // cut short by a crash: the process is then not known either
  }
  const { pid, startedAt } = record;
  if (typeof pid !== "number" || typeof startedAt !== "string") return undefined;
  const daemon = daemonProcess(pid, startedAt, true);
  return (await daemon.exited()) ? undefined : daemon;
}

function daemonProcess(pid: number, startedAt: string, adopted: boolean): DaemonProcess {
  return { pid, adopted, exited: async () => startedAt === "" || (await startTime(pid)) !== startedAt };
}

/** A process's start in clock ticks since boot; empty when it is gone or only waits to be reaped. */
async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? "" : (fields[19] ?? "");
}

/** SIGTERM, then SIGKILL after ten seconds; resolves when it is gone. */
export async function stopProcess(daemon: DaemonProcess): Promise<void> {
  for (const [signal, patienceMs] of [
    ["SIGTERM", 10_000],
    ["SIGKILL", 5000],
  ] as const) {
    if (await daemon.exited()) return;
    signalProcess(daemon.pid, signal);
    for (const untilMs = performance.now() + patienceMs; performance.now() < untilMs; await pause(5))
      if (await daemon.exited()) return;
  }
}

/** Sends a signal; that the process is gone already is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
