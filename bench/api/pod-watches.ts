import { Ages, stamp } from "./ages.ts";
import { Connection, type Endpoint, protobuf, type RequestOptions } from "./connection.ts";
import { percentile, tenths } from "./figures.ts";
import { nodes } from "./pods.ts";
import type { ServerProcess } from "./server-process.ts";

const watchers = 1000;
const warmupMs = 4000;
const measuredMs = 4000;
const initialEventsEnd = Buffer.from("k8s.io/initial-events-end");

/** A streaming list: everything as events, up to the closing bookmark. */
export async function watchList(endpoint: Endpoint, options: RequestOptions): Promise<void> {
  const connection = await Connection.open(endpoint);
  const query =
    "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=600";
  await new Promise<void>((resolve) => {
    let tail: Buffer = Buffer.alloc(0);
    connection.watch(
      `/api/v1/pods?${query}`,
      (chunk) => {
        const end = Buffer.concat([tail, chunk.subarray(-200)]);
        tail = chunk.subarray(-100);
        if (end.includes(initialEventsEnd)) resolve();
      },
      options,
    );
  });
  connection.close();
}

/** A thousand watchers of all pods, at a pace the machine can keep; then a thousand of one node each, as fast as it goes. */
export async function measurePodWatches(server: ServerProcess) {
  return {
    watchers,
    allPods: await watched(server, { writesPerS: 10 }),
    allPodsProtobuf: await watched(server, { writesPerS: 10, accept: protobuf }),
    ownNode: await watched(server, { writesPerS: 300, ofOneNode: true }),
  };
}

interface Load {
  readonly writesPerS: number;
  readonly accept?: string;
  readonly ofOneNode?: boolean;
}

async function watched(server: ServerProcess, { writesPerS, accept, ofOneNode = false }: Load) {
  const { endpoint } = server;
  const ages = new Ages(accept === protobuf);
  const watching = await Connection.openAll(endpoint, watchers);
  const start = await resourceVersion(endpoint);
  watching.forEach((connection, index) => {
    const own = ofOneNode ? `&fieldSelector=spec.nodeName%3Dnode-${index}` : "";
    const query = `watch=true&resourceVersion=${start}&allowWatchBookmarks=true${own}`;
    connection.watch(`/api/v1/pods?${query}`, ages.read, accept === undefined ? {} : { accept });
  });
  const writers = await Connection.openAll(endpoint, 8);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  // The server's own start, of its watches and of its compilers, is no write's cost.
  await writeAtPace(writers, writesPerS, warmupMs);
  await server.ask("begin");
  ages.begin();
  const writes = await writeAtPace(writers, writesPerS, measuredMs);
  const expected = ofOneNode ? writes : writes * watchers;
  for (let waitedMs = 0; ages.frames < expected && waitedMs < 5000; waitedMs += 50)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const figures = await server.ask("end");
  for (const connection of [...watching, ...writers]) connection.close();
  return {
    writesPerS: Math.round((writes * 1000) / measuredMs),
    deliveriesPerS: Math.round((ages.frames * 1000) / measuredMs),
    expectedDeliveries: expected,
    deliveries: ages.frames,
    p50Ms: tenths(percentile(ages.values, 0.5)),
    p99Ms: tenths(percentile(ages.values, 0.99)),
    serverCpuMs: tenths(figures.cpuMs),
    serverCpuUsPerDelivery: tenths((figures.cpuMs * 1000) / Math.max(1, ages.frames)),
    loopDelayP99Ms: tenths(figures.loopDelayP99Ms),
    loopDelayMaxMs: tenths(figures.loopDelayMaxMs),
    rssGrowthMb: tenths(figures.rssPeakMb - figures.rssStartMb),
  };
}

async function resourceVersion(endpoint: Endpoint): Promise<string> {
  const connection = await Connection.open(endpoint);
  const page = await connection.send("GET", "/api/v1/pods?limit=1");
  connection.close();
  return /"resourceVersion":"(\d+)"/.exec(page.toString())?.[1] ?? "";
}

/** Status patches at an even pace, whatever the answers take. */
async function writeAtPace(writers: readonly Connection[], perS: number, forMs: number): Promise<number> {
  const free = [...writers];
  let writes = 0;
  const begun = performance.now();
  for (;;) {
    const elapsed = performance.now() - begun;
    if (elapsed > forMs) break;
    const writer = free.pop();
    if (writer === undefined || writes >= (elapsed / 1000) * perS) {
      if (writer !== undefined) free.push(writer);
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    const index = (writes++ * 7) % nodes;
    const path = `/api/v1/namespaces/ns-${index % 50}/pods/web-${index}/status`;
    const body = JSON.stringify({ metadata: { annotations: { sentAt: stamp() } } });
    void writer
      .send("PATCH", path, body, { contentType: "application/merge-patch+json" })
      .then(() => free.push(writer));
  }
  while (free.length < writers.length) await new Promise((resolve) => setTimeout(resolve, 5));
  return writes;
}
