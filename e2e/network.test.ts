import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, RealCluster, skipReason } from "./test-support/cluster.ts";
import {
  Api,
  type Manifest,
  Namespace,
  pod,
  type Spec,
  shell,
  untilTerminated,
} from "./test-support/namespace.ts";
import { askByUdp, serverPod } from "./test-support/server-pod.ts";

interface ServiceJson {
  readonly spec: {
    readonly clusterIP: string;
    readonly ports: readonly { readonly name?: string; readonly port: number; readonly nodePort: number }[];
  };
}

interface SliceList {
  readonly items: readonly {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly ports: readonly { readonly name?: string; readonly port: number }[];
    readonly endpoints: readonly {
      readonly addresses: readonly string[];
      readonly conditions: { readonly ready?: boolean; readonly terminating?: boolean };
    }[];
  }[];
}

const nodeAddresses = ["10.95.0.1", "10.95.0.2"];

function service(name: string, spec: Spec): Manifest {
  return { kind: "Service", metadata: { name }, spec: { ports: [{ port: 80, targetPort: 8080 }], ...spec } };
}

/** What a URL answers from the host, or why not. */
function http(url: string): Promise<string> {
  return fetch(url, { signal: AbortSignal.timeout(10_000), headers: { connection: "close" } }).then(
    (response) => response.text(),
    (error: Error) => `failed: ${error.message}`,
  );
}

/** A shell command that asks a URL; the agent prints what came, or nothing. */
const get = (url: string, seconds = 10) => `timeout ${seconds} wget -qO- ${url} 2>/dev/null; echo`;

describe("The network of two real nodes", { skip: skipReason, concurrency: 6 }, () => {
  let cluster: RealCluster;
  let api: Api;
  const namespace = (name: string) => Namespace.create(cluster, api, name);
  const serviceOf = (space: Namespace, name: string) => api.get<ServiceJson>(space.path("Service", name));

  /** Everyone who answers, sorted. */
  async function answerers(space: Namespace, from: string, url: string, times = 12): Promise<string[]> {
    const script = `for i in $(seq ${times}); do ${get(url, 3)}; done`;
    const lines = (await space.exec(from, script)).split("\n").filter((line) => line !== "");
    return [...new Set(lines)].sort();
  }

  /** Waits for what a URL answers a pod: each node's proxy and each DNS server learns of a change by itself. */
  const answers = (space: Namespace, url: string, wanted: string, from = "toolbox") =>
    eventually(
      `${url} answers ${from}`,
      () => space.exec(from, get(url)),
      (text) => text === wanted,
    );

  const toolbox = (name = "toolbox", spec: Spec = {}) =>
    pod(name, { containers: [shell(untilTerminated)], ...spec });

  before(async () => {
    cluster = await RealCluster.start({ nodes: 2 });
    api = await Api.start(cluster);
  });

  after(async () => {
    await api?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test("Names: DNS, cluster; DNS, services; DNS, PQDN for services; DNS, for ExternalName Services; DNS, resolve the hostname; DNS, resolve the subdomain", async () => {
    const space = await namespace("names");
    await space.create(
      service("web", { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] }),
      service("headless", {
        clusterIP: "None",
        selector: { app: "web" },
        ports: [{ name: "http", port: 8080 }],
      }),
      service("outside", { type: "ExternalName", externalName: "foo.example.com", ports: undefined }),
      service("inside", {
        type: "ExternalName",
        externalName: "web.names.svc.cluster.local",
        ports: undefined,
      }),
      serverPod("web", { spec: { hostname: "querier", subdomain: "headless" } }),
      toolbox(),
    );
    const { podIP } = (await space.ready("web")).status;
    await space.ready("toolbox");
    const { clusterIP } = (await serviceOf(space, "web")).spec;
    const ask = (name: string, type = "a") =>
      space.exec("toolbox", `nslookup ${type === "ptr" ? "" : `-type=${type}`} ${name} 2>&1; true`);
    const full = "svc.cluster.local";
    const has = async (name: string, wanted: RegExp | string, type?: string) => {
      const isThere = (text: string) =>
        typeof wanted === "string" ? text.includes(`Address: ${wanted}`) : wanted.test(text);
      await eventually(`${type ?? "a"} of ${name}`, () => ask(name, type), isThere);
    };
    const apiAddress = (await api.get<ServiceJson>("api/v1/namespaces/default/services/kubernetes")).spec;
    await Promise.all([
      has(`kubernetes.default.${full}`, apiAddress.clusterIP),
      has(`web.names.${full}`, clusterIP),
      has(`headless.names.${full}`, podIP),
      has(`querier.headless.names.${full}`, podIP),
      has(`${podIP.replaceAll(".", "-")}.names.pod.cluster.local`, podIP),
      has(`_http._tcp.web.names.${full}`, /service = 0 100 80 web\.names\.svc\.cluster\.local/, "srv"),
      has(`_http._tcp.headless.names.${full}`, /8080 querier\.headless\.names\.svc/, "srv"),
      has(`outside.names.${full}`, /canonical name = foo\.example\.com/, "cname"),
      has(`inside.names.${full}`, clusterIP),
      has(clusterIP, new RegExp(`name = web\\.names\\.${full}`), "ptr"),
      has(podIP, /name = querier\.headless\.names\.svc/, "ptr"),
      has(`missing.names.${full}`, /NXDOMAIN/),
    ]);
    for (const name of ["web", "web.names", "web.names.svc", `web.names.${full}`])
      await answers(space, `http://${name}/hostname`, "querier");
    assert.equal(
      await space.exec("web", "cat /etc/hosts | grep querier"),
      `${podIP}\tquerier.headless.names.svc.cluster.local\tquerier`,
    );
    assert.equal(await space.exec("web", "hostname -f"), "querier.headless.names.svc.cluster.local");
  });

  test("DNS, custom dnsConfig; the other policies write what they promise", async () => {
    const space = await namespace("policies");
    const conf = (name: string, spec: Spec) =>
      space.lines(name, { ...spec, containers: [shell("cat /etc/resolv.conf")] });
    const own = {
      nameservers: ["1.1.1.1"],
      searches: ["resolv.conf.local"],
      options: [{ name: "ndots", value: "2" }],
    };
    const [first, none, host, hostless, added] = await Promise.all([
      conf("first", {}),
      conf("none", { dnsPolicy: "None", dnsConfig: own }),
      conf("default", { dnsPolicy: "Default" }),
      conf("host-net", { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" }),
      conf("added", { dnsConfig: own }),
    ]);
    const dns = (first.find((line) => line.startsWith("nameserver")) ?? "").split(" ")[1];
    assert.ok(
      first.some((line) =>
        line.startsWith("search policies.svc.cluster.local svc.cluster.local cluster.local"),
      ),
    );
    assert.ok(first.includes("options ndots:5"));
    assert.deepEqual(none.sort(), ["nameserver 1.1.1.1", "options ndots:2", "search resolv.conf.local"]);
    assert.ok(!host.join().includes(`nameserver ${dns}`));
    assert.deepEqual(hostless, first);
    assert.ok(added.includes("nameserver 1.1.1.1") && added.includes(`nameserver ${dns}`));
    assert.ok(added.includes("options ndots:2"));
  });

  test("Networking, intra pod http; Networking, intra pod udp; Networking, intra pod http, from node: between pods of both nodes, and from each node", async () => {
    const space = await namespace("granular");
    await space.create(
      ...[1, 2].map((node) =>
        serverPod(`server-${node}`, { udp: [8081], spec: { nodeName: `node-${node}` } }),
      ),
      serverPod("on-node-2", { tcp: [18090], spec: { nodeName: "node-2", hostNetwork: true } }),
    );
    const servers = await Promise.all(["server-1", "server-2"].map((name) => space.ready(name)));
    await space.ready("on-node-2");
    for (const from of ["server-1", "server-2", "on-node-2"]) {
      for (const { metadata, status } of servers) {
        assert.equal(await space.exec(from, get(`http://${status.podIP}:8080/hostname`)), metadata.name);
        assert.equal(await space.exec(from, askByUdp(status.podIP, 8081)), metadata.name);
      }
    }
    for (const { metadata, status } of servers)
      assert.equal(await http(`http://${status.podIP}:8080/hostname`), metadata.name);
    const [one, two] = servers;
    assert.equal(
      await space.exec("server-1", get(`http://${two?.status.podIP}:8080/client`)),
      one?.status.podIP,
      "pods see each other's own addresses",
    );
  });

  test("Service, endpoints; Service, endpoints with multiple ports; named ports that differ from pod to pod; a pod reaches itself", async () => {
    const space = await namespace("endpoints");
    const named = (port: number) => ({ ports: [{ name: "web", containerPort: port }] });
    await space.create(
      service("named", {
        selector: { group: "named" },
        ports: [
          { name: "web", port: 80, targetPort: "web" },
          { name: "other", port: 81, targetPort: 9000 },
        ],
      }),
      service("self", { selector: { app: "only" } }),
      service("none", { selector: { app: "nobody" } }),
      ...[1, 2].map((node) =>
        serverPod(`server-${node}`, {
          tcp: [8080 + node, 9000],
          labels: { group: "named" },
          container: named(8080 + node),
          spec: { nodeName: `node-${node}` },
        }),
      ),
      serverPod("only"),
      toolbox(),
    );
    await Promise.all(["server-1", "server-2", "only", "toolbox"].map((name) => space.ready(name)));
    const both = ["server-1", "server-2"];
    // Which of them answers is left to chance.
    for (const url of ["http://named/hostname", "http://named:81/hostname"])
      await eventually(
        `both endpoints answer at ${url}`,
        () => answerers(space, "toolbox", url),
        (names) => names.join() === both.join(),
      );
    await answers(space, "http://self/hostname", "only", "only");
    for (let round = 0; round < 3; round++)
      assert.equal(await space.exec("only", get("http://self/hostname")), "only");
    await eventually(
      "the refusal of a service without endpoints",
      () => space.exec("toolbox", "timeout 3 wget -qO- http://none/ 2>&1; echo $?"),
      (text) => /refused.*\n1/.test(text),
    );
    await space.delete("Pod", "server-1");
    await eventually(
      "one is left",
      () => answerers(space, "toolbox", "http://named/hostname"),
      (names) => names.join() === "server-2",
    );
  });

  test("Service, ClusterIP type, session affinity to ClientIP; Service, ClusterIP type, session affinity to None; Service, NodePort type, session affinity to ClientIP; Service, NodePort type, session affinity to None", async () => {
    const space = await namespace("affinity");
    await space.create(
      service("sticky", { type: "NodePort", selector: { group: "all" }, sessionAffinity: "ClientIP" }),
      ...[1, 2, 3].map((index) => serverPod(`server-${index}`, { labels: { group: "all" } })),
      toolbox(),
    );
    await Promise.all(["server-1", "server-2", "server-3", "toolbox"].map((name) => space.ready(name)));
    const { spec } = await serviceOf(space, "sticky");
    const places = [
      "http://sticky/hostname",
      ...nodeAddresses.map((address) => `http://${address}:${spec.ports[0]?.nodePort}/hostname`),
    ];
    const expect = async (isGood: (count: number) => boolean, what: string) => {
      for (const place of places)
        await eventually(
          `${place}: ${what}`,
          () => answerers(space, "toolbox", place, 16),
          (names) => isGood(names.length),
        );
    };
    await expect((count) => count === 1, "one server");
    await space.patch("Service", "sticky", { spec: { sessionAffinity: "None" } });
    await expect((count) => count > 1, "several servers");
    await space.patch("Service", "sticky", { spec: { sessionAffinity: "ClientIP" } });
    await expect((count) => count === 1, "one server again");
  });

  test("a pod is sent back to its own node by another node's port", async () => {
    const space = await namespace("back");
    const spec = { nodeName: "node-2" };
    await space.create(
      service("back", { type: "NodePort", selector: { app: "server" } }),
      serverPod("server", { spec }),
      toolbox("toolbox", spec),
    );
    await Promise.all(["server", "toolbox"].map((name) => space.ready(name)));
    const nodePort = (await serviceOf(space, "back")).spec.ports[0]?.nodePort;
    for (const address of nodeAddresses)
      await eventually(
        `node-2 by ${address}`,
        () => answerers(space, "toolbox", `http://${address}:${nodePort}/hostname`, 2),
        (names) => names.join() === "server",
      );
  });

  test("Service, NodePort Service; Service, change type, ExternalName to ClusterIP; Service, change type, ExternalName to NodePort; Service, change type, ClusterIP to ExternalName; Service, change type, NodePort to ExternalName", async () => {
    const space = await namespace("types");
    await space.create(
      service("changes", { type: "ExternalName", externalName: "foo.example.com", ports: undefined }),
      serverPod("server"),
      toolbox(),
    );
    await Promise.all(["server", "toolbox"].map((name) => space.ready(name)));
    const change = (spec: Spec) => space.patch("Service", "changes", { spec });
    const selector = { app: "server" };
    await change({
      type: "ClusterIP",
      externalName: null,
      selector,
      ports: [{ port: 80, targetPort: 8080 }],
    });
    await answers(space, "http://changes/hostname", "server");
    await change({ type: "NodePort" });
    const nodePort = (await serviceOf(space, "changes")).spec.ports[0]?.nodePort;
    for (const address of nodeAddresses)
      await answers(space, `http://${address}:${nodePort}/hostname`, "server");
    await eventually(
      "the node port from the host",
      () => http(`http://127.0.0.1:${nodePort}/hostname`),
      (text) => text === "server",
    );
    await change({ type: "ExternalName", externalName: "web.default.svc.cluster.local", clusterIP: null });
    await eventually(
      "the alias",
      () => space.exec("toolbox", "nslookup -type=cname changes.types.svc.cluster.local 2>&1; true"),
      (text) => text.includes("canonical name = web.default.svc.cluster.local"),
    );
    await answers(space, `http://${nodeAddresses[0]}:${nodePort}/hostname`, "");
    await change({ type: "NodePort", externalName: null });
    await answers(space, "http://changes/hostname", "server");
  });

  test("EndpointSlice Mirroring; EndpointSlice, multiple IPs, multiple ports; EndpointSlice, single IP, multiple ports: services without a selector go where they are told", async () => {
    const space = await namespace("manual");
    const ports = [
      { name: "first", port: 80 },
      { name: "second", port: 81 },
    ];
    await space.create(
      service("mirrored", { ports }),
      service("sliced", { ports }),
      ...[1, 2].map((index) => serverPod(`server-${index}`, { tcp: [3000, 3001] })),
      toolbox(),
    );
    await space.ready("toolbox");
    const [one, two] = await Promise.all(["server-1", "server-2"].map((name) => space.ready(name)));
    const slice = (name: string, ip: string | undefined, port: string, number: number): Manifest => ({
      kind: "EndpointSlice",
      metadata: { name, labels: { "kubernetes.io/service-name": "sliced" } },
      addressType: "IPv4",
      ports: [{ name: port, port: number, protocol: "TCP" }],
      endpoints: [{ addresses: [ip] }],
    });
    await space.create(
      slice("a", one?.status.podIP, "first", 3000),
      slice("b", two?.status.podIP, "second", 3001),
      {
        kind: "Endpoints",
        metadata: { name: "mirrored" },
        subsets: [{ addresses: [{ ip: one?.status.podIP }], ports: [{ name: "first", port: 3000 }] }],
      },
    );
    await answers(space, "http://sliced/hostname", "server-1");
    await answers(space, "http://sliced:81/hostname", "server-2");
    await answers(space, "http://mirrored/hostname", "server-1");
    const mirrors = async () =>
      (
        await api.get<SliceList>(
          `${space.path("EndpointSlice")}?labelSelector=kubernetes.io%2Fservice-name%3Dmirrored`,
        )
      ).items;
    const [mirror] = await mirrors();
    assert.equal(
      mirror?.metadata.labels["endpointslice.kubernetes.io/managed-by"],
      "endpointslicemirroring-controller.k8s.io",
    );
    await api.must("PUT", space.path("Endpoints", "mirrored"), {
      metadata: { name: "mirrored" },
      subsets: [{ addresses: [{ ip: two?.status.podIP }], ports: [{ name: "first", port: 3001 }] }],
    });
    await answers(space, "http://mirrored/hostname", "server-2");
    await space.delete("Endpoints", "mirrored");
    await eventually("no mirror", mirrors, (items) => items.length === 0);
    await answers(space, "http://mirrored/hostname", "");
  });

  test("EndpointSlice, creation/deletion; Endpoints, creation/deletion; a server that terminates still serves where there is no other", async () => {
    const space = await namespace("terminating");
    // It goes on until it is asked to leave, whatever signal comes.
    const slow =
      "process.on('SIGTERM', () => {}); require('http').createServer((q, r) => r.end('slow', () => q.url === '/leave' && process.exit())).listen(8080);";
    await space.create(
      service("slow", { selector: { app: "slow" } }),
      serverPod("slow", {
        container: { command: ["/node", "-e", slow] },
        spec: { terminationGracePeriodSeconds: 300 },
      }),
      toolbox(),
    );
    await Promise.all(["slow", "toolbox"].map((name) => space.ready(name)));
    const slices = async () =>
      (
        await api.get<SliceList>(
          `${space.path("EndpointSlice")}?labelSelector=kubernetes.io%2Fservice-name%3Dslow`,
        )
      ).items.flatMap(({ endpoints }) => endpoints ?? []);
    await eventually("one endpoint", slices, (all) => all.length === 1 && all[0]?.conditions.ready === true);
    await space.delete("Pod", "slow");
    await eventually("a terminating endpoint", slices, ([only]) => only?.conditions.terminating === true);
    for (let round = 0; round < 4; round++)
      assert.equal(await space.exec("toolbox", get("http://slow/")), "slow");
    await space.exec("toolbox", get("http://slow/leave"));
    await eventually("no endpoint", slices, (all) => all.length === 0);
  });

  test("Scheduling, HostPort matching and HostIP and Protocol not-matching", async () => {
    const space = await namespace("hostports");
    const on = (name: string, hostIP: string, protocol: string) =>
      serverPod(name, {
        udp: [8080],
        container: { ports: [{ containerPort: 8080, hostPort: 54323, protocol, hostIP }] },
        spec: { nodeSelector: { "kubernetes.io/hostname": "node-1" } },
      });
    await space.create(
      on("local", "127.0.0.1", "TCP"),
      on("address", "10.95.0.1", "TCP"),
      on("datagrams", "10.95.0.1", "UDP"),
    );
    await Promise.all(["local", "address", "datagrams"].map((name) => space.ready(name)));
    assert.equal(await http("http://127.0.0.1:54323/hostname"), "local");
    assert.equal(await http("http://10.95.0.1:54323/hostname"), "address");
    await space.create(serverPod("asker", { spec: { nodeName: "node-2" } }));
    await space.ready("asker");
    assert.equal(await space.exec("asker", get("http://10.95.0.1:54323/hostname")), "address");
    assert.equal(await space.exec("asker", askByUdp("10.95.0.1", 54323)), "datagrams");
  });

  test("externalTrafficPolicy Local keeps the client's address, and answers only where a server is", async () => {
    const space = await namespace("local");
    await space.create(
      service("kept", { type: "NodePort", externalTrafficPolicy: "Local", selector: { app: "server" } }),
      service("hidden", { type: "NodePort", selector: { app: "server" } }),
      serverPod("server", { spec: { nodeName: "node-2" } }),
      serverPod("client", { tcp: [18091], spec: { nodeName: "node-2", hostNetwork: true } }),
    );
    await Promise.all(["server", "client"].map((name) => space.ready(name)));
    const port = async (name: string) => (await serviceOf(space, name)).spec.ports[0]?.nodePort;
    const [kept, hidden] = await Promise.all([port("kept"), port("hidden")]);
    await eventually(
      "the host's own address is seen",
      () => http(`http://10.95.0.2:${kept}/client`),
      (text) => text === "10.95.0.1",
    );
    assert.match(await http(`http://10.95.0.1:${kept}/client`), /failed/);
    await eventually(
      "the node's address hides it",
      () => http(`http://10.95.0.2:${hidden}/client`),
      (text) => text !== "10.95.0.1" && !text.startsWith("failed"),
    );
    await eventually(
      "the node without a server sends on",
      () => http(`http://10.95.0.1:${hidden}/hostname`),
      (text) => text === "server",
    );
  });

  test("Service, should serve endpoints on same port and different protocols.; datagrams find their new server", async () => {
    const space = await namespace("protocols");
    await space.create(
      service("both", {
        selector: { app: "server" },
        ports: [
          { name: "tcp", port: 80, targetPort: 8080, protocol: "TCP" },
          { name: "udp", port: 80, targetPort: 8080, protocol: "UDP" },
        ],
      }),
      serverPod("server", { udp: [8080] }),
      serverPod("client"),
    );
    await Promise.all(["server", "client"].map((name) => space.ready(name)));
    const { clusterIP } = (await serviceOf(space, "both")).spec;
    const ask = () => space.exec("client", askByUdp(clusterIP, 80));
    await eventually("datagrams answered", ask, (text) => text === "server");
    await answers(space, "http://both/hostname", "server", "client");
    await space.create(serverPod("second", { udp: [8080], labels: { app: "server" } }));
    await space.ready("second");
    await space.delete("Pod", "server");
    await space.gone("server");
    await eventually("the new server", ask, (text) => text === "second");
  });

  test("Service endpoint latency, thresholds: a service's endpoints are there soon, fifteen services at a time", async () => {
    const space = await namespace("latency");
    await space.create(pod("only", { containers: [shell(untilTerminated)] }, { labels: { name: "only" } }));
    await space.ready("only");
    const latenciesMs: number[] = [];
    const waiting = Array.from({ length: 60 }, (_, index) => `latency-${index}`);
    const worker = async () => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        const startedAtMs = performance.now();
        await space.create(service(name, { selector: { name: "only" } }));
        await eventually(
          `endpoints of ${name}`,
          () => api.send<{ subsets?: { addresses?: object[] }[] }>("GET", space.path("Endpoints", name)),
          ({ body }) => (body.subsets?.[0]?.addresses ?? []).length > 0,
        );
        latenciesMs.push(performance.now() - startedAtMs);
      }
    };
    await Promise.all(Array.from({ length: 15 }, worker));
    const sorted = latenciesMs.toSorted((a, b) => a - b);
    assert.ok((sorted[30] ?? 0) < 20_000 && (sorted[59] ?? 0) < 50_000, sorted.join(" "));
  });

  test("Proxy through apiserver to a Service; Proxy, validate Proxy responses; Proxy, validate ProxyWithPath responses", async () => {
    const space = await namespace("proxied");
    await space.create(
      service("web", {
        selector: { app: "server" },
        ports: [
          { name: "portname1", port: 80, targetPort: 8080 },
          { name: "portname2", port: 81, targetPort: 8081 },
        ],
      }),
      serverPod("server", { tcp: [8080, 8081] }),
    );
    await space.ready("server");
    const base = space.path("Service");
    await eventually(
      "the service through the API",
      () => api.send<string>("GET", `${base}/web:80/proxy/hostname`),
      ({ body }) => body === "server",
    );
    for (const name of ["web:portname1", "web:portname2", "web:81", "http:web:portname1"])
      assert.equal(await api.get(`${base}/${name}/proxy/hostname`), "server", name);
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const path = `${base}/web:portname1/proxy/some/path?query=1`;
      const response = await fetch(`${api.url}/${path}`, { method });
      assert.equal(await response.text(), `server ${method} /some/path?query=1`);
    }
    const moved = await fetch(`${api.url}/${base}/web:portname1/proxy`, { redirect: "manual" });
    assert.ok([200, 301].includes(moved.status), String(moved.status));
  });

  test("Kubernetes Service; kubernetes.default Endpoints and EndpointSlices; Find Kubernetes Service in default Namespace", async () => {
    const space = await namespace("master");
    const everywhere = await api.get<{ items: { metadata: { name: string; namespace: string } }[] }>(
      "api/v1/services",
    );
    const names = everywhere.items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    assert.ok(names.includes("default/kubernetes"), names.join());
    const { spec } = await api.get<ServiceJson>("api/v1/namespaces/default/services/kubernetes");
    assert.equal(spec.ports[0]?.port, 443);
    const { subsets } = await api.get<{
      subsets: { addresses: { ip: string }[]; ports: { port: number }[] }[];
    }>("api/v1/namespaces/default/endpoints/kubernetes");
    const { items } = await api.get<SliceList>(
      "apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes",
    );
    assert.equal(items[0]?.endpoints[0]?.addresses[0], subsets[0]?.addresses[0]?.ip);
    assert.equal(items[0]?.ports[0]?.port, subsets[0]?.ports[0]?.port);
    const script =
      "require('https').get('https://kubernetes.default.svc/version', { ca: require('fs').readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt') }, (r) => { console.log(r.statusCode); r.resume(); })";
    for (const node of [1, 2])
      await space.create(
        serverPod(`asks-${node}`, {
          container: { command: ["/node", "-e", script], readinessProbe: undefined },
          spec: { nodeName: `node-${node}`, restartPolicy: "Never" },
        }),
      );
    for (const node of [1, 2]) {
      await space.ended(`asks-${node}`);
      assert.match(await space.logs(`asks-${node}`), /^(200|401)\n$/);
    }
  });
});
