import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pods } from "../src/api/resources.generated.ts";
import { isApiError } from "../src/apimachinery/api-error.ts";
import { connect } from "../src/client/transport/connect.ts";
import type { BenchResult } from "./bench.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const k8ts = join(root, "bin/k8ts");
const runs = 5;
const idleMs = 30_000;

/** From the start of the process: to /readyz ok, and to a first pod Running on containerd; then the memory when idle. */
export async function run(): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-bench-"));
  const images = join(root, "node_modules/.cache/k8ts-images");
  try {
    await command(process.execPath, join(root, "examples/images/build.ts"), images, "busybox");
    // Leaves containerd's store with the image, and warms the compile cache that every checkout has after its first run.
    await command(
      k8ts,
      "up",
      "--detach",
      "--port",
      "0",
      "--data-dir",
      directory,
      "--image",
      join(images, "busybox.tar"),
    );
    await command(k8ts, "down", "--data-dir", directory);
    const readyMs: number[] = [];
    const podRunningMs: number[] = [];
    let memory = { rssMB: 0, containerdRssMB: 0 };
    for (let round = 0; round < runs; round++) {
      // A new cluster each time: nothing of the last one but containerd's images.
      for (const name of ["store", "pki", "kubeconfig"])
        await rm(join(directory, name), { recursive: true, force: true });
      const started = await start(directory);
      readyMs.push(started.readyMs);
      podRunningMs.push(started.podRunningMs);
      if (round === runs - 1) {
        await delay(idleMs);
        memory = await residentMemory(directory);
      }
      await command(k8ts, "down", "--data-dir", directory);
    }
    return {
      name: "startup",
      readyMs: median(readyMs),
      podRunningMs: median(podRunningMs),
      ...memory,
      units: { readyMs: "ms", podRunningMs: "ms", rssMB: "MB", containerdRssMB: "MB" },
      conditions: {
        runs,
        nodes: 1,
        storage: "sqlite",
        store: "empty",
        image: "imported before",
        compileCache: "warm",
        idleSeconds: idleMs / 1000,
      },
    };
  } finally {
    await command(k8ts, "down", "--purge", "--data-dir", directory);
    await rm(directory, { recursive: true, force: true });
  }
}

async function start(directory: string): Promise<{ readyMs: number; podRunningMs: number }> {
  const startedAt = performance.now();
  const child = spawn(k8ts, ["up", "--port", "0", "--data-dir", directory], {
    stdio: "ignore",
    detached: true,
  });
  child.unref();
  const kubeconfig = join(directory, "kubeconfig");
  const client = await until(async () => {
    await readFile(kubeconfig);
    const { client: made } = await connect({ kubeconfig });
    await made.raw("/readyz");
    return made;
  });
  const readyMs = performance.now() - startedAt;
  await until(async () => {
    const spec = { containers: [{ name: "a", image: "k8ts.local/busybox:1", command: ["sleep", "1000"] }] };
    await client
      .create(pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "first", namespace: "default" },
        spec,
      })
      .catch((error: unknown) => {
        if (!isApiError(error, "AlreadyExists")) throw error;
      });
  });
  const list = await client.list(pods, { namespace: "default" });
  const stop = new AbortController();
  const options = {
    namespace: "default",
    resourceVersion: list.metadata.resourceVersion ?? "",
    signal: stop.signal,
  };
  let running = list.items.some(({ status }) => status?.phase === "Running");
  if (!running) {
    for await (const batch of await client.watch(pods, options)) {
      running ||= batch.some(({ object }) => "spec" in object && object.status?.phase === "Running");
      if (running) break;
    }
  }
  stop.abort();
  return { readyMs, podRunningMs: performance.now() - startedAt };
}

/** Tries again every few milliseconds until it does not throw. */
async function until<T>(work: () => Promise<T>): Promise<T> {
  for (const endMs = Date.now() + 60_000; ; await delay(5)) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > endMs) throw error;
    }
  }
}

/** Resident memory of the cluster's own processes, and of its containerd. */
async function residentMemory(directory: string): Promise<{ rssMB: number; containerdRssMB: number }> {
  let own = 0;
  let containerd = 0;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!words.includes(directory)) continue;
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    const rssMB = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
    if (words.includes("src/cmd/main.ts")) own += rssMB;
    else if (/(^|\/)containerd\0/.test(words)) containerd += rssMB;
  }
  return { rssMB: Math.round(own), containerdRssMB: Math.round(containerd) };
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

function command(program: string, ...words: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ["ignore", "ignore", "inherit"] });
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ${words.join(" ")} ended with ${code}`)),
    );
  });
}
