import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../apimachinery/api-error.ts";
import { podResizeValidator, podTopologyLabels } from "./pod-on-node.ts";
import { admitted, attributesFor, fixedDependencies, object, podOf } from "./test-support.ts";

const zone = "topology.kubernetes.io/zone";
const region = "topology.kubernetes.io/region";
const os = "kubernetes.io/os";
const allocatable = { status: { allocatable: { cpu: "2", memory: "1Gi" } } };
const dependencies = fixedDependencies({
  nodes: [
    object("Node", "north", allocatable, {
      labels: { [zone]: "a", [region]: "eu", [os]: "linux", other: "x" },
    }),
    object("Node", "bare", allocatable, { labels: { [os]: "windows" } }),
  ],
});
const bindingTo = (target: object) => object("Binding", "p", { target }, { namespace: "ns" });

for (const { name, given, subresource = "", want } of [
  {
    name: "puts the node's zone and region on a binding",
    given: bindingTo({ kind: "Node", name: "north" }),
    subresource: "binding",
    want: { [zone]: "a", [region]: "eu" },
  },
  {
    name: "puts them on a pod that is made for a node, over what it says itself",
    given: podOf({ nodeName: "north" }, { labels: { [zone]: "z", app: "web" } }),
    want: { [zone]: "a", [region]: "eu", app: "web" },
  },
  { name: "leaves a pod alone that waits for a node", given: podOf(), want: undefined },
  { name: "finds nothing on a node without labels", given: podOf({ nodeName: "bare" }), want: undefined },
  { name: "finds nothing on a node that is not there", given: podOf({ nodeName: "gone" }), want: undefined },
  {
    name: "leaves a binding to something else alone",
    given: bindingTo({ kind: "Machine", name: "north" }),
    subresource: "binding",
    want: undefined,
  },
  {
    name: "leaves other subresources alone",
    given: bindingTo({ kind: "Node", name: "north" }),
    subresource: "eviction",
    want: undefined,
  },
])
  test(`PodTopologyLabels ${name}`, async () => {
    const result = await admitted(
      podTopologyLabels(dependencies),
      attributesFor("pods", given, { subresource }),
    );
    assert.ok(typeof result === "object");
    assert.deepEqual(result.metadata.labels, want);
  });

const requesting = (nodeName: string, requests: object, generation = 2) =>
  podOf({ nodeName, containers: [{ name: "c", image: "i", resources: { requests } }] }, { generation });
const forbidden = 'pods "p" is forbidden: ';

for (const { name, pod, subresource = "resize", want, cause } of [
  {
    name: "lets through what fits on the node",
    pod: requesting("north", { cpu: "2", memory: "1Gi" }),
    want: "",
  },
  {
    name: "refuses more than the node has, in milli-CPUs and bytes",
    pod: requesting("north", { cpu: "2500m", memory: "2Gi" }),
    want: `${forbidden}Node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824`,
    cause: "NodeCapacity",
  },
  {
    name: "refuses a node that is no Linux",
    pod: requesting("bare", { cpu: "1" }),
    want: `${forbidden}pod resize is only supported on linux nodes, node "bare" is "windows"`,
    cause: "UnsupportedPlatform",
  },
  {
    name: "refuses a node that is not there",
    pod: requesting("gone", { cpu: "1" }),
    want: `${forbidden}node "gone" not found`,
  },
  { name: "lets a write through that changes no spec", pod: requesting("gone", { cpu: "9" }, 1), want: "" },
  { name: "lets a pod through that is on no node yet", pod: requesting("", { cpu: "9" }), want: "" },
  {
    name: "judges resizes alone",
    pod: requesting("north", { cpu: "9" }),
    subresource: "status",
    want: "",
  },
])
  test(`PodResizeValidator ${name}`, async () => {
    const oldObject = { ...podOf({}, { generation: 1 }) };
    const attributes = attributesFor("pods", pod, { subresource, oldObject });
    const refusal = await Promise.resolve(podResizeValidator(dependencies).validate?.(attributes)).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.equal(refusal instanceof ApiError ? refusal.message : "", want);
    const causes = refusal instanceof ApiError ? refusal.status.details?.causes : undefined;
    assert.deepEqual(
      causes?.map(({ reason }) => reason),
      cause === undefined ? undefined : [cause],
    );
  });
