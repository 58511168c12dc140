import { availableParallelism, cpus } from "node:os";
import { measureClusterWrites } from "./api/cluster-writes.ts";
import { tenths } from "./api/figures.ts";
import { conditions, ObjectLoad } from "./api/objects.ts";
import { measurePodLists } from "./api/pod-lists.ts";
import { measurePodWatches } from "./api/pod-watches.ts";
import { ServerProcess } from "./api/server-process.ts";
import type { BenchResult } from "./bench.ts";

const pods = 30_000;

/**
 * The API over HTTPS; the server has a process and SQLite of its own. First many small objects: creates, gets, lists and
 * watches of config maps. Then 30,000 pods in a store that is opened again: lists in every form, a thousand watchers. Then what a
 * cluster's components write most. `npm run bench -- api objects`, `… api pods` or `… api writes` does one of the three.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const [only] = args;
  return {
    name: "api",
    ...(only === undefined || only === "objects" ? await measureObjects() : {}),
    ...(only === undefined || only === "pods" ? await measurePods() : {}),
    ...(only === undefined || only === "writes" ? { writes: await measureWrites() } : {}),
    units: {
      PerS: "per second; of deliveries: watch events that arrived",
      Ms: "milliseconds; serverCpuMs of the server's processor time, loopDelay of its event loop, with the 10 ms it is sampled at",
      Mb: "megabytes; rssGrowth is the peak during the measurement over what was there before",
      CpuUs: "microseconds of the server's processor time",
      BytesPerPod: "bytes of heap for a cached pod; podBytes is its JSON",
    },
    conditions: {
      ...conditions,
      pods,
      storage: "sqlite",
      transport: "HTTPS, HTTP/1.1",
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? "unknown",
    },
  };
}

async function measureObjects() {
  const server = await ServerProcess.start();
  try {
    const jsonLoad = await ObjectLoad.start(server.endpoint, "json");
    const { result: createsPerS, cpuUs: createCpuUs } = await server.cpuPer(
      () => jsonLoad.creates(),
      jsonLoad,
    );
    const { result: getsPerS, cpuUs: getCpuUs } = await server.cpuPer(() => jsonLoad.gets(), jsonLoad);
    const getsHttp2PerS = await jsonLoad.getsOverHttp2();
    const listMs = await jsonLoad.listMs();
    const watches = await jsonLoad.watches();
    jsonLoad.close();
    const binaryLoad = await ObjectLoad.start(server.endpoint, "protobuf");
    const protobuf = {
      createsPerS: await binaryLoad.creates(),
      getsPerS: await binaryLoad.gets(),
      listMs: await binaryLoad.listMs(),
      watches: await binaryLoad.watches(),
    };
    binaryLoad.close();
    return {
      createsPerS,
      getsPerS,
      getsHttp2PerS,
      createCpuUs,
      getCpuUs,
      listMs,
      deliveriesPerS: watches.deliveriesPerS,
      watchP50Ms: watches.p50Ms,
      watchP99Ms: watches.p99Ms,
      protobuf,
    };
  } finally {
    await server.stop();
  }
}

async function measureWrites() {
  const measured = async (encoding: "json" | "protobuf") => {
    const server = await ServerProcess.start();
    try {
      return await measureClusterWrites(server, encoding);
    } finally {
      await server.stop();
    }
  };
  return { json: await measured("json"), protobuf: await measured("protobuf") };
}

async function measurePods() {
  const empty = await ServerProcess.start();
  const without = await empty.ask("memory");
  await empty.stop();
  const server = await ServerProcess.start(pods);
  try {
    const opened = await server.ask("memory");
    const lists = await measurePodLists(server);
    const steady = await server.ask("memory");
    const watches = await measurePodWatches(server);
    return {
      list30kMs: lists.json.ms,
      list30kLoopP99Ms: lists.json.loopDelayP99Ms,
      list30kLoopMaxMs: lists.json.loopDelayMaxMs,
      list30kProtobufLoopP99Ms: lists.protobuf.loopDelayP99Ms,
      watchers1000DeliveriesPerS: watches.allPods.deliveriesPerS,
      watchers1000CpuUsPerDelivery: watches.allPods.serverCpuUsPerDelivery,
      pods: {
        podBytes: Math.round((lists.megabytes * 1e6) / pods),
        heapBytesPerPod: Math.round(((steady.heapUsedMb - without.heapUsedMb) * 1024 * 1024) / pods),
        openedRssMb: tenths(opened.rssStartMb),
        steadyRssMb: tenths(steady.rssStartMb),
        lists,
        watches,
      },
    };
  } finally {
    await server.stop();
  }
}
