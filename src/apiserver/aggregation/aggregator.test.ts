import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { APIService } from "../../api/apiregistration/types.generated.ts";
import { builtInDefinitions } from "../../api/registry.ts";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { defineKind } from "../custom-resources/test-support.ts";
import { createExtensionTransport } from "../http/extension-transport.ts";
import { createMemoryPki } from "../pki/ensure-pki.ts";
import { type ExtensionServer, openApiOf, startExtensionServer } from "../test-support/extension-server.ts";
import { type CallOptions, namesOf, startTestServer, type TestServer } from "../test-support/server.ts";
import { readAll } from "./proxy.ts";

const registrations = "/apis/apiregistration.k8s.io/v1/apiservices";
const flunders = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
const name = "v1alpha1.wardle.example.com";

let server: TestServer;
let extension: ExtensionServer;
const pki = await createMemoryPki({ nowMs: Date.now() });
const transport = createExtensionTransport({
  certificate: pki.frontProxyClient.certificate,
  privateKey: pki.frontProxyClient.key,
});

before(async () => {
  extension = await startExtensionServer({
    frontProxyAuthority: pki.frontProxyAuthority.certificate,
    serverName: "sample-api.wardle.svc",
  });
  server = await startTestServer({
    dependencies: { extensionTransport: transport, nonResourceHandlers: [openApiOf(builtInDefinitions)] },
  });
  await server.server.start();
});
after(async () => {
  await server.close();
  transport.close();
  await extension.close();
});

const conditionOf = (service: unknown) =>
  (service as APIService).status?.conditions?.find(({ type }) => type === "Available");

/** Waits until the condition has this reason: what the server writes is seen in a watch. */
async function reason(wanted: string): Promise<AnyObject> {
  const watch = await server.watch(registrations, { fieldSelector: `metadata.name=${name}` });
  try {
    for (;;) {
      const event = await watch.next();
      assert.ok(event, "the watch ended");
      if (conditionOf(event.object)?.reason === wanted) return event.object as AnyObject; // an APIService
    }
  } finally {
    watch.close();
  }
}

const registration = () => ({
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name },
  spec: {
    group: "wardle.example.com",
    version: "v1alpha1",
    groupPriorityMinimum: 2000,
    versionPriority: 200,
    caBundle: extension.caBundle,
    service: { namespace: "wardle", name: "sample-api", port: 443 },
  },
});

test("every version served here has its APIService, available and labelled", async () => {
  const list = await server.ok<KubeList>("GET", registrations);
  const names = namesOf(list);
  for (const wanted of ["v1.", "v1.apps", "v2.autoscaling", "v1.rbac.authorization.k8s.io"])
    assert.ok(names.includes(wanted), wanted);
  assert.ok(!names.some((each) => each.endsWith("apiregistration.k8s.io")));
  const apps = list.items.find(({ metadata }) => metadata.name === "v1.apps");
  assert.deepEqual(apps?.spec, {
    group: "apps",
    version: "v1",
    groupPriorityMinimum: 17_800,
    versionPriority: 15,
  });
  assert.equal(apps?.metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"], "onstart");
  const { lastTransitionTime: _time, ...condition } = conditionOf(apps) ?? {};
  assert.deepEqual(condition, {
    type: "Available",
    status: "True",
    reason: "Local",
    message: "Local APIServices are always available",
  });
});

test("aggregator-supports-the-sample-apiserver: registered, checked, announced, passed on to, unregistered", async () => {
  await server.ok("POST", registrations, { body: registration() });
  const missing = await reason("ServiceNotFound");
  assert.equal(conditionOf(missing)?.message, 'service/sample-api in "wardle" is not present');
  const unavailable = await server.call("GET", flunders);
  assert.equal(unavailable.status, 503);
  const stale = await discovered();
  assert.deepEqual(stale, [{ version: "v1alpha1", resources: [], freshness: "Stale" }]);

  await server.ok("POST", "/api/v1/namespaces", {
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "wardle" } },
  });
  await server.ok("POST", "/api/v1/namespaces/wardle/services", {
    body: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "sample-api" },
      spec: { ports: [{ port: 443, targetPort: 8443 }] },
    },
  });
  await reason("EndpointsNotFound");
  const slice = await server.ok("POST", "/apis/discovery.k8s.io/v1/namespaces/wardle/endpointslices", {
    body: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "sample-api-1", labels: { "kubernetes.io/service-name": "sample-api" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: false } }],
      ports: [{ name: "", port: extension.listener.port, protocol: "TCP" }],
    },
  });
  await reason("MissingEndpoints");
  // The test's server is on loopback, where no endpoint may be: a name leads to it.
  await server.ok("DELETE", "/apis/discovery.k8s.io/v1/namespaces/wardle/endpointslices/sample-api-1");
  assert.equal(slice.metadata.name, "sample-api-1");
  await server.ok("PATCH", "/api/v1/namespaces/wardle/services/sample-api", {
    headers: merge,
    body: {
      spec: {
        type: "ExternalName",
        externalName: "localhost",
        ports: null,
        clusterIP: null,
        clusterIPs: null,
        ipFamilies: null,
        ipFamilyPolicy: null,
        internalTrafficPolicy: null,
      },
    },
  });
  const unreachable = await reason("FailedDiscoveryCheck");
  assert.match(
    conditionOf(unreachable)?.message ?? "",
    /^failing or missing response from https:\/\/sample-api\.wardle\.svc:443\/apis\/wardle\.example\.com\/v1alpha1: /,
  );
  await server.ok("PATCH", `${registrations}/${name}`, {
    headers: merge,
    body: { spec: { service: { namespace: "wardle", name: "sample-api", port: extension.listener.port } } },
  });
  assert.equal(conditionOf(await reason("Passed"))?.status, "True");

  const [version] = (await discovered()) as {
    freshness: string;
    resources: { resource: string; scope: string }[];
  }[];
  assert.equal(version?.freshness, "Current");
  assert.deepEqual(
    version.resources.map(({ resource, scope }) => [resource, scope]),
    [["flunders", "Namespaced"]],
  );
  const groups = await server.ok<{ groups: { name: string }[] }>("GET", "/apis");
  const last = groups.groups.at(-1);
  assert.deepEqual(last, {
    name: "wardle.example.com",
    versions: [{ groupVersion: "wardle.example.com/v1alpha1", version: "v1alpha1" }],
    preferredVersion: { groupVersion: "wardle.example.com/v1alpha1", version: "v1alpha1" },
  });
  const index = await server.ok<{ paths: string[] }>("GET", "/");
  assert.ok(index.paths.includes("/apis/wardle.example.com/v1alpha1"));
  const group = await server.ok<{ preferredVersion: { version: string } }>("GET", "/apis/wardle.example.com");
  assert.equal(group.preferredVersion.version, "v1alpha1");
  const resources = await server.ok<{ resources: { name: string }[] }>(
    "GET",
    "/apis/wardle.example.com/v1alpha1",
  );
  assert.deepEqual(
    resources.resources.map((each) => each.name),
    ["flunders"],
  );

  const { paths } = (await document("/openapi/v3")) as {
    paths: Record<string, { serverRelativeURL: string }>;
  };
  assert.ok(paths["apis/apps/v1"]);
  const url = paths["apis/wardle.example.com/v1alpha1"]?.serverRelativeURL ?? "";
  assert.match(url, /^\/openapi\/v3\/apis\/wardle\.example\.com\/v1alpha1\?hash=/);
  const [path = "", hash = ""] = url.split("?hash=");
  const v3 = (await document(path, { query: { hash } })) as { paths: object };
  assert.ok(
    Object.keys(v3.paths).includes("/apis/wardle.example.com/v1alpha1/namespaces/{namespace}/flunders"),
  );
  const v2 = (await document("/openapi/v2")) as {
    paths: Record<string, unknown>;
    definitions: Record<string, unknown>;
  };
  assert.ok(v2.paths["/apis/wardle.example.com/v1alpha1/namespaces/{namespace}/flunders/{name}"]);
  assert.ok(v2.paths["/api/v1/pods"]);
  assert.ok(v2.definitions["io.k8s.api.core.v1.Pod"]);

  const user = { name: "jane", groups: ["dev", "qa"], uid: "u1", extra: { "Scope/x": ["1", "2"] } };
  const created = await server.ok("POST", flunders, { body: flunder("one"), user });
  assert.ok(created.metadata.uid);
  const seen = extension.writes.at(-1)?.user;
  assert.deepEqual(
    { ...seen, groups: seen?.groups.filter((group) => group !== "system:authenticated") },
    { ...user, extra: { "scope/x": ["1", "2"] } },
  );
  const watch = await server.watch(flunders, { resourceVersion: created.metadata.resourceVersion ?? "" });
  await server.ok("PATCH", `${flunders}/one`, { headers: merge, body: { metadata: { labels: { a: "b" } } } });
  const event = await watch.next();
  assert.equal(event?.type, "MODIFIED");
  assert.equal(event?.object.metadata.labels?.a, "b");
  watch.close();
  const selected = await server.ok<KubeList>("GET", flunders, { query: { labelSelector: "a=b" } });
  assert.deepEqual(namesOf(selected), ["one"]);
  const twice = await server.object<Status>("POST", flunders, { body: flunder("one") });
  assert.equal(twice.reason, "AlreadyExists");
  await server.ok("DELETE", flunders);
  assert.deepEqual(namesOf(await server.ok<KubeList>("GET", flunders)), []);

  const upgrade = await server.server.upgrade(
    {
      method: "GET",
      path: `${flunders}/one/console`,
      query: new URLSearchParams({ tty: "1" }),
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        authorization: "Bearer x",
        "x-remote-user": "root",
      },
      signal: new AbortController().signal,
    },
    { user },
  );
  assert.ok("passage" in upgrade);
  const { backend, target, headers } = upgrade.passage;
  assert.equal(target, `${flunders}/one/console?tty=1`);
  assert.equal(backend.port, extension.listener.port);
  assert.equal(backend.frontProxy?.serverName, "sample-api.wardle.svc");
  assert.equal(backend.frontProxy?.certificate, pki.frontProxyClient.certificate);
  assert.deepEqual(headers, {
    connection: "Upgrade",
    upgrade: "websocket",
    "x-remote-user": "jane",
    "x-remote-uid": "u1",
    "x-remote-group": ["dev", "qa"],
    "x-remote-extra-scope%2Fx": ["1", "2"],
  });

  const status = await server.ok("GET", `${registrations}/${name}/status`);
  await server.ok("PUT", `${registrations}/${name}/status`, {
    body: {
      ...status,
      status: {
        conditions: [
          ...((status as unknown as APIService).status?.conditions ?? []),
          { type: "StatusUpdated", status: "True", reason: "E2E", message: "set" },
        ],
      },
    },
  });
  await server.ok("DELETE", `${registrations}/${name}`);
  await until(async () => (await server.call("GET", flunders)).status === 404);
  assert.equal(await discovered(), undefined);
});

const merge = { "content-type": "application/merge-patch+json" };
const flunder = (flunderName: string) => ({
  apiVersion: "wardle.example.com/v1alpha1",
  kind: "Flunder",
  metadata: { name: flunderName },
  spec: { reference: "x" },
});

test("the APIService of a custom kind's version is kept, and goes with it; one made at the start is not made again", async () => {
  await defineKind(server, { plural: "widgets", kind: "Widget" });
  await until(async () => (await server.call("GET", `${registrations}/v1.example.com`)).status === 200);
  const kept = await server.ok("GET", `${registrations}/v1.example.com`);
  assert.equal(kept.metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"], "true");
  await server.ok("DELETE", `${registrations}/v1.example.com`);
  await until(async () => (await server.call("GET", `${registrations}/v1.example.com`)).status === 200);
  await server.ok("DELETE", `${registrations}/v1.batch`);
  await server.ok("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com");
  await until(async () => (await server.call("GET", `${registrations}/v1.example.com`)).status === 404);
  assert.equal((await server.call("GET", `${registrations}/v1.batch`)).status, 404);
});

/** Gives the server turns until it has followed. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

async function document(path: string, options: CallOptions = {}): Promise<unknown> {
  const response = await server.call("GET", path, options);
  assert.equal(response.type, "bytes");
  if (response.type !== "bytes") return undefined;
  const text = new TextDecoder().decode(await readAll(response.body, 100_000_000));
  return JSON.parse(text);
}

async function discovered(): Promise<unknown> {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const { items } = await server.object<{ items: { metadata: { name?: string }; versions: unknown }[] }>(
    "GET",
    "/apis",
    { headers: { accept } },
  );
  return items.find(({ metadata }) => metadata.name === "wardle.example.com")?.versions;
}
