import assert from "node:assert/strict";
import { test } from "node:test";
import type { IPAddress, ServiceCIDR } from "../../api/networking/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago, now } from "../test-support/objects.ts";
import { reconcileServiceCidr } from "./controller.ts";

const finalizer = "networking.k8s.io/service-cidr-finalizer";
const range = (cidr: string, deleted = false, ready = true): ServiceCIDR => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "ServiceCIDR",
  metadata: { name: cidr, finalizers: [finalizer], ...(deleted ? { deletionTimestamp: ago(1) } : {}) },
  spec: { cidrs: [cidr] },
  status: ready
    ? { conditions: [{ type: "Ready", status: "True", reason: "", message: "", lastTransitionTime: ago(9) }] }
    : {},
});
const address = (name: string) =>
  ({ apiVersion: "networking.k8s.io/v1", kind: "IPAddress", metadata: { name } }) as IPAddress;

for (const { name, cidr, others = [], addresses = [], want } of [
  {
    name: "is said to be ready",
    cidr: range("10.96.0.0/12", false, false),
    want: ["update servicecidrs 10.96.0.0/12", "updateStatus servicecidrs 10.96.0.0/12"],
  },
  {
    name: "that is ready is left alone",
    cidr: range("10.96.0.0/12"),
    want: ["update servicecidrs 10.96.0.0/12"],
  },
  {
    name: "stays while one of its addresses is in use",
    cidr: range("10.96.0.0/12", true),
    addresses: [address("10.97.0.1"), address("192.168.0.1")],
    want: ["updateStatus servicecidrs 10.96.0.0/12"],
  },
  {
    name: "goes when another range has its addresses",
    cidr: range("10.96.0.0/12", true),
    others: [range("10.0.0.0/8")],
    addresses: [address("10.97.0.1")],
    want: ["update servicecidrs 10.96.0.0/12"],
  },
  {
    name: "of the other family does not count",
    cidr: range("fd00::/108", true),
    addresses: [address("10.97.0.1")],
    want: ["update servicecidrs fd00::/108"],
  },
]) {
  test(`A range of service addresses ${name}`, () => {
    assert.deepEqual(reconcileServiceCidr({ cidr, others, addresses }, now).map(describeIntent), want);
  });
}
