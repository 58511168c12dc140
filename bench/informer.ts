/**
 * This library's informer beside that of @kubernetes/client-node, each in a process of its own, against the same server: the
 * first sync of 50,000 pods, a flood of updates, the latency of a steady stream, and what each does after the connection is
 * cut, after it goes silent, and after a handler throws.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type { BenchResult } from "./bench.ts";
import type { FollowerReport, Library } from "./informer/follower.ts";
import type { Order } from "./informer/server.ts";

const podCount = 50_000;
const floodUpdates = 100_000;
const pacedPerSecond = 1000;
const pacedUpdates = 5000;
const faultPodCount = 1000;
const patienceMs = 60_000;
const libraries: readonly Library[] = ["k8ts", "clientNode"];

export async function run(): Promise<BenchResult> {
  const clientNode = installClientNode();
  const figures: Record<string, unknown> = {};
  for (const library of libraries) {
    Object.assign(figures, prefixed(library, await measure(library, clientNode)));
    const survived: string[] = [];
    for (const fault of ["cut", "silent", "throw"] as const)
      if (await survives(library, clientNode, fault)) survived.push(fault);
    figures[`${library}Survives`] = survived;
  }
  return {
    name: "informer",
    ...figures,
    units: {
      SyncS: "seconds",
      PeakRssMB: "MiB when synced",
      BytesPerPod: "bytes of heap a pod",
      UpdatesPerS: "updates per second",
      P50Ms: "milliseconds",
      P99Ms: "milliseconds",
      CpuSPer10k: "CPU seconds per 10,000 updates",
      Survives: "faults after which the next update is seen within a minute",
    },
    conditions: {
      ...{ pods: podCount, floodUpdates, pacedPerSecond, transport: "HTTP/1.1" },
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? "unknown",
    },
  };
}

const prefixed = (library: Library, figures: Record<string, number>) =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${library}${name}`, value]));

async function measure(library: Library, clientNode: string): Promise<Record<string, number>> {
  await using pair = await Pair.start(library, clientNode, podCount);
  const { syncS, peakRssMB, bytesPerPod } = pair.synced;
  // Its watch is open for certain once a change has come through.
  const following = pair.marked("following");
  await pair.order({ do: "mark", mark: "following" });
  await following;
  await pair.counted();
  const startMs = performance.now();
  const flooded = pair.marked("flooded");
  await pair.order({ do: "blast", updates: floodUpdates });
  await pair.order({ do: "mark", mark: "flooded" });
  await flooded;
  const floodS = (performance.now() - startMs) / 1000;
  const { cpuS } = await pair.counted();
  const latencies = await pair.latenciesOf(() =>
    pair.order({ do: "pace", updates: pacedUpdates, perSecond: pacedPerSecond }),
  );
  return {
    SyncS: rounded(syncS, 2),
    PeakRssMB: Math.round(peakRssMB),
    BytesPerPod: Math.round(bytesPerPod),
    UpdatesPerS: Math.round(floodUpdates / floodS),
    P50Ms: rounded(quantile(latencies, 0.5), 2),
    P99Ms: rounded(quantile(latencies, 0.99), 2),
    CpuSPer10k: rounded((cpuS / floodUpdates) * 10_000, 3),
  };
}

async function survives(
  library: Library,
  clientNode: string,
  fault: "cut" | "silent" | "throw",
): Promise<boolean> {
  await using pair = await Pair.start(library, clientNode, faultPodCount);
  // A rhythm of bookmarks is known by then.
  await delay(3000);
  if (fault === "throw") {
    pair.follower.send("throw");
    await pair.order({ do: "mark", mark: "thrown" });
  } else {
    await pair.order({ do: fault === "cut" ? "cut" : "silence" });
  }
  const seen = pair.marked("after").then(() => true);
  const died = once(pair.follower, "exit").then(() => false);
  await pair.order({ do: "mark", mark: "after" });
  // Awaited here: the pair is gone once this function has returned.
  return await Promise.race([seen, died, delay(patienceMs).then(() => false)]);
}

/** A server and a follower of it that has synced. */
class Pair {
  readonly server: ChildProcess;
  readonly follower: ChildProcess;
  readonly synced: FollowerReport & { type: "synced" };

  private constructor(
    server: ChildProcess,
    follower: ChildProcess,
    synced: FollowerReport & { type: "synced" },
  ) {
    this.server = server;
    this.follower = follower;
    this.synced = synced;
  }

  static async start(library: Library, clientNode: string, pods: number): Promise<Pair> {
    const server = fork(join(import.meta.dirname, "informer/server.ts"), [String(pods)]);
    const [port] = (await once(server, "message")) as [number];
    const args = [library, `http://127.0.0.1:${port}`, String(pods), clientNode];
    // Its own errors are no news here: whether it lives on is what is asked.
    const follower = fork(join(import.meta.dirname, "informer/follower.ts"), args, {
      execArgv: ["--expose-gc"],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const signal = AbortSignal.timeout(patienceMs);
    const [synced] = (await once(follower, "message", { signal })) as [FollowerReport & { type: "synced" }];
    return new Pair(server, follower, synced);
  }

  /** Resolves when the server has done it. */
  async order(order: Order): Promise<void> {
    const done = once(this.server, "message");
    this.server.send(order);
    await done;
  }

  async counted(): Promise<FollowerReport & { type: "updates" }> {
    const answer = this.#next((report) => report.type === "updates");
    this.follower.send("count");
    return (await answer) as FollowerReport & { type: "updates" };
  }

  marked(mark: string): Promise<unknown> {
    return this.#next((report) => report.type === "marked" && report.mark === mark);
  }

  async latenciesOf(pace: () => Promise<void>): Promise<number[]> {
    const latencies: number[] = [];
    const all = this.#next((report) => {
      if (report.type !== "marked" || !report.mark.startsWith("at ")) return false;
      return latencies.push(report.nowMs - Number(report.mark.slice(3))) === pacedUpdates;
    });
    await Promise.all([pace(), all]);
    return latencies.sort((left, right) => left - right);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.follower, this.server]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }

  #next(wanted: (report: FollowerReport) => boolean): Promise<FollowerReport> {
    return new Promise((resolve) => {
      const listener = (report: FollowerReport) => {
        if (!wanted(report)) return;
        this.follower.off("message", listener);
        resolve(report);
      };
      this.follower.on("message", listener);
    });
  }
}

/** Not a dependency of this package: it is fetched for the comparison, once, and where it is loaded from is returned. */
function installClientNode(): string {
  const folder = join(import.meta.dirname, "../node_modules/.cache/k8ts-bench");
  const entry = join(folder, "node_modules/@kubernetes/client-node/dist/index.js");
  if (!existsSync(entry)) {
    mkdirSync(folder, { recursive: true });
    const flags = ["--no-audit", "--no-fund", "--silent"];
    execFileSync("npm", ["install", "--prefix", folder, ...flags, "@kubernetes/client-node@2"], {
      stdio: "inherit",
    });
  }
  return entry;
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
const quantile = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
