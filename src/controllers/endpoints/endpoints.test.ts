import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSubset, Endpoints, Pod, Service } from "../../api/core/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { meta, pod, webLabels } from "../test-support/objects.ts";
import { reconcileEndpoints } from "./endpoints.ts";

const service = (spec: Service["spec"] = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta("web", { labels: { tier: "front" } }),
  spec: {
    clusterIP: "10.0.0.1",
    selector: webLabels,
    ports: [{ name: "http", port: 80, targetPort: 8080 }],
    ...spec,
  },
});

const at = (name: string, ip: string, traits: Parameters<typeof pod>[1] = {}) =>
  pod(name, { ready: true, node: "n1", status: { podIP: ip, podIPs: [{ ip }] }, ...traits });

/** "10.1.0.1 !10.1.0.2 : http/8080": addresses, those not ready with a mark, and ports. */
function print(subsets: readonly EndpointSubset[] = []): string[] {
  return subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const ips = [...addresses.map(({ ip }) => ip), ...notReadyAddresses.map(({ ip }) => `!${ip}`)];
    return `${ips.join(" ")} : ${ports.map(({ name, port }) => `${name ?? ""}/${port}`).join(" ")}`;
  });
}

function wanted(of: Service, pods: readonly Pod[]): Endpoints {
  const [intent] = reconcileEndpoints({
    namespace: "default",
    name: "web",
    service: of,
    pods,
    current: undefined,
  });
  assert.ok(intent?.action === "create");
  return intent.object as Endpoints;
}

const unready = { ready: false, status: { podIPs: [{ ip: "10.1.0.2" }], phase: "Running", conditions: [] } };

for (const { name, spec, pods, want } of [
  {
    name: "lists ready pods before those that are not (Endpoints, creation/deletion)",
    pods: [at("a", "10.1.0.1"), at("b", "10.1.0.2", unready)],
    want: ["10.1.0.1 !10.1.0.2 : http/8080"],
  },
  {
    name: "publishes pods that are not ready where the service says so",
    spec: { publishNotReadyAddresses: true },
    pods: [at("b", "10.1.0.2", unready)],
    want: ["10.1.0.2 : http/8080"],
  },
  {
    name: "leaves out pods without an address, finished or going (Service, endpoints)",
    pods: [
      pod("none", { ready: true }),
      at("done", "10.1.0.3", { status: { podIPs: [{ ip: "10.1.0.3" }], phase: "Succeeded" } }),
      at("going", "10.1.0.4", { deleted: true }),
    ],
    want: [],
  },
  {
    name: "splits pods whose named port has different numbers (Service, endpoints with multiple ports)",
    spec: { ports: [{ name: "http", port: 80, targetPort: "web" }] },
    pods: [8080, 9090].map((containerPort, index) =>
      at(`p${index}`, `10.1.0.${index + 1}`, {
        spec: { containers: [{ name: "c", ports: [{ name: "web", containerPort }] }] },
      }),
    ),
    want: ["10.1.0.1 : http/8080", "10.1.0.2 : http/9090"],
  },
  {
    name: "keeps ports with the same pods in one subset",
    spec: {
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 81 },
      ],
    },
    pods: [at("a", "10.1.0.1")],
    want: ["10.1.0.1 : a/80 b/81"],
  },
  {
    name: "keeps one port of two protocols apart (Service, should serve endpoints on same port and different protocols.)",
    spec: {
      ports: [
        { name: "tcp", port: 80, protocol: "TCP" },
        { name: "udp", port: 80, protocol: "UDP" },
      ],
    },
    pods: [at("a", "10.1.0.1")],
    want: ["10.1.0.1 : tcp/80 udp/80"],
  },
  {
    name: "lists the pods of a headless service without ports",
    spec: { clusterIP: "None", ports: [] },
    pods: [at("a", "10.1.0.1")],
    want: ["10.1.0.1 : "],
  },
]) {
  test(`Endpoints ${name}`, () => assert.deepEqual(print(wanted(service(spec), pods).subsets), want));
}

test('Endpoints exist, empty, for a service without pods (Endpoints, "empty" Service)', () => {
  const { subsets, metadata } = wanted(service(), []);
  assert.deepEqual(subsets, []);
  assert.deepEqual(metadata.labels, {
    tier: "front",
    "endpoints.kubernetes.io/managed-by": "endpoint-controller",
  });
});

test("Endpoints of a service with an address are not labelled headless, even where the service is", () => {
  const labelled = (spec?: Service["spec"]) => ({
    ...service(spec),
    metadata: meta("web", { labels: { "service.kubernetes.io/headless": "" } }),
  });
  const managed = { "endpoints.kubernetes.io/managed-by": "endpoint-controller" };
  assert.deepEqual(wanted(labelled(), []).metadata.labels, managed);
  const headless = { ...managed, "service.kubernetes.io/headless": "" };
  assert.deepEqual(wanted(labelled({ clusterIP: "None" }), []).metadata.labels, headless);
});

test("Endpoints name the pod behind an address, and its hostname under a headless service", () => {
  const named = at("a", "10.1.0.1", {
    spec: { containers: [], hostname: "a-0", subdomain: "web", nodeName: "n1" },
  });
  const { subsets } = wanted(service({ clusterIP: "None" }), [named]);
  assert.deepEqual(subsets?.[0]?.addresses, [
    {
      ip: "10.1.0.1",
      hostname: "a-0",
      nodeName: "n1",
      targetRef: { kind: "Pod", namespace: "default", name: "a", uid: "uid-a" },
    },
  ]);
});

test("Endpoints past a thousand addresses are cut, ready ones kept", () => {
  const pods = Array.from({ length: 1002 }, (_, index) =>
    at(`p${index}`, `10.1.${index >> 8}.${index & 255}`, index < 2 ? unready : {}),
  );
  const { subsets = [], metadata } = wanted(service(), pods);
  assert.equal(subsets[0]?.addresses?.length, 1000);
  assert.equal(subsets[0]?.notReadyAddresses, undefined);
  assert.equal(metadata.annotations?.["endpoints.kubernetes.io/over-capacity"], "truncated");
});

test("Endpoints go with their service, and are not touched where the service has no selector", () => {
  const current = wanted(service(), []);
  const gone = reconcileEndpoints({
    namespace: "default",
    name: "web",
    service: undefined,
    pods: [],
    current,
  });
  assert.deepEqual(gone.map(describeIntent), ["delete endpoints default/web"]);
  const own = service({ selector: {} });
  assert.deepEqual(
    reconcileEndpoints({ namespace: "default", name: "web", service: own, pods: [], current }),
    [],
  );
});
