import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/system-clock.ts";
import { systemRandom } from "../src/base/system-random.ts";
import { openEtcdStorage } from "../src/storage/etcd/etcd-storage.ts";
import { EtcdProcess, hasEtcd } from "../src/storage/etcd/test-support/etcd-process.ts";
import { createMemoryStorage } from "../src/storage/memory/memory-storage.ts";
import { openSqliteStorage } from "../src/storage/sqlite/sqlite-storage.ts";
import { type Storage, StoredValue } from "../src/storage/storage.ts";
import type { BenchResult } from "./bench.ts";

const valueBytes = 1000;
const keyCount = 20_000;
const warmupMs = 500;
const measuredMs = 3000;

/** Puts a second and their latency: every engine, one writer at a time and 64. */
export async function run(): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-bench-"));
  const etcd = hasEtcd ? await EtcdProcess.start() : undefined;
  const figures: Record<string, number> = {};
  try {
    for (const [engine, open] of engines(directory, etcd))
      for (const concurrency of [1, 64]) {
        const storage = await open();
        const { putsPerS, p99Ms } = await measure(storage, concurrency);
        await storage.close();
        console.log(`${engine}, ${concurrency} at a time: ${putsPerS} puts/s, p99 ${p99Ms} ms`);
        figures[`${engine}${concurrency}PutsPerS`] = putsPerS;
        figures[`${engine}${concurrency}P99Ms`] = p99Ms;
      }
  } finally {
    await etcd?.stop();
    await rm(directory, { recursive: true });
  }
  return {
    name: "storage",
    ...figures,
    units: { PutsPerS: "puts per second", P99Ms: "milliseconds" },
    conditions: {
      valueBytes,
      keys: keyCount,
      seconds: measuredMs / 1000,
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? "unknown",
      node: process.version,
    },
  };
}

type Engine = readonly [name: string, open: () => Promise<Storage>];

/** An etcd of its own, with fsync, where one is installed. */
function engines(directory: string, etcd: EtcdProcess | undefined): Engine[] {
  let opened = 0;
  const embedded: Engine[] = [
    ["memory", async () => createMemoryStorage({ clock: systemClock })],
    [
      "sqlite",
      () => openSqliteStorage({ directory: join(directory, `sqlite-${opened++}`), clock: systemClock }),
    ],
  ];
  if (etcd === undefined) return embedded;
  const options = { endpoints: [etcd.endpoint], clock: systemClock, random: systemRandom };
  return [...embedded, ["etcd", () => openEtcdStorage(options)]];
}

async function measure(storage: Storage, concurrency: number) {
  const latencies: number[] = [];
  let next = 0;
  const startMs = performance.now();
  const endMs = startMs + warmupMs + measuredMs;
  const writer = async () => {
    for (;;) {
      const beganMs = performance.now();
      if (beganMs >= endMs) return;
      const n = next++;
      const value = StoredValue.ofObject(objectOf(n));
      const key = `/registry/core/configmaps/default/bench-${n % keyCount}`;
      await storage.commit({ compare: [], writes: [{ type: "put", key, value }] });
      const doneMs = performance.now();
      if (beganMs >= startMs + warmupMs) latencies.push(doneMs - beganMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, writer));
  latencies.sort((a, b) => a - b);
  return {
    putsPerS: Math.round(latencies.length / (measuredMs / 1000)),
    p99Ms: Number((latencies[Math.floor(latencies.length * 0.99)] ?? 0).toFixed(3)),
  };
}

const filler = "v".repeat(valueBytes);

/** A config map whose JSON is `valueBytes` long. */
function objectOf(n: number): object {
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `bench-${n % keyCount}`, namespace: "default", uid: `${n}`.padStart(36, "0") },
    data: { payload: "" },
  };
  const left = valueBytes - JSON.stringify(object).length;
  return { ...object, data: { payload: filler.slice(0, left) } };
}
