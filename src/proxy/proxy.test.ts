import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import type { Service } from "../api/core/types.generated.ts";
import type { EndpointSlice } from "../api/discovery/types.generated.ts";
import { serviceRules } from "./nft-rules.ts";
import { nftTransaction } from "./nft-transaction.ts";
import { servicePorts } from "./service-ports.ts";

const options = { family: "ip", clusterCidr: "10.244.0.0/16" } as const;

function service(name: string, spec: Partial<Service["spec"]> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "n" },
    spec: {
      clusterIP: "10.96.0.9",
      clusterIPs: ["10.96.0.9"],
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
      ...spec,
    },
  };
}

interface EndpointRow {
  readonly ip: string;
  readonly node?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
}

function slice(serviceName: string, endpoints: readonly EndpointRow[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${serviceName}-x`,
      namespace: "n",
      labels: { "kubernetes.io/service-name": serviceName },
    },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: endpoints.map(({ ip, node = "node-1", ready = true, serving = ready }) => ({
      addresses: [ip],
      nodeName: node,
      conditions: { ready, serving, terminating: !ready },
    })),
  };
}

const ips = (endpoints: readonly { ip: string }[]) => endpoints.map(({ ip }) => ip);

for (const { name, spec, endpoints, internal, external } of [
  {
    name: "goes to all ready endpoints",
    spec: {},
    endpoints: [{ ip: "10.244.0.2" }, { ip: "10.244.1.2", node: "node-2" }],
    internal: ["10.244.0.2", "10.244.1.2"],
    external: ["10.244.0.2", "10.244.1.2"],
  },
  {
    name: "leaves out what is not ready",
    spec: {},
    endpoints: [{ ip: "10.244.0.2" }, { ip: "10.244.0.3", ready: false, serving: true }],
    internal: ["10.244.0.2"],
    external: ["10.244.0.2"],
  },
  {
    name: "falls back on what still serves while it ends",
    spec: {},
    endpoints: [{ ip: "10.244.0.3", ready: false, serving: true }],
    internal: ["10.244.0.3"],
    external: ["10.244.0.3"],
  },
  {
    name: "stays on the node for internalTrafficPolicy Local",
    spec: { internalTrafficPolicy: "Local" },
    endpoints: [{ ip: "10.244.0.2" }, { ip: "10.244.1.2", node: "node-2" }],
    internal: ["10.244.0.2"],
    external: ["10.244.0.2", "10.244.1.2"],
  },
  {
    name: "stays on the node for externalTrafficPolicy Local",
    spec: { externalTrafficPolicy: "Local" },
    endpoints: [{ ip: "10.244.1.2", node: "node-2" }],
    internal: ["10.244.1.2"],
    external: [],
  },
]) {
  test(`Service traffic ${name}`, () => {
    const [port] = servicePorts([service("web", spec)], [slice("web", endpoints)], "node-1", "IPv4");
    assert.deepEqual(ips(port?.internalEndpoints ?? []), internal);
    assert.deepEqual(ips(port?.externalEndpoints ?? []), external);
  });
}

test("Headless and ExternalName services have no rules", () => {
  const services = [service("a", { clusterIP: "None" }), service("b", { type: "ExternalName" })];
  assert.deepEqual(servicePorts(services, [], "node-1", "IPv4"), []);
});

function rulesOf(services: readonly Service[], slices: readonly EndpointSlice[]) {
  return new Map(
    servicePorts(services, slices, "node-1", "IPv4").map((port) => [port.key, serviceRules(port, options)]),
  );
}

test("Nothing is written when nothing changed", () => {
  const rules = rulesOf([service("web")], [slice("web", [{ ip: "10.244.0.2" }])]);
  assert.equal(
    nftTransaction(rules, rulesOf([service("web")], [slice("web", [{ ip: "10.244.0.2" }])]), options),
    undefined,
  );
});

test("A change of one service leaves the others alone", () => {
  const services = [
    service("web"),
    service("other", { clusterIP: "10.96.0.10", clusterIPs: ["10.96.0.10"] }),
  ];
  const before = rulesOf(services, [
    slice("web", [{ ip: "10.244.0.2" }]),
    slice("other", [{ ip: "10.244.0.7" }]),
  ]);
  const after = rulesOf(services, [
    slice("web", [{ ip: "10.244.0.3" }]),
    slice("other", [{ ip: "10.244.0.7" }]),
  ]);
  const script = nftTransaction(before, after, options) ?? "";
  assert.match(script, /10\.244\.0\.3/);
  assert.doesNotMatch(script, /10\.96\.0\.10|10\.244\.0\.7/);
});

/** Loads scripts one after another into the nft of a fresh network namespace and lists what came of it. */
function inKernel(scripts: readonly string[]): string {
  const steps = scripts.map((script) => `nft -f - <<'EOF' || exit 1\n${script}\nEOF\n`).join("");
  return execFileSync("unshare", ["-n", "sh", "-c", `${steps}nft list table ip kube-proxy`], {
    encoding: "utf8",
  });
}

test("A cluster address stays refused on other ports for as long as one of its ports is there", () => {
  const of = (...ports: NonNullable<NonNullable<Service["spec"]>["ports"]>) =>
    rulesOf([service("web", { ports })], [slice("web", [{ ip: "10.244.0.2" }])]);
  const tcp = { name: "http", port: 80, protocol: "TCP" } as const;
  const udp = { name: "udp", port: 80, protocol: "UDP" } as const;
  const script = (before: ReturnType<typeof of>, after: ReturnType<typeof of>) =>
    nftTransaction(before, after, options) ?? "";
  assert.match(script(of(), of(tcp)), /^add element ip kube-proxy cluster-ips \{ 10\.96\.0\.9 \}$/m);
  assert.doesNotMatch(script(of(tcp), of(tcp, udp)), /cluster-ips/);
  assert.doesNotMatch(script(of(tcp, udp), of(udp)), /cluster-ips/);
  assert.match(script(of(udp), of()), /^delete element ip kube-proxy cluster-ips \{ 10\.96\.0\.9 \}$/m);
});

const isRoot = process.getuid?.() === 0;

test("The kernel takes every kind of rule, and each change from one state to the next", {
  skip: !isRoot && "needs root",
}, () => {
  const web = service("web", {
    sessionAffinity: "ClientIP",
    type: "LoadBalancer",
    externalIPs: ["192.0.2.9"],
    loadBalancerSourceRanges: ["198.51.100.0/24"],
    ports: [{ name: "http", port: 80, nodePort: 30080 }],
  });
  const states = [
    rulesOf([web], [slice("web", [{ ip: "10.244.0.2" }, { ip: "10.244.0.3" }])]),
    rulesOf([web], [slice("web", [{ ip: "10.244.0.3" }, { ip: "10.244.0.4" }])]),
    rulesOf([web], []),
    rulesOf([service("web")], [slice("web", [{ ip: "10.244.0.4" }])]),
    rulesOf([], []),
  ];
  const scripts = states.map(
    (state, index) => nftTransaction(index === 0 ? undefined : states[index - 1], state, options) ?? "",
  );
  const list = (count: number) => inKernel(scripts.slice(0, count));
  assert.match(list(1), /dnat to 10\.244\.0\.2:8080/);
  const second = list(2);
  assert.doesNotMatch(second, /10\.244\.0\.2/);
  assert.match(second, /tcp \. 30080 : goto external-/);
  assert.match(list(3), /no-endpoint-services[\s\S]*10\.96\.0\.9 \. tcp \. 80 : goto reject-chain/);
  const last = list(4);
  assert.doesNotMatch(last, /affinity|external-|30080 :/);
  assert.match(last, /set cluster-ips \{[^}]*elements = \{ 10\.96\.0\.9 \}/);
  assert.doesNotMatch(list(5), /10\.96\.0\.9/);
  // From any state, and from what an earlier process left, a full write gives the same table.
  const full = nftTransaction(undefined, states[3] ?? new Map(), options) ?? "";
  assert.equal(inKernel([...scripts, full]), inKernel([full]));
});
