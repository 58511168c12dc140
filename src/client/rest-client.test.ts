import assert from "node:assert/strict";
import test from "node:test";
import { ApiError, conflict, tooManyRequests } from "../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { Client } from "./client.ts";
import type { ApiRequest, ApiResponse } from "./exchange.ts";
import { createClient } from "./rest-client.ts";
import { TransportError } from "./transport-error.ts";

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
const configMaps: ResourceType<ConfigMap> = {
  group: "",
  version: "v1",
  resource: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
};
const nodes: ResourceType = { group: "", version: "v1", resource: "nodes", kind: "Node", namespaced: false };
const leases: ResourceType = {
  group: "coordination.k8s.io",
  version: "v1",
  resource: "leases",
  kind: "Lease",
  namespaced: true,
};

const ok = (object: unknown): ApiResponse => ({ type: "object", status: 200, headers: {}, object });
const failed = (error: ApiError, headers = {}): ApiResponse => ({
  type: "object",
  status: error.code,
  headers,
  object: error.status,
});

/** A transport that answers from a list and remembers what it was asked. */
function scripted(answers: (ApiResponse | Error)[]) {
  const requests: ApiRequest[] = [];
  return {
    requests,
    transport: {
      async send(request: ApiRequest) {
        requests.push(request);
        const answer = answers.shift() ?? ok({});
        if (answer instanceof Error) throw answer;
        return answer;
      },
      async close() {},
    },
  };
}

const object: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "n" } };
const named = { namespace: "n", name: "a" };

for (const { name, call, want } of [
  {
    name: "reads an object of the core group",
    call: (client: Client) => client.get(configMaps, named, { resourceVersion: "0" }),
    want: "GET /api/v1/namespaces/n/configmaps/a?resourceVersion=0",
  },
  {
    name: "reads a cluster-scoped object",
    call: (client: Client) => client.get(nodes, { name: "a" }),
    want: "GET /api/v1/nodes/a?",
  },
  {
    name: "lists all namespaces of a named group",
    call: (client: Client) => client.list(leases, { limit: 5, labelSelector: "a=b", continue: "c" }),
    want: "GET /apis/coordination.k8s.io/v1/leases?labelSelector=a%3Db&limit=5&continue=c",
  },
  {
    name: "creates with a field manager, dry",
    call: (client: Client) => client.create(configMaps, object, { dryRun: true, fieldManager: "me" }),
    want: `POST /api/v1/namespaces/n/configmaps?dryRun=All&fieldManager=me application/json ${JSON.stringify(object)}`,
  },
  {
    name: "updates a subresource",
    call: (client: Client) => client.update(configMaps, object, { subresource: "status" }),
    want: `PUT /api/v1/namespaces/n/configmaps/a/status? application/json ${JSON.stringify(object)}`,
  },
  {
    name: "sends a JSON patch",
    call: (client: Client) => client.patch(configMaps, named, { type: "json", operations: [{ op: "test" }] }),
    want: 'PATCH /api/v1/namespaces/n/configmaps/a? application/json-patch+json [{"op":"test"}]',
  },
  {
    name: "sends a merge patch",
    call: (client: Client) => client.patch(configMaps, named, { type: "merge", patch: { data: null } }),
    want: 'PATCH /api/v1/namespaces/n/configmaps/a? application/merge-patch+json {"data":null}',
  },
  {
    name: "sends a strategic merge patch",
    call: (client: Client) => client.patch(configMaps, named, { type: "strategic", patch: {} }),
    want: "PATCH /api/v1/namespaces/n/configmaps/a? application/strategic-merge-patch+json {}",
  },
  {
    name: "applies with force",
    call: (client: Client) =>
      client.patch(configMaps, named, { type: "apply", object: {}, fieldManager: "me", force: true }),
    want: "PATCH /api/v1/namespaces/n/configmaps/a?fieldManager=me&force=true application/apply-patch+yaml {}",
  },
  {
    name: "deletes without a body",
    call: (client: Client) => client.delete(configMaps, named),
    want: "DELETE /api/v1/namespaces/n/configmaps/a?",
  },
  {
    name: "deletes with preconditions and a policy",
    call: (client: Client) =>
      client.delete(configMaps, named, { preconditions: { uid: "u" }, propagationPolicy: "Orphan" }),
    want:
      "DELETE /api/v1/namespaces/n/configmaps/a? application/json " +
      '{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Orphan","preconditions":{"uid":"u"}}',
  },
  {
    name: "deletes a collection by selector",
    call: (client: Client) =>
      client.deleteCollection(
        configMaps,
        { namespace: "n", fieldSelector: "metadata.name=a" },
        { dryRun: true },
      ),
    want:
      "DELETE /api/v1/namespaces/n/configmaps?fieldSelector=metadata.name%3Da application/json " +
      '{"kind":"DeleteOptions","apiVersion":"v1","dryRun":["All"]}',
  },
  {
    name: "posts to a subresource",
    call: (client: Client) => client.createSubresource(configMaps, named, "token", object),
    want: `POST /api/v1/namespaces/n/configmaps/a/token? application/json ${JSON.stringify(object)}`,
  },
]) {
  test(`the client ${name}`, async () => {
    const { requests, transport } = scripted([
      ok({ kind: "ConfigMapList", apiVersion: "v1", metadata: {}, items: [] }),
    ]);
    await call(createClient({ transport, userAgent: "tests/1" }));
    const [request] = requests;
    assert.ok(request);
    const body = request.body === undefined || !("object" in request.body) ? undefined : request.body.object;
    const text = `${request.method} ${request.path}?${request.query}`;
    const content = body === undefined ? "" : ` ${request.headers["content-type"]} ${JSON.stringify(body)}`;
    assert.equal(text + content, want);
    assert.equal(request.headers["user-agent"], "tests/1");
  });
}

test("the client opens a watch with bookmarks and initial events", async () => {
  async function* events() {}
  const { requests, transport } = scripted([{ type: "watch", status: 200, headers: {}, events: events() }]);
  await createClient({ transport }).watch(configMaps, {
    namespace: "n",
    resourceVersion: "7",
    allowWatchBookmarks: true,
    sendInitialEvents: true,
    timeoutSeconds: 300,
  });
  assert.equal(requests[0]?.path, "/api/v1/namespaces/n/configmaps");
  assert.equal(
    requests[0]?.query.toString(),
    "resourceVersion=7&watch=true&allowWatchBookmarks=true&sendInitialEvents=true&timeoutSeconds=300",
  );
});

test("the client throws the server's Status as ApiError", async () => {
  const { transport } = scripted([failed(conflict({ group: "", resource: "configmaps" }, "a", "stale"))]);
  await assert.rejects(createClient({ transport }).get(configMaps, named), (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, 409);
    assert.equal(error.reason, "Conflict");
    return true;
  });
});

test("the client makes an ApiError of what a proxy answers", async () => {
  async function* body() {
    yield new TextEncoder().encode("no healthy upstream");
  }
  const { transport } = scripted([{ type: "bytes", status: 503, headers: {}, body: body() }]);
  await assert.rejects(createClient({ transport }).get(configMaps, named), {
    message: "no healthy upstream",
    reason: "ServiceUnavailable",
  });
});

test("the client says TransportError when no answer was had", async () => {
  const { transport } = scripted([new Error("ECONNREFUSED")]);
  await assert.rejects(createClient({ transport }).get(configMaps, named), TransportError);
});

test("the client throws the signal's reason when the call was aborted", async () => {
  const abort = new AbortController();
  abort.abort(new Error("enough"));
  const { transport } = scripted([]);
  await assert.rejects(createClient({ transport }).get(configMaps, named, { signal: abort.signal }), {
    message: "enough",
  });
});

test("the client waits as long as Retry-After says, then sends the request again", async () => {
  const clock = new VirtualClock();
  const busy = failed(tooManyRequests("slow down", 2), { "retry-after": "2" });
  const { requests, transport } = scripted([busy, busy, ok(object)]);
  const answer = createClient({ transport, clock }).get(configMaps, named);
  await clock.advance(1_999);
  assert.equal(requests.length, 1);
  await clock.advance(2_001);
  assert.equal(requests.length, 3);
  assert.deepEqual(await answer, object);
});

test("the client gives up on a server that is always busy", async () => {
  const clock = new VirtualClock();
  const busy = () => failed(tooManyRequests("slow down", 1), { "retry-after": "1" });
  const { requests, transport } = scripted(Array.from({ length: 20 }, busy));
  const refused = assert.rejects(createClient({ transport, clock }).get(configMaps, named), { code: 429 });
  await clock.advance(60_000);
  await refused;
  assert.equal(requests.length, 11);
});

test("the client does not retry a 429 that names no delay", async () => {
  const { requests, transport } = scripted([failed(tooManyRequests("budget", 0))]);
  const client = createClient({ transport, clock: new VirtualClock() });
  await assert.rejects(client.get(configMaps, named), { reason: "TooManyRequests" });
  assert.equal(requests.length, 1);
});

test("the client gives list items the kind that the list names once", async () => {
  const item = { metadata: { name: "a" } };
  const list = { kind: "ConfigMapList", apiVersion: "v1", metadata: {}, items: [item] };
  const { transport } = scripted([ok(list)]);
  const { items } = await createClient({ transport }).list(configMaps);
  assert.deepEqual(items, [{ apiVersion: "v1", kind: "ConfigMap", ...item }]);
});

test("the client hands out the very list it was given when its items are complete", async () => {
  const list = { kind: "ConfigMapList", apiVersion: "v1", metadata: {}, items: [object] };
  const { transport } = scripted([ok(list)]);
  assert.equal(await createClient({ transport }).list(configMaps), list);
});

test("the client passes warnings on", async () => {
  const warnings: string[] = [];
  const { transport } = scripted([
    {
      type: "object",
      status: 200,
      headers: { warning: ['299 - "a \\"quoted\\" word"', '299 - "b"'] },
      object,
    },
  ]);
  await createClient({ transport, onWarning: (text) => warnings.push(text) }).get(configMaps, named);
  assert.deepEqual(warnings, ['a "quoted" word', "b"]);
});

test("the client's own limit makes requests wait for their turn, and lets an aborted one go", async () => {
  const clock = new VirtualClock();
  const { transport, requests } = scripted(Array.from({ length: 10 }, () => ok(object)));
  const client = createClient({ transport, clock, rateLimit: { perSecond: 1, burst: 2 } });
  const abort = new AbortController();
  const all = Array.from({ length: 4 }, () => client.get(configMaps, named));
  const given = client.get(configMaps, named, { signal: abort.signal });
  given.catch(() => {});
  await clock.settle();
  assert.equal(requests.length, 2);
  abort.abort(new Error("given up"));
  await assert.rejects(given, /given up/);
  await clock.advance(2000);
  await Promise.all(all);
  assert.equal(requests.length, 4);
});

test("the client tells observers of every request and retry, until they leave", async () => {
  const seen: string[] = [];
  const { transport } = scripted([ok(object), ok(object)]);
  const client = createClient({ transport, host: "c:6443" });
  const leave = client.observe(({ method, host, status }) => seen.push(`${method} ${host} ${status}`));
  await client.get(configMaps, named);
  leave();
  await client.get(configMaps, named);
  assert.deepEqual(seen, ["GET c:6443 200"]);
});
