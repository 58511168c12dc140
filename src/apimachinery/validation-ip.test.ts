import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalIpErrors,
  cidrContains,
  cidrErrors,
  endpointIpErrors,
  formatIp,
  ipErrors,
  isDualStack,
  networkOf,
  parseCidr,
  parseIp,
} from "./validation-ip.ts";

const messages = (errors: readonly { message: string }[]) => errors.map(({ message }) => message);

for (const { text, canonical } of [
  { text: "10.0.0.1", canonical: "10.0.0.1" },
  { text: "2001:DB8:0:0:1:0:0:1", canonical: "2001:db8::1:0:0:1" },
  { text: "0:0:0:0:0:0:0:0", canonical: "::" },
  { text: "::ffff:1.2.3.4", canonical: "::ffff:102:304" },
  { text: "1:2:3:4:5:6:7::", canonical: "1:2:3:4:5:6:7:0" },
  { text: "fe80::1", canonical: "fe80::1" },
])
  test(`${text} is written ${canonical}`, () => {
    const ip = parseIp(text);
    assert.ok(ip);
    assert.equal(formatIp(ip), canonical);
  });

for (const text of [
  "",
  "1.2.3",
  "1.2.3.256",
  "01.2.3.4",
  "1::2::3",
  "1:2:3:4:5:6:7:8:9",
  "fe80::1%eth0",
  "::g",
  "1:2:3:4:5:6:7:8::",
  "1.2.3.4::",
])
  test(`${JSON.stringify(text)} is no address`, () => assert.equal(parseIp(text), undefined));

for (const { value, want } of [
  { value: "10.0.0.1", want: [] },
  {
    value: "10.0.0",
    want: ['Invalid value: "10.0.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  },
  { value: "010.0.0.1", want: ['Invalid value: "010.0.0.1": must not have leading 0s'] },
  {
    value: "::ffff:1.2.3.4",
    want: ['Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address'],
  },
])
  test(`the address ${value} is ${want.length === 0 ? "right" : "refused as upstream does"}`, () => {
    assert.deepEqual(messages(ipErrors("a", value)), want);
    assert.deepEqual(ipErrors("a", value, [value]), [], "what was there may stay");
  });

for (const { value, want } of [
  { value: "10.0.0.0/8", want: [] },
  { value: "2001:db8::/64", want: [] },
  {
    value: "10.0.0.0",
    want: ['Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  },
  {
    value: "10.0.0.0/33",
    want: ['Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  },
  {
    value: "10.0.0.0/08",
    want: ['Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length'],
  },
  {
    value: "10.0.0.1/8",
    want: ['Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length'],
  },
])
  test(`the range ${value} is ${want.length === 0 ? "right" : "refused as upstream does"}`, () => {
    assert.deepEqual(messages(cidrErrors("a", value)), want);
  });

test("new fields want the canonical form of an address", () => {
  assert.deepEqual(messages(canonicalIpErrors("a", "2001:DB8::1")), [
    'Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")',
  ]);
  assert.deepEqual(canonicalIpErrors("a", "2001:db8::1"), []);
});

for (const { value, want } of [
  { value: "10.1.2.3", want: 0 },
  { value: "0.0.0.0", want: "may not be unspecified (0.0.0.0)" },
  { value: "127.0.0.2", want: "may not be in the loopback range (127.0.0.0/8, ::1/128)" },
  { value: "169.254.1.1", want: "may not be in the link-local range (169.254.0.0/16, fe80::/10)" },
  { value: "224.0.0.5", want: "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)" },
])
  test(`an endpoint at ${value} ${want === 0 ? "is right" : want}`, () => {
    const wanted = want === 0 ? [] : [`Invalid value: "${value}": ${want}`];
    assert.deepEqual(messages(endpointIpErrors("a", value)), wanted);
  });

test("a range contains its addresses and begins at its network", () => {
  const range = parseCidr("10.1.2.3/16");
  assert.ok(range);
  assert.equal(formatIp({ family: 4, value: networkOf(range) }), "10.1.0.0");
  for (const [text, inside] of [
    ["10.1.255.255", true],
    ["10.2.0.0", false],
    ["::a01:203", false],
  ] as const) {
    const ip = parseIp(text);
    assert.ok(ip);
    assert.equal(cidrContains(range, ip), inside, text);
  }
});

test("dual stack is one address or range of each family", () => {
  assert.equal(isDualStack(["::1", "1.2.3.4"]), true);
  assert.equal(isDualStack(["10.0.0.0/8", "fd00::/8"]), true);
  assert.equal(isDualStack(["1.2.3.4", "1.2.3.5"]), false);
  assert.equal(isDualStack(["1.2.3.4", "x"]), false);
});
