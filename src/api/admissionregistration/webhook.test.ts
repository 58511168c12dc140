import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  createErrors,
  objectOf,
  type RefusedCase,
  withDefaults,
} from "../test-support/objects.ts";

const group = "admissionregistration.k8s.io/v1";
const kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
const rule = { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] };
const hook = {
  name: "a.example.com",
  clientConfig: { service: { namespace: "ns", name: "hook" } },
  admissionReviewVersions: ["v1"],
  sideEffects: "None",
  rules: [rule],
};

for (const kind of kinds)
  test(`a webhook of a ${kind} gets its defaults`, () => {
    const { webhooks } = withDefaults(objectOf(group, kind, { webhooks: [hook] })) as unknown as {
      webhooks: object[];
    };
    assert.deepEqual(webhooks, [
      {
        ...hook,
        clientConfig: { service: { namespace: "ns", name: "hook", port: 443 } },
        rules: [{ ...rule, scope: "*" }],
        failurePolicy: "Fail",
        matchPolicy: "Equivalent",
        namespaceSelector: {},
        objectSelector: {},
        timeoutSeconds: 10,
        ...(kind.startsWith("Mutating") ? { reinvocationPolicy: "Never" } : {}),
      },
    ]);
  });

const cases: readonly { name: string; given: object; want: RefusedCase["want"] }[] = [
  { name: "as it should be", given: {}, want: [] },
  {
    name: "of a short name",
    given: { name: "hook" },
    want: [
      'webhooks[0].name: Invalid value: "hook": should be a domain with at least three segments separated by dots',
    ],
  },
  {
    name: "that may have effects",
    given: { sideEffects: "Some" },
    want: ['webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"'],
  },
  {
    name: "that takes too long",
    given: { timeoutSeconds: 31 },
    want: [
      "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
    ],
  },
  {
    name: "in no known version",
    given: { admissionReviewVersions: ["v9"] },
    want: [
      'webhooks[0].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
    ],
  },
  {
    name: "nowhere",
    given: { clientConfig: {} },
    want: ["webhooks[0].clientConfig: Required value: exactly one of url or service is required"],
  },
  {
    name: "at an open address",
    given: { clientConfig: { url: "http://u:p@host/?q#f" } },
    want: [
      /^webhooks\[0\]\.clientConfig\.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https:\/\/host\[\/path\]$/,
      /user information is not permitted in the URL$/,
      /fragments are not permitted in the URL$/,
      /query parameters are not permitted in the URL$/,
    ],
  },
  {
    name: "about everything and more",
    given: {
      rules: [{ operations: ["*", "CREATE"], apiGroups: [], apiVersions: [""], resources: ["*/*", "pods"] }],
    },
    want: [
      'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations',
      "webhooks[0].rules[0].apiGroups: Required value",
      "webhooks[0].rules[0].apiVersions[0]: Required value",
      'webhooks[0].rules[0].resources: Invalid value: ["*/*","pods"]: if \'*/*\' is present, must not specify other resources',
    ],
  },
];

for (const kind of kinds)
  for (const { name, given, want } of cases)
    test(`a webhook of a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
      assertLines(createErrors(group, kind, { webhooks: [{ ...hook, ...given }] }), want);
    });

test("webhooks of one configuration have different names", () => {
  assertLines(createErrors(group, "ValidatingWebhookConfiguration", { webhooks: [hook, hook] }), [
    'webhooks[1].name: Duplicate value: "a.example.com"',
  ]);
});
