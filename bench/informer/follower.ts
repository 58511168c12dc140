/**
 * One informer in a process of its own, by one of the two libraries, that reports what it sees. Arguments: the library, the
 * server's URL, the number of pods.
 */
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

/** `k8tsJson`: this library, told not to ask for protobuf. */
export type Library = "k8ts" | "k8tsJson" | "clientNode";

interface SeenPod {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly containers?: readonly unknown[] } | undefined;
  readonly status?: { readonly phase?: string } | undefined;
}

const [library, server = "", podCount] = process.argv.slice(2);
const pods = Number(podCount);
const report = (message: FollowerReport) => process.send?.(message);
let throwing = false;
/** Whether the handler looks at the whole of every pod. */
let thorough = false;
let updates = 0;
let cpuBefore = process.cpuUsage();

process.on("message", (message) => {
  if (message === "throw") throwing = true;
  if (message === "thorough") thorough = true;
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
  if (thorough && (pod.spec?.containers?.length !== 1 || pod.status?.phase !== "Running"))
    throw new Error("this is not the pod that was sent");
  const mark = pod.metadata?.annotations?.["example.com/mark"] ?? "";
  if (mark !== "") report({ type: "marked", mark, nowMs: performance.timeOrigin + performance.now() });
  if (throwing) {
    throwing = false;
    throw new Error("this handler throws once");
  }
}

const start = library === "clientNode" ? await prepareClientNode() : await prepareK8ts();
globalThis.gc?.();
const bytesHeld = () => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
const bytesBefore = bytesHeld();
const startMs = performance.now();
const synced = () => {
  const syncS = (performance.now() - startMs) / 1000;
  const peakRssMB = process.resourceUsage().maxRSS / 1024;
  globalThis.gc?.();
  report({
    type: "synced",
    syncS,
    peakRssMB,
    bytesPerPod: (bytesHeld() - bytesBefore) / pods,
  });
};
await start(synced);

type Start = (synced: () => void) => Promise<void>;

async function prepareK8ts(): Promise<Start> {
  const client = await import("../../src/client/index.ts");
  const { createHttpsTransport } = await import("../../src/client/transport/https-transport.ts");
  const { systemClock: clock, systemRandom: random, silentLogger: logger } = client;
  // What it loads with the first answer; the other library has loaded its models by now, too.
  await import("../../src/client/transport/protobuf-answer.ts");
  const encoding = library === "k8ts" ? "protobuf" : "json";
  return async (done) => {
    const informers = client.createInformerFactory({
      client: client.createClient({ transport: createHttpsTransport({ server }), clock, encoding }),
      ...{ clock, random, logger },
    });
    informers.informer(client.resources.pods).addHandler({ updated: (_old, pod) => onUpdate(pod) });
    informers.start(new AbortController().signal);
    await informers.waitForSync();
    done();
  };
}

async function prepareClientNode(): Promise<Start> {
  const library = await import("@kubernetes/client-node");
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
