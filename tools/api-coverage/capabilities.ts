/** One thing that a kube-apiserver can do, and where the tests of it are. */
export interface Capability {
  /** As `docs/missing.md` names it too, in its section on the API server: what is not there is told in one place. */
  readonly title: string;
  /** The design pages that say how. */
  readonly pages: readonly string[];
  /** Test files, or folders (ending in "/") with all test files below them. */
  readonly tests: readonly string[];
}

const conformance = "src/apiserver/conformance";
const admission = "src/apiserver/admission";

export const capabilities: readonly Capability[] = [
  {
    title: "Server-side apply and managed fields",
    pages: ["server-side-apply"],
    tests: [
      "src/apimachinery/managed-fields/",
      "src/apiserver/apply/",
      `${conformance}/server-side-apply.test.ts`,
      "e2e/apply.test.ts",
    ],
  },
  { title: "Patches", pages: ["schema"], tests: ["src/apimachinery/patch/"] },
  {
    title: "Validation and defaulting",
    pages: ["api-kinds", "validation", "schema"],
    tests: [
      "src/api/",
      ...["labels", "label-selector", "names", "quantity", "time"].map(
        (name) => `src/apimachinery/${name}.test.ts`,
      ),
      ...["", "-conditions", "-ip", "-metadata"].map((name) => `src/apimachinery/validation${name}.test.ts`),
      `${conformance}/field-validation.test.ts`,
    ],
  },
  {
    title: "Lists and watches",
    pages: ["watch-cache", "storage"],
    tests: [
      "src/apiserver/cache/",
      "src/apiserver/content/",
      "src/apiserver/http/chunk-writer.test.ts",
      "src/apiserver/http/long-answers.test.ts",
      "src/apiserver/http/turns.test.ts",
      `${conformance}/chunking.test.ts`,
      `${conformance}/watch.test.ts`,
      `${conformance}/table.test.ts`,
      `${conformance}/side-by-side.test.ts`,
    ],
  },
  {
    title: "Content",
    pages: ["schema"],
    tests: [
      "src/api/protobuf.test.ts",
      "src/apiserver/openapi/",
      "src/apiserver/discovery/",
      "src/apiserver/http/client-node.test.ts",
      "src/apiserver/http/encode-yaml.test.ts",
      "src/apiserver/http/listener.test.ts",
      "src/apiserver/warning-headers.test.ts",
      `${conformance}/discovery.test.ts`,
      `${conformance}/http-surface.test.ts`,
    ],
  },
  {
    title: "Writes, deletion, subresources",
    pages: ["apiserver"],
    tests: [
      "src/apiserver/registry/",
      "src/apiserver/handlers/",
      "src/apiserver/services/",
      "src/apiserver/server.test.ts",
      "src/apiserver/identity-lease.test.ts",
      "src/apiserver/request-info.test.ts",
      `${conformance}/api-operations.test.ts`,
      `${conformance}/events.test.ts`,
      `${conformance}/garbage-collection.test.ts`,
      `${conformance}/namespaces-and-pods.test.ts`,
      `${conformance}/namespaces.test.ts`,
    ],
  },
  {
    title: "Custom resources",
    pages: ["custom-resources"],
    tests: [
      "src/apiserver/custom-resources/",
      `${conformance}/custom-resources.test.ts`,
      `${conformance}/custom-resource-open-api.test.ts`,
      "e2e/custom-resources.test.ts",
    ],
  },
  {
    title: "Admission webhooks",
    pages: ["apiserver"],
    tests: [
      `${admission}/webhooks/`,
      "src/apiserver/http/webhook-transport.test.ts",
      `${conformance}/admission-webhooks.test.ts`,
      `${conformance}/admission-webhook-calls.test.ts`,
    ],
  },
  {
    title: "Admission policies",
    pages: ["custom-resources"],
    tests: [
      `${admission}/policies/`,
      "src/apimachinery/cel/",
      `${conformance}/admission-policies.test.ts`,
      `${conformance}/admission-mutating-policies.test.ts`,
    ],
  },
  {
    title: "Admission plugins",
    pages: ["admission"],
    tests: [
      `${admission}/admission.test.ts`,
      `${admission}/pod-security/`,
      `${admission}/optional/`,
      `${admission}/node-restriction.test.ts`,
      `${admission}/claim-authorization.test.ts`,
      `${admission}/rbac-escalation.test.ts`,
      `${admission}/audit-annotations.test.ts`,
      `${admission}/pod-on-node.test.ts`,
      `${admission}/mountable-secrets.test.ts`,
      `${admission}/quota-check.test.ts`,
      `${conformance}/resource-quota.test.ts`,
    ],
  },
  {
    title: "Aggregation",
    pages: ["aggregation"],
    tests: ["src/apiserver/aggregation/", `${conformance}/aggregation.test.ts`, "e2e/aggregation.test.ts"],
  },
  {
    title: "Authentication",
    pages: ["auth"],
    tests: [
      "src/apiserver/authentication/",
      "src/apiserver/configuration/",
      "src/apiserver/pki/",
      "src/apiserver/create-stages.test.ts",
      "src/cmd/compose/external-auth.test.ts",
      `${conformance}/service-accounts.test.ts`,
      "src/apiserver/http/certificate.test.ts",
      `${conformance}/identity.test.ts`,
      "e2e/service-accounts.test.ts",
    ],
  },
  {
    title: "Authorization",
    pages: ["auth"],
    tests: [
      "src/apiserver/authorization/",
      "src/apiserver/review-webhook/",
      "src/apiserver/virtual/",
      `${conformance}/certificates.test.ts`,
    ],
  },
  {
    title: "TLS, CORS and HSTS",
    pages: ["apiserver"],
    tests: [
      "src/apiserver/http/tls-policy.test.ts",
      "src/apiserver/http/browsers.test.ts",
      "src/cmd/serving-flags.test.ts",
      "src/cmd/compose/serving.test.ts",
    ],
  },
  { title: "Priority and fairness", pages: ["flow-control"], tests: ["src/apiserver/flow-control/"] },
  { title: "Audit", pages: ["audit"], tests: ["src/apiserver/audit/"] },
  {
    title: "Encryption at rest",
    pages: ["encryption"],
    tests: ["src/storage/encryption/", "src/storage/etcd/etcd-encryption.test.ts"],
  },
  {
    title: "Limits, TTL, compaction, shutdown",
    pages: ["apiserver", "storage"],
    tests: [
      "src/apiserver/drain-gate.test.ts",
      "src/apiserver/livez-grace.test.ts",
      "src/apiserver/http/request-limits.test.ts",
      "src/cmd/compose/operation.test.ts",
    ],
  },
  {
    title: "Metrics and profiles",
    pages: ["apiserver"],
    tests: ["src/apiserver/metrics/", "src/apiserver/operation/", "src/apiserver/profiling/"],
  },
  {
    title: "Proxies to nodes, pods and services",
    pages: ["streaming"],
    tests: [
      "src/apiserver/connect/",
      "src/apiserver/http/outgoing.test.ts",
      "src/apiserver/http/upgrade.test.ts",
    ],
  },
  {
    title: "Exec, attach, port-forward, cp",
    pages: ["streaming"],
    tests: ["src/client/streaming/", "e2e/streams.test.ts"],
  },
  { title: "Hostile input", pages: ["hostile-input"], tests: ["src/apiserver/hostile/"] },
  {
    title: "Storage",
    pages: ["storage"],
    tests: [
      "src/storage/memory/",
      "src/storage/sqlite/",
      "src/storage/embedded/",
      "src/storage/etcd/etcd-storage.test.ts",
      "e2e/survival.test.ts",
    ],
  },
  { title: "Upstream's conformance suite", pages: ["apiserver"], tests: [`${conformance}/`] },
  {
    title: "Clients that nobody here wrote",
    pages: ["other-clients"],
    tests: ["e2e/kubectl.test.ts", "e2e/client-node.test.ts", "e2e/python-client.test.ts"],
  },
];
