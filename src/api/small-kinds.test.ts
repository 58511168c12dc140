/** Priority classes, leases, runtime classes, signing requests, flow control, API services: kinds of a few fields. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { certificatePem, signingRequestPem } from "./test-support/certificates.ts";
import {
  assertLines,
  type ChangeCase,
  created,
  createErrors,
  definitionOf,
  frozen,
  lines,
  objectOf,
  type Parts,
  type RefusedCase,
  rowOf,
  updateErrors,
  withDefaults,
} from "./test-support/objects.ts";

const scheduling = "scheduling.k8s.io/v1";
const coordination = "coordination.k8s.io/v1";
const node = "node.k8s.io/v1";
const certificates = "certificates.k8s.io/v1";
const flowcontrol = "flowcontrol.apiserver.k8s.io/v1";
const apiregistration = "apiregistration.k8s.io/v1";

const request = btoa(signingRequestPem);
const certificate = btoa(certificatePem);
const signing = { request, usages: ["client auth"], signerName: "kubernetes.io/kube-apiserver-client" };
const service = { namespace: "ns", name: "metrics" };
const served = { group: "metrics.k8s.io", version: "v1", groupPriorityMinimum: 100, versionPriority: 100 };
const rule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true };
const user = { kind: "User", user: { name: "u" } };
const flow = {
  matchingPrecedence: 100,
  priorityLevelConfiguration: { name: "level" },
  rules: [{ subjects: [user], resourceRules: [rule] }],
};

const defaults: readonly { kind: string; apiVersion: string; parts: Parts; field: string; want: unknown }[] =
  [
    {
      apiVersion: scheduling,
      kind: "PriorityClass",
      parts: { value: 5 },
      field: "preemptionPolicy",
      want: "PreemptLowerPriority",
    },
    {
      apiVersion: apiregistration,
      kind: "APIService",
      parts: { spec: { service } },
      field: "spec",
      want: { service: { ...service, port: 443 } },
    },
    {
      apiVersion: flowcontrol,
      kind: "PriorityLevelConfiguration",
      parts: { spec: { type: "Limited", limited: { limitResponse: { type: "Queue", queuing: {} } } } },
      field: "spec",
      want: {
        type: "Limited",
        limited: {
          nominalConcurrencyShares: 30,
          lendablePercent: 0,
          limitResponse: { type: "Queue", queuing: { handSize: 8, queues: 64, queueLengthLimit: 50 } },
        },
      },
    },
  ];

for (const { apiVersion, kind, parts, field, want } of defaults)
  test(`a ${kind} gets its ${field}`, () => {
    assert.deepEqual(withDefaults(objectOf(apiVersion, kind, parts))[field as "metadata"], want);
  });

const refused: readonly (RefusedCase & { readonly apiVersion: string; readonly kind: string })[] = [
  {
    apiVersion: scheduling,
    kind: "PriorityClass",
    name: "of a user",
    parts: { value: 1_000_000_000 },
    want: [],
  },
  {
    apiVersion: scheduling,
    kind: "PriorityClass",
    name: "above all users",
    parts: { value: 1_000_000_001 },
    want: ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
  },
  {
    apiVersion: scheduling,
    kind: "PriorityClass",
    name: "with a name of the system",
    parts: { metadata: { name: "system-mine" }, value: 1 },
    want: [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ],
  },
  {
    apiVersion: coordination,
    kind: "Lease",
    name: "for no time; preferences are dropped",
    spec: { leaseDurationSeconds: 0, leaseTransitions: -1, preferredHolder: "a" },
    want: [
      "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
      "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
    ],
  },
  {
    apiVersion: coordination,
    kind: "Lease",
    name: "for a while",
    spec: { leaseDurationSeconds: 40, holderIdentity: "n1" },
    want: [],
  },
  {
    apiVersion: node,
    kind: "RuntimeClass",
    name: "without a handler",
    parts: {},
    want: ["handler: Required value"],
  },
  {
    apiVersion: certificates,
    kind: "CertificateSigningRequest",
    name: "as it should be",
    spec: signing,
    want: [],
  },
  {
    apiVersion: certificates,
    kind: "CertificateSigningRequest",
    name: "for nothing by nobody",
    spec: { request: "", usages: ["juggling"], signerName: "me", expirationSeconds: 60 },
    want: [
      'spec.request: Invalid value: "": PEM block type must be CERTIFICATE REQUEST',
      /^spec\.usages\[0\]: Unsupported value: "juggling": supported values: "any", "cert sign",/,
      "spec.signerName: Invalid value: \"me\": must be a fully qualified domain and path of the form 'example.com/signer-name'",
      "spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 600 seconds (10 minutes)",
    ],
  },
  {
    apiVersion: flowcontrol,
    kind: "FlowSchema",
    name: "as it should be (Priority and Fairness FlowSchema API)",
    spec: flow,
    want: [],
  },
  {
    apiVersion: flowcontrol,
    kind: "FlowSchema",
    name: "to nowhere, for nobody",
    spec: {
      matchingPrecedence: 10_001,
      rules: [{}, { subjects: [{ kind: "Cat" }], resourceRules: [{ verbs: ["*", "get"] }] }],
    },
    want: [
      "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
      "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
      "spec.rules[0].subjects: Required value: subjects must contain at least one value",
      "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty",
      'spec.rules[1].subjects[0].kind: Unsupported value: "Cat": supported values: "Group", "ServiceAccount", "User"',
      'spec.rules[1].resourceRules[0].verbs: Invalid value: ["*","get"]: if \'*\' is present, must not specify other verbs',
      "spec.rules[1].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group",
      "spec.rules[1].resourceRules[0].resources: Required value: resource rules must supply at least one resource",
      "spec.rules[1].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace",
    ],
  },
  {
    apiVersion: flowcontrol,
    kind: "FlowSchema",
    name: "before all others, for two kinds of users and odd paths",
    spec: {
      ...flow,
      matchingPrecedence: 1,
      rules: [
        {
          subjects: [{ ...user, group: { name: "g" } }],
          nonResourceRules: [{ verbs: ["dance"], nonResourceURLs: ["a", "/a//b", "/*/c", "/ok/*"] }],
        },
      ],
    },
    want: [
      "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
      "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
      /^spec\.rules\[0\]\.nonResourceRules\[0\]\.verbs: Unsupported value: \["dance"\]: supported values: "create",/,
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "a": must start with slash',
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: "/a//b": must not contain double slash',
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[2]: Invalid value: "/*/c": wildcard can only do suffix matching',
    ],
  },
  {
    apiVersion: flowcontrol,
    kind: "PriorityLevelConfiguration",
    name: "that is exempt in secret",
    spec: { type: "Exempt" },
    want: ["spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'"],
  },
  {
    apiVersion: flowcontrol,
    kind: "PriorityLevelConfiguration",
    name: "with more hands than queues (Priority and Fairness PriorityLevelConfiguration API)",
    spec: {
      type: "Limited",
      limited: { limitResponse: { type: "Queue", queuing: { queues: 4, handSize: 5 } } },
    },
    want: [
      "spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues (4)",
    ],
  },
  {
    apiVersion: apiregistration,
    kind: "APIService",
    name: "behind a service",
    parts: { metadata: { name: "v1.metrics.k8s.io" }, spec: { ...served, service } },
    want: [],
  },
  {
    apiVersion: apiregistration,
    kind: "APIService",
    name: "of another name, that trusts and does not",
    parts: {
      spec: {
        ...served,
        groupPriorityMinimum: 0,
        versionPriority: 1001,
        service: { ...service, name: "" },
        caBundle: "AA==",
        insecureSkipTLSVerify: true,
      },
    },
    want: [
      'metadata.name: Invalid value: "one": must be `spec.version+"."+spec.group`: "v1.metrics.k8s.io"',
      "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000",
      "spec.versionPriority: Invalid value: 1001: must be positive and less than 1000",
      "spec.service.name: Required value",
      "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present",
    ],
  },
];

for (const { apiVersion, kind, name, spec, parts, want } of refused)
  test(`a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors(apiVersion, kind, parts ?? { spec }), want);
  });

const changes: readonly (ChangeCase & { readonly apiVersion: string; readonly kind: string })[] = [
  {
    apiVersion: scheduling,
    kind: "PriorityClass",
    name: "its words",
    before: { value: 1 },
    after: { value: 1, description: "x" },
    want: [],
  },
  {
    apiVersion: scheduling,
    kind: "PriorityClass",
    name: "its value",
    before: { value: 1 },
    after: { value: 2, preemptionPolicy: "Never" },
    want: [
      "value: Forbidden: may not be changed in an update.",
      'preemptionPolicy: Invalid value: "Never": field is immutable',
    ],
  },
  {
    apiVersion: node,
    kind: "RuntimeClass",
    name: "its handler",
    before: { handler: "a" },
    after: { handler: "b" },
    want: ['handler: Invalid value: "b": field is immutable'],
  },
];

for (const { apiVersion, kind, name, before, after, want } of changes)
  test(`a ${kind} that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(updateErrors(apiVersion, kind, { ...before }, { ...after }), want);
  });

const condition = (type: string) => ({ type, status: "True" });

const reports: readonly {
  readonly name: string;
  readonly before?: object;
  readonly status: object;
  readonly decides?: boolean;
  readonly want: RefusedCase["want"];
}[] = [
  {
    name: "decision that approves",
    decides: true,
    status: { conditions: [condition("Approved")] },
    want: [],
  },
  {
    name: "decision both ways",
    decides: true,
    status: { conditions: [condition("Approved"), condition("Denied")] },
    want: [
      'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    ],
  },
  {
    name: "decision that is taken back",
    decides: true,
    before: { conditions: [condition("Approved")] },
    status: {},
    want: ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"'],
  },
  {
    name: "decision with a certificate",
    decides: true,
    status: { conditions: [condition("Approved")], certificate },
    want: ["status.certificate: Forbidden: updates may not set certificate content"],
  },
  {
    name: "decision that is half a decision, twice",
    decides: true,
    status: { conditions: [{ type: "Denied", status: "Unknown" }, condition("Denied")] },
    want: [
      'status.conditions[0].status: Unsupported value: "Unknown": supported values: "True"',
      'status.conditions[1].type: Duplicate value: "Denied"',
    ],
  },
  { name: "report with a certificate", status: { certificate }, want: [] },
  {
    name: "report with words of its own",
    status: { conditions: [{ type: "Waiting", status: "False" }] },
    want: [],
  },
  {
    name: "report that decides",
    status: { conditions: [condition("Approved")] },
    want: ['status.conditions: Forbidden: updates may not add a condition of type "Approved"'],
  },
  {
    name: "report that words a decision anew",
    before: { conditions: [condition("Approved")] },
    status: { conditions: [{ ...condition("Approved"), reason: "other" }] },
    want: [
      /^status\.conditions: Forbidden: updates may not modify a condition of type "Approved"\n@@ -2,7 \+2,7 @@\n.*\n- {2}"Reason": "",\n\+ {2}"Reason": "other",\n/s,
    ],
  },
  {
    name: "report with another certificate",
    before: { certificate },
    status: { certificate: btoa(`${certificatePem}\n`) },
    want: ["status.certificate: Forbidden: updates may not modify existing certificate content"],
  },
  {
    name: "report with a key",
    status: { certificate: btoa(certificatePem.replaceAll("CERTIFICATE", "PRIVATE KEY")) },
    want: [
      'status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "PRIVATE KEY"',
    ],
  },
  {
    name: "report with half a certificate",
    status: { certificate: btoa("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n") },
    want: ['status.certificate: Invalid value: "<certificate data>": x509: malformed certificate'],
  },
  {
    name: "report with something else",
    status: { certificate: "AQ==" },
    want: [
      'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
    ],
  },
];

for (const { name, before = {}, status, decides = false, want } of reports)
  test(`on a signing request, a ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    const { strategy } = definitionOf(certificates, "CertificateSigningRequest");
    const object = created(certificates, "CertificateSigningRequest", { spec: signing });
    const [after, old] = [
      { ...object, status },
      { ...object, status: before },
    ];
    const errors = decides
      ? strategy.validateSubresourceUpdate?.("approval", after, old)
      : strategy.validateStatusUpdate?.(after, old);
    assertLines(lines(errors ?? []), want);
  });

test("a signing request asks once: an update leaves what was asked", () => {
  const { strategy } = definitionOf(certificates, "CertificateSigningRequest");
  const old = created(certificates, "CertificateSigningRequest", { spec: signing });
  const changed = frozen({ ...old, spec: { ...signing, usages: ["signing"] } });
  assert.deepEqual(strategy.prepareForUpdate?.(changed, old).spec, signing);
});

const rows: readonly { apiVersion: string; kind: string; parts: Parts; want: object }[] = [
  {
    apiVersion: scheduling,
    kind: "PriorityClass",
    parts: { value: 7 },
    want: { Value: 7, "Global-Default": false, PreemptionPolicy: "PreemptLowerPriority" },
  },
  {
    apiVersion: coordination,
    kind: "Lease",
    parts: { spec: { holderIdentity: "n1" } },
    want: { Holder: "n1" },
  },
  { apiVersion: node, kind: "RuntimeClass", parts: { handler: "runc" }, want: { Handler: "runc" } },
  {
    apiVersion: certificates,
    kind: "CertificateSigningRequest",
    parts: {
      spec: { ...signing, username: "n1", expirationSeconds: 3600 },
      status: { conditions: [condition("Approved")], certificate: "AA==" },
    },
    want: {
      SignerName: signing.signerName,
      Requestor: "n1",
      RequestedDuration: "60m",
      Condition: "Approved,Issued",
    },
  },
  {
    apiVersion: apiregistration,
    kind: "APIService",
    parts: {
      spec: { service },
      status: { conditions: [{ type: "Available", status: "False", reason: "Gone" }] },
    },
    want: { Service: "ns/metrics", Available: "False (Gone)" },
  },
  {
    apiVersion: flowcontrol,
    kind: "PriorityLevelConfiguration",
    parts: { spec: { type: "Exempt" } },
    want: {
      Type: "Exempt",
      NominalConcurrencyShares: "<none>",
      Queues: "<none>",
      HandSize: "<none>",
      QueueLengthLimit: "<none>",
    },
  },
  {
    apiVersion: flowcontrol,
    kind: "FlowSchema",
    parts: { spec: { ...flow, distinguisherMethod: { type: "ByUser" } } },
    want: { PriorityLevel: "level", MatchingPrecedence: 100, DistinguisherMethod: "ByUser", MissingPL: "?" },
  },
];

for (const { apiVersion, kind, parts, want } of rows)
  test(`kubectl get shows a ${kind} as upstream does`, () => {
    assert.deepEqual(rowOf(withDefaults(objectOf(apiVersion, kind, parts))), want);
  });
