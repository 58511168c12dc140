import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";
import { type Review, startWebhookServer, type WebhookServer } from "./test-support/webhook-server.ts";

const registration = "/apis/admissionregistration.k8s.io/v1";

interface Hook {
  readonly path: string;
  readonly more?: object;
}

const dataOf = ({ data = {} }: AnyObject) => data as Readonly<Record<string, string>>;
const failed = (name: string, why: string) =>
  new RegExp(`^Internal error occurred: failed calling webhook "${name}": ${why}$`);

/** A right answer, with what a test wants in it. */
const response = (review: Review, fields: object = {}, envelope: object = {}) => ({
  body: {
    apiVersion: review.apiVersion,
    kind: "AdmissionReview",
    response: { uid: review.request.uid, allowed: true, ...fields },
    ...envelope,
  },
});
const patch = (...operations: readonly object[]) => ({
  patchType: "JSONPatch",
  patch: btoa(JSON.stringify(operations)),
});
const put = (key: string, value = "yes") => ({ op: "add", path: `/data/${key}`, value });

function suite({ api, cluster, named }: Suite): void {
  let server: WebhookServer;
  before(async () => {
    server = await startWebhookServer(cluster().pki.serving, { delayMs: 3000 });
  });
  after(() => server.close());

  /** Webhooks for the config maps of a namespace of their own, in use when this resolves. */
  const register = async (
    kind: "Mutating" | "Validating",
    name: string,
    hooks: readonly Hook[],
    resources: readonly string[] = ["configmaps"],
  ) => {
    const unique = named(name);
    const namespace = await api().namespace(unique, { [unique]: "true" });
    const probe = `/probe-${unique}`;
    const hookOf = ({ path, more = {} }: Hook) => ({
      name: `${path.slice(1)}.example.com`,
      rules: [{ operations: ["CREATE", "UPDATE"], apiGroups: ["*"], apiVersions: ["*"], resources }],
      clientConfig: { url: server.url + path, caBundle: btoa(cluster().pki.clusterAuthority.certificate) },
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      namespaceSelector: { matchLabels: { [unique]: "true" } },
      ...more,
    });
    const ready: Hook = {
      path: probe,
      more: {
        rules: [
          { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["serviceaccounts"] },
        ],
      },
    };
    server.answer(probe, (review) => response(review));
    const collection = `${registration}/${kind.toLowerCase()}webhookconfigurations`;
    await api().create(collection, {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: `${kind}WebhookConfiguration`,
      metadata: { name: unique },
      webhooks: [...hooks, ready].map(hookOf),
    });
    await eventually("the webhooks are called", async () => {
      await api().send("POST", `${namespace}/serviceaccounts`, {
        body: { apiVersion: "v1", kind: "ServiceAccount", metadata: { generateName: "probe-" } },
      });
      return server.calls(probe).length > 0;
    });
    const maps = `${namespace}/configmaps`;
    const body = (data: object = {}, metadata: object = {}) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { generateName: "m-", ...metadata },
      data: { zero: "0", ...data },
    });
    return {
      maps,
      namespace,
      create: (data?: object, metadata?: object) => api().create(maps, body(data, metadata)),
      send: (query: Readonly<Record<string, string>> = {}) =>
        api().send("POST", maps, { body: body(), query }),
      refused: async (query: Readonly<Record<string, string>> = {}): Promise<Status> =>
        api().refused("POST", maps, { body: body(), query }),
      end: () => api().delete(`${collection}/${unique}`),
    };
  };

  test("a mutating webhook is called again once, after a later one changed the object, if it asked for it", async () => {
    const seen = (path: string) =>
      server.calls(path).map(({ request }) => Object.keys(dataOf(request.object as AnyObject)).join());
    server.answer("/again-a", (review) => response(review, patch(put("a"))));
    server.answer("/again-b", (review) => response(review, patch(put("b"))));
    server.answer("/again-c", (review) => response(review));
    const before = ["/again-a", "/again-b", "/again-c"].map((path) => seen(path).length);
    const { create, end } = await register("Mutating", "again", [
      { path: "/again-a", more: { reinvocationPolicy: "IfNeeded" } },
      { path: "/again-b" },
      { path: "/again-c", more: { reinvocationPolicy: "IfNeeded" } },
    ]);
    assert.deepEqual(dataOf(await create()), { zero: "0", a: "yes", b: "yes" });
    assert.deepEqual(
      ["/again-a", "/again-b", "/again-c"].map((path, index) => seen(path).slice(before[index])),
      [["zero", "zero,a,b"], ["zero,a"], ["zero,a,b"]],
    );
    await end();
  });

  test("match conditions choose requests; one that fails goes by the failure policy", async () => {
    server.answer("/conditions", (review) => response(review, { allowed: false }));
    const hook = (failurePolicy: string, expression: string): Hook => ({
      path: "/conditions",
      more: { failurePolicy, matchConditions: [{ name: "c", expression }] },
    });
    const no = await register("Validating", "condition-false", [
      hook("Fail", "object.metadata.name == 'none'"),
    ]);
    await no.create();
    await no.end();
    const ignored = await register("Validating", "condition-ignored", [
      hook("Ignore", "object.data.x == 'y'"),
    ]);
    await ignored.create();
    await ignored.end();
    const failing = await register("Validating", "condition-failing", [hook("Fail", "object.data.x == 'y'")]);
    const { code, message = "" } = await failing.refused();
    assert.equal(code, 403);
    assert.match(message, /no such key: x/);
    await failing.end();
  });

  for (const [what, answer, why] of [
    [
      "garbage",
      () => ({ body: "[" }),
      "failed to call webhook: couldn't get version/kind; json parse error: unexpected end of JSON input",
    ],
    [
      "a failure of its own",
      () => ({ status: 500, body: "boom" }),
      'failed to call webhook: an error on the server \\("boom"\\) has prevented the request from succeeding',
    ],
    [
      "no response",
      () => ({ body: { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" } }),
      "received invalid webhook response: webhook response was absent",
    ],
    [
      "the UID of another request",
      (review: Review) => response(review, { uid: "other" }),
      'received invalid webhook response: expected response.uid="[0-9a-f-]{36}", got "other"',
    ],
    [
      "another version",
      (review: Review) => response(review, {}, { apiVersion: "admission.k8s.io/v1beta1" }),
      "received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v1beta1, Kind=AdmissionReview",
    ],
    [
      "a patch without its type",
      (review: Review) => response(review, { patch: btoa("[]") }),
      "received invalid webhook response: webhook returned response.patch but not response.patchType",
    ],
    [
      "a type without a patch",
      (review: Review) => response(review, { patchType: "JSONPatch" }),
      "received invalid webhook response: webhook returned response.patchType but not response.patch",
    ],
    [
      "a patch of another type",
      (review: Review) => response(review, { patchType: "Merge", patch: btoa("{}") }),
      'unsupported patch type "Merge"',
    ],
  ] as const) {
    test(`a mutating webhook that answers with ${what} has failed: the request does, or goes on where that is ignored`, async () => {
      const path = `/bad-${what.replaceAll(" ", "-").toLowerCase()}`;
      server.answer(path, answer);
      const name = `${path.slice(1)}.example.com`;
      const hook = await register("Mutating", path.slice(1), [{ path }]);
      const { code, message = "" } = await hook.refused();
      assert.equal(code, 500);
      assert.match(message, failed(name, why));
      await hook.end();
      const open = await register("Mutating", `${path.slice(1)}-open`, [
        { path, more: { failurePolicy: "Ignore" } },
      ]);
      assert.deepEqual(dataOf(await open.create()), { zero: "0" });
      await open.end();
    });
  }

  test("a patch that does not fit the object fails the request, also where failures are ignored", async () => {
    server.answer("/unfit", (review) => response(review, patch({ op: "remove", path: "/data/none/deeper" })));
    const hook = await register("Mutating", "unfit", [{ path: "/unfit", more: { failurePolicy: "Ignore" } }]);
    assert.equal((await hook.refused()).code, 500);
    await hook.end();
  });

  test("a webhook that takes too long has failed in the words of a deadline", async () => {
    const hook = await register("Validating", "slow", [
      { path: "/always-allow-delay", more: { timeoutSeconds: 1 } },
    ]);
    const { message = "" } = await hook.refused();
    assert.match(
      message,
      failed(
        "always-allow-delay.example.com",
        `failed to call webhook: Post "${server.url}/always-allow-delay\\?timeout=1s": context deadline exceeded`,
      ),
    );
    await hook.end();
  });

  test("a webhook with side effects is no part of a dry run", async () => {
    server.answer("/effects", (review) => response(review));
    const some = await register("Validating", "effects", [
      { path: "/effects", more: { sideEffects: "NoneOnDryRun" } },
    ]);
    assert.equal((await some.send({ dryRun: "All" })).status, 201);
    assert.equal(server.calls("/effects").at(-1)?.request.dryRun, true);
    await some.end();
  });

  test("a webhook is asked in the first version of a review that it and the server know", async () => {
    server.answer("/older", (review) => ({
      // Neither the UID nor the patch's type was asked for then.
      body: {
        apiVersion: review.apiVersion,
        kind: "AdmissionReview",
        response: { allowed: true, patch: btoa(JSON.stringify([put("older")])) },
      },
    }));
    const older = await register("Mutating", "older", [
      { path: "/older", more: { admissionReviewVersions: ["v2", "v1beta1", "v1"] } },
    ]);
    assert.equal(dataOf(await older.create()).older, "yes");
    assert.equal(server.calls("/older").at(-1)?.apiVersion, "admission.k8s.io/v1beta1");
    await older.end();
  });

  test("a refusal keeps the webhook's code, reason and words; what it warns of is said", async () => {
    server.answer("/refuses", (review) =>
      response(review, {
        allowed: false,
        status: { code: 418, reason: "Teapot", message: "short and stout" },
      }),
    );
    const refusing = await register("Validating", "refuses", [{ path: "/refuses" }]);
    const { code, reason, message } = await refusing.refused();
    assert.deepEqual(
      [code, reason, message],
      [418, "Teapot", 'admission webhook "refuses.example.com" denied the request: short and stout'],
    );
    await refusing.end();
    server.answer("/warns", (review) => response(review, { warnings: ["be careful"] }));
    const warning = await register("Validating", "warns", [{ path: "/warns" }]);
    const { status, headers } = await warning.send();
    assert.equal(status, 201);
    assert.deepEqual([headers.warning].flat(), ['299 - "be careful"']);
    await warning.end();
  });

  test("selectors leave out objects; an equivalent version of a kind is converted for the webhook", async () => {
    server.answer("/selected", (review) => response(review, { allowed: false }));
    const selecting = await register("Validating", "selected", [
      { path: "/selected", more: { objectSelector: { matchLabels: { app: "x" } } } },
    ]);
    await selecting.create();
    await assert.rejects(selecting.create({}, { labels: { app: "x" } }), /denied the request/);
    await selecting.end();
    server.answer("/equivalent", (review) => response(review));
    const scaler = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "h" },
      spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" } },
    };
    const rules = [
      {
        operations: ["CREATE"],
        apiGroups: ["autoscaling"],
        apiVersions: ["v1"],
        resources: ["horizontalpodautoscalers"],
      },
    ];
    for (const [matchPolicy, calls] of [
      ["Exact", 0],
      ["Equivalent", 1],
    ] as const) {
      const before = server.calls("/equivalent").length;
      const hook = await register("Validating", `equivalent-${matchPolicy.toLowerCase()}`, [
        { path: "/equivalent", more: { matchPolicy, rules } },
      ]);
      await api().create(
        hook.namespace.replace("/api/v1/", "/apis/autoscaling/v2/").concat("/horizontalpodautoscalers"),
        scaler,
      );
      const made = server.calls("/equivalent").slice(before);
      assert.equal(made.length, calls, matchPolicy);
      for (const { request } of made) assert.equal(request.object?.apiVersion, "autoscaling/v1");
      await hook.end();
    }
  });

  test("what webhooks do is counted under upstream's names", async () => {
    server.answer("/counted", (review) => response(review, { allowed: false, status: { code: 409 } }));
    const hook = await register("Validating", "counted", [
      { path: "/counted" },
      { path: "/counted-away", more: { failurePolicy: "Ignore" } },
    ]);
    await hook.refused();
    const { text } = await api().send("GET", "/metrics");
    const shown = (line: string) => assert.ok(text.includes(line), line);
    const call = 'name="counted.example.com",type="validating",operation="CREATE"';
    shown(`apiserver_admission_webhook_request_total{${call},code="409",rejected="true"}`);
    shown(`apiserver_admission_webhook_rejection_count{${call},error_type="no_error",rejection_code="409"}`);
    shown(`apiserver_admission_webhook_admission_duration_seconds_count{${call},rejected="true"}`);
    shown('apiserver_admission_webhook_fail_open_count{name="counted-away.example.com",type="validating"}');
    await hook.end();
  });
}

overBothTransports("admission webhooks, called", suite);
