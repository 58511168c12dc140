/**
 * A cluster in the process of a test: how long a test file waits before its first assertion, and what each further cluster
 * costs, with the package as it is published. Each round is a process of its own, as a test file is; the compile cache is warm, as
 * from the second run on.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../tools/bundle.ts";
import type { BenchResult } from "./bench.ts";
import type { Round } from "./testing/round.ts";

const rounds = 20;

export async function run(): Promise<BenchResult> {
  const directory = mkdtempSync(join(tmpdir(), "k8ts-bench-"));
  try {
    const round = await roundsOf(directory);
    const coldImportMs = (await round()).importMs;
    const all: Round[] = [];
    while (all.length < rounds) all.push(await round());
    const p50 = (figure: keyof Round) => quantile(all, figure, 0.5);
    return {
      name: "testing",
      importMs: p50("importMs"),
      coldImportMs: rounded(coldImportMs),
      startMs: p50("startMs"),
      startBestMs: quantile(all, "startMs", 0),
      startCpuMs: p50("startCpuMs"),
      secondStartMs: p50("secondStartMs"),
      secondStartBestMs: quantile(all, "secondStartMs", 0),
      deploymentReadyMs: p50("deploymentReadyMs"),
      closeMs: p50("closeMs"),
      rssMB: p50("rssMB"),
      units: {
        Ms: "milliseconds, median of the rounds; Best: the quickest; Cpu: user and system time of all threads",
        coldImportMs: "with an empty compile cache",
        secondStartMs: "of a second cluster in the same process",
        deploymentReadyMs: "of wall time, from create until three replicas are available on a simulated node",
        rssMB: "MiB with one cluster that runs the Deployment",
      },
      conditions: {
        rounds,
        cores: availableParallelism(),
        cpu: cpus()[0]?.model ?? "unknown",
        load: Number((loadavg()[0] ?? 0).toFixed(1)),
      },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Builds the package, and gives what runs a round with it. */
async function roundsOf(directory: string): Promise<() => Promise<Round>> {
  const root = join(import.meta.dirname, "..");
  for (const name of ["package.json", "node_modules"]) symlinkSync(join(root, name), join(directory, name));
  const built = join(directory, "dist");
  const files = await bundle(built);
  const [cluster = ""] =
    [...files].find(([, sources]) => sources.some((name) => name.endsWith("/src/testing/cluster.ts"))) ?? [];
  const modules = [join(built, "testing.js"), join(built, cluster)];
  const env = { ...process.env, NODE_COMPILE_CACHE: join(directory, "cache") };
  return async () => {
    const child = fork(join(import.meta.dirname, "testing/round.ts"), modules, { env });
    const exited = once(child, "exit");
    const failed = exited.then(([code]): never => {
      throw new Error(`a round ended with ${code}`);
    });
    const [result] = (await Promise.race([once(child, "message"), failed])) as [Round];
    await exited;
    return result;
  };
}

function quantile(all: readonly Round[], figure: keyof Round, share: number): number {
  const sorted = all.map((one) => one[figure]).sort((left, right) => left - right);
  return rounded(sorted[Math.floor(sorted.length * share)] ?? 0);
}

const rounded = (value: number) => Number(value.toFixed(1));
