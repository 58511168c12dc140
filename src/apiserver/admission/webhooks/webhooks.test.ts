import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleWithOperations } from "../../../api/admissionregistration/types.generated.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import { silentLogger } from "../../../base/log.ts";
import { AdmissionChain } from "../../admission-chain.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";
import { admitted, attributesFor, fixedDependencies, object } from "../test-support.ts";
import type { WebhookTarget } from "./caller.ts";
import type { WebhookDependencies } from "./dispatch.ts";
import { ruleMatches } from "./match.ts";
import { mutatingWebhooks, validatingWebhooks } from "./webhook-plugins.ts";

interface SentReview {
  readonly request: { readonly uid: string; readonly object: AnyObject | null; readonly operation: string };
}
/** The response of a webhook without what every response has; a string stands for a failure to call it. */
type Reply = string | { allowed?: boolean; patch?: object[]; status?: object; warnings?: string[] };

interface Called {
  readonly webhooks: string[];
  readonly targets: WebhookTarget[];
  readonly reviews: SentReview[];
}

const webhook = (name: string, fields: object = {}) => ({
  name,
  clientConfig: { url: `https://hooks.example/${name}` },
  admissionReviewVersions: ["v1"],
  sideEffects: "None",
  failurePolicy: "Fail",
  matchPolicy: "Equivalent",
  timeoutSeconds: 10,
  rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }],
  ...fields,
});
const configuration = (name: string, ...webhooks: object[]) =>
  object("WebhookConfiguration", name, { webhooks });

/** Webhooks that answer by a function of their name and the review. */
function dependenciesWith(
  objects: Parameters<typeof fixedDependencies>[0],
  reply: (name: string, review: SentReview) => Reply,
): { dependencies: WebhookDependencies; called: Called } {
  const called: Called = { webhooks: [], targets: [], reviews: [] };
  const dependencies: WebhookDependencies = {
    ...fixedDependencies({
      namespaces: [object("Namespace", "ns", {}, { labels: { team: "a" } })],
      ...objects,
    }),
    logger: silentLogger,
    definitionOf: () => undefined,
    transport: {
      async post(target, body) {
        const name = new URL(target.url).pathname.slice(1);
        const review = body as SentReview;
        called.webhooks.push(name);
        called.targets.push(target);
        called.reviews.push(review);
        const answer = reply(name, review);
        if (typeof answer === "string") throw new Error(answer);
        const { patch, ...response } = answer;
        return {
          kind: "AdmissionReview",
          apiVersion: "admission.k8s.io/v1",
          response: {
            uid: review.request.uid,
            allowed: true,
            ...response,
            ...(patch === undefined ? {} : { patchType: "JSONPatch", patch: btoa(JSON.stringify(patch)) }),
          },
        };
      },
    },
  };
  return { dependencies, called };
}

const configMap = (data: Record<string, string> = {}) =>
  object("ConfigMap", "m", { data }, { namespace: "ns", labels: { app: "x" } });
const dataOf = (result: AnyObject | string) => (typeof result === "string" ? result : result.data);
const addKey = (key: string, value = "yes") => [{ op: "add", path: `/data/${key}`, value }];

test("mutating webhooks are called in order, each on what the one before made (Admission webhook, ordered mutation)", async () => {
  const { dependencies, called } = dependenciesWith(
    {
      mutatingwebhookconfigurations: [
        configuration("b", webhook("second")),
        configuration("a", webhook("first")),
      ],
    },
    (name, { request }) => {
      const data = request.object?.data as Record<string, string> | undefined;
      const has = data?.one !== undefined;
      return name === "first" ? { patch: addKey("one") } : has ? { patch: addKey("two") } : {};
    },
  );
  const result = await admitted(
    mutatingWebhooks(dependencies),
    attributesFor("configmaps", configMap({ zero: "0" })),
  );
  assert.deepEqual(dataOf(result), { zero: "0", one: "yes", two: "yes" });
  assert.deepEqual(called.webhooks, ["first", "second"]);
});

test("a webhook that asks for it sees again what later ones changed, and plugins before it do too", async () => {
  const { dependencies, called } = dependenciesWith(
    {
      mutatingwebhookconfigurations: [
        configuration("a", webhook("early", { reinvocationPolicy: "IfNeeded" }), webhook("late")),
      ],
    },
    (name) => (name === "late" ? { patch: addKey("late") } : {}),
  );
  let seen = 0;
  const counting: AdmissionPlugin = {
    name: "Counting",
    handles: () => true,
    admit(attributes) {
      seen++;
      return attributes.object;
    },
  };
  const chain = new AdmissionChain([counting, mutatingWebhooks(dependencies)]);
  await chain.admit(attributesFor("configmaps", configMap({ a: "b" })));
  assert.deepEqual(called.webhooks, ["early", "late", "early"]);
  assert.equal(seen, 2);
});

const denied = { allowed: false, status: { message: "no", reason: "Forbidden", code: 403 } };
for (const { name, hook, reply, want } of [
  { name: "lets what all allow go on", hook: {}, reply: {}, want: "m" },
  {
    name: "refuses in the webhook's words (Admission webhook, deny create)",
    hook: {},
    reply: denied,
    want: 'admission webhook "hook" denied the request: no',
  },
  {
    name: "refuses without words",
    hook: {},
    reply: { allowed: false },
    want: 'admission webhook "hook" denied the request without explanation',
  },
  {
    name: "refuses when the webhook cannot be reached (Admission webhook, fail closed)",
    hook: {},
    reply: "connect ECONNREFUSED",
    want: 'Internal error occurred: failed calling webhook "hook": failed to call webhook: Post "https://hooks.example/hook?timeout=10s": connect ECONNREFUSED',
  },
  {
    name: "refuses when the webhook is too slow (Admission webhook, honor timeout)",
    hook: { timeoutSeconds: 1 },
    reply: "context deadline exceeded",
    want: 'Internal error occurred: failed calling webhook "hook": failed to call webhook: Post "https://hooks.example/hook?timeout=1s": context deadline exceeded',
  },
  {
    name: "goes on without a webhook whose failure is to be ignored",
    hook: { failurePolicy: "Ignore" },
    reply: "context deadline exceeded",
    want: "m",
  },
  {
    name: "does not ignore a refusal",
    hook: { failurePolicy: "Ignore" },
    reply: denied,
    want: 'admission webhook "hook" denied the request: no',
  },
  {
    name: "refuses a patch of a validating webhook",
    hook: {},
    reply: { patch: addKey("x") },
    want: 'Internal error occurred: failed calling webhook "hook": received invalid webhook response: validating webhook may not return response.patch',
  },
] satisfies { name: string; hook: object; reply: Reply; want: string }[]) {
  test(`validating webhook: ${name}`, async () => {
    const { dependencies } = dependenciesWith(
      { validatingwebhookconfigurations: [configuration("a", webhook("hook", hook))] },
      () => reply,
    );
    const result = await admitted(validatingWebhooks(dependencies), attributesFor("configmaps", configMap()));
    assert.equal(typeof result === "string" ? result : result.metadata.name, want);
  });
}

for (const { name, hook, fields, want } of [
  {
    name: "a namespace it selects",
    hook: { namespaceSelector: { matchLabels: { team: "a" } } },
    fields: {},
    want: 1,
  },
  {
    name: "no namespace it does not select",
    hook: { namespaceSelector: { matchLabels: { team: "b" } } },
    fields: {},
    want: 0,
  },
  {
    name: "an object it selects",
    hook: { objectSelector: { matchLabels: { app: "x" } } },
    fields: {},
    want: 1,
  },
  {
    name: "an object it selected before the change",
    hook: { objectSelector: { matchLabels: { app: "old" } } },
    fields: { oldObject: object("ConfigMap", "m", {}, { labels: { app: "old" } }) as AnyObject },
    want: 1,
  },
  { name: "no other object", hook: { objectSelector: { matchLabels: { app: "y" } } }, fields: {}, want: 0 },
  {
    name: "no webhook configuration (Admission webhook, admission control not allowed on webhook configuration objects)",
    hook: {},
    fields: {
      kind: { group: "admissionregistration.k8s.io", version: "v1", kind: "ValidatingWebhookConfiguration" },
    },
    want: 0,
  },
  {
    name: "a connection (Admission webhook, deny attach)",
    hook: {},
    fields: { operation: "CONNECT", subresource: "" },
    want: 1,
  },
] satisfies { name: string; hook: object; fields: Partial<AdmissionAttributes>; want: number }[]) {
  test(`webhooks are asked about ${name}`, async () => {
    const { dependencies, called } = dependenciesWith(
      { validatingwebhookconfigurations: [configuration("a", webhook("hook", hook))] },
      () => ({}),
    );
    await admitted(validatingWebhooks(dependencies), attributesFor("configmaps", configMap(), fields));
    assert.equal(called.webhooks.length, want);
  });
}

test("a webhook with side effects is not called for a dry run", async () => {
  const { dependencies } = dependenciesWith(
    { validatingwebhookconfigurations: [configuration("a", webhook("hook", { sideEffects: "Some" }))] },
    () => ({}),
  );
  const result = await admitted(
    validatingWebhooks(dependencies),
    attributesFor("configmaps", configMap(), { dryRun: true }),
  );
  assert.equal(result, 'admission webhook "hook" does not support dry run');
});

test("a service's webhook is reached at its cluster IP under its own name", async () => {
  const clientConfig = {
    service: { namespace: "ops", name: "hooks", path: "/hook", port: 8443 },
    caBundle: btoa("PEM"),
  };
  const { dependencies, called } = dependenciesWith(
    {
      validatingwebhookconfigurations: [configuration("a", webhook("hook", { clientConfig }))],
      services: [
        object(
          "Service",
          "hooks",
          { spec: { clusterIP: "10.96.0.9", ports: [{ port: 8443 }] } },
          { namespace: "ops" },
        ),
      ],
    },
    () => ({}),
  );
  await admitted(validatingWebhooks(dependencies), attributesFor("configmaps", configMap()));
  assert.deepEqual(called.targets, [
    {
      url: "https://hooks.ops.svc:8443/hook",
      connect: { host: "10.96.0.9", port: 8443 },
      serverName: "hooks.ops.svc",
      certificateAuthority: "PEM",
    },
  ]);
});

test("a webhook of a service that is not there fails by the name it would be called", async () => {
  const clientConfig = { service: { namespace: "ops", name: "gone" } };
  const { dependencies } = dependenciesWith(
    { validatingwebhookconfigurations: [configuration("a", webhook("hook", { clientConfig }))] },
    () => ({}),
  );
  const result = await admitted(validatingWebhooks(dependencies), attributesFor("configmaps", configMap()));
  assert.equal(
    result,
    'Internal error occurred: failed calling webhook "hook": failed to call webhook: Post "https://gone.ops.svc:443/?timeout=10s": service "gone" not found',
  );
});

const rule = (fields: Partial<RuleWithOperations>): RuleWithOperations => ({
  operations: ["CREATE"],
  apiGroups: [""],
  apiVersions: ["v1"],
  resources: ["configmaps"],
  ...fields,
});
for (const { name, given, subresource = "", namespace = "ns", want } of [
  { name: "its own resource", given: rule({}), want: true },
  { name: "no other operation", given: rule({ operations: ["DELETE"] }), want: false },
  { name: "no other group", given: rule({ apiGroups: ["apps"] }), want: false },
  { name: "no subresource", given: rule({}), subresource: "status", want: false },
  { name: "no subresource by a star", given: rule({ resources: ["*"] }), subresource: "status", want: false },
  {
    name: "every subresource by two stars",
    given: rule({ resources: ["*/*"] }),
    subresource: "status",
    want: true,
  },
  {
    name: "one subresource of everything",
    given: rule({ resources: ["*/status"] }),
    subresource: "status",
    want: true,
  },
  { name: "nothing of a namespace in cluster scope", given: rule({ scope: "Cluster" }), want: false },
  {
    name: "what has no namespace in cluster scope",
    given: rule({ scope: "Cluster" }),
    namespace: "",
    want: true,
  },
]) {
  test(`a webhook's rule matches ${name}`, () =>
    assert.equal(
      ruleMatches(given, attributesFor("configmaps", configMap(), { subresource, namespace }), "v1"),
      want,
    ));
}

for (const { name, fields, want } of [
  {
    name: "all hold",
    fields: { matchConditions: [{ name: "c", expression: "object.data.a == '1'" }] },
    want: ["w"],
  },
  {
    name: "one is false",
    fields: { matchConditions: [{ name: "c", expression: "request.operation == 'DELETE'" }] },
    want: [],
  },
  {
    name: "one fails and failures are ignored",
    fields: { failurePolicy: "Ignore", matchConditions: [{ name: "c", expression: "object.data.b == '1'" }] },
    want: [],
  },
]) {
  test(`of its match conditions ${name}: the webhook is called ${want.length} times`, async () => {
    const { dependencies, called } = dependenciesWith(
      { validatingwebhookconfigurations: [configuration("a", webhook("w", fields))] },
      () => ({}),
    );
    await admitted(validatingWebhooks(dependencies), attributesFor("configmaps", configMap({ a: "1" })));
    assert.deepEqual(called.webhooks, want);
  });
}

test("a match condition that fails refuses the request", async () => {
  const fields = { matchConditions: [{ name: "c", expression: "object.data.b == '1'" }] };
  const { dependencies } = dependenciesWith(
    { validatingwebhookconfigurations: [configuration("a", webhook("w", fields))] },
    () => ({}),
  );
  const refusal = await admitted(
    validatingWebhooks(dependencies),
    attributesFor("configmaps", configMap({ a: "1" })),
  );
  assert.match(String(refusal), /no such key: b$/);
});
