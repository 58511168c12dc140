import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createMemoryPki } from "../../apiserver/pki/ensure-pki.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import { composeApiServer } from "./api-server.ts";
import { defaultNetwork } from "./cluster-network.ts";
import { inProcessPki } from "./in-process-pki.ts";
import { defaultOperation, type OperationOptions } from "./operation-options.ts";
import { servedOptions } from "./test-support/options.ts";

/** Storage whose commits wait while it is held. */
function holdable(storage: Storage) {
  let gate: PromiseWithResolvers<void> | undefined;
  const reached = Promise.withResolvers<void>();
  const held: Storage = {
    get revision() {
      return storage.revision;
    },
    supportsProgress: storage.supportsProgress,
    currentRevision: () => storage.currentRevision(),
    get: (key) => storage.get(key),
    range: (range, options) => storage.range(range, options),
    async commit(transaction) {
      if (gate !== undefined && transaction.writes.some(({ key }) => key.endsWith("/slow"))) {
        reached.resolve();
        await gate.promise;
      }
      return storage.commit(transaction);
    },
    watch: (range, options) => storage.watch(range, options),
    compact: (revision) => storage.compact(revision),
    close: () => storage.close(),
  };
  const hold = () => {
    gate = Promise.withResolvers();
  };
  return { storage: held, hold, reached: reached.promise, release: () => gate?.resolve() };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

async function start(operation: OperationOptions) {
  const pki = await createMemoryPki({ nowMs: Date.now() });
  const served = servedOptions(pki);
  const { storage, hold, reached, release } = holdable(served.storage);
  const stop = new AbortController();
  const composed = await composeApiServer({ ...served, storage, operation }, stop.signal);
  await composed.ready;
  const begin = (method: string, path: string, body?: object, anonymous = false) => {
    const started = Promise.withResolvers<void>();
    const answered = new Promise<Answer>((resolve, reject) => {
      const outgoing = request(
        {
          host: "127.0.0.1",
          port: composed.listener?.port,
          ca: pki.clusterAuthority.certificate,
          ...(anonymous ? {} : { cert: pki.admin.certificate, key: pki.admin.key }),
          method,
          path,
          agent: false,
          headers: { "content-type": "application/json" },
        },
        (incoming) => {
          started.resolve();
          let text = "";
          incoming.on("data", (chunk: Buffer) => {
            text += chunk.toString();
          });
          incoming.on("error", reject);
          const { statusCode = 0, headers } = incoming;
          incoming.on("end", () => resolve({ status: statusCode, text, retryAfter: headers["retry-after"] }));
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
    return { started: started.promise, answered };
  };
  return {
    ...composed,
    hold,
    reached,
    release,
    begin,
    send: (method: string, path: string, body?: object) => begin(method, path, body).answered,
    async end() {
      await composed.close();
      stop.abort();
      await storage.close();
    },
  };
}

const configMaps = "/api/v1/namespaces/default/configmaps";
const configMap = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });

test("a server that stops says so first, answers what it has begun, turns away what comes, and ends its watches", async () => {
  const server = await start({ ...defaultOperation, sendRetryAfter: true });
  const watch = server.begin("GET", `${configMaps}?watch=1`);
  await watch.started;
  server.hold();
  const slow = server.send("POST", configMaps, configMap("slow"));
  await server.reached;

  await server.announceShutdown();
  const ready = await server.send("GET", "/readyz");
  assert.equal(ready.status, 500);
  assert.match(ready.text, /\[-\]shutdown failed: reason withheld\nreadyz check failed\n$/);
  assert.equal((await server.send("GET", "/livez")).text, "ok");
  assert.equal((await server.send("GET", configMaps)).status, 200, "until it stops, all is served");

  const ended = server.end();
  const refused = await server.send("GET", configMaps);
  assert.deepEqual([refused.status, refused.retryAfter], [429, "5"]);
  assert.equal(refused.text, "The apiserver is shutting down, please try again later.\n");
  server.release();
  assert.equal((await slow).status, 201);
  assert.equal((await watch.answered).status, 200, "a watch ends as if its time were over");
  await ended;
});

test("requests over HTTPS are recorded in the log file, with where they came from, and all of it is written at the end", async () => {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-operation-"));
  try {
    const policyFile = join(directory, "policy.yaml");
    const path = join(directory, "audit.log");
    await writeFile(
      policyFile,
      "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Request\n  users: [kubernetes-admin]\n",
    );
    const log = {
      path,
      maxAgeMs: 0,
      maxBackups: 0,
      maxBytes: 1e6,
      compress: false,
      maxEventBytes: undefined,
      mode: { type: "blocking-strict" },
    } as const;
    const server = await start({
      ...defaultOperation,
      audit: { policyFile, log: { ...log, format: "json" } },
    });
    await server.send("POST", configMaps, configMap("a"));
    await server.send("GET", "/nothing");
    await server.end();
    const events = (await readFile(path, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      events.map(({ verb, responseStatus, sourceIPs }) => [verb, responseStatus.code, sourceIPs]),
      [
        ["create", 201, ["127.0.0.1"]],
        ["get", 404, ["127.0.0.1"]],
      ],
    );
    assert.equal(events[0].requestObject.metadata.name, "a");
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("health and version are for all; metrics and profiles for those who may get their paths", async () => {
  const server = await start(defaultOperation);
  const codes = async (path: string) => [
    (await server.begin("GET", path, undefined, true).answered).status,
    (await server.send("GET", path)).status,
  ];
  for (const path of ["/livez", "/readyz", "/healthz", "/version"])
    assert.deepEqual(await codes(path), [200, 200]);
  for (const path of ["/metrics", "/debug/pprof/"]) assert.deepEqual(await codes(path), [403, 200]);
  await server.end();
});

test("events live as long as --event-ttl says; profiles may be switched off", async () => {
  const clock = new VirtualClock();
  const storage = createMemoryStorage({ clock });
  const stop = new AbortController();
  const { server, close } = await composeApiServer(
    {
      storage,
      clock,
      random: seededRandom(1),
      logger: silentLogger,
      pki: inProcessPki(),
      network: defaultNetwork,
      externalUrl: "https://127.0.0.1",
      disabled: new Set(),
      operation: { ...defaultOperation, eventTtlSeconds: 10, profiling: false },
    },
    stop.signal,
  );
  const statusOf = async (method: "GET" | "POST", path: string, object?: object) => {
    const { status } = await server.loopback.send({
      method,
      path,
      query: new URLSearchParams(),
      headers: {},
      ...(object === undefined ? {} : { body: { object } }),
      signal: stop.signal,
    });
    return status;
  };
  await clock.settle();
  const involvedObject = { kind: "Pod", namespace: "default", name: "a" };
  const event = { apiVersion: "v1", kind: "Event", metadata: { name: "a" }, involvedObject };
  const events = "/api/v1/namespaces/default/events";
  assert.equal(await statusOf("POST", events, event), 201);
  await clock.advance(9_000);
  assert.equal(await statusOf("GET", `${events}/a`), 200);
  await clock.advance(1_100);
  assert.equal(await statusOf("GET", `${events}/a`), 404);
  assert.equal(await statusOf("GET", "/debug/pprof/"), 404);
  stop.abort();
  await close();
  await storage.close();
});
