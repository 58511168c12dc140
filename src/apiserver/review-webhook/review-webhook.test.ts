import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { TransportError } from "../../client/transport-error.ts";
import { cachedTokens } from "../authentication/cached-tokens.ts";
import { abacAuthorizer } from "../authorization/abac/abac-authorizer.ts";
import { createAuthorizer } from "../authorization/create-authorizer.ts";
import { staticInformers } from "../authorization/static-informers.ts";
import { loadAuthorization } from "../configuration/load-authorization.ts";
import { ExternalAuthMetrics } from "../metrics/external-auth-metrics.ts";
import type { AuthorizationAttributes } from "../stages.ts";
import { reviewCaller } from "./review-caller.ts";
import { tokenReviewWebhook } from "./token-review-webhook.ts";

type Answer = object | Error | { readonly status: number; readonly body?: object };

/** A webhook in memory that gives these answers in turn, the last one again and again. */
function webhook(...answers: Answer[]) {
  const clock = new VirtualClock();
  const reviews: Record<string, unknown>[] = [];
  const transport = {
    async send({ body }: ApiRequest): Promise<ApiResponse> {
      assert.ok(body !== undefined && "object" in body);
      reviews.push(body.object as Record<string, unknown>);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      if (answer !== undefined && "status" in answer && typeof answer.status === "number") {
        const { status, body: object = {} } = answer as { status: number; body?: object };
        return { type: "object", status, headers: {}, object };
      }
      return { type: "object", status: 201, headers: {}, object: answer };
    },
    close: async () => undefined,
  };
  const signal = new AbortController().signal;
  const url = "https://hook.example.com/review";
  const caller = reviewCaller({ transport, url, clock, random: seededRandom(1), signal });
  return { clock, reviews, caller };
}

const jane = { username: "jane", uid: "7", groups: ["dev"], extra: { "example.com/x": ["y"] } };
const known = { status: { authenticated: true, user: jane } };

test("token webhook: the user of its answer is taken, for the API server's audiences where it names none", async () => {
  const { caller, reviews } = webhook(known);
  const tokens = tokenReviewWebhook({ caller, version: "v1beta1", apiAudiences: ["api"] });
  const result = await tokens.authenticateToken("secret", ["api", "other"]);
  const user = { name: "jane", uid: "7", groups: ["dev"], extra: { "example.com/x": ["y"] } };
  assert.deepEqual(result, { user, audiences: ["api"] });
  assert.equal(reviews[0]?.apiVersion, "authentication.k8s.io/v1beta1");
  assert.deepEqual(reviews[0]?.spec, { token: "secret", audiences: ["api", "other"] });
});

for (const { name, answer, want } of [
  {
    name: "a token it does not know is somebody else's",
    answer: { status: { authenticated: false } },
    want: undefined,
  },
  { name: "its reason is told", answer: { status: { error: "expired" } }, want: { error: "expired" } },
  {
    name: "a token for others is none",
    answer: { status: { authenticated: true, user: jane, audiences: ["elsewhere"] } },
    want: undefined,
  },
  {
    name: "a webhook that refuses the call is an error",
    answer: { status: 403, body: { message: "no" } },
    want: { error: 'an error on the server ("no") has prevented the request from succeeding' },
  },
]) {
  test(`token webhook: ${name}`, async () => {
    const { caller } = webhook(answer);
    const tokens = tokenReviewWebhook({ caller, version: "v1", apiAudiences: ["api"] });
    assert.deepEqual(await tokens.authenticateToken("secret"), want);
  });
}

test("token webhook: what may pass is tried again, and an answer is believed for a while", async () => {
  const { caller, reviews, clock } = webhook({ status: 500 }, { status: 429 }, known);
  const inner = tokenReviewWebhook({ caller, version: "v1", apiAudiences: ["api"] });
  const tokens = cachedTokens(inner, { clock, successTtlMs: 120_000, failureTtlMs: 120_000 });
  const first = tokens.authenticateToken("secret");
  const second = tokens.authenticateToken("secret");
  await clock.advance(2_000);
  assert.deepEqual(await first, await second);
  assert.equal(reviews.length, 3);
  await tokens.authenticateToken("secret");
  assert.equal(reviews.length, 3);
  await clock.advance(120_000);
  await tokens.authenticateToken("secret");
  assert.equal(reviews.length, 4);
});

test("token webhook: one that does not answer in time is given up", async () => {
  const clock = new VirtualClock();
  const transport = {
    send: ({ signal }: ApiRequest) =>
      new Promise<ApiResponse>((_, reject) => {
        signal.addEventListener("abort", () => reject(new TransportError("aborted")));
      }),
    close: async () => undefined,
  };
  const signal = new AbortController().signal;
  const caller = reviewCaller({ transport, url: "https://x", clock, random: seededRandom(1), signal });
  const result = caller.call({}, { timeoutMs: 3_000 });
  const rejected = assert.rejects(result, { message: 'Post "https://x": context deadline exceeded' });
  await clock.advance(3_000);
  await rejected;
  assert.equal(clock.pendingTimers, 0);
});

const ask: AuthorizationAttributes = {
  user: { name: "jane", groups: ["dev"] },
  verb: "list",
  isResourceRequest: true,
  apiGroup: "",
  apiVersion: "v1",
  resource: "pods",
  subresource: "",
  namespace: "team",
  name: "",
  path: "/api/v1/namespaces/team/pods",
  fieldSelector: "spec.nodeName=a,status.phase!=Failed",
  labelSelector: "app in (x,y),!z",
};

const file = (rest: string, version = "v1") => `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- type: Webhook
  name: hook
  webhook:
    timeout: 3s
    subjectAccessReviewVersion: ${version}
    matchConditionSubjectAccessReviewVersion: v1
    connectionInfo: { type: KubeConfigFile, kubeConfigFile: /hook.yaml }
    ${rest}
- { type: RBAC, name: rbac }
`;

const refused = { status: 403, body: { message: "no" } };

async function authorizer(text: string, ...answers: Answer[]) {
  const hook = webhook(...answers);
  const metrics = new ExternalAuthMetrics();
  const configured = await loadAuthorization(text, {
    clock: hook.clock,
    callerFor: async () => hook.caller,
    fileFault: () => undefined,
    policies: async () => abacAuthorizer([]),
    metrics,
  });
  const rbac = createAuthorizer({
    informers: staticInformers({}),
    synced: async () => undefined,
    chain: configured.chain,
  });
  return {
    ...hook,
    ...configured,
    metrics,
    /** Without who decided. */
    async authorize(attributes: AuthorizationAttributes) {
      const { decidedBy: _, ...decision } = await rbac.authorize(attributes);
      return decision;
    },
  };
}

test("authorization webhook: what it is asked is counted, with what conditions spare it and what it fails", async () => {
  const conditions = `failurePolicy: NoOpinion
    unauthorizedTTL: 1ms
    matchConditions: [{ expression: "request.user == 'jane'" }]`;
  const { authorize, metrics } = await authorizer(file(conditions), { status: {} }, refused);
  await authorize(ask);
  await authorize({ ...ask, user: { name: "joe", groups: [] } });
  await authorize({ ...ask, namespace: "other" });
  const counted = metrics
    .families()
    .flatMap(({ name, type, points }) =>
      type === "counter" ? points.map(({ labels, value }) => [name, ...labels, value].join(" ")) : [],
    );
  const prefix = "apiserver_authorization_";
  assert.deepEqual(counted, [
    `${prefix}webhook_evaluations_total hook success 1`,
    `${prefix}webhook_evaluations_total hook error 1`,
    `${prefix}webhook_evaluations_fail_open_total hook error 1`,
    `${prefix}match_condition_exclusions_total Webhook hook 1`,
  ]);
});

test("authorization webhook: it is told everything of the request, selectors too", async () => {
  const { authorize, reviews } = await authorizer(file("failurePolicy: Deny"), { status: { allowed: true } });
  assert.deepEqual(await authorize(ask), { allowed: true, reason: "" });
  assert.deepEqual(reviews[0]?.spec, {
    resourceAttributes: {
      namespace: "team",
      verb: "list",
      version: "v1",
      resource: "pods",
      fieldSelector: {
        requirements: [
          { key: "spec.nodeName", operator: "In", values: ["a"] },
          { key: "status.phase", operator: "NotIn", values: ["Failed"] },
        ],
      },
      labelSelector: {
        requirements: [
          { key: "app", operator: "In", values: ["x", "y"] },
          { key: "z", operator: "DoesNotExist" },
        ],
      },
    },
    user: "jane",
    groups: ["dev"],
  });
});

const failure = 'an error on the server ("no") has prevented the request from succeeding';
for (const { name, rest, answer, want, calls = 1 } of [
  {
    name: "a no ends the chain",
    rest: "failurePolicy: NoOpinion",
    answer: { status: { allowed: false, denied: true, reason: "never" } },
    want: { allowed: false, denied: true, reason: "never" },
  },
  {
    name: "no opinion leaves it to the next",
    rest: "failurePolicy: NoOpinion",
    answer: { status: { allowed: false, reason: "who?" } },
    want: { allowed: false, reason: "who?" },
  },
  {
    name: "yes and no at once is an error",
    rest: "failurePolicy: NoOpinion",
    answer: { status: { allowed: true, denied: true } },
    want: {
      allowed: false,
      denied: true,
      reason: "",
      error: "webhook subject access review returned both allow and deny response",
    },
  },
  {
    name: "a failure is an error, with or without a next",
    rest: "failurePolicy: NoOpinion",
    answer: refused,
    want: { allowed: false, reason: "", error: failure },
  },
  {
    name: "a failure denies where the policy says so",
    rest: "failurePolicy: Deny",
    answer: refused,
    want: { allowed: false, denied: true, reason: "", error: failure },
  },
  {
    name: "what its conditions exclude is not asked",
    rest: "failurePolicy: Deny\n    matchConditions: [{ expression: \"request.resourceAttributes.namespace == 'kube-system'\" }]",
    answer: { status: { allowed: true } },
    want: { allowed: false, reason: "" },
    calls: 0,
  },
  {
    name: "what its conditions include is asked",
    rest: "failurePolicy: Deny\n    matchConditions: [{ expression: \"has(request.resourceAttributes) && request.user == 'jane'\" }]",
    answer: { status: { allowed: true } },
    want: { allowed: true, reason: "" },
  },
  {
    name: "a condition that fails is a failure",
    rest: "failurePolicy: Deny\n    matchConditions: [{ expression: \"request.nonResourceAttributes.path == '/x'\" }]",
    answer: { status: { allowed: true } },
    want: {
      allowed: false,
      denied: true,
      reason: "",
      error:
        "cel evaluation error: expression 'request.nonResourceAttributes.path == '/x'' resulted in error: no such key: nonResourceAttributes",
    },
    calls: 0,
  },
]) {
  test(`authorization webhook: ${name}`, async () => {
    const { authorize, reviews } = await authorizer(file(rest), answer);
    assert.deepEqual(await authorize(ask), want);
    assert.equal(reviews.length, calls);
  });
}

test("authorization webhook: answers are kept as long as the file says", async () => {
  const text = file(
    "failurePolicy: Deny\n    authorizedTTL: 1m\n    cacheUnauthorizedRequests: false",
    "v1beta1",
  );
  const { authorize, reviews, clock } = await authorizer(
    text,
    { status: { allowed: false } },
    { status: { allowed: true } },
  );
  await authorize(ask);
  await authorize(ask);
  await authorize(ask);
  assert.equal(reviews.length, 2);
  assert.deepEqual(Object.entries(reviews[0]?.spec ?? {}).find(([name]) => name === "group")?.[1], ["dev"]);
  await clock.advance(60_000);
  await authorize(ask);
  assert.equal(reviews.length, 3);
});

for (const { name, text, message } of [
  {
    name: "needs an authorizer",
    text: "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration",
    message: "authorizers: Required value: at least one authorization mode must be defined",
  },
  {
    name: "knows its types",
    text: file("failurePolicy: Deny").replace("type: RBAC", "type: Other"),
    message:
      'authorizers[1].type: Unsupported value: "Other": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"',
  },
  {
    name: "compiles its conditions",
    text: file('failurePolicy: Deny\n    matchConditions: [{ expression: "request.user" }]'),
    message:
      'authorizers[0].matchConditions[0].expression: Invalid value: "request.user": must evaluate to bool but got string',
  },
  {
    name: "takes no unknown field",
    text: file("failurePolicy: Deny\n    retries: x"),
    message: 'strict decoding error: unknown field "authorizers[0].webhook.retries"',
  },
  {
    name: "wants a failure policy",
    text: file("authorizedTTL: 5m"),
    message: "authorizers[0].failurePolicy: Required value",
  },
  {
    name: "limits the time",
    text: file("failurePolicy: Deny").replace("timeout: 3s", "timeout: 1m"),
    message: 'authorizers[0].timeout: Invalid value: "1m0s": must be > 0s and <= 30s',
  },
  {
    name: "has fixed names for what is built in",
    text: file("failurePolicy: Deny").replace("name: rbac", "name: other"),
    message: "expected name rbac for authorizer RBAC instead of other",
  },
]) {
  test(`authorization configuration: it ${name}`, async () => {
    await assert.rejects(authorizer(text), { message });
  });
}

test("authorization configuration: a changed file is taken over, a wrong one is not", async () => {
  const configured = await authorizer(file("failurePolicy: Deny"), { status: { allowed: true } });
  assert.equal((await configured.authorize(ask)).allowed, true);
  const onlyRbac = `apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers: [{ type: RBAC, name: rbac }]`;
  await configured.reload(onlyRbac);
  assert.equal((await configured.authorize(ask)).allowed, false);
  const without = onlyRbac.replace("type: RBAC, name: rbac", "type: AlwaysAllow, name: alwaysallow");
  await assert.rejects(configured.reload(without), { message: "missing required types: RBAC" });
  assert.equal((await configured.authorize(ask)).allowed, false);
});
