import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod, Service } from "../../api/core/types.generated.ts";
import type { EndpointSlice } from "../../api/discovery/types.generated.ts";
import { describeIntent, type Intent } from "../framework/intent.ts";
import { meta, pod, webLabels } from "../test-support/objects.ts";
import { reconcileSlices } from "./slice-controller.ts";
import { pack } from "./slices.ts";

const service = (spec: Service["spec"] = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta("web"),
  spec: {
    clusterIP: "10.0.0.1",
    ipFamilies: ["IPv4"],
    selector: webLabels,
    ports: [{ name: "http", port: 80, targetPort: 8080 }],
    ...spec,
  },
});

const nodeOf = (name: string): Node | undefined =>
  name === "n1"
    ? {
        apiVersion: "v1",
        kind: "Node",
        metadata: { name, labels: { "topology.kubernetes.io/zone": "z1" } },
        spec: {},
      }
    : undefined;

const at = (ip: string, traits: Parameters<typeof pod>[1] = {}) =>
  pod(`pod-${ip}`, { ready: true, node: "n1", status: { podIPs: [{ ip }] }, ...traits });

const decide = (of: Service, pods: readonly Pod[], slices: readonly EndpointSlice[] = []) =>
  reconcileSlices({ service: of, pods, nodeOf, slices });

function sliceOf(intent: Intent | undefined, name = "made"): EndpointSlice {
  assert.ok(intent?.action === "create" || intent?.action === "update");
  const slice = intent.object as EndpointSlice;
  return { ...slice, metadata: { ...slice.metadata, name, uid: `uid-${name}`, resourceVersion: "1" } };
}

/** "10.1.0.1 ready", "10.1.0.2 serving terminating". */
function print({ endpoints = [] }: EndpointSlice): string[] {
  return endpoints.map(({ addresses, conditions = {} }) =>
    [addresses[0], ...Object.entries(conditions).flatMap(([name, holds]) => (holds ? [name] : []))].join(" "),
  );
}

test("EndpointSlice holds ready, unready and terminating pods with their conditions (EndpointSlice, creation/deletion)", () => {
  const [made] = decide(service(), [
    at("10.1.0.1"),
    at("10.1.0.2", { ready: false, status: { podIPs: [{ ip: "10.1.0.2" }], conditions: [] } }),
    at("10.1.0.3", { deleted: true }),
    at("10.1.0.4", { status: { podIPs: [{ ip: "10.1.0.4" }], phase: "Failed" } }),
  ]);
  const slice = sliceOf(made);
  assert.deepEqual(print(slice), ["10.1.0.1 ready serving", "10.1.0.2", "10.1.0.3 serving terminating"]);
  assert.deepEqual(slice.ports, [{ name: "http", port: 8080, protocol: "TCP" }]);
  assert.deepEqual(slice.endpoints?.[0]?.targetRef?.name, "pod-10.1.0.1");
  assert.equal(slice.endpoints?.[0]?.zone, "z1");
  assert.equal(slice.metadata.generateName, "web-");
  assert.deepEqual(slice.metadata.labels, {
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  });
  assert.equal(slice.metadata.ownerReferences?.[0]?.name, "web");
});

test('EndpointSlice exists, empty, for a service without pods (EndpointSlice, "empty" Service)', () => {
  const intents = decide(service(), []);
  assert.deepEqual(intents.map(describeIntent), ["create endpointslices default/web-"]);
  const placeholder = sliceOf(intents[0]);
  assert.deepEqual(placeholder.endpoints, []);
  const again = decide(service(), [], [placeholder]);
  assert.deepEqual(
    again.map((intent) => intent.action),
    ["update"],
    "and stays: the update changes nothing",
  );
});

test("EndpointSlice of a service gains and loses one pod in one write", () => {
  const first = sliceOf(decide(service(), [at("10.1.0.1"), at("10.1.0.2")])[0]);
  const intents = decide(service(), [at("10.1.0.2"), at("10.1.0.3")], [first]);
  assert.deepEqual(intents.map(describeIntent), ["update endpointslices default/made"]);
  assert.deepEqual(print(sliceOf(intents[0])), ["10.1.0.2 ready serving", "10.1.0.3 ready serving"]);
});

test("EndpointSlice of other ports is made into one of the new ports", () => {
  const first = sliceOf(decide(service(), [at("10.1.0.1")])[0]);
  const intents = decide(
    service({ ports: [{ name: "http", port: 80, targetPort: 9090 }] }),
    [at("10.1.0.1")],
    [first],
  );
  assert.deepEqual(intents.map(describeIntent), ["update endpointslices default/made"]);
  assert.equal(sliceOf(intents[0]).ports?.[0]?.port, 9090);
});

test("EndpointSlice: one for each address family", () => {
  const both = at("10.1.0.1", { status: { podIPs: [{ ip: "10.1.0.1" }, { ip: "fd00::1" }] } });
  const intents = decide(service({ ipFamilies: ["IPv4", "IPv6"] }), [both]);
  assert.deepEqual(
    intents.map((intent) => sliceOf(intent).addressType),
    ["IPv4", "IPv6"],
  );
});

test("EndpointSlice waits for a pod's node to be known", () => {
  const lost = at("10.1.0.1", { node: "unknown" });
  const intents = decide(service(), [lost]);
  assert.deepEqual(intents.map(describeIntent), [
    "create endpointslices default/web-",
    "requeue after 10000 ms",
  ]);
  assert.deepEqual(sliceOf(intents[0]).endpoints, []);
});

test("EndpointSlice hints at the zone where traffic is to stay close", () => {
  const slice = sliceOf(decide(service({ trafficDistribution: "PreferClose" }), [at("10.1.0.1")])[0]);
  assert.deepEqual(slice.endpoints?.[0]?.hints, { forZones: [{ name: "z1" }] });
});

for (const { name, existing, wanted, want } of [
  { name: "splits what is more than one holds", existing: [], wanted: 5, want: "creates 2 2 1" },
  { name: "fills one that changes anyway", existing: [["x", "0"]], wanted: 2, want: "updates 2" },
  { name: "leaves full ones alone", existing: [["0", "1"]], wanted: 3, want: "creates 1" },
  {
    name: "fills up a roomy one rather than making another",
    existing: [["0"]],
    wanted: 2,
    want: "updates 2",
  },
  { name: "deletes one that has nothing left", existing: [["x"], ["0"]], wanted: 1, want: "deletes 1" },
]) {
  test(`EndpointSlice packing ${name}`, () => {
    const slices = existing.map(
      (keys): EndpointSlice => ({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {},
        addressType: "IPv4",
        endpoints: keys.map((key) => ({ addresses: [key] })),
      }),
    );
    const endpoints = Array.from({ length: wanted }, (_, index) => ({ addresses: [String(index)] }));
    const packing = pack(endpoints, slices, 2, () => true);
    const parts = [
      packing.creates.length > 0 ? `creates ${packing.creates.map((each) => each.length).join(" ")}` : "",
      packing.updates.length > 0
        ? `updates ${packing.updates.map((each) => each.endpoints.length).join(" ")}`
        : "",
      packing.deletes.length > 0 ? `deletes ${packing.deletes.length}` : "",
    ];
    assert.equal(parts.filter((part) => part !== "").join(", "), want);
  });
}
