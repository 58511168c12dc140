/**
 * This library's informer beside that of @kubernetes/client-node, each in a process of its own, one after the other against
 * the same server: the first sync of 50,000 pods, a flood of updates, the latency of a steady stream, and what each does after
 * the connection is cut, after it goes silent, and after a handler throws.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type { BenchResult } from "./bench.ts";
import type { FollowerReport, Library } from "./informer/follower.ts";
import type { Order } from "./informer/server.ts";

const podCount = 50_000;
const floodUpdates = 200_000;
const pacedPerSecond = 1000;
const pacedUpdates = 5000;
const faultPodCount = 1000;
const patienceMs = 60_000;
const libraries: readonly Library[] = ["k8ts", "k8tsJson", "clientNode"];

export async function run(): Promise<BenchResult> {
  const figures: Record<string, unknown> = {};
  {
    await using server = await Server.start(podCount);
    for (const library of libraries)
      Object.assign(figures, prefixed(library, await measure(server, library)));
  }
  const faults = (["k8ts", "clientNode"] as const).flatMap((library) =>
    (["cut", "silent", "throw"] as const).map(async (fault) => ({
      ...{ library, fault },
      survived: await survives(library, fault),
    })),
  );
  const results = await Promise.all(faults);
  for (const library of ["k8ts", "clientNode"] as const) {
    const survived = results.filter((result) => result.library === library && result.survived);
    figures[`${library}Survives`] = survived.map(({ fault }) => fault);
  }
  return {
    name: "informer",
    ...figures,
    units: {
      SyncS: "seconds",
      PeakRssMB: "MiB when synced",
      BytesPerPod: "bytes of memory a pod",
      UpdatesPerS: "updates per second",
      FullUpdatesPerS: "updates per second, with a handler that looks at spec and status",
      P50Ms: "milliseconds",
      P99Ms: "milliseconds",
      CpuSPer10k: "CPU seconds per 10,000 updates",
      Survives: "faults after which the next update is seen within a minute",
    },
    conditions: {
      ...{ pods: podCount, floodUpdates, pacedPerSecond, transport: "HTTP/1.1" },
      server: "prepared answers of both encodings, written as fast as they are taken; the same for all",
      handlers:
        "each looks at one annotation; for FullUpdatesPerS at the number of containers and the phase, too",
      k8ts: "protobuf, as it asks for by default",
      k8tsJson: "JSON, as @kubernetes/client-node",
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? "unknown",
    },
  };
}

const prefixed = (library: Library, figures: Record<string, number>) =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${library}${name}`, value]));

async function measure(server: Server, library: Library): Promise<Record<string, number>> {
  await using follower = await Follower.start(server, library);
  const { syncS, peakRssMB, bytesPerPod } = follower.synced;
  // Its watch is open for certain once a change has come through.
  await follower.sees("following");
  await follower.counted();
  const perSecond = await floodedPerSecond(server, follower, "flooded");
  const { cpuS } = await follower.counted();
  const latencies = await follower.latenciesOf(() =>
    server.order({ do: "pace", updates: pacedUpdates, perSecond: pacedPerSecond }),
  );
  follower.process.send("thorough");
  const fullPerSecond = await floodedPerSecond(server, follower, "flooded again");
  return {
    SyncS: rounded(syncS, 2),
    PeakRssMB: Math.round(peakRssMB),
    BytesPerPod: Math.round(bytesPerPod),
    UpdatesPerS: Math.round(perSecond),
    FullUpdatesPerS: Math.round(fullPerSecond),
    P50Ms: rounded(quantile(latencies, 0.5), 2),
    P99Ms: rounded(quantile(latencies, 0.99), 2),
    CpuSPer10k: rounded((cpuS / floodUpdates) * 10_000, 3),
  };
}

async function floodedPerSecond(server: Server, follower: Follower, mark: string): Promise<number> {
  const startMs = performance.now();
  await server.order({ do: "blast", updates: floodUpdates });
  await follower.sees(mark);
  return floodUpdates / ((performance.now() - startMs) / 1000);
}

async function survives(library: Library, fault: "cut" | "silent" | "throw"): Promise<boolean> {
  await using server = await Server.start(faultPodCount);
  await using follower = await Follower.start(server, library);
  const died = once(follower.process, "exit").then(() => false);
  // A rhythm of bookmarks is known by then.
  await delay(3000);
  if (fault === "throw") {
    follower.process.send("throw");
    // It has heard of it once it answers.
    await follower.counted();
    await server.order({ do: "mark", mark: "thrown" });
    await delay(1000);
  } else {
    await server.order({ do: fault === "cut" ? "cut" : "silence" });
  }
  const seen = follower.sees("after").then(() => true);
  // Awaited here: the processes are gone once this function has returned.
  return await Promise.race([seen, died, delay(patienceMs).then(() => false)]);
}

/** A server of pods, in a process of its own. */
class Server {
  readonly process: ChildProcess;
  readonly port: number;
  readonly pods: number;

  private constructor(process: ChildProcess, port: number, pods: number) {
    this.process = process;
    this.port = port;
    this.pods = pods;
  }

  static async start(pods: number): Promise<Server> {
    const server = fork(join(import.meta.dirname, "informer/server.ts"), [String(pods)]);
    const [port] = (await once(server, "message")) as [number];
    return new Server(server, port, pods);
  }

  /** Resolves when the server has done it. */
  async order(order: Order): Promise<void> {
    const done = once(this.process, "message");
    this.process.send(order);
    await done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return end(this.process);
  }
}

/** One that has synced. */
class Follower {
  readonly process: ChildProcess;
  readonly synced: FollowerReport & { type: "synced" };
  readonly #server: Server;

  private constructor(server: Server, process: ChildProcess, synced: FollowerReport & { type: "synced" }) {
    this.#server = server;
    this.process = process;
    this.synced = synced;
  }

  static async start(server: Server, library: Library): Promise<Follower> {
    const args = [library, `http://127.0.0.1:${server.port}`, String(server.pods)];
    // Its own errors are no news here: whether it lives on is what is asked.
    const follower = fork(join(import.meta.dirname, "informer/follower.ts"), args, {
      execArgv: ["--expose-gc"],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const signal = AbortSignal.timeout(patienceMs);
    const [synced] = (await once(follower, "message", { signal })) as [FollowerReport & { type: "synced" }];
    return new Follower(server, follower, synced);
  }

  /** Has the server mark a pod, and resolves when the follower was told of it. */
  async sees(mark: string): Promise<void> {
    const seen = this.#next((report) => report.type === "marked" && report.mark === mark);
    await this.#server.order({ do: "mark", mark });
    await seen;
  }

  async counted(): Promise<FollowerReport & { type: "updates" }> {
    const answer = this.#next((report) => report.type === "updates");
    this.process.send("count");
    return (await answer) as FollowerReport & { type: "updates" };
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

  [Symbol.asyncDispose](): Promise<void> {
    return end(this.process);
  }

  #next(wanted: (report: FollowerReport) => boolean): Promise<FollowerReport> {
    return new Promise((resolve) => {
      const listener = (report: FollowerReport) => {
        if (!wanted(report)) return;
        this.process.off("message", listener);
        resolve(report);
      };
      this.process.on("message", listener);
    });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
const quantile = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
