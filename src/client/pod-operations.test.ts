import assert from "node:assert/strict";
import test from "node:test";
import { deployments, namespaces, pods } from "../api/resources.generated.ts";
import { inProcessTransport } from "../apiserver/in-process.ts";
import { admin, startTestServer } from "../apiserver/test-support/server.ts";
import type { ApiRequest, ApiResponse } from "./exchange.ts";
import { evict, podLogs, scale } from "./pod-operations.ts";
import { createClient } from "./rest-client.ts";
import { connectionTo } from "./test-support/pods.ts";
import { runInPod } from "./transport/run-in-pod.ts";
import { waitFor } from "./wait-for.ts";

const name = { namespace: "shop", name: "web" };

/** A client of a server that answers every request with these bytes, and the requests that it got. */
function answering(...chunks: readonly string[]) {
  const requests: ApiRequest[] = [];
  const encoder = new TextEncoder();
  let isOpen = true;
  const body = (async function* () {
    try {
      for (const chunk of chunks) yield Uint8Array.from(encoder.encode(chunk));
    } finally {
      isOpen = false;
    }
  })();
  const send = async (request: ApiRequest): Promise<ApiResponse> => {
    requests.push(request);
    return { type: "bytes", status: 200, headers: {}, body };
  };
  const client = createClient({ transport: { send, close: async () => {} } });
  return { client, requests, isOpen: () => isOpen };
}

for (const [what, chunks, want] of [
  ["lines, however they arrive", ["on", "e\ntw", "o\n", "three\n"], ["one", "two", "three"]],
  ["a last line without its end, and empty ones", ["a\n\n", "b"], ["a", "", "b"]],
  ["nothing of an empty log", [], []],
] as const) {
  test(`A pod's log is read as ${what}`, async () => {
    assert.deepEqual(await Array.fromAsync(podLogs(answering(...chunks).client, name)), want);
  });
}

test("A log that is followed is asked for as such, and let go of when its loop is left", async () => {
  const { client, requests, isOpen } = answering("a\n", "b\n", "c\n");
  for await (const line of podLogs(client, name, { follow: true, container: "app", tailLines: 5 }))
    if (line === "b") break;
  assert.equal(isOpen(), false);
  const [request] = requests;
  assert.equal(request?.path, "/api/v1/namespaces/shop/pods/web/log");
  assert.equal(String(request?.query), "follow=true&container=app&tailLines=5");
});

async function shop() {
  const { server, clock, close } = await startTestServer();
  const client = createClient({ transport: inProcessTransport(server, admin), clock });
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" }, spec: {} } as const;
  await client.create(namespaces, namespace);
  return { client, clock, close };
}

const podSpec = { containers: [{ name: "a", image: "a" }] };
const labels = { app: "web" };

test("A pod is evicted, a Deployment is scaled", async () => {
  const { client, close } = await shop();
  await client.create(pods, { apiVersion: "v1", kind: "Pod", metadata: name, spec: podSpec });
  await evict(client, name, { dryRun: true });
  await client.get(pods, name);
  await evict(client, name, { gracePeriodSeconds: 0 });
  await assert.rejects(client.get(pods, name), { name: "ApiError" });
  await client.create(deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: name,
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } },
  });
  assert.equal((await scale(client, deployments, name, 3)).spec?.replicas, 3);
  assert.equal((await client.get(deployments, name)).spec.replicas, 3);
  await close();
});

test("One waits for a state, for an end, or until the time is over", async () => {
  const { client, clock, close } = await shop();
  const waiting = waitFor(client, pods, name, (pod) => pod?.metadata.labels?.app === "web", { clock });
  const pod = { apiVersion: "v1", kind: "Pod", metadata: name, spec: podSpec } as const;
  await client.create(pods, pod);
  await client.create(pods, { ...pod, metadata: { ...name, name: "other", labels } });
  await clock.settle();
  await client.patch(pods, name, { type: "merge", patch: { metadata: { labels } } });
  assert.equal((await waiting)?.metadata.name, "web");
  const gone = waitFor(client, pods, name, (object) => object === undefined, { clock });
  await clock.settle();
  await client.delete(pods, name, { gracePeriodSeconds: 0 });
  assert.equal(await gone, undefined);
  assert.equal(await waitFor(client, pods, name, (object) => object === undefined, { clock }), undefined);
  const late = waitFor(client, pods, name, (object) => object !== undefined, { clock, timeoutMs: 5000 });
  const refused = assert.rejects(late, /waited 5000 ms for pods shop\/web: the condition does not hold/);
  await clock.advance(5000);
  await refused;
  const stop = new AbortController();
  const given = waitFor(client, pods, name, () => false, { clock, signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(given, /enough/);
  const broken = waitFor(
    client,
    pods,
    name,
    () => {
      throw new Error("a fault of one's own");
    },
    { clock },
  );
  await assert.rejects(broken, /a fault of one's own/);
  await close();
});

test("A command runs in a pod as the connection's user, reads what it is given, and its output is collected or told", async () => {
  await using server = await connectionTo();
  const result = await runInPod(server.connection, name, {
    command: ["cat", "-"],
    container: "app",
    stdin: "hello",
  });
  assert.deepEqual(result, { exitCode: 7, stdout: "hello", stderr: "done" });
  const [request] = server.requests;
  assert.equal(
    request?.url,
    "/prefix/api/v1/namespaces/shop/pods/web/exec?stdout=true&stderr=true&stdin=true&container=app&command=cat&command=-",
  );
  assert.equal(request?.headers.authorization, "Bearer t");
  assert.equal(request?.headers["impersonate-user"], "eve");
  const seen: string[] = [];
  const told = await runInPod(server.connection, name, {
    command: ["cat"],
    stdin: new TextEncoder().encode("x"),
    onStdout: (chunk) => void seen.push(new TextDecoder().decode(chunk)),
  });
  assert.deepEqual([told.stdout, seen.join("")], ["", "x"]);
});
