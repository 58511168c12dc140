import assert from "node:assert/strict";
import { test } from "node:test";
import { schemas } from "../../api/schemas.ts";
import { silentLogger } from "../../base/log.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { startAdmittingServer } from "../test-support/admitting-server.ts";
import { podSecurity } from "./pod-security/pod-security.ts";
import { validatingPolicies } from "./policies/validating-plugin.ts";
import { admitted, attributesFor, fixedDependencies, object, podOf } from "./test-support.ts";
import type { WebhookDependencies } from "./webhooks/dispatch.ts";
import { mutatingWebhooks, validatingWebhooks } from "./webhooks/webhook-plugins.ts";

type Told = Record<string, string>;

/** Attributes whose annotations are kept, with the level they are for. */
function recorded(attributes: AdmissionAttributes): { attributes: AdmissionAttributes; told: Told } {
  const told: Told = {};
  const annotate: AdmissionAttributes["annotate"] = (key, value, level = "Metadata") => {
    told[level === "Metadata" ? key : `${level}: ${key}`] = value;
  };
  return { attributes: { ...attributes, annotate }, told };
}

const webhook = (name: string, fields: object = {}) => ({
  name,
  clientConfig: { url: `https://hooks.example/${name}` },
  admissionReviewVersions: ["v1"],
  sideEffects: "None",
  failurePolicy: "Ignore",
  rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }],
  ...fields,
});
const patch = [{ op: "add", path: "/data", value: { a: "1" } }];

/** "change" patches, "tell" has something for the log, "down" cannot be reached. */
function webhookDependencies(configurations: object): WebhookDependencies {
  return {
    ...fixedDependencies({ namespaces: [object("Namespace", "ns")], ...configurations }),
    logger: silentLogger,
    definitionOf: () => undefined,
    transport: {
      async post({ url }, review) {
        if (url.endsWith("down")) throw new Error("no route");
        const { uid } = (review as { request: { uid: string } }).request;
        const change = { patchType: "JSONPatch", patch: btoa(JSON.stringify(patch)) };
        const response = {
          uid,
          allowed: true,
          ...(url.endsWith("change") ? change : {}),
          ...(url.endsWith("tell") ? { auditAnnotations: { why: "because" } } : {}),
        };
        return { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", response };
      },
    },
  };
}

test("the audit log is told which mutating webhooks were called, what they changed, and which were passed over", async () => {
  const webhooks = [webhook("change"), webhook("tell"), webhook("down")];
  const dependencies = webhookDependencies({
    mutatingwebhookconfigurations: [object("MutatingWebhookConfiguration", "all", { webhooks })],
  });
  const { attributes, told } = recorded(attributesFor("configmaps", object("ConfigMap", "m")));
  await admitted(mutatingWebhooks(dependencies), attributes);
  const mutation = (name: string, mutated: boolean) =>
    JSON.stringify({ configuration: "all", webhook: name, mutated });
  assert.deepEqual(told, {
    "mutation.webhook.admission.k8s.io/round_0_index_0": mutation("change", true),
    "Request: patch.webhook.admission.k8s.io/round_0_index_0": JSON.stringify({
      configuration: "all",
      webhook: "change",
      patch,
      patchType: "JSONPatch",
    }),
    "mutation.webhook.admission.k8s.io/round_0_index_1": mutation("tell", false),
    "tell/why": "because",
    "failed-open.mutation.webhook.admission.k8s.io/round_0_index_2": "down",
    "mutation.webhook.admission.k8s.io/round_0_index_2": mutation("down", false),
  });
});

test("the audit log is told which validating webhooks were passed over, and what the others say", async () => {
  const webhooks = [webhook("down"), webhook("tell")];
  const dependencies = webhookDependencies({
    validatingwebhookconfigurations: [object("ValidatingWebhookConfiguration", "all", { webhooks })],
  });
  const { attributes, told } = recorded(attributesFor("configmaps", object("ConfigMap", "m")));
  await admitted(validatingWebhooks(dependencies), attributes);
  assert.deepEqual(told, {
    "tell/why": "because",
    "failed-open.validating.webhook.admission.k8s.io/round_0_index_0": "down",
  });
});

for (const { name, labels, want } of [
  { name: "nothing is asked", labels: {}, want: { "enforce-policy": "privileged:latest" } },
  {
    name: "the namespace audits",
    labels: { "pod-security.kubernetes.io/audit": "baseline" },
    want: {
      "enforce-policy": "privileged:latest",
      "audit-violations": 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    },
  },
]) {
  test(`the audit log is told of pod security where ${name}`, async () => {
    const dependencies = fixedDependencies({ namespaces: [object("Namespace", "ns", {}, { labels })] });
    const { attributes, told } = recorded(attributesFor("pods", podOf({ hostNetwork: true })));
    await admitted(podSecurity(dependencies), attributes);
    const short = Object.entries(told).map(([key, value]) => [
      key.replace("pod-security.kubernetes.io/", ""),
      value,
    ]);
    assert.deepEqual(Object.fromEntries(short), want);
  });
}

test("the audit log is told what a policy found that only audits, and what it has to say", async () => {
  const told: Told = {};
  const server = await startAdmittingServer(({ client, informers, server: running }) => {
    const plugin = validatingPolicies({
      client,
      informers,
      authorizer: { authorize: () => ({ allowed: false, reason: "" }) },
      definitionOf: (resource) => running().server.definitionOf(resource),
      definitions: () => running().server.definitions(),
      modelOf: (kind) => schemas.kind(kind.group, kind.version, kind.kind),
    });
    const telling: AdmissionPlugin = {
      ...plugin,
      async validate(attributes) {
        const record = recorded(attributes);
        await plugin.validate?.(record.attributes);
        Object.assign(told, record.told);
      },
    };
    return [telling];
  });
  const group = "/apis/admissionregistration.k8s.io/v1";
  const apiVersion = "admissionregistration.k8s.io/v1";
  const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] };
  await server.ok("POST", `${group}/validatingadmissionpolicies`, {
    body: {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: "p" },
      spec: {
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression: "true" }, { expression: "has(object.data)", message: "it is empty" }],
        auditAnnotations: [
          { key: "name", valueExpression: "'named ' + object.metadata.name" },
          { key: "left-out", valueExpression: "null" },
        ],
      },
    },
  });
  await server.ok("POST", `${group}/validatingadmissionpolicybindings`, {
    body: {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: "b" },
      spec: { policyName: "p", validationActions: ["Audit"] },
    },
  });
  await server.clock.settle();
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m" } };
  await server.ok("POST", "/api/v1/namespaces/default/configmaps", { body });
  assert.deepEqual(told, {
    "p/name": "named m",
    "validation.policy.admission.k8s.io/validation_failure": JSON.stringify([
      {
        message: "it is empty",
        policy: "p",
        binding: "b",
        expressionIndex: 1,
        validationActions: ["Audit"],
      },
    ]),
  });
  await server.close();
});
