/**
 * One informer in a process of its own, by one of the two libraries, that reports what it sees. Arguments: the library, the
 * server's URL, the number of pods, where @kubernetes/client-node is installed.
 */
import { pathToFileURL } from "node:url";

export type FollowerReport =
  | {
      readonly type: "synced";
      readonly syncS: number;
      readonly peakRssMB: number;
      readonly bytesPerPod: number;
    }
  /** So many updates were seen since the last report of this kind. */
  | { readonly type: "updates"; readonly count: number; readonly cpuS: number }
  | { readonly type: "marked"; readonly mark: string; readonly nowMs: number };

export type Library = "k8ts" | "clientNode";

interface SeenPod {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

const [library, server = "", podCount, clientNode = ""] = process.argv.slice(2);
const pods = Number(podCount);
const report = (message: FollowerReport) => process.send?.(message);
let throwing = false;
let updates = 0;
let cpuBefore = process.cpuUsage();

process.on("message", (message) => {
  if (message === "throw") throwing = true;
  if (message === "count") {
    const { user, system } = process.cpuUsage(cpuBefore);
    report({ type: "updates", count: updates, cpuS: (user + system) / 1e6 });
    updates = 0;
    cpuBefore = process.cpuUsage();
  }
});
process.on("disconnect", () => process.exit());

function onUpdate(pod: SeenPod): void {
  updates++;
  const mark = pod.metadata?.annotations?.["example.com/mark"] ?? "";
  if (mark !== "") report({ type: "marked", mark, nowMs: performance.timeOrigin + performance.now() });
  if (throwing) {
    throwing = false;
    throw new Error("this handler throws once");
  }
}

const start = library === "k8ts" ? await prepareK8ts() : await prepareClientNode();
globalThis.gc?.();
const heapBefore = process.memoryUsage().heapUsed;
const startMs = performance.now();
const synced = () => {
  const syncS = (performance.now() - startMs) / 1000;
  const peakRssMB = process.resourceUsage().maxRSS / 1024;
  globalThis.gc?.();
  report({
    type: "synced",
    syncS,
    peakRssMB,
    bytesPerPod: (process.memoryUsage().heapUsed - heapBefore) / pods,
  });
};
await start(synced);

type Start = (synced: () => void) => Promise<void>;

async function prepareK8ts(): Promise<Start> {
  const client = await import("../../src/client/index.ts");
  const { createHttpsTransport } = await import("../../src/client/transport/https-transport.ts");
  const { systemClock: clock, systemRandom: random, silentLogger: logger } = client;
  return async (done) => {
    const informers = client.createInformerFactory({
      client: client.createClient({ transport: createHttpsTransport({ server }), clock }),
      ...{ clock, random, logger },
    });
    informers.informer(client.resources.pods).addHandler({ updated: (_old, pod) => onUpdate(pod) });
    informers.start(new AbortController().signal);
    await informers.waitForSync();
    done();
  };
}

/** What is used of @kubernetes/client-node, which is installed for the benchmark only. */
interface ClientNode {
  readonly KubeConfig: new () => {
    loadFromOptions(options: object): void;
    makeApiClient(api: unknown): { listPodForAllNamespaces(): Promise<unknown> };
  };
  readonly CoreV1Api: unknown;
  makeInformer(
    config: object,
    path: string,
    list: () => Promise<unknown>,
  ): { on(verb: string, callback: (pod: SeenPod) => void): void; start(): Promise<void> };
}

async function prepareClientNode(): Promise<Start> {
  const library = (await import(pathToFileURL(clientNode).href)) as ClientNode;
  return async (done) => {
    const config = new library.KubeConfig();
    config.loadFromOptions({
      // Without it the library refuses plain HTTP.
      clusters: [{ name: "bench", server, skipTLSVerify: true }],
      users: [{ name: "bench" }],
      contexts: [{ name: "bench", cluster: "bench", user: "bench" }],
      currentContext: "bench",
    });
    const api = config.makeApiClient(library.CoreV1Api);
    const informer = library.makeInformer(config, "/api/v1/pods", () => api.listPodForAllNamespaces());
    let left = pods;
    informer.on("add", () => {
      if (--left === 0) done();
    });
    informer.on("update", onUpdate);
    // As its documentation tells its users to.
    informer.on("error", () => void setTimeout(() => void informer.start(), 5000));
    await informer.start();
  };
}
