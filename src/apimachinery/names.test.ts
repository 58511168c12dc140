import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asPrefix,
  byteLength,
  cIdentifier,
  configMapKey,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  dns1123SubdomainWithUnderscore,
  environmentVariableName,
  httpHeaderName,
  labelValue,
  pathSegment,
  percent,
  portName,
  portNumber,
  qualifiedName,
  type Reasons,
  userId,
  wildcardDns1123Subdomain,
} from "./names.ts";

const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const label1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const namePart =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const value =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const key =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

interface Case {
  readonly text: string;
  readonly reasons: Reasons;
}

const tables: readonly [what: string, check: (text: string) => Reasons, cases: readonly Case[]][] = [
  [
    "an RFC 1123 label",
    dns1123Label,
    [
      { text: "web-1", reasons: [] },
      { text: "1web", reasons: [] },
      { text: "a.b", reasons: ["must not contain dots"] },
      { text: "Web", reasons: [label] },
      { text: "-a", reasons: [label] },
      { text: "", reasons: [label] },
      { text: "a\n", reasons: [label] },
      { text: "a".repeat(64), reasons: ["must be no more than 63 characters"] },
    ],
  ],
  [
    "an RFC 1123 subdomain",
    dns1123Subdomain,
    [
      { text: "a.b-c.d", reasons: [] },
      { text: "a..b", reasons: [subdomain] },
      { text: "a_b", reasons: [subdomain] },
      { text: "a".repeat(254), reasons: ["must be no more than 253 characters"] },
    ],
  ],
  [
    "an RFC 1035 label",
    dns1035Label,
    [
      { text: "web", reasons: [] },
      { text: "1web", reasons: [label1035] },
      { text: "a.b", reasons: [label1035] },
    ],
  ],
  [
    "a label key",
    qualifiedName,
    [
      { text: "app.kubernetes.io/name", reasons: [] },
      { text: "App", reasons: [] },
      { text: "/a", reasons: ["prefix part must be non-empty"] },
      { text: "a/", reasons: ["name part must be non-empty", namePart] },
      { text: "A/b", reasons: [`prefix part ${subdomain}`] },
      { text: "a b", reasons: [namePart] },
      { text: "a".repeat(64), reasons: ["name part must be no more than 63 bytes"] },
      {
        text: "a/b/c",
        reasons: [
          `a valid label key ${namePart.replace("name part ", "")} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
        ],
      },
    ],
  ],
  [
    "a label value",
    labelValue,
    [
      { text: "", reasons: [] },
      { text: "v1.2_x", reasons: [] },
      { text: "-", reasons: [value] },
      { text: "a/b", reasons: [value] },
      { text: "a".repeat(64), reasons: ["must be no more than 63 bytes"] },
    ],
  ],
  [
    "a key of configuration (ConfigMap, with empty-key; Secrets, with empty-key)",
    configMapKey,
    [
      { text: "game.properties", reasons: [] },
      { text: ".hidden", reasons: [] },
      { text: "", reasons: [key] },
      { text: "a/b", reasons: [key] },
      { text: "..", reasons: ["must not be '..'"] },
      { text: "..data", reasons: ["must not start with '..'"] },
    ],
  ],
  [
    "a port name",
    portName,
    [
      { text: "http-1", reasons: [] },
      { text: "80", reasons: ["must contain at least one letter (a-z)"] },
      { text: "a--b", reasons: ["must not contain consecutive hyphens"] },
      { text: "a-", reasons: ["must not begin or end with a hyphen"] },
      {
        text: "sixteen-letters-",
        reasons: ["must be no more than 15 characters", "must not begin or end with a hyphen"],
      },
      {
        text: "HTTP",
        reasons: [
          "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
          "must contain at least one letter (a-z)",
        ],
      },
    ],
  ],
  [
    "a name in a URL path",
    pathSegment,
    [
      { text: "system:node", reasons: [] },
      { text: "..", reasons: ["may not be '..'"] },
      { text: "a/b%", reasons: ["may not contain '/'", "may not contain '%'"] },
    ],
  ],
  [
    "an environment variable",
    environmentVariableName,
    [
      { text: "my.var-1", reasons: [] },
      { text: "1 a", reasons: [] },
      {
        text: "a=b",
        reasons: [
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ],
      },
      { text: "", reasons: ["environment variable name must be non-empty"] },
    ],
  ],
];

for (const [what, check, cases] of tables)
  for (const { text, reasons } of cases) {
    const shown = text.length > 20 ? `${text.slice(0, 5)}… of ${text.length} bytes` : JSON.stringify(text);
    test(`${shown} as ${what}: ${reasons.length === 0 ? "right" : "the reasons of upstream"}`, () => {
      assert.deepEqual(check(text), reasons);
    });
  }

for (const { what, check, right, wrong } of [
  {
    what: "a host with underscores",
    check: dns1123SubdomainWithUnderscore,
    right: "_sip._tcp.a",
    wrong: "a__",
  },
  { what: "a wildcard host", check: wildcardDns1123Subdomain, right: "*.a.b", wrong: "a.b" },
  { what: "a C identifier", check: cIdentifier, right: "_a1", wrong: "1a" },
  { what: "a percentage", check: percent, right: "110%", wrong: "1.5%" },
  { what: "an HTTP header", check: httpHeaderName, right: "X-A", wrong: "X_A" },
  { what: "a port", check: (text: string) => portNumber(Number(text)), right: "65535", wrong: "0" },
  { what: "a user id", check: (text: string) => userId(Number(text)), right: "0", wrong: "-1" },
])
  test(`${right} is ${what}, ${wrong} is not`, () => {
    assert.deepEqual(check(right), []);
    assert.equal(check(wrong).length, 1);
  });

test("a prefix for generated names may end in a dash, but not begin with one", () => {
  assert.deepEqual(asPrefix(dns1123Label)("web-"), []);
  assert.deepEqual(asPrefix(dns1123Label)("-web-"), [label]);
});

test("limits count bytes of UTF-8", () => {
  for (const text of ["", "a", "é", "€", "😀", "a😀é"])
    assert.equal(byteLength(text), Buffer.byteLength(text));
});
