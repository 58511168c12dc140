import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../api/core/types.generated.ts";
import { routeChanges, routesToPods } from "./routes.ts";

const node = (name: string, podCIDR: string | undefined, address: string | undefined): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR] },
  status: { addresses: address === undefined ? [] : [{ type: "InternalIP", address }] },
});

test("Routes lead to the pods of every other node that has an address and a pod CIDR", () => {
  const all = [
    node("a", "10.244.0.0/24", "10.95.0.1"),
    node("b", "10.244.1.0/24", "10.95.0.2"),
    node("c", undefined, "10.95.0.3"),
    node("d", "10.244.3.0/24", undefined),
  ];
  assert.deepEqual(routesToPods(all, "a"), [{ destination: "10.244.1.0/24", gateway: "10.95.0.2" }]);
  assert.deepEqual(routesToPods(all, "b"), [{ destination: "10.244.0.0/24", gateway: "10.95.0.1" }]);
});

test("Only what differs is changed", () => {
  const route = (destination: string, gateway: string) => ({ destination, gateway });
  const have = [route("a", "1"), route("b", "2"), route("c", "3")];
  const want = [route("a", "1"), route("b", "9"), route("d", "4")];
  assert.deepEqual(routeChanges(have, want), {
    remove: [route("b", "2"), route("c", "3")],
    add: [route("b", "9"), route("d", "4")],
  });
});
