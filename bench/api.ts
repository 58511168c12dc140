import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Connection, type Endpoint } from "./api/connection.ts";
import type { BenchResult } from "./bench.ts";

const clients = 32;
const watchers = 100;
const listedObjects = 5000;
const valueBytes = 1000;
const warmupMs = 1000;
const measuredMs = 4000;
const writersWhileWatched = 8;

/** Creates, gets, lists and watches of 1 kB config maps over HTTPS; the server has a process and SQLite of its own. */
export async function run(): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-bench-"));
  const { server, endpoint } = await startServer(directory);
  try {
    const connections = await Promise.all(Array.from({ length: clients }, () => Connection.open(endpoint)));
    for (const namespace of ["creates", "listed", "watched"])
      await connections[0]!.send("POST", "/api/v1/namespaces", namespaceNamed(namespace));
    const createsPerS = await measureCreates(connections);
    const getsPerS = await measureGets(connections);
    const listMs = await measureLists(connections);
    const { deliveriesPerS, watchP99Ms } = await measureWatches(connections, endpoint);
    for (const connection of connections) connection.close();
    return {
      name: "api",
      createsPerS,
      getsPerS,
      listMs,
      deliveriesPerS,
      watchP99Ms,
      units: {
        createsPerS: "creates per second",
        getsPerS: "gets per second",
        listMs: "milliseconds",
        deliveriesPerS: "watch events delivered per second",
        watchP99Ms: "milliseconds",
      },
      conditions: {
        clients,
        watchers,
        listedObjects,
        valueBytes,
        seconds: measuredMs / 1000,
        storage: "sqlite",
        transport: "HTTPS, HTTP/1.1",
        cores: availableParallelism(),
        cpu: cpus()[0]?.model ?? "unknown",
      },
    };
  } finally {
    server.disconnect();
    await once(server, "exit");
    await rm(directory, { recursive: true });
  }
}

async function startServer(directory: string): Promise<{ server: ChildProcess; endpoint: Endpoint }> {
  const server = fork(join(import.meta.dirname, "api/server.ts"), [directory], {
    execArgv:
      process.env.K8TS_BENCH_PROFILE === undefined
        ? []
        : ["--cpu-prof", `--cpu-prof-dir=${process.env.K8TS_BENCH_PROFILE}`],
  });
  const [endpoint] = (await once(server, "message")) as [Endpoint];
  return { server, endpoint };
}

const namespaceNamed = (name: string) =>
  JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

const payload = "x".repeat(valueBytes);
const configMap = (name: string, data: object = {}) =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { payload, ...data } });

let created = 0;

async function measureCreates(connections: readonly Connection[]): Promise<number> {
  return perSecond(connections, (connection) =>
    connection.send("POST", "/api/v1/namespaces/creates/configmaps", configMap(`map-${created++}`)),
  );
}

async function measureGets(connections: readonly Connection[]): Promise<number> {
  let turn = 0;
  return perSecond(connections, (connection) =>
    connection.send("GET", `/api/v1/namespaces/creates/configmaps/map-${(turn++ * 7919) % created}`),
  );
}

/** How often all clients together do something in a second, after a warm-up. */
async function perSecond(
  connections: readonly Connection[],
  act: (connection: Connection) => Promise<unknown>,
): Promise<number> {
  const start = performance.now();
  let done = 0;
  await Promise.all(
    connections.map(async (connection) => {
      for (;;) {
        await act(connection);
        const elapsed = performance.now() - start;
        if (elapsed > warmupMs) done++;
        if (elapsed > warmupMs + measuredMs) return;
      }
    }),
  );
  return Math.round((done * 1000) / measuredMs);
}

async function measureLists(connections: readonly Connection[]): Promise<number> {
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      for (let index = next++; index < listedObjects; index = next++)
        await connection.send("POST", "/api/v1/namespaces/listed/configmaps", configMap(`map-${index}`));
    }),
  );
  const times: number[] = [];
  for (let round = 0; round < 15; round++) {
    const start = performance.now();
    await connections[0]!.send("GET", "/api/v1/namespaces/listed/configmaps");
    times.push(performance.now() - start);
  }
  return Math.round(percentile(times, 0.5) * 10) / 10;
}

const sentAt = Buffer.from('"sentAt":"');

/** Every watcher's frames are counted; of each chunk one frame's age is taken, as the client's own clock has it. */
async function measureWatches(connections: readonly Connection[], endpoint: Endpoint) {
  const path = "/api/v1/namespaces/watched/configmaps";
  let frames = 0;
  const agesMs: number[] = [];
  let measuring = false;
  const onChunk = (chunk: Buffer) => {
    if (!measuring) return;
    const now = performance.now();
    for (let at = chunk.indexOf(sentAt); at >= 0; at = chunk.indexOf(sentAt, at + sentAt.length)) {
      frames++;
      const value = chunk.toString("latin1", at + sentAt.length, at + sentAt.length + 16);
      if (value.length === 16) agesMs.push(now - Number(value));
    }
  };
  const watching = await Promise.all(Array.from({ length: watchers }, () => Connection.open(endpoint)));
  for (const watcher of watching) watcher.watch(`${path}?watch=true`, onChunk);
  const writers = connections.slice(0, writersWhileWatched);
  const start = performance.now();
  let count = 0;
  await Promise.all(
    writers.map(async (connection) => {
      for (;;) {
        const now = performance.now();
        measuring = now - start > warmupMs;
        if (now - start > warmupMs + measuredMs) return;
        const stamp = now.toFixed(6).padStart(16, "0").slice(0, 16);
        await connection.send("POST", path, configMap(`map-${count++}`, { sentAt: stamp }));
      }
    }),
  );
  for (const watcher of watching) watcher.close();
  return {
    deliveriesPerS: Math.round((frames * 1000) / measuredMs),
    watchP99Ms: Math.round(percentile(agesMs, 0.99) * 10) / 10,
  };
}

function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
