import { namespaces, serviceAccounts } from "../api/resources.generated.ts";
import type { Clock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import { type Random, seededRandom } from "../base/random.ts";
import { systemClock } from "../base/system-clock.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { Client } from "../client/client.ts";
import type { UserInfo } from "../client/exchange.ts";
import { createInformerFactory } from "../client/informer-factory.ts";
import { defaultNetwork } from "../cmd/compose/cluster-network.ts";
import { type ControlPlane, startControlPlane } from "../cmd/compose/control-plane.ts";
import { inProcessPki } from "../cmd/compose/in-process-pki.ts";
import { type SimNode, startSimNode } from "../cmd/compose/sim-node.ts";
import { controllerNames } from "../controllers/main.ts";
import type { SimRuntimeOptions } from "../kubelet/cri/sim/sim-runtime.ts";
import { createMemoryStorage } from "../storage/memory/memory-storage.ts";
import { fillWithBootstrapObjects } from "./bootstrap-state.ts";
import type { TestCluster, TestClusterOptions, TestNamespace } from "./cluster-types.ts";
import { milliseconds } from "./duration.ts";
import { InProcessExtensions } from "./extension-apis.ts";
import { createFaults } from "./faults.ts";
import { install } from "./install.ts";
import { OutsideAccess } from "./kubeconfig.ts";
import { type Pace, realPace, virtualPace } from "./pace.ts";
import { untilHolds } from "./until.ts";
import { InProcessWebhooks } from "./webhooks.ts";
// Started with every cluster: loaded with this module, not while the first one waits for them.
import "../scheduler/main.ts";

const adminName = "kubernetes-admin";

/** Starts a cluster for a test; ready to use when this resolves. */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { seed = 1, logger = silentLogger } = options;
  const disabled = checkedOptions(options);
  const virtual = options.clock === "real" ? undefined : new VirtualClock();
  const pace = virtual === undefined ? realPace : virtualPace(virtual);
  const clock: Clock = virtual ?? systemClock;
  const random = seededRandom(seed);
  const storage = await storageOfStarted(disabled, clock);
  const stop = new AbortController();
  const time = timeOf(pace, () => plane.clientFor(userNamed(adminName)));
  const { until } = time;
  const { faults, intercept, webhooks, apis } = boundaries({
    clock,
    // Of its own: what else is drawn does not change with the faults.
    random: seededRandom(seed ^ 0xfa17_0000),
    revision: () => storage.revision,
    clientFor: (name) => plane.clientFor(userNamed(name)),
    pace,
    until,
  });
  let nodes: readonly SimNode[] = [];
  const plane = await startControlPlane({
    storage,
    clock,
    random,
    logger,
    pki: inProcessPki(),
    network: defaultNetwork,
    externalUrl: "https://127.0.0.1:6443",
    disabled,
    intercept,
    webhooks: webhooks.transport,
    extensions: apis.transport,
    dialInProcess: (place) => dialNode(nodes, place),
  });
  plane.startComponents();
  nodes = startNodes(plane, options, { clock, random, signal: stop.signal });
  const connections = connectionsOf(plane);
  const { client } = connections;
  await pace.pass(plane.ready);
  const outside = new OutsideAccess(plane);
  const cluster: TestCluster = {
    ...connections,
    informers: createInformerFactory({ client, clock, random, logger }),
    clock,
    random,
    nodes,
    controlPlane: plane,
    faults,
    webhooks,
    apis,
    ...time,
    install: (...sources) =>
      install(sources, { client, definitions: () => plane.server.definitions(), until }),
    namespace: (prefix = "test-") => temporaryNamespace(prefix, client, until),
    kubeconfig: () => outside.kubeconfig(),
    close: once(async () => {
      faults.heal();
      await outside.close();
      stop.abort();
      const closing = Promise.allSettled(nodes.map(({ running }) => running)).then(() => plane.close());
      // What waits for time to pass while it stops gets it.
      await pace.pass(closing);
      await Promise.all(nodes.map(({ runtime }) => runtime.close()));
      await storage.close();
    }),
    [Symbol.asyncDispose]: () => cluster.close(),
  };
  return cluster;
}

/** Who closes again waits for the first time. */
function once(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () => {
    closing ??= close();
    return closing;
  };
}

/** How a test moves it. */
function timeOf(pace: Pace, client: () => Client): Pick<TestCluster, "advance" | "until" | "during"> {
  return {
    advance: async (duration) => pace.advance(milliseconds(duration)),
    until: async (condition, options = {}) => {
      checkNames("until", options, { timeout: true });
      const { timeout = "10m" } = options;
      await untilHolds(condition, { pace, timeoutMs: milliseconds(timeout), client });
    },
    during: async (work, options = {}) => {
      checkNames("during", options, { speed: true });
      return pace.during(work, options.speed ?? 1);
    },
  };
}

const componentNames = ["scheduler", "controller-manager"];

const optionNames: OptionNames<TestClusterOptions> = {
  nodes: true,
  clock: true,
  seed: true,
  disable: true,
  runtime: true,
  logger: true,
};

const runtimeNames: OptionNames<SimRuntimeOptions> = {
  behavior: true,
  pullBehavior: true,
  images: true,
  imageMounts: true,
  latencies: true,
  podCidr: true,
  fault: true,
  clock: true,
  random: true,
};

/** What is disabled. Throws where an option cannot be meant. */
function checkedOptions(options: TestClusterOptions): ReadonlySet<string> {
  checkNames("startCluster", options, optionNames);
  const { nodes = 1, disable = [], clock = "virtual", runtime = {} } = options;
  checkNames("startCluster: runtime", runtime, runtimeNames);
  if (clock !== "virtual" && clock !== "real")
    throw new Error(`startCluster: clock is "virtual" or "real", not ${JSON.stringify(clock)}`);
  if (!Number.isInteger(nodes) || nodes < 0)
    throw new Error(`startCluster: nodes must be a whole number from 0 on, not ${nodes}`);
  const names = [...componentNames, ...controllerNames];
  for (const name of disable)
    if (!names.includes(name))
      throw new Error(
        `startCluster: nothing is called "${name}" that could be disabled; there are ${names.join(", ")}`,
      );
  return new Set(disable);
}

/** As after a first start. */
async function storageOfStarted(disabled: ReadonlySet<string>, clock: Clock) {
  const storage = createMemoryStorage({ clock });
  // Whoever disables a controller means to see what the cluster is without its work.
  const withControllers = [...disabled].every((name) => name === "scheduler");
  await fillWithBootstrapObjects(storage, { withControllers });
  return storage;
}

/** What of a test lies between the server and those who ask it, and what the server asks. */
function boundaries({
  clock,
  random,
  revision,
  clientFor,
  pace,
  until,
}: {
  readonly clock: Clock;
  readonly random: Random;
  readonly revision: () => number;
  /** Asked for once the server is there. */
  readonly clientFor: (name: string) => Client;
  readonly pace: Pace;
  readonly until: TestCluster["until"];
}) {
  const client = () => clientFor(adminName);
  return {
    ...createFaults({ clock, random, revision }),
    webhooks: new InProcessWebhooks({ client, settle: () => pace.settle() }),
    apis: new InProcessExtensions({ client, backend: () => clientFor("system:extension"), clock, until }),
  };
}

function startNodes(
  plane: ControlPlane,
  { nodes = 1, logger = silentLogger, runtime }: TestClusterOptions,
  { clock, random, signal }: { readonly clock: Clock; readonly random: Random; readonly signal: AbortSignal },
): SimNode[] {
  const common = { plane, network: defaultNetwork, clock, random, logger };
  return Array.from({ length: nodes }, (_, index) =>
    startSimNode(
      { ...common, name: `node-${index + 1}`, index, ...(runtime === undefined ? {} : { runtime }) },
      signal,
    ),
  );
}

/** Clients and streams of users within this process. */
function connectionsOf(
  plane: ControlPlane,
): Pick<TestCluster, "client" | "transport" | "clientFor" | "connectionFor"> {
  const connectionFor: TestCluster["connectionFor"] = (named) => {
    const user = typeof named === "string" ? userNamed(named) : named;
    const transport = { server: "http://in-process.test", dial: () => plane.connect(user) };
    return { client: plane.clientFor(user), transport };
  };
  return { ...connectionFor(adminName), connectionFor, clientFor: (user) => connectionFor(user).client };
}

/** A kubelet or a pod of the cluster, by its address. */
async function dialNode(nodes: readonly SimNode[], place: { readonly host: string; readonly port: number }) {
  for (const node of nodes) {
    const stream = await node.dial(place);
    if (stream !== undefined) return stream;
  }
  return undefined;
}

function userNamed(name: string): UserInfo {
  return { name, groups: ["system:masters", "system:authenticated"] };
}

async function temporaryNamespace(
  prefix: string,
  client: Client,
  until: Pace["until"] extends (condition: infer C, timeoutMs: number) => infer R
    ? (condition: C) => R
    : never,
): Promise<TestNamespace> {
  const created = await client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { generateName: prefix },
    spec: {},
  });
  const { name = "" } = created.metadata;
  await until(async () =>
    (await client.list(serviceAccounts, { namespace: name })).items.some(
      ({ metadata }) => metadata.name === "default",
    ),
  );
  return {
    name,
    async [Symbol.asyncDispose]() {
      await client.delete(namespaces, { name });
      await until(
        async () => !(await client.list(namespaces)).items.some(({ metadata }) => metadata.name === name),
      );
    },
  };
}
