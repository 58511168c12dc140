import assert from "node:assert/strict";
import { test } from "node:test";
import { unauthorized } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { ApiRequest } from "../../client/exchange.ts";
import type { Stages } from "../stages.ts";
import { admin, openStages, startTestServer, type TestServer } from "../test-support/server.ts";
import { createAuditor } from "./auditor.ts";
import type { AuditEvent } from "./event.ts";
import { type AuditPolicy, readAuditPolicy } from "./policy.ts";

interface Audited extends TestServer {
  readonly events: AuditEvent[];
}

/** A server that records by these rules. */
async function start(policy: AuditPolicy, stages: Stages = openStages): Promise<Audited> {
  const events: AuditEvent[] = [];
  const clock = new VirtualClock();
  const backend = {
    process: (event: AuditEvent) => void events.push(structuredClone(event)),
    async close() {},
  };
  const auditor = createAuditor({ policy, backends: [backend], clock });
  const server = await startTestServer({ stages, dependencies: { auditor, clock } });
  return { ...server, clock, events };
}

const all = (level: AuditPolicy["rules"][number]["level"]): AuditPolicy => ({ rules: [{ level }] });
const configMaps = "/api/v1/namespaces/default/configmaps";
const configMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a" },
  data: { key: "value" },
};
const stagesOf = (events: readonly AuditEvent[]) => events.map(({ stage }) => stage);

test("a request is told when it comes and when it is answered, under one ID that the answer carries", async () => {
  const { ok, call, events, close } = await start(all("Metadata"));
  await ok("POST", configMaps, { body: configMap });
  const { headers } = await call("GET", `${configMaps}/a`, { headers: { "audit-id": "mine" } });
  assert.deepEqual(stagesOf(events), [
    "RequestReceived",
    "ResponseComplete",
    "RequestReceived",
    "ResponseComplete",
  ]);
  assert.equal(headers["audit-id"], "mine");
  const [received, complete, , read] = events;
  assert.ok(received !== undefined && complete !== undefined);
  assert.equal(received.auditID, complete.auditID);
  assert.deepEqual(received, {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: received.auditID,
    stage: "RequestReceived",
    requestURI: configMaps,
    verb: "create",
    user: { username: "admin", groups: admin.groups },
    objectRef: { resource: "configmaps", namespace: "default", apiVersion: "v1" },
    requestReceivedTimestamp: received.requestReceivedTimestamp,
    stageTimestamp: received.requestReceivedTimestamp,
  });
  assert.match(received.stageTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.deepEqual(complete.responseStatus, { metadata: {}, code: 201 });
  assert.equal(complete.objectRef?.name, "a");
  assert.deepEqual(complete.annotations, {
    "authorization.k8s.io/decision": "allow",
    "authorization.k8s.io/reason": "",
  });
  assert.equal(read?.auditID, "mine");
  assert.ok(!("requestObject" in complete || "responseObject" in complete));
  await close();
});

test("level Request keeps what was sent, RequestResponse what was answered as well", async () => {
  const policy: AuditPolicy = {
    omitStages: ["RequestReceived"],
    rules: [{ level: "Request", verbs: ["create", "patch"] }, { level: "RequestResponse" }],
  };
  const { ok, events, close } = await start(policy);
  await ok("POST", configMaps, { body: configMap });
  const patch = { data: { key: "other" } };
  const headers = { "content-type": "application/merge-patch+json" };
  await ok("PATCH", `${configMaps}/a`, { body: patch, headers });
  await ok("GET", `${configMaps}/a`);
  await ok("DELETE", `${configMaps}/a`);
  const [created, patched, got, deleted] = events;
  assert.equal((created?.requestObject as AnyObject | undefined)?.metadata.name, "a");
  assert.ok(!("responseObject" in (created ?? {})));
  assert.deepEqual(patched?.requestObject, patch);
  assert.deepEqual((got?.responseObject as { data?: unknown } | undefined)?.data, { key: "other" });
  assert.equal(deleted?.responseStatus?.status, "Success");
  assert.equal(deleted?.responseStatus?.code, 200);
  await close();
});

test("managed fields are left out where the policy says so, a rule before the policy", async () => {
  const policy: AuditPolicy = {
    omitStages: ["RequestReceived"],
    omitManagedFields: true,
    rules: [
      { level: "RequestResponse", verbs: ["get"], omitManagedFields: false },
      { level: "RequestResponse" },
    ],
  };
  const { ok, events, close } = await start(policy);
  await ok("POST", configMaps, { body: configMap });
  await ok("GET", `${configMaps}/a`);
  await ok("GET", configMaps);
  const metadata = events.map(({ responseObject }) => {
    const object = responseObject as AnyObject & { items?: AnyObject[] };
    return (object.items?.[0] ?? object).metadata.managedFields !== undefined;
  });
  assert.deepEqual(metadata, [false, true, false]);
  await close();
});

test("a failure is told with its Status; a refused user with the reason", async () => {
  const stages: Stages = {
    ...openStages,
    authorizer: { authorize: ({ verb }) => ({ allowed: verb === "get", reason: `no ${verb}` }) },
  };
  const { call, events, close } = await start(
    { ...all("Metadata"), omitStages: ["RequestReceived"] },
    stages,
  );
  const user = { name: "jane", groups: ["system:authenticated"] };
  await call("GET", `${configMaps}/none`, { user });
  await call("DELETE", `${configMaps}/none`, { user });
  const [missing, forbidden] = events;
  assert.deepEqual(missing?.responseStatus, {
    metadata: {},
    status: "Failure",
    message: 'configmaps "none" not found',
    reason: "NotFound",
    details: { name: "none", kind: "configmaps" },
    code: 404,
  });
  assert.equal(forbidden?.responseStatus?.code, 403);
  assert.deepEqual(forbidden?.annotations, {
    "authorization.k8s.io/decision": "forbid",
    "authorization.k8s.io/reason": "no delete",
  });
  await close();
});

test("who acts as another is told with both names", async () => {
  const stages: Stages = {
    ...openStages,
    impersonator: {
      impersonate(_attributes, _headers, constrainedBy) {
        constrainedBy?.("impersonate:user-info");
        return { name: "john", groups: ["dev"], extra: { scope: ["x"] } };
      },
    },
  };
  const { ok, events, close } = await start(all("Metadata"), stages);
  await ok("GET", "/version").catch(() => undefined);
  const [received, complete] = events;
  assert.ok(received !== undefined && !("impersonatedUser" in received));
  assert.deepEqual(complete?.impersonatedUser, {
    username: "john",
    groups: ["dev"],
    extra: { scope: ["x"] },
  });
  assert.deepEqual(complete?.authenticationMetadata, { impersonationConstraint: "impersonate:user-info" });
  assert.equal(complete?.user.username, "admin");
  await close();
});

test("failed authentication is told once, with no user", async () => {
  const stages: Stages = {
    ...openStages,
    authenticator: {
      authenticate() {
        throw unauthorized();
      },
    },
  };
  const { server, events, close } = await start(all("Metadata"), stages);
  await server.handle(request("GET", configMaps), { sourceAddress: "::ffff:10.0.0.9" });
  const [event] = events;
  assert.deepEqual(stagesOf(events), ["ResponseStarted"]);
  assert.equal(event?.responseStatus?.code, 401);
  assert.deepEqual(event?.user, {});
  assert.deepEqual(event?.sourceIPs, ["10.0.0.9"]);
  await close();
});

test("a watch is told when it starts and when it ends", async () => {
  const { watch, events, close } = await start(all("Metadata"));
  const reader = await watch(configMaps, { resourceVersion: "0" });
  assert.deepEqual(stagesOf(events), ["RequestReceived", "ResponseStarted"]);
  reader.close();
  assert.equal(await reader.next(), undefined);
  assert.deepEqual(stagesOf(events), ["RequestReceived", "ResponseStarted", "ResponseComplete"]);
  assert.equal(events.at(-1)?.responseStatus?.code, 200);
  await close();
});

test("an answer that nobody meant is told as a panic", async () => {
  const stages: Stages = {
    ...openStages,
    admission: [
      {
        name: "Broken",
        handles: () => true,
        validate() {
          throw new TypeError("it is broken");
        },
      },
    ],
  };
  const { call, events, close } = await start(all("Metadata"), stages);
  await call("POST", configMaps, { body: configMap });
  assert.deepEqual(stagesOf(events), ["RequestReceived", "Panic"]);
  assert.equal(events[1]?.responseStatus?.message, "APIServer panic'd: it is broken");
  await close();
});

test("admission's annotations are kept from their level on", async () => {
  const stages: Stages = {
    ...openStages,
    admission: [
      {
        name: "Telling",
        handles: () => true,
        validate({ annotate }) {
          annotate?.("example.com/always", "yes");
          annotate?.("example.com/always", "no: what was said first stays");
          annotate?.("example.com/body", "secret", "Request");
        },
      },
    ],
  };
  for (const level of ["Metadata", "Request"] as const) {
    const { ok, events, close } = await start(all(level), stages);
    await ok("POST", configMaps, { body: configMap });
    const { annotations = {} } = events.at(-1) ?? {};
    assert.equal(annotations["example.com/always"], "yes");
    assert.equal("example.com/body" in annotations, level === "Request");
    await close();
  }
});

test("what takes more than half a second says so", async () => {
  const stages: Stages = { ...openStages };
  const { ok, events, close, clock } = await start(all("Metadata"), {
    ...stages,
    authorizer: {
      async authorize() {
        await new Promise<void>((resolve) => clock.setTimer(700, resolve));
        return { allowed: true, reason: "" };
      },
    },
  });
  const answered = ok("GET", configMaps, { user: { name: "slow", groups: [] } });
  await clock.advance(700);
  await answered;
  assert.equal(events.at(-1)?.annotations?.["apiserver.latency.k8s.io/total"], "0.7s");
  await close();
});

test("where a request came from: forwarded addresses, then the connection's", async () => {
  const { server, events, close } = await start(all("Metadata"));
  const headers = {
    "x-forwarded-for": "1.2.3.4, nonsense, 5.6.7.8",
    "x-real-ip": "9.9.9.9",
    "user-agent": "me",
  };
  await server.handle({ ...request("GET", "/version"), headers }, { sourceAddress: "9.9.9.9", user: admin });
  assert.deepEqual(events[0]?.sourceIPs, ["1.2.3.4", "5.6.7.8", "9.9.9.9"]);
  assert.equal(events[0]?.userAgent, "me");
  await close();
});

test("the address of a request is told as it was written", async () => {
  const { call, events, close } = await start(all("Metadata"));
  await call("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a b", { query: { limit: "5" } });
  assert.equal(events[0]?.requestURI, "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%20b?limit=5");
  await close();
});

function request(method: ApiRequest["method"], path: string): ApiRequest {
  return { method, path, query: new URLSearchParams(), headers: {}, signal: new AbortController().signal };
}

const jane = { name: "jane", groups: ["dev"] };
for (const { name, rule, path, wanted } of [
  { name: "by user", rule: { users: ["jane"] }, path: configMaps, wanted: true },
  { name: "not another's", rule: { users: ["john"] }, path: configMaps, wanted: false },
  { name: "by group", rule: { userGroups: ["ops", "dev"] }, path: configMaps, wanted: true },
  { name: "by verb", rule: { verbs: ["list"] }, path: configMaps, wanted: true },
  { name: "not another verb", rule: { verbs: ["get"] }, path: configMaps, wanted: false },
  { name: "by namespace", rule: { namespaces: ["default"] }, path: configMaps, wanted: true },
  {
    name: "by resource",
    rule: { resources: [{ resources: ["configmaps"] }] },
    path: configMaps,
    wanted: true,
  },
  {
    name: "a resource, not its subresource",
    rule: { resources: [{ resources: ["pods"] }] },
    path: "/api/v1/namespaces/default/pods/a/status",
    wanted: false,
  },
  {
    name: "any resource's subresource",
    rule: { resources: [{ resources: ["*/status"] }] },
    path: "/api/v1/namespaces/default/pods/a/status",
    wanted: true,
  },
  {
    name: "every subresource",
    rule: { resources: [{ resources: ["pods/*"] }] },
    path: "/api/v1/namespaces/default/pods/a/status",
    wanted: true,
  },
  {
    name: "by name",
    rule: { resources: [{ resources: ["pods"], resourceNames: ["b"] }] },
    path: "/api/v1/namespaces/default/pods/a",
    wanted: false,
  },
  { name: "by group of kinds", rule: { resources: [{ group: "apps" }] }, path: configMaps, wanted: false },
  { name: "any group", rule: { resources: [{ group: "*" }] }, path: configMaps, wanted: true },
  { name: "by path", rule: { nonResourceURLs: ["/healthz*"] }, path: "/healthz/ping", wanted: true },
  { name: "every path, no resource", rule: { nonResourceURLs: ["*"] }, path: configMaps, wanted: false },
] as const) {
  test(`an audit rule matches ${name}: ${wanted}`, async () => {
    const { call, events, close } = await start({ rules: [{ level: "Metadata", ...rule }] });
    await call("GET", path, { user: jane });
    assert.equal(events.length > 0, wanted);
    await close();
  });
}

const policy = (fields: object) => ({ apiVersion: "audit.k8s.io/v1", kind: "Policy", ...fields });
for (const { name, value, message } of [
  {
    name: "another kind",
    value: { apiVersion: "audit.k8s.io/v1beta1", kind: "Policy" },
    message: "unknown group version field audit.k8s.io/v1beta1, Kind=Policy in policy",
  },
  { name: "no rules", value: policy({ rules: [] }), message: "loaded illegal policy with 0 rules" },
  {
    name: "no level",
    value: policy({ rules: [{}] }),
    message: "rules[0].level: Required value",
  },
  {
    name: "an unknown level",
    value: policy({ rules: [{ level: "All" }] }),
    message:
      'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"',
  },
  {
    name: "an unknown stage",
    value: policy({ omitStages: ["Begin"], rules: [{ level: "None" }] }),
    message:
      'omitStages[0]: Invalid value: "Begin": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic',
  },
  {
    name: "a path within a star",
    value: policy({ rules: [{ level: "None", nonResourceURLs: ["/a*b"] }] }),
    message:
      "rules[0].nonResourceURLs[0]: Invalid value: \"/a*b\": non-resource URL wildcards '*' must be the final character of the rule",
  },
  {
    name: "paths and resources together",
    value: policy({ rules: [{ level: "None", nonResourceURLs: ["/a"], namespaces: ["b"] }] }),
    message:
      'rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs',
  },
  {
    name: "a group with its version",
    value: policy({ rules: [{ level: "None", resources: [{ group: "apps/v1" }] }] }),
    message: /^rules\[0\]\.resources\.group: Invalid value: "apps\/v1": a lowercase RFC 1123 subdomain/,
  },
  {
    name: "names without resources",
    value: policy({ rules: [{ level: "None", resources: [{ resourceNames: ["a"] }] }] }),
    message:
      'rules[0].resources.resourceNames: Invalid value: ["a"]: using resourceNames requires at least one resource',
  },
  {
    name: "a text for a list",
    value: policy({ rules: [{ level: "None", users: "jane" }] }),
    message: "failed decoding: rules[0].users must be a list",
  },
]) {
  test(`an audit policy with ${name} is refused`, () => {
    assert.throws(() => readAuditPolicy(value), { message });
  });
}
