import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ApiResponse } from "../../client/exchange.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";
import { byVersionPriority } from "./documents.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

interface ResourceList {
  readonly groupVersion: string;
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly group?: string;
    readonly shortNames?: readonly string[];
    readonly storageVersionHash?: string;
  }[];
}

async function textOf(response: ApiResponse): Promise<string> {
  if (response.type !== "bytes") return JSON.stringify("object" in response ? response.object : undefined);
  let text = "";
  for await (const chunk of response.body) text += new TextDecoder().decode(chunk);
  return text;
}

test("Discovery, confirm the PreferredVersion for each api group", async () => {
  const { groups } = await server.object<{
    groups: { name: string; versions: { version: string }[]; preferredVersion: { version: string } }[];
  }>("GET", "/apis");
  assert.deepEqual(
    groups.slice(0, 3).map(({ name }) => name),
    ["apiregistration.k8s.io", "apps", "events.k8s.io"],
  );
  for (const group of groups) {
    assert.equal(group.preferredVersion.version, group.versions[0]?.version);
    const single = await server.object<{ name: string }>("GET", `/apis/${group.name}`);
    assert.equal(single.name, group.name);
  }
  assert.equal(groups.find(({ name }) => name === "autoscaling")?.preferredVersion.version, "v2");
});

test("Discovery, confirm the groupVerion and a resourcefrom each apiGroup", async () => {
  const list = await server.object<ResourceList>("GET", "/apis/apps/v1");
  assert.equal(list.groupVersion, "apps/v1");
  const deployments = list.resources.find(({ name }) => name === "deployments");
  assert.deepEqual(deployments?.shortNames, ["deploy"]);
  // The first eight bytes of a digest of "apps/v1/Deployment": what kube-apiserver says, too.
  assert.equal(deployments?.storageVersionHash, "8aSe+NMegvE=");
  assert.equal(list.resources.find(({ name }) => name === "deployments/scale")?.group, "autoscaling");
  const core = await server.object<ResourceList>("GET", "/api/v1");
  assert.equal(core.groupVersion, "v1");
  for (const name of [
    "pods",
    "pods/log",
    "pods/exec",
    "pods/eviction",
    "namespaces/finalize",
    "serviceaccounts/token",
  ])
    assert.ok(
      core.resources.some((resource) => resource.name === name),
      name,
    );
});

test("Aggregated Discovery Interface; Aggregated Discovery Endpoint Accept Headers", async () => {
  const headers = {
    accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
  };
  for (const [path, group] of [
    ["/api", undefined],
    ["/apis", "apiregistration.k8s.io"],
  ] as const) {
    const response = await server.call("GET", path, { headers });
    assert.equal(
      response.headers["content-type"],
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    );
    const document = JSON.parse(await textOf(response));
    assert.equal(document.kind, "APIGroupDiscoveryList");
    assert.equal(document.items[0].metadata.name, group);
    const etag = response.headers.etag as string;
    const again = await server.call("GET", path, { headers: { ...headers, "if-none-match": etag } });
    assert.equal(again.status, 304);
  }
});

test("health endpoints answer for all checks and for each, in upstream's words", async () => {
  const ask = (path: string, query = {}) => server.call("GET", path, { query });
  const early = await ask("/readyz");
  assert.equal(early.status, 500);
  const lines = (await textOf(early)).split("\n");
  assert.deepEqual(lines.slice(0, 4), ["[+]ping ok", "[+]log ok", "[+]etcd ok", "[+]etcd-readiness ok"]);
  for (const hook of [
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "priority-and-fairness-filter",
  ])
    assert.ok(lines.includes(`[-]poststarthook/${hook} failed: reason withheld`), hook);
  assert.ok(lines.includes("[-]autoregister-completion failed: reason withheld"));
  assert.ok(lines.includes("[-]poststarthook/start-system-namespaces-controller failed: reason withheld"));
  assert.deepEqual(lines.slice(-3), ["[+]shutdown ok", "readyz check failed", ""]);
  assert.equal(early.headers["content-type"], "text/plain; charset=utf-8");
  const hook = "/readyz/poststarthook/start-system-namespaces-controller";
  assert.equal(await textOf(await ask(hook)), "internal server error: not finished\n");
  await server.server.start();
  assert.equal(await textOf(await ask("/readyz")), "ok");
  const verbose = await textOf(await ask("/livez", { verbose: "", exclude: "etcd" }));
  assert.ok(
    verbose.startsWith(
      "[+]ping ok\n[+]log ok\n[+]loopback-serving-certificate ok\n[+]etcd excluded: ok\n[+]poststarthook/",
    ),
  );
  assert.ok(verbose.endsWith("\nlivez check passed\n"));
  assert.ok(!verbose.includes("shutdown"));
  const unknown = await textOf(await ask("/healthz", { verbose: "", exclude: "what" }));
  assert.match(
    unknown,
    /\nwarn: some health checks cannot be excluded: no matches for "what"\nhealthz check passed\n$/,
  );
  assert.equal(await textOf(await ask("/livez/ping")), "ok");
  assert.equal((await ask("/readyz/nothing")).status, 404);
});

test("/metrics counts requests under upstream's names", async () => {
  const text = await textOf(await server.call("GET", "/metrics"));
  assert.match(text, /^apiserver_request_total\{verb="GET",.*code="200".*\} \d+$/m);
  assert.match(text, /^apiserver_request_duration_seconds_bucket\{.*le="\+Inf".*\} \d+$/m);
  assert.match(text, /^apiserver_storage_objects\{resource="namespaces"\} 4$/m);
});

test("the index lists what there is", async () => {
  const { paths } = await server.object<{ paths: string[] }>("GET", "/");
  for (const path of ["/api", "/api/v1", "/apis/apps/v1", "/healthz", "/livez/ping", "/metrics", "/version"])
    assert.ok(paths.includes(path), path);
});

test("stable versions come before betas before alphas", () => {
  const versions = ["v1beta1", "v2alpha1", "v1", "v10", "v2", "foo", "v11beta2"];
  assert.deepEqual(versions.toSorted(byVersionPriority), [
    "v10",
    "v2",
    "v1",
    "v11beta2",
    "v1beta1",
    "v2alpha1",
    "foo",
  ]);
});
