import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { certificatePem } from "../test-support/certificates.ts";
import {
  assertLines,
  created,
  definitionOf,
  frozen,
  lines,
  objectOf,
  type RefusedCase,
  withDefaults,
} from "../test-support/objects.ts";

const group = "apiextensions.k8s.io/v1";
const kind = "CustomResourceDefinition";
const { strategy } = definitionOf(group, kind);
const schema = { openAPIV3Schema: { type: "object" } };
const version = { name: "v1", served: true, storage: true, schema };
const spec = {
  group: "example.com",
  scope: "Namespaced",
  names: { plural: "foos", kind: "Foo" },
  versions: [version],
};
const metadata = { name: "foos.example.com" };

const make = (more: object = {}) => created(group, kind, { metadata, spec: { ...spec, ...more } });

test("a custom kind gets the other forms of its name, and is not converted", () => {
  const filled = withDefaults(objectOf(group, kind, { metadata, spec }));
  assert.deepEqual(filled.spec, {
    ...spec,
    names: { plural: "foos", kind: "Foo", singular: "foo", listKind: "FooList" },
    conversion: { strategy: "None" },
  });
});

test("a new kind is not accepted yet, and stored in its storage version", () => {
  assert.deepEqual(make().status, {
    conditions: null,
    acceptedNames: { plural: "", kind: "" },
    storedVersions: ["v1"],
  });
});

test("a version that is stored from now on is added to those that were", () => {
  const old = make();
  const versions = [
    { ...version, storage: false },
    { ...version, name: "v2" },
  ];
  const changed = frozen<AnyObject>({ ...old, spec: { ...(old.spec as object), versions } });
  const prepared = strategy.prepareForUpdate?.(changed, old) ?? changed;
  assert.deepEqual((prepared.status as { storedVersions: string[] }).storedVersions, ["v1", "v2"]);
});

const withSchema = (openAPIV3Schema: object) => ({ versions: [{ ...version, schema: { openAPIV3Schema } }] });
const at = "spec.validation.openAPIV3Schema";

const cases: readonly RefusedCase[] = [
  { name: "as it should be", want: [] },
  {
    name: "of a short group, of no scope",
    spec: { group: "short", scope: "Everywhere" },
    want: [
      'metadata.name: Invalid value: "foos.example.com": must be spec.names.plural+"."+spec.group',
      'spec.group: Invalid value: "short": should be a domain with at least one dot',
      'spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"',
    ],
  },
  {
    name: "stored nowhere",
    spec: { versions: [{ ...version, storage: false }] },
    want: [
      'spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]: must have exactly one version marked as storage version',
      "status.storedVersions: Invalid value: null: must have at least one stored version",
    ],
  },
  {
    name: "with one version twice",
    spec: { versions: [version, { ...version, storage: false }] },
    want: [/^spec\.versions: Invalid value: .*: must contain unique version names$/],
  },
  {
    name: "without a schema",
    spec: { versions: [{ ...version, schema: undefined }] },
    want: ["spec.versions[0].schema.openAPIV3Schema: Required value"],
  },
  {
    name: "that is no object",
    spec: withSchema({ type: "string" }),
    want: [`${at}.type: Invalid value: "string": must be object at the root`],
  },
  {
    name: "whose schema is not structural",
    spec: withSchema({
      type: "object",
      properties: {
        a: {},
        b: { type: "array" },
        c: { type: "object", additionalProperties: false, properties: { x: { type: "null" } } },
      },
      allOf: [{ properties: { e: { minLength: 1 } } }],
    }),
    want: [
      `${at}.properties[a].type: Required value: must not be empty for specified object fields`,
      `${at}.properties[b].items: Required value: must be specified`,
      `${at}.properties[e]: Required value: because it is defined in ${at}.allOf[0].properties[e]`,
      `${at}.properties[c].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
      `${at}.properties[c].properties[x].type: Unsupported value: "null": supported values: "array", "boolean", "integer", "number", "object", "string"`,
      `${at}.properties[c].properties[x].type: Forbidden: type cannot be set to null, use nullable as an alternative`,
    ],
  },
  {
    name: "whose schema refers to another, which hides what else is wrong with it",
    spec: withSchema({ type: "object", properties: { a: {}, d: { $ref: "#/x", type: "string" } } }),
    want: [`${at}.properties[d].$ref: Forbidden: $ref is not supported`],
  },
  {
    name: "whose schema names its own",
    spec: withSchema({ type: "object", $schema: "x" }),
    want: [`${at}: Invalid value: "": OpenAPIV3Schema 'schema' is not supported`],
  },
  {
    name: "with a default for its metadata",
    spec: withSchema({
      type: "object",
      properties: {
        metadata: { type: "object", default: {} },
        inner: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          properties: {
            metadata: {
              type: "object",
              properties: {
                labels: { type: "object", additionalProperties: { type: "string", default: "x" } },
              },
            },
          },
        },
      },
    }),
    want: [
      `${at}.properties[metadata].default: Forbidden: must not be set in top-level metadata`,
      `${at}.properties[inner].properties[metadata].properties[labels].additionalProperties.default: Forbidden: must not be set inside additionalProperties applying to object metadata`,
    ],
  },
  {
    name: "with a status, whose root says more than can be told apart from it",
    spec: {
      versions: [
        {
          ...version,
          schema: { openAPIV3Schema: { type: "object", nullable: true, minProperties: 1 } },
          subresources: { status: {} },
        },
      ],
    },
    want: [
      /^spec\.validation\.openAPIV3Schema: Invalid value: \{.*\}: only \[Description Type .* XValidations\] fields are allowed at the root of the schema if the status subresource is enabled$/,
      `${at}.nullable: Forbidden: nullable cannot be true at the root`,
    ],
  },
  {
    name: "whose versions share what is wrong with them",
    spec: {
      versions: [
        { ...version, schema: { openAPIV3Schema: { type: "string" } } },
        { ...version, name: "v2", storage: false, schema: { openAPIV3Schema: { type: "string" } } },
      ],
    },
    want: [`${at}.type: Invalid value: "string": must be object at the root`],
  },
  {
    name: "whose versions share selectable fields, but not the schema that has them",
    spec: {
      versions: [
        {
          ...version,
          schema: { openAPIV3Schema: { type: "object", properties: { a: { type: "string" } } } },
          selectableFields: [{ jsonPath: ".a" }],
        },
        { ...version, name: "v2", storage: false, selectableFields: [{ jsonPath: ".a" }] },
      ],
    },
    want: ['spec.selectableFields: Invalid value: "": may only be set when validations.schema is included'],
  },
  {
    name: "with a list of things without keys",
    spec: withSchema({
      type: "object",
      properties: { a: { type: "array", items: { type: "object" }, "x-kubernetes-list-type": "map" } },
    }),
    want: [
      `${at}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
    ],
  },
  {
    name: "with columns of nothing",
    spec: {
      versions: [{ ...version, additionalPrinterColumns: [{ name: "A", type: "text", jsonPath: "spec" }] }],
    },
    want: [
      'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
      'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec": must be a simple json path starting with .',
    ],
  },
  {
    name: "scaled by its status",
    spec: {
      versions: [
        {
          ...version,
          subresources: {
            scale: { specReplicasPath: ".status.replicas", statusReplicasPath: ".status.replicas" },
          },
        },
      ],
    },
    want: [
      'spec.subresources.scale.specReplicasPath: Invalid value: ".status.replicas": should be a json path under .spec',
    ],
  },
  {
    name: "called by impossible names",
    spec: { names: { plural: "foos", singular: "F", kind: "Foo", listKind: "Foo", shortNames: ["f o"] } },
    want: [
      /^spec\.names\.singular: Invalid value: "F": a DNS-1035 label must/,
      /^spec\.names\.shortNames\[0\]: Invalid value: "f o": a DNS-1035 label must/,
      'spec.names.listKind: Invalid value: "Foo": kind and listKind may not be the same',
    ],
  },
  {
    name: "converted by nobody",
    spec: { conversion: { strategy: "Webhook" } },
    want: [
      "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
      "spec.conversion.conversionReviewVersions: Required value",
    ],
  },
];

for (const { name, spec: more, want } of cases)
  test(`a custom kind ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(lines(strategy.validate?.(make(more)) ?? []), want);
  });

const convertedWith = (caBundle: string) => ({
  conversion: {
    strategy: "Webhook",
    webhook: { clientConfig: { url: "https://c.example", caBundle }, conversionReviewVersions: ["v1"] },
  },
});
const encodedCertificate = btoa(certificatePem);
const notPem = "unable to load root certificates: unable to parse bytes as PEM block";
const pem = (type: string, body: string) => btoa(`-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`);
const bundlePath = "spec.conversion.webhookClientConfig.caBundle: Invalid value: ";

for (const { name, before, after, established, want } of [
  {
    name: "to trust nothing before it is established",
    after: convertedWith("Cg=="),
    established: false,
    want: [],
  },
  {
    name: "to trust nothing",
    after: convertedWith("Cg=="),
    established: true,
    want: [`${bundlePath}"Cg==": ${notPem}`],
  },
  {
    name: "nothing of the nothing that it trusted",
    before: convertedWith("Cg=="),
    after: convertedWith("Cgo="),
    established: true,
    want: [],
  },
  {
    name: "to trust what is a sequence, but no certificate",
    after: convertedWith(pem("CERTIFICATE", "MAA=")),
    established: true,
    want: [/: failed to parse certificate: x509: malformed tbs certificate$/],
  },
  {
    name: "to trust half a certificate",
    after: convertedWith(pem("CERTIFICATE", "MIIB")),
    established: true,
    want: [/: unable to load root certificates: failed to parse certificate: x509: malformed certificate$/],
  },
  {
    name: "to trust a key",
    after: convertedWith(pem("PUBLIC KEY", "MAA=")),
    established: true,
    want: [/: unable to load root certificates: no valid certificate authority data seen$/],
  },
  {
    name: "to trust a certificate",
    after: convertedWith(encodedCertificate),
    established: true,
    want: [],
  },
  { name: "its scope before it is established", after: { scope: "Cluster" }, established: false, want: [] },
  {
    name: "its scope",
    after: { scope: "Cluster" },
    established: true,
    want: ['spec.scope: Invalid value: "Cluster": field is immutable'],
  },
  {
    name: "its group",
    after: { group: "other.com" },
    established: false,
    want: ['spec.group: Invalid value: "other.com": field is immutable'],
  },
  {
    name: "what it was stored in",
    after: { versions: [{ ...version, name: "v2" }] },
    established: true,
    want: [
      /^status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions; v1 was previously a storage version/,
    ],
  },
] as readonly {
  name: string;
  before?: object;
  after: object;
  established: boolean;
  want: RefusedCase["want"];
}[])
  test(`a custom kind that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    const conditions = established ? [{ type: "Established", status: "True" }] : [];
    const fresh = make(before);
    const old = frozen<AnyObject>({ ...fresh, status: { ...(fresh.status as object), conditions } });
    const changed = frozen({ ...old, spec: { ...(old.spec as object), ...after } });
    const prepared = strategy.prepareForUpdate?.(changed, old) ?? changed;
    assertLines(lines(strategy.validateUpdate?.(prepared, old) ?? []), want);
  });
