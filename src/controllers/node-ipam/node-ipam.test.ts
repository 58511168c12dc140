import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../../api/core/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { formatCidr, parseCidr } from "./cidr.ts";
import { CidrPool } from "./cidr-pool.ts";
import { reconcileNodeCidrs } from "./controller.ts";

for (const [text, want] of [
  ["10.244.3.7/16", "10.244.0.0/16"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["fd00:10:244::1/56", "fd00:10:244::/56"],
  ["::/0", "::/0"],
  ["10.244.0.0", undefined],
  ["10.244.0.0/33", undefined],
  ["10.256.0.0/16", undefined],
  ["1::2::3/64", undefined],
] as const) {
  test(`CIDR ${text} is ${want ?? "refused"}`, () => {
    const cidr = parseCidr(text);
    assert.equal(cidr && formatCidr(cidr), want);
  });
}

test("Node IPAM gives each node its own block, and a freed one only after the others", () => {
  const pool = new CidrPool("10.244.0.0/22", 24);
  assert.equal(pool.allocate("a"), "10.244.0.0/24");
  assert.equal(pool.allocate("a"), "10.244.0.0/24", "the same node keeps its block");
  assert.equal(pool.allocate("b"), "10.244.1.0/24");
  pool.release("a");
  assert.equal(pool.allocate("c"), "10.244.2.0/24");
  assert.equal(pool.allocate("d"), "10.244.3.0/24");
  assert.equal(pool.allocate("e"), "10.244.0.0/24");
  assert.equal(pool.allocate("f"), undefined, "used up");
});

test("Node IPAM gives away no block that a node already has, whatever its size", () => {
  const pool = new CidrPool("10.244.0.0/22", 24);
  pool.occupy("a", "10.244.0.0/23");
  pool.occupy("b", "192.168.0.0/24");
  assert.equal(pool.allocate("c"), "10.244.2.0/24");
});

test("Node IPAM divides IPv6", () => {
  const pool = new CidrPool("fd00:10:244::/56", 64);
  assert.deepEqual([pool.allocate("a"), pool.allocate("b")], ["fd00:10:244::/64", "fd00:10:244:1::/64"]);
});

test("Node IPAM refuses a mask that does not fit", () => {
  assert.throws(() => new CidrPool("10.244.0.0/24", 16), /does not fit/);
});

test("Node IPAM writes the blocks once, and says when there are none", () => {
  const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" }, spec: {} };
  const given = reconcileNodeCidrs({ node, podCidrs: ["10.244.0.0/24"] });
  assert.deepEqual(given.map(describeIntent), ["patch nodes n1"]);
  const has = { ...node, spec: { podCIDR: "10.244.0.0/24", podCIDRs: ["10.244.0.0/24"] } };
  assert.deepEqual(reconcileNodeCidrs({ node: has, podCidrs: ["10.244.0.0/24"] }), []);
  assert.deepEqual(reconcileNodeCidrs({ node, podCidrs: undefined }).map(describeIntent), [
    "event Normal CIDRNotAvailable: Node n1 status is now: CIDRNotAvailable",
    "requeue after 30000 ms",
  ]);
});
