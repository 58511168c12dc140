import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  createErrors,
  objectOf,
  type RefusedCase,
  rowOf,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const group = "discovery.k8s.io/v1";
const endpoints = [{ addresses: ["10.1.0.1"] }];

test("EndpointSlice API: a port has a name and a protocol", () => {
  const slice = withDefaults(
    objectOf(group, "EndpointSlice", {
      addressType: "IPv4",
      ports: [{ port: 80 }, { port: 53, name: "dns", protocol: "UDP" }],
    }),
  );
  assert.deepEqual(
    [slice.endpoints, slice.ports],
    [
      [],
      [
        { port: 80, name: "", protocol: "TCP" },
        { port: 53, name: "dns", protocol: "UDP" },
      ],
    ],
  );
});

for (const { name, parts, want } of [
  { name: "with an address", parts: { addressType: "IPv4", endpoints, ports: [{ port: 80 }] }, want: [] },
  { name: "of no type", parts: { endpoints: [] }, want: ["addressType: Required value"] },
  {
    name: "of an unknown type",
    parts: { addressType: "IPX" },
    want: ['addressType: Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"'],
  },
  {
    name: "of the other family",
    parts: { addressType: "IPv6", endpoints },
    want: ['endpoints[0].addresses: Invalid value: "10.1.0.1": must be an IPv6 address'],
  },
  {
    name: "with addresses nobody has",
    parts: { addressType: "IPv4", endpoints: [{ addresses: ["127.0.0.1"] }, { addresses: [] }] },
    want: [
      'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      "endpoints[1].addresses: Required value: must contain at least 1 address",
    ],
  },
  {
    name: "with names that are none",
    parts: { addressType: "FQDN", endpoints: [{ addresses: ["a.b.", "localhost"] }] },
    want: [
      'endpoints[0].addresses[1]: Invalid value: "localhost": should be a domain with at least two segments separated by dots',
    ],
  },
  {
    name: "with too many endpoints",
    parts: { addressType: "IPv4", endpoints: Array(1001).fill(endpoints[0]) },
    want: ["endpoints: Too many: 1001: must have at most 1000 items"],
  },
  {
    name: "with wrong ports",
    parts: { addressType: "IPv4", ports: [{ name: "a" }, { name: "a" }, { name: "B", protocol: "ICMP" }] },
    want: [
      'ports[1].name: Duplicate value: "a"',
      /^ports\[2\]\.name: Invalid value: "B": a lowercase RFC 1123 label/,
      'ports[2].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
  },
] as readonly RefusedCase[])
  test(`a slice ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors(group, "EndpointSlice", parts), want);
  });

test("a slice keeps its type of addresses", () => {
  assertLines(updateErrors(group, "EndpointSlice", { addressType: "IPv4" }, { addressType: "FQDN" }), [
    'addressType: Invalid value: "FQDN": field is immutable',
  ]);
});

test("kubectl get shows the first ports and addresses of a slice", () => {
  const many = {
    addressType: "IPv4",
    endpoints: [
      { addresses: ["1.1.1.1", "2.2.2.2"] },
      { addresses: ["3.3.3.3"] },
      { addresses: ["4.4.4.4"] },
    ],
    ports: [{ port: 80 }, { name: "x" }],
  };
  assert.deepEqual(rowOf(objectOf(group, "EndpointSlice", many)), {
    AddressType: "IPv4",
    Ports: "80,x",
    Endpoints: "1.1.1.1,2.2.2.2,3.3.3.3 + 1 more...",
  });
  assert.deepEqual(rowOf(objectOf(group, "EndpointSlice", { addressType: "IPv4" })), {
    AddressType: "IPv4",
    Ports: "<unset>",
    Endpoints: "<unset>",
  });
});
