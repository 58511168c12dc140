import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { AuthorizationAttributes, AuthorizationDecision, CallContext } from "../stages.ts";
import { accessReviewHandlers } from "./access-reviews.ts";

function reviews(decision: AuthorizationDecision = { allowed: true, reason: "because" }) {
  const asked: AuthorizationAttributes[] = [];
  const handlers = accessReviewHandlers({
    authorize(attributes) {
      asked.push(attributes);
      return decision;
    },
    rulesFor: async () => ({
      rules: [
        { verbs: ["get"], apiGroups: [""], resources: ["pods"] },
        { verbs: ["list"], apiGroups: [""], resources: ["pods"] },
      ],
      incomplete: true,
      evaluationError: "who knows",
    }),
    rbac: {} as never, // not asked here
  });
  const create = (resource: string, spec: object, metadata: object = {}, namespace = "") => {
    const handler = handlers.find((each) => each.resource === resource);
    assert.ok(handler);
    const object = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "X",
      metadata,
      spec,
    } as unknown as AnyObject;
    const context = {
      user: { name: "jane", groups: [] },
      requestInfo: { namespace },
    } as unknown as CallContext;
    return handler.create(object, context);
  };
  return { asked, create };
}

const selectors = (fieldSelector: object | undefined, labelSelector?: object) => ({
  resourceAttributes: {
    verb: "list",
    resource: "pods",
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  },
});
const requirement = (key: string, operator: string, ...values: string[]) => ({
  requirements: [{ key, operator, ...(values.length === 0 ? {} : { values }) }],
});

for (const { name, spec, text, label, fault } of [
  {
    name: "requirements are asked as the selectors they are",
    spec: selectors(requirement("spec.nodeName", "In", "a,b"), requirement("app", "NotIn", "x", "y")),
    text: "spec.nodeName=a\\,b",
    label: "app notin (x,y)",
  },
  {
    name: "a raw selector is asked as it stands",
    spec: selectors({ rawSelector: "a=b" }, { rawSelector: "!c" }),
    text: "a=b",
    label: "!c",
  },
  {
    name: "a selector that cannot be read is left out, and that is said",
    spec: selectors({ rawSelector: "what?" }),
    fault: "spec.resourceAttributes.fieldSelector ignored due to parse error",
  },
  {
    name: "what a selector cannot say is left out, and that is said",
    spec: selectors({
      requirements: [
        { key: "a", operator: "In", values: ["1"] },
        { key: "b", operator: "In", values: ["1", "2"] },
      ],
    }),
    text: "a=1",
    fault: "spec.resourceAttributes.fieldSelector partially ignored due to parse error",
  },
]) {
  test(`access review: ${name}`, async () => {
    const { asked, create } = reviews();
    const { status } = (await create("selfsubjectaccessreviews", spec)) as { status?: object };
    assert.deepEqual(status, {
      allowed: true,
      reason: "because",
      ...(fault === undefined ? {} : { evaluationError: fault }),
    });
    assert.equal(asked[0]?.fieldSelector, text);
    assert.equal(asked[0]?.labelSelector, label);
  });
}

const pods = { resourceAttributes: { verb: "get", resource: "pods", namespace: "ns" }, user: "u" };
for (const { name, resource = "subjectaccessreviews", spec, metadata = {}, message } of [
  {
    name: "somebody has to be named",
    spec: { resourceAttributes: { verb: "get" } },
    message: 'spec.user: Invalid value: "": at least one of user or group must be specified',
  },
  {
    name: "a review has no name",
    spec: pods,
    metadata: { name: "mine" },
    message: 'metadata: Invalid value: {"name":"mine"}: must be empty',
  },
  {
    name: "a local one is about its own namespace",
    resource: "localsubjectaccessreviews",
    spec: { ...pods, resourceAttributes: { ...pods.resourceAttributes, namespace: "other" } },
    message: 'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
  },
  {
    name: "a selector has either of its forms",
    spec: { ...selectors({ rawSelector: "a=b", ...requirement("a", "In", "b") }), user: "u" },
    message:
      'spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements',
  },
  {
    name: "a selector is not empty",
    spec: { ...selectors(undefined, {}), user: "u" },
    message:
      "spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required",
  },
  {
    name: "In needs values",
    spec: { ...selectors(requirement("a", "In")), user: "u" },
    message:
      "spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  },
]) {
  test(`access review: ${name}`, async () => {
    const { create } = reviews();
    await assert.rejects(create(resource, spec, metadata, "ns"), (error) => {
      assert.ok(error instanceof Error);
      assert.ok(error.message.endsWith(message), error.message);
      return true;
    });
  });
}

test("access review: an authorizer that failed is named", async () => {
  const { create } = reviews({ allowed: false, denied: true, reason: "", error: "no answer" });
  const { status } = (await create("subjectaccessreviews", pods)) as { status?: object };
  assert.deepEqual(status, { allowed: false, denied: true, evaluationError: "no answer" });
});

test("rules review: rules are listed as they are held", async () => {
  const { create } = reviews();
  const { status } = (await create("selfsubjectrulesreviews", { namespace: "ns" })) as { status?: object };
  assert.deepEqual(status, {
    resourceRules: [
      { verbs: ["get"], apiGroups: [""], resources: ["pods"] },
      { verbs: ["list"], apiGroups: [""], resources: ["pods"] },
    ],
    nonResourceRules: [],
    incomplete: true,
    evaluationError: "who knows",
  });
});
