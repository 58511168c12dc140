import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { AddressPools } from "./address-pools.ts";
import { parseRange } from "./address-range.ts";

const pools = () => new AddressPools([parseRange("10.0.0.0/30")]);
const random = seededRandom(1);

test("a further range is taken from when the first is full, and no more once it is closed", () => {
  const all = pools();
  all.set("more", { cidrs: ["10.0.1.0/30"], isOpen: true }, []);
  const taken = Array.from({ length: 5 }, () => all.claimAny("IPv4", "ns/a", random)?.address);
  assert.deepEqual(taken.toSorted(), ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2", undefined]);
  all.set("wide", { cidrs: ["10.0.2.0/24"], isOpen: false }, []);
  assert.equal(all.claimAny("IPv4", "ns/a", random), undefined);
  assert.equal(all.offers("IPv4", "10.0.2.9"), false);
});

test("an address of two ranges is claimed in both", () => {
  const all = pools();
  all.set("around", { cidrs: ["10.0.0.0/29"], isOpen: true }, [["10.0.0.2", "ns/held"]]);
  const [, [around, index] = []] = all.claimsOf("10.0.0.2");
  assert.equal(
    around?.ownerOf(index ?? 0),
    "ns/held",
    "what services hold is held in a range that comes later",
  );
  const first = all.claimAny("IPv4", "ns/a", random);
  assert.ok(first);
  for (const [claims, number] of all.claimsOf(first.address)) assert.equal(claims.ownerOf(number), "ns/a");
});

test("the range the server was started with is not taken twice for its ServiceCIDR", () => {
  const all = pools();
  all.set("kubernetes", { cidrs: ["10.0.0.0/30"], isOpen: true }, []);
  assert.equal(all.claimsOf("10.0.0.1").length, 1);
  all.remove("kubernetes");
  assert.equal(all.claimsOf("10.0.0.1").length, 1);
});
