import assert from "node:assert/strict";
import { get } from "node:http";
import test from "node:test";
import type { ConfigMap, Secret } from "../../api/core/types.generated.ts";
import { configMaps, events, leases, namespaces, secrets, services } from "../../api/resources.generated.ts";
import { inProcessTransport } from "../../apiserver/in-process.ts";
import { admin, startTestServer } from "../../apiserver/test-support/server.ts";
import { sleep } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { Transport, WatchEvent } from "../exchange.ts";
import { setControllerReference } from "../owner-references.ts";
import { createClient } from "../rest-client.ts";
import { TerminalError } from "../workers.ts";
import { type Controller, controller, watch } from "./controller.ts";
import { createManager, LeadershipLostError, type Runnable } from "./manager.ts";
import type { ManagerOptions } from "./manager-options.ts";
import { generationChanged, labelsChanged, or } from "./predicates.ts";
import { source } from "./source.ts";

const namespace = "shop";

const configMap = (name: string, more: Partial<ConfigMap> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  ...more,
});

const secret = (name: string): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace },
});

/** A real API server, and managers on it whose connections can be cut. */
async function world() {
  const { server, clock, close } = await startTestServer();
  const transport = inProcessTransport(server, admin);
  const client = createClient({ transport, clock });
  await client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
    spec: {},
  });
  const random = seededRandom(1);
  const stops: AbortController[] = [];

  function start(parts: readonly (Controller | Runnable)[], options: Partial<ManagerOptions> = {}) {
    const link = { isCut: false, watchLagMs: 0 };
    async function* lagging(events: AsyncIterable<readonly WatchEvent[]>) {
      for await (const batch of events) {
        if (link.watchLagMs > 0) await sleep(clock, link.watchLagMs);
        yield batch;
      }
    }
    const cuttable: Transport = {
      async send(request) {
        if (link.isCut) throw new Error("connection refused");
        const response = await transport.send(request);
        return response.type === "watch" ? { ...response, events: lagging(response.events) } : response;
      },
      close: async () => {},
    };
    const stop = new AbortController();
    stops.push(stop);
    const manager = createManager({
      client: createClient({ transport: cuttable, clock }),
      ...{ clock, random, logger: silentLogger },
      ...options,
    });
    manager.add(...parts);
    const outcome = { text: "running" };
    const ended = manager.run({ signal: stop.signal }).then(
      () => (outcome.text = "stopped"),
      (error: Error) => (outcome.text = error.name === "Error" ? error.message : error.name),
    );
    return { manager, stop, link, outcome, ended };
  }

  return {
    ...{ client, clock, start },
    async end() {
      for (const stop of stops) stop.abort(new Error("over"));
      await clock.advance(60_000);
      await close();
      await clock.advance(3_600_000);
      assert.equal(clock.pendingTimers, 0, "no timer is left");
    },
  };
}

/** Makes a secret for each config map. */
function copier(more: Partial<Controller> & { readonly seen: string[] }): Controller {
  const { seen, ...options } = more;
  return controller({
    name: "copier",
    for: configMaps,
    owns: [secrets],
    async reconcile(request, { client, cache }) {
      seen.push(request.name);
      const owner = cache.get(configMaps, request);
      if (owner === undefined || cache.list(secrets, { controlledBy: owner }).length > 0) return;
      await client.create(secrets, setControllerReference(owner, secret(request.name)));
    },
    ...options,
  });
}

test("A manager fills its caches first, reconciles what is there and what changes, and stops clean", async () => {
  const { client, clock, start, end } = await world();
  await client.create(configMaps, configMap("early"));
  const seen: string[] = [];
  const { stop, outcome } = start([copier({ seen })]);
  await clock.settle();
  assert.equal(
    (await client.get(secrets, { namespace, name: "early" })).metadata.ownerReferences?.[0]?.name,
    "early",
  );
  await client.create(configMaps, configMap("late"));
  await clock.settle();
  await client.get(secrets, { namespace, name: "late" });
  seen.length = 0;
  await client.delete(secrets, { namespace, name: "late" });
  await clock.settle();
  await client.get(secrets, { namespace, name: "late" });
  assert.equal(seen[0], "late", "the end of what it owns wakes the owner");
  stop.abort(new Error("over"));
  await clock.settle();
  assert.equal(outcome.text, "stopped");
  await client.create(configMaps, configMap("after"));
  await clock.advance(60_000);
  assert.ok(!seen.includes("after"));
  await end();
});

test("A controller does not see a state older than its own writes, however late its caches are told", async () => {
  const { client, clock, start, end } = await world();
  const seen: string[] = [];
  const { link } = start([
    controller({
      name: "counter",
      for: configMaps,
      owns: [secrets],
      async reconcile(request, { client, cache }) {
        const object = cache.get(configMaps, request);
        if (object === undefined) return {};
        const count = Number(object.data?.count ?? 0);
        const copies = cache.list(secrets, { controlledBy: object });
        seen.push(`${count} with ${copies.length}`);
        if (count === 3) return {};
        const copy = setControllerReference(object, secret(""));
        await client.create(secrets, {
          ...copy,
          metadata: { ...copy.metadata, name: "", generateName: "copy-" },
        });
        await client.update(configMaps, { ...object, data: { count: String(count + 1) } });
        for (const old of copies.slice(1))
          await client.delete(secrets, { namespace, name: old.metadata.name ?? "" });
        return { requeueAfterMs: 10 };
      },
    }),
  ]);
  await clock.settle();
  link.watchLagMs = 500;
  await client.create(configMaps, configMap("a"));
  await clock.advance(10_000);
  assert.deepEqual(seen, ["0 with 0", "1 with 1", "2 with 2", "3 with 2"]);
  await end();
});

for (const limit of ["the manager", "the source"]) {
  test(`A write to another namespace than that of ${limit} is not waited for: no cache will show it`, async () => {
    const { client, clock, start, end } = await world();
    let reconciles = 0;
    const only = limit === "the manager" ? {} : { namespace };
    const counter = controller({
      name: "elsewhere",
      for: source(configMaps, only),
      owns: [source(secrets, only)],
      async reconcile(_request, { client }) {
        const elsewhere = { ...secret("").metadata, namespace: "default", name: `n-${reconciles++}` };
        await client.create(secrets, { ...secret(""), metadata: elsewhere });
        return { requeueAfterMs: 1000 };
      },
    });
    start([counter], limit === "the manager" ? { namespace } : {});
    await clock.settle();
    await client.create(configMaps, configMap("a"));
    await clock.advance(9_500);
    assert.equal(reconciles, 10);
    await end();
  });
}

test("A source's predicate leaves changes out, and a watch wakes the objects it maps to, old and new", async () => {
  const { client, clock, start, end } = await world();
  const seen: string[] = [];
  start([
    controller({
      name: "mapped",
      for: source(configMaps, { when: or(generationChanged, labelsChanged), labelSelector: "app" }),
      watches: [watch(services, ({ metadata }) => [{ namespace, name: metadata.labels?.of ?? "nobody" }])],
      async reconcile({ name }) {
        seen.push(name);
      },
    }),
  ]);
  const labelled = (labels: Record<string, string>, data = {}) =>
    configMap("a", { metadata: { name: "a", namespace, labels }, data });
  await clock.settle();
  await client.create(configMaps, configMap("unlabelled"));
  await client.create(configMaps, labelled({ app: "x" }));
  await clock.settle();
  assert.deepEqual(seen.splice(0), ["a"]);
  await client.update(configMaps, labelled({ app: "x" }, { a: "1" }));
  await clock.settle();
  assert.deepEqual(seen.splice(0), [], "neither generation nor labels changed");
  await client.update(configMaps, labelled({ app: "y" }));
  await clock.settle();
  assert.deepEqual(seen.splice(0), ["a"]);
  const service = (of: string) => ({
    ...{ apiVersion: "v1", kind: "Service" },
    metadata: { name: "web", namespace, labels: { of } },
    spec: { clusterIP: "None", ports: [{ port: 80 }] },
  });
  await client.create(services, service("b"));
  await clock.settle();
  await client.patch(services, { namespace, name: "web" }, { type: "merge", patch: service("c") });
  await clock.settle();
  assert.deepEqual(seen.splice(0), ["b", "c", "b"]);
  await end();
});

test("A reconcile that throws, fails for good or never ends harms no other key", async () => {
  const { client, clock, start, end } = await world();
  const calls: Record<string, number> = {};
  start([
    controller({
      name: "mixed",
      for: configMaps,
      concurrency: 2,
      timeoutMs: 1000,
      async reconcile({ name }, { signal }) {
        calls[name] = (calls[name] ?? 0) + 1;
        if (name === "throws" && calls[name] < 3) throw new TypeError("broken");
        if (name === "hopeless") throw new TerminalError("makes no sense");
        if (name === "endless" && calls[name] === 1)
          await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    }),
  ]);
  await clock.settle();
  for (const name of ["throws", "hopeless", "endless", "fine"])
    await client.create(configMaps, configMap(name));
  await clock.advance(60_000);
  assert.deepEqual(calls, { throws: 3, hopeless: 1, endless: 2, fine: 1 });
  await end();
});

test("What a controller does not follow cannot be read from its cache", async () => {
  const { client, clock, start, end } = await world();
  let message = "";
  start([
    controller({
      name: "careless",
      for: configMaps,
      async reconcile(_request, { cache }) {
        try {
          cache.list(services);
        } catch (error) {
          message = String(error);
        }
      },
    }),
  ]);
  await client.create(configMaps, configMap("a"));
  await clock.settle();
  assert.match(message, /services is not followed: declare it in for, owns or watches/);
  await end();
});

test("A standby has its caches filled and takes over when the leader is cut off, whose writes are refused by then", async () => {
  const { client, clock, start, end } = await world();
  const leaderElection = { namespace, name: "operator" };
  const writers: string[] = [];
  const replica = (name: string) =>
    start(
      [
        controller({
          name: "writer",
          for: configMaps,
          async reconcile(request, { client }) {
            // The first leader is in the middle of its work when it is cut off, and heeds no signal.
            if (name === "first") await new Promise<void>((resolve) => clock.setTimer(60_000, resolve));
            await client.create(secrets, secret(`${request.name}-by-${name}`), {
              signal: new AbortController().signal,
            });
            writers.push(name);
          },
        }),
      ],
      { leaderElection: { ...leaderElection, identity: name }, gracefulStopMs: 120_000 },
    );
  const first = replica("first");
  await clock.advance(3000);
  const second = replica("second");
  await clock.advance(3000);
  assert.deepEqual([first.manager.isLeader, second.manager.isLeader], [true, false]);
  await client.create(configMaps, configMap("a"));
  await clock.settle();
  first.link.isCut = true;
  await clock.advance(20_000);
  assert.deepEqual([first.manager.isLeader, second.manager.isLeader], [false, true]);
  first.link.isCut = false;
  await clock.advance(60_000);
  assert.deepEqual(writers, ["second"]);
  assert.equal(first.outcome.text, LeadershipLostError.name);
  second.stop.abort(new Error("over"));
  await clock.settle();
  const { spec } = await client.get(leases, leaderElection);
  assert.equal(spec.holderIdentity ?? "", "", "who stops gives the lease up");
  await end();
});

test("What a controller tells while it stops is written, and waited for no longer than two seconds", async () => {
  const { client, clock, start, end } = await world();
  const reports = (name: string) =>
    controller({
      name,
      for: configMaps,
      async reconcile(request, { cache, events, signal }) {
        const object = cache.get(configMaps, request);
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        if (object !== undefined) events.event(object, { type: "Normal", reason: "Stopped", note: name });
      },
    });
  const heard = start([reports("heard")]);
  const unheard = start([reports("unheard")]);
  await client.create(configMaps, configMap("a"));
  await clock.settle();
  unheard.link.isCut = true;
  for (const { stop } of [heard, unheard]) stop.abort(new Error("over"));
  await clock.settle();
  assert.deepEqual([heard.outcome.text, unheard.outcome.text], ["stopped", "running"]);
  await clock.advance(2000);
  assert.equal(unheard.outcome.text, "stopped");
  const written = (await client.list(events, { namespace })).items.map(({ message }) => message);
  assert.deepEqual(written, ["heard"]);
  await end();
});

test("What does not stop in time ends the manager with its name", async () => {
  const { clock, start, end } = await world();
  const { stop, outcome } = start([{ name: "stubborn", run: () => new Promise(() => {}) }], {
    gracefulStopMs: 5000,
  });
  await clock.settle();
  stop.abort(new Error("over"));
  await clock.advance(4999);
  assert.equal(outcome.text, "running");
  await clock.advance(1);
  assert.equal(outcome.text, "not everything stopped within 5000 ms: controllers, stubborn");
  await end();
});

test("A runnable that fails stops the others, in order, and the manager with its error", async () => {
  const { clock, start, end } = await world();
  const told: string[] = [];
  const { outcome } = start([
    {
      name: "fragile",
      needsLeader: false,
      run: () => new Promise((_, reject) => clock.setTimer(1000, () => reject(new Error("no disk")))),
    },
    {
      name: "other",
      async run({ signal }) {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        told.push("other");
      },
    },
  ]);
  await clock.advance(1000);
  assert.equal(outcome.text, "no disk");
  assert.deepEqual(told, ["other"]);
  await end();
});

test("Caches that do not fill are named", async () => {
  const { clock, start, end } = await world();
  const widgets = {
    group: "example.com",
    version: "v1",
    resource: "widgets",
    kind: "Widget",
    namespaced: true,
  };
  const { outcome } = start([controller({ name: "widgets", for: widgets, async reconcile() {} })], {
    cacheSyncMs: 10_000,
  });
  await clock.advance(10_000);
  assert.equal(outcome.text, "the caches did not fill within 10000 ms: widgets.example.com");
  await end();
});

async function fetchText(port: number | undefined, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    }).on("error", reject);
  });
}

test("Health, readiness and metrics are served under upstream's names", async () => {
  const { client, clock, start, end } = await world();
  let isWell = true;
  const seen: string[] = [];
  const { manager } = start([copier({ seen })], {
    http: { port: 0, host: "127.0.0.1" },
    leaderElection: { namespace, name: "copier" },
  });
  manager.addHealthCheck("disk", () => {
    if (!isWell) throw new Error("the disk at /secret is full");
  });
  await client.create(configMaps, configMap("a"));
  await clock.advance(3000);
  assert.deepEqual(await fetchText(manager.port, "/healthz"), { status: 200, text: "ok" });
  assert.deepEqual(await fetchText(manager.port, "/readyz?verbose"), {
    status: 200,
    text: "[+]caches ok\nreadyz check passed\n",
  });
  isWell = false;
  assert.deepEqual(await fetchText(manager.port, "/healthz"), {
    status: 500,
    text: "[+]ping ok\n[-]disk failed: reason withheld\nhealthz check failed\n",
  });
  assert.equal((await fetchText(manager.port, "/healthz/ping")).status, 200);
  assert.equal((await fetchText(manager.port, "/healthz/absent")).status, 404);
  const { text } = await fetchText(manager.port, "/metrics");
  for (const line of [
    /^controller_runtime_reconcile_total\{controller="copier",result="success"\} [1-9]/m,
    /^controller_runtime_reconcile_errors_total\{controller="copier"\} 0$/m,
    /^controller_runtime_reconcile_time_seconds_count\{controller="copier"\} [1-9]/m,
    /^controller_runtime_active_workers\{controller="copier"\} 0$/m,
    /^workqueue_depth\{name="copier",controller="copier"\} 0$/m,
    /^workqueue_adds_total\{name="copier",controller="copier"\} [1-9]/m,
    /^workqueue_unfinished_work_seconds\{name="copier",controller="copier"\} 0$/m,
    /^rest_client_requests_total\{code="201",method="POST",host=""\} [1-9]/m,
    /^leader_election_master_status\{name="copier"\} 1$/m,
  ])
    assert.match(text, line);
  await end();
});
