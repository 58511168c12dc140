import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Connection, type Endpoint, protobuf, type RequestOptions } from "./connection.ts";
import { percentile, tenths } from "./figures.ts";
import { watchList } from "./pod-watches.ts";
import type { ServerProcess } from "./server-process.ts";

const path = "/api/v1/pods";
const concurrent = 4;
const slowReaders = 4;
const table = "application/json;as=Table;v=v1;g=meta.k8s.io";

/** Lists of all pods in every form; meanwhile another client reads small objects. */
export async function measurePodLists(server: ServerProcess) {
  const { endpoint } = server;
  const list = (options?: RequestOptions) => () => drainOnce(endpoint, path, options);
  const firstStart = performance.now();
  const first = await list()();
  const firstMs = tenths(performance.now() - firstStart);
  return {
    megabytes: tenths(first.bytes / 1e6),
    firstMs,
    json: await observed(server, list()),
    jsonAgain: await observed(server, list()),
    protobuf: await observed(server, list({ accept: protobuf })),
    gzip: await observed(server, list({ gzip: true })),
    table: await observed(server, list({ accept: table })),
    concurrent: await observed(server, () =>
      Promise.all(Array.from({ length: concurrent }, () => drainOnce(endpoint, path))),
    ),
    paged: await observed(server, () => pagesOf(endpoint)),
    ofOneNode: await observed(server, () => listsOfNodes(endpoint, 300)),
    watchList: await observed(server, () => watchList(endpoint, {})),
    watchListProtobuf: await observed(server, () => watchList(endpoint, { accept: protobuf })),
    slowReaders: await observed(server, () => readSlowly(endpoint)),
  };
}

async function drainOnce(endpoint: Endpoint, of: string, options?: RequestOptions) {
  const connection = await Connection.open(endpoint);
  try {
    return await connection.drain(of, options);
  } finally {
    connection.close();
  }
}

/** As client-go's pager asks: 500 at a time. */
async function pagesOf(endpoint: Endpoint): Promise<void> {
  const connection = await Connection.open(endpoint);
  for (let next = ""; ; ) {
    const page = await connection.send("GET", `${path}?limit=500${next}`);
    const token = /"continue":"([^"]+)"/.exec(page.toString("latin1", 0, 1000))?.[1];
    if (token === undefined) break;
    next = `&continue=${token}`;
  }
  connection.close();
}

/** As kubelets do when they start. */
async function listsOfNodes(endpoint: Endpoint, count: number): Promise<void> {
  const connections = await Connection.openAll(endpoint, 8);
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      for (let node = next++; node < count; node = next++)
        await connection.send("GET", `${path}?fieldSelector=spec.nodeName%3Dnode-${node}&resourceVersion=0`);
      connection.close();
    }),
  );
}

/** Clients that ask for everything and then read nothing for a while. */
async function readSlowly(endpoint: Endpoint): Promise<void> {
  const connections = await Connection.openAll(endpoint, slowReaders);
  for (const connection of connections) {
    connection.watch(path, () => connection.pause());
    setTimeout(() => connection.close(), 3000);
  }
  await new Promise((resolve) => setTimeout(resolve, 3000));
}

/** What the server and a bystander see while this is going on. */
async function observed(server: ServerProcess, act: () => Promise<unknown>) {
  const probe = new Worker(join(import.meta.dirname, "probe.ts"), {
    workerData: { endpoint: server.endpoint, path: "/api/v1/namespaces/default" },
  });
  await once(probe, "message");
  await server.ask("memory");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server.ask("begin");
  probe.postMessage("reset");
  const start = performance.now();
  await act();
  const ms = performance.now() - start;
  const figures = await server.ask("end");
  const answer = once(probe, "message");
  probe.postMessage("stop");
  const [latencies] = (await answer) as [number[]];
  return {
    ms: tenths(ms),
    serverCpuMs: tenths(figures.cpuMs),
    loopDelayP99Ms: tenths(figures.loopDelayP99Ms),
    loopDelayMaxMs: tenths(figures.loopDelayMaxMs),
    otherGetsP50Ms: tenths(percentile(latencies, 0.5)),
    otherGetsP99Ms: tenths(percentile(latencies, 0.99)),
    otherGetsMaxMs: tenths(percentile(latencies, 1)),
    rssGrowthMb: tenths(figures.rssPeakMb - figures.rssStartMb),
  };
}
