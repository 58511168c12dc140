import assert from "node:assert/strict";
import { test } from "node:test";
import { cidrWarnings, ipWarnings } from "./network-warnings.ts";

for (const { text, want } of [
  { text: "10.0.0.1", want: [] },
  { text: "fe80::1", want: [] },
  { text: "not an address", want: [] },
  { text: "010.0.0.1", want: ['a: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"'] },
  {
    text: "::ffff:1.2.3.4",
    want: ['a: non-standard IP address "::ffff:1.2.3.4" is invalid: use "1.2.3.4"'],
  },
  {
    text: "2001:DB8:0::1",
    want: ['a: IPv6 address "2001:DB8:0::1" should be in RFC 5952 canonical format ("2001:db8::1")'],
  },
])
  test(`an address written as ${text} is warned of where it is not in its standard form`, () => {
    assert.deepEqual(ipWarnings("a", text), want);
  });

for (const { text, want } of [
  { text: "10.0.0.0/8", want: [] },
  {
    text: "10.0.0.5/8",
    want: [
      'a: CIDR value "10.0.0.5/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.5/32"?)',
    ],
  },
  {
    text: "10.0.0.0/08",
    want: ['a: non-standard CIDR value "10.0.0.0/08" is invalid: use "10.0.0.0/8"'],
  },
  {
    text: "2001:DB8::/64",
    want: ['a: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")'],
  },
])
  test(`a range written as ${text} is warned of where it is not in its standard form`, () => {
    assert.deepEqual(cidrWarnings("a", text), want);
  });
