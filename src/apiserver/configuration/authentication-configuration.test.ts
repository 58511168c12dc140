import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeAuthenticationConfiguration } from "./authentication-configuration.ts";
import { validateAuthenticationConfiguration } from "./authentication-validation.ts";

const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n";
const issuer = "issuer: { url: https://a.example, audiences: [x] }";
const mapped = 'claimMappings: { username: { claim: sub, prefix: "" } }';
const jwt = (...lines: string[]) => `${head}jwt:\n- ${lines.join("\n  ")}`;

/** What is said of a file, field by field. */
async function faults(text: string): Promise<readonly string[]> {
  const { errors } = validateAuthenticationConfiguration(await decodeAuthenticationConfiguration(text), {
    disallowedIssuers: ["https://own"],
    isCertificateBundle: (pem) => pem === "PEM",
  });
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

for (const { name, text, want } of [
  { name: "takes no issuer at all", text: head, want: [] },
  { name: "takes a plain one", text: jwt(issuer, mapped), want: [] },
  {
    name: "wants an issuer's address and audience, and a name's claim",
    text: jwt("issuer: {}"),
    want: [
      "jwt[0].issuer.url: Required value",
      "jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required",
      "jwt[0].claimMappings.username: Required value: claim or expression is required",
    ],
  },
  {
    name: "wants a safe address",
    text: jwt("issuer: { url: 'http://u:p@a.example/?q#f', audiences: [x] }", mapped),
    want: [
      "URL scheme must be https",
      "URL must not contain a username or password",
      "URL must not contain a query",
      "URL must not contain a fragment",
    ].map((why) => `jwt[0].issuer.url: Invalid value: "http://u:p@a.example/?q#f": ${why}`),
  },
  {
    name: "leaves the cluster's own issuer alone",
    text: jwt("issuer: { url: https://own, audiences: [x] }", mapped),
    want: [
      'jwt[0].issuer.url: Invalid value: "https://own": URL must not overlap with disallowed issuers: [https://own]',
    ],
  },
  {
    name: "knows what several audiences need",
    text: jwt("issuer: { url: https://a.example, audiences: [x, x] }", mapped),
    want: [
      'jwt[0].issuer.audiences[1]: Duplicate value: "x"',
      'jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences',
    ],
  },
  {
    name: "wants certificates for an authority, and does not show what is none",
    text: jwt("issuer: { url: https://a.example, audiences: [x], certificateAuthority: secret }", mapped),
    want: [
      'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates',
    ],
  },
  {
    name: "wants a prefix said beside a claim",
    text: jwt(issuer, "claimMappings: { username: { claim: sub } }"),
    want: [
      "jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing",
    ],
  },
  {
    name: "wants an address that names somebody to be looked at",
    text: jwt(issuer, 'claimMappings: { username: { expression: "claims.email" } }'),
    want: [
      'jwt[0].claimMappings.username.expression: Invalid value: "claims.email": claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
    ],
  },
  {
    name: "is content when a rule looks at it",
    text: jwt(
      issuer,
      'claimMappings: { username: { expression: "claims.email" } }',
      'claimValidationRules: [{ expression: "claims.?email_verified.orValue(false) == true" }]',
    ),
    want: [],
  },
  {
    name: "compiles its rules",
    text: jwt(
      issuer,
      mapped,
      'userValidationRules: [{ expression: "user.username" }, { expression: "user.nick" }]',
    ),
    want: [
      'jwt[0].userValidationRules[0].expression: Invalid value: "user.username": must evaluate to bool',
      `jwt[0].userValidationRules[1].expression: Invalid value: "user.nick": compilation failed: ERROR: <input>:1:5: undefined field 'nick'\n | user.nick\n | ....^`,
    ],
  },
  {
    name: "takes a rule in one of its forms",
    text: jwt(
      issuer,
      mapped,
      'claimValidationRules: [{ claim: a, expression: "true" }, {}, { claim: a, message: m }]',
    ),
    want: [
      'jwt[0].claimValidationRules[0]: Invalid value: "a": claim and expression can\'t both be set',
      "jwt[0].claimValidationRules[1]: Required value: claim or expression is required",
      'jwt[0].claimValidationRules[2].message: Invalid value: "m": may not be specified when claim is set',
    ],
  },
  {
    name: "keeps Kubernetes' own extras for itself",
    text: jwt(
      issuer,
      'claimMappings: { username: { claim: sub, prefix: "" }, extra: [{ key: a.k8s.io/b, valueExpression: "claims.x" }, { key: plain, valueExpression: "claims.x" }, { key: Example.com/A, valueExpression: "" }] }',
    ),
    want: [
      'jwt[0].claimMappings.extra[0].key: Invalid value: "a.k8s.io/b": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use',
      'jwt[0].claimMappings.extra[1].key: Invalid value: "plain": must be a domain-prefixed path (such as "acme.io/foo")',
      "jwt[0].claimMappings.extra[2].key: Invalid value: \"Example.com\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'jwt[0].claimMappings.extra[2].key: Invalid value: "Example.com/A": must be lowercase',
      "jwt[0].claimMappings.extra[2].valueExpression: Required value",
    ],
  },
]) {
  test(`authentication configuration: it ${name}`, async () => {
    assert.deepEqual(await faults(text), want);
  });
}

for (const { name, text, message } of [
  { name: "is YAML", text: "a: [", message: /Flow sequence/ },
  {
    name: "is of a known version",
    text: head.replace("/v1", "/v2"),
    message: /^no kind "AuthenticationConfiguration" is registered for version "apiserver.config.k8s.io\/v2"/,
  },
  {
    name: "has known fields only",
    text: jwt(issuer, mapped, "claimMapping: {}"),
    message: /^strict decoding error: unknown field "jwt\[0\].claimMapping"$/,
  },
  {
    name: "has values of the right type",
    text: jwt("issuer: { url: 1 }"),
    message: /^json: cannot unmarshal number into field jwt\[0\].issuer.url of type string$/,
  },
]) {
  test(`authentication configuration: a file ${name}`, async () => {
    await assert.rejects(decodeAuthenticationConfiguration(text), { message });
  });
}
