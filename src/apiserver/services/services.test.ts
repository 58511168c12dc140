import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";
import { addressAt, indexOf, parseRange } from "./address-range.ts";
import type { ServiceSpec } from "./service-spec.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer({
    dependencies: {
      services: {
        clusterIpRanges: ["10.0.0.0/29"],
        nodePorts: { first: 30000, last: 30003 },
        endpoint: { address: "192.0.2.7", port: 6443 },
      },
    },
  });
  await server.server.start();
});
after(() => server.close());

const path = "/api/v1/namespaces/default/services";
const service = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});
const specOf = (object: AnyObject) => object.spec as ServiceSpec;

test("Kubernetes Service; kubernetes.default Endpoints and EndpointSlices: it has the first address and the server as its endpoint", async () => {
  const kubernetes = await server.ok("GET", `${path}/kubernetes`);
  assert.equal(specOf(kubernetes).clusterIP, "10.0.0.1");
  const slice = await server.ok(
    "GET",
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
  );
  assert.deepEqual(slice.endpoints, [{ addresses: ["192.0.2.7"], conditions: { ready: true } }]);
  const endpoints = await server.ok("GET", "/api/v1/namespaces/default/endpoints/kubernetes");
  assert.equal(JSON.stringify(endpoints.subsets).includes('"port":6443'), true);
});

test("Kubernetes Service: where no pod can reach the server it is there without endpoints", async () => {
  const server = await startTestServer({ dependencies: { services: { endpoint: { port: 6443 } } } });
  await server.server.start();
  const { clusterIP, ports } = specOf(await server.ok("GET", `${path}/kubernetes`));
  assert.equal(clusterIP, "10.96.0.1");
  assert.deepEqual(ports, [{ name: "https", port: 443, protocol: "TCP", targetPort: 6443 }]);
  for (const list of ["/api/v1/endpoints", "/apis/discovery.k8s.io/v1/endpointslices"])
    assert.deepEqual((await server.ok("GET", list)).items, []);
  await server.close();
});

test("a service gets an address, gives it back, and cannot take another's", async () => {
  const first = await server.ok("POST", path, { body: service("first") });
  const address = specOf(first).clusterIP ?? "";
  assert.match(address, /^10\.0\.0\.[2-6]$/);
  assert.deepEqual(specOf(first).clusterIPs, [address]);
  assert.deepEqual(specOf(first).ipFamilies, ["IPv4"]);
  const taken = await server.object<Status>("POST", path, {
    body: service("second", { clusterIP: address }),
  });
  assert.equal(taken.code, 422);
  assert.match(taken.message ?? "", /failed to allocate IP 10\.0\.0\.\d: provided IP is already allocated/);
  const outside = await server.object<Status>("POST", path, {
    body: service("second", { clusterIP: "10.1.0.1" }),
  });
  assert.match(
    outside.message ?? "",
    /failed to allocate IP 10\.1\.0\.1: the provided network does not match the current range/,
  );
  await server.ok("DELETE", `${path}/first`);
  const again = await server.ok("POST", path, { body: service("second", { clusterIP: address }) });
  assert.equal(specOf(again).clusterIP, address);
  await server.ok("DELETE", `${path}/second`);
});

test("a refused or dry create keeps nothing", async () => {
  for (let round = 0; round < 8; round++) {
    await server.ok("POST", path, { body: service("dry"), query: { dryRun: "All" } });
    const refused = await server.object<Status>("POST", path, { body: service("Bad_Name") });
    assert.equal(refused.code, 422);
  }
  const created = await server.ok("POST", path, { body: service("kept") });
  assert.match(specOf(created).clusterIP ?? "", /^10\.0\.0\./);
  await server.ok("DELETE", `${path}/kept`);
});

test("headless and external services have no address", async () => {
  const headless = await server.ok("POST", path, { body: service("headless", { clusterIP: "None" }) });
  assert.equal(specOf(headless).clusterIP, "None");
  const external = await server.ok("POST", path, {
    body: service("external", { type: "ExternalName", externalName: "example.com" }),
  });
  assert.equal(specOf(external).clusterIP, undefined);
});

test("Services should be able to change the type from ClusterIP to NodePort and back", async () => {
  const created = await server.ok("POST", path, { body: service("changing") });
  const opened = await server.ok("PUT", `${path}/changing`, {
    body: { ...created, spec: { ...specOf(created), type: "NodePort" } },
  });
  const port = specOf(opened).ports?.[0]?.nodePort ?? 0;
  assert.ok(port >= 30000 && port <= 30003);
  const taken = await server.object<Status>("POST", path, {
    body: service("rival", { type: "NodePort", ports: [{ port: 80, nodePort: port }] }),
  });
  assert.match(
    taken.message ?? "",
    /spec\.ports\[0\]\.nodePort: Invalid value: \d+: provided port is already allocated/,
  );
  const closed = await server.ok("PUT", `${path}/changing`, {
    body: {
      ...opened,
      spec: {
        ...specOf(opened),
        type: "ClusterIP",
        ports: [{ ...specOf(opened).ports?.[0], nodePort: undefined }],
      },
    },
  });
  assert.equal(specOf(closed).ports?.[0]?.nodePort, undefined);
  assert.equal(specOf(closed).clusterIP, specOf(created).clusterIP);
  await server.ok("POST", path, {
    body: service("rival", { type: "NodePort", ports: [{ port: 80, nodePort: port }] }),
  });
  await server.ok("DELETE", `${path}/rival`);
});

test("one port over two protocols is one port of the node, wherever it is named", async () => {
  const ports = [
    { port: 53, name: "a" },
    { port: 53, nodePort: 30003, protocol: "UDP", name: "b" },
  ];
  const created = await server.ok("POST", path, { body: service("dns", { type: "NodePort", ports }) });
  assert.deepEqual(
    specOf(created).ports?.map(({ nodePort }) => nodePort),
    [30003, 30003],
  );
  const doubled = await server.object<Status>("PATCH", `${path}/dns`, {
    headers: { "content-type": "application/merge-patch+json" },
    body: {
      spec: {
        ports: [
          { port: 1, nodePort: 30003, name: "a" },
          { port: 2, nodePort: 30003, name: "b" },
        ],
      },
    },
  });
  assert.deepEqual([doubled.code, doubled.message], [500, "duplicate nodePort: {TCP 30003}"]);
  await server.ok("DELETE", `${path}/dns`);
});

const local = { type: "LoadBalancer", externalTrafficPolicy: "Local" };
for (const { name, spec, code, message } of [
  {
    name: "a port of the node that it names twice, before what is wrong with its ports",
    spec: {
      type: "NodePort",
      ports: [
        { port: 0, nodePort: 30002, name: "a" },
        { port: 81, nodePort: 30002, name: "b" },
      ],
    },
    code: 422,
    message: /: spec\.ports\[1\]\.nodePort: Invalid value: 30002: provided port is already allocated$/,
  },
  {
    name: "a health check's port out of range",
    spec: { ...local, healthCheckNodePort: 40000 },
    code: 500,
    message:
      /^Internal error occurred: failed to allocate requested HealthCheck NodePort 40000: provided port is not in the valid range\. The range of valid ports is 30000-30003$/,
  },
])
  test(`a service is refused for ${name}`, async () => {
    const refused = await server.object<Status>("POST", path, { body: service("refused", spec) });
    assert.equal(refused.code, code);
    assert.match(refused.message ?? "", message);
  });

const addresses = "/apis/networking.k8s.io/v1/ipaddresses";
const addressesOf = async (name: string) => {
  const list = await server.ok("GET", addresses);
  const items = list.items as readonly {
    metadata: { name: string };
    spec: { parentRef: { name: string } };
  }[];
  return items.filter(({ spec }) => spec.parentRef.name === name).map(({ metadata }) => metadata.name);
};

test("IPAddress API: an address of a service is an object that says whose it is, and goes with the service", async () => {
  const created = await server.ok("POST", path, { body: service("owner") });
  const address = specOf(created).clusterIP ?? "";
  const object = await server.ok("GET", `${addresses}/${address}`);
  assert.deepEqual(object.spec, {
    parentRef: { resource: "services", namespace: "default", name: "owner" },
  });
  assert.deepEqual(object.metadata.labels, {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
  });
  assert.deepEqual(await addressesOf("kubernetes"), ["10.0.0.1"]);
  await server.ok("DELETE", `${path}/owner`);
  // The next one of that address waits for the first one's to be gone.
  const again = await server.ok("POST", path, { body: service("next", { clusterIP: address }) });
  assert.equal(specOf(again).clusterIP, address);
  assert.deepEqual([await addressesOf("owner"), await addressesOf("next")], [[], [address]]);
  await server.ok("DELETE", `${path}/next`);
});

test("the IPAddress of a service that is deleted by hand comes back", async () => {
  const address = specOf(await server.ok("POST", path, { body: service("kept") })).clusterIP ?? "";
  await server.ok("DELETE", `${addresses}/${address}`);
  let found: readonly string[] = [];
  while (found.length === 0) found = await addressesOf("kept");
  assert.deepEqual(found, [address]);
  await server.ok("DELETE", `${path}/kept`);
});

test("an address that somebody took by an IPAddress of their own is not given to a service", async () => {
  const free = (await server.ok("POST", path, { body: service("probe") })) as AnyObject;
  const address = specOf(free).clusterIP ?? "";
  await server.ok("DELETE", `${path}/probe`);
  const parentRef = { group: "example.com", resource: "gateways", name: "mine" };
  const body = { apiVersion: "networking.k8s.io/v1", kind: "IPAddress", metadata: { name: address } };
  for (;;) {
    const made = await server.object<Status>("POST", addresses, { body: { ...body, spec: { parentRef } } });
    if (made.code !== 409) break;
  }
  const taken = await server.object<Status>("POST", path, { body: service("late", { clusterIP: address }) });
  assert.match(taken.message ?? "", /provided IP is already allocated/);
  const other = await server.ok("POST", path, { body: service("late") });
  assert.notEqual(specOf(other).clusterIP, address);
  await server.ok("DELETE", `${path}/late`);
  await server.ok("DELETE", `${addresses}/${address}`);
});

test("ServiceCIDR API: a further range gives addresses while it is ready", async () => {
  const cidrs = "/apis/networking.k8s.io/v1/servicecidrs";
  const asked = () =>
    server.object<Status & AnyObject>("POST", path, { body: service("far", { clusterIP: "10.1.0.5" }) });
  assert.equal((await asked()).code, 422);
  await server.ok("POST", cidrs, {
    body: {
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name: "more" },
      spec: { cidrs: ["10.1.0.0/24"] },
    },
  });
  assert.equal((await asked()).code, 422, "not before it is ready");
  const ready = {
    type: "Ready",
    status: "True",
    reason: "",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
  await server.ok("PATCH", `${cidrs}/more/status`, {
    headers: { "content-type": "application/merge-patch+json" },
    body: { status: { conditions: [ready] } },
  });
  let made = await asked();
  // The allocator learns of it by its watch.
  while (made.code === 422) made = await asked();
  assert.equal(specOf(made).clusterIP, "10.1.0.5");
  assert.deepEqual(await addressesOf("far"), ["10.1.0.5"]);
});

test("an address range gives its addresses by index", () => {
  const range = parseRange("10.96.0.0/12");
  assert.equal(addressAt(range, 1), "10.96.0.1");
  assert.equal(addressAt(range, 10), "10.96.0.10");
  assert.equal(indexOf(range, "10.96.1.0"), 256);
  assert.equal(indexOf(range, "10.96.0.0"), undefined);
  assert.equal(indexOf(range, "10.111.255.255"), undefined);
  assert.equal(addressAt(parseRange("fd00:10::/112"), 10), "fd00:10::a");
});
