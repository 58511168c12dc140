import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../apimachinery/api-error.ts";
import type { AnyObject } from "../apimachinery/meta.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { UserInfo } from "../client/exchange.ts";
import { createInformerFactory } from "../client/informer-factory.ts";
import { createClient } from "../client/rest-client.ts";
import { usualRemoteHeaders } from "./authentication/create-authenticator.ts";
import { createStages } from "./create-stages.ts";
import { generateTokenKey, loadTokenKeys } from "./pki/service-account-keys.ts";
import { parseSigningRequest } from "./pki/signing-request.ts";
import type { PostStartHook, Stages } from "./stages.ts";
import { admin, startTestServer, type TestServer } from "./test-support/server.ts";

/** A whole API server with everything that stands before its registry, on memory. */
interface Cluster {
  readonly api: TestServer;
  readonly stages: Stages;
  /** Fields of an object that tests look into: its kind is known where it is used. */
  read<T>(
    method: "GET" | "POST" | "PUT",
    path: string,
    options?: Parameters<TestServer["ok"]>[2],
  ): Promise<T>;
  refusal(path: string, body: unknown, user?: UserInfo): Promise<Status>;
  /** What an earlier write changed is in the caches. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

async function startCluster(): Promise<Cluster> {
  const clock = new VirtualClock();
  const stop = new AbortController();
  let stages: Stages | undefined;
  const api = await startTestServer({
    dependencies: {
      clock,
      stages: (loopback) => {
        const client = createClient({ transport: loopback });
        const informers = createInformerFactory({
          client,
          clock,
          random: seededRandom(2),
          logger: silentLogger,
          detectMutations: true,
        });
        stages = createStages({
          client,
          informers,
          clock,
          random: seededRandom(3),
          logger: silentLogger,
          signal: stop.signal,
          tokenKeys: loadTokenKeys({ signingKey: generateTokenKey() }),
          readSubject: parseSigningRequest,
          jwksUri: "https://10.0.0.1:6443/openid/v1/jwks",
          authenticationInfo: {
            clientAuthority: "CA",
            frontProxyAuthority: "PROXY CA",
            frontProxyNames: ["front-proxy-client"],
            remoteHeaders: usualRemoteHeaders,
          },
        });
        return stages;
      },
    },
  });
  assert.ok(stages !== undefined);
  for (const name of ["kube-system", "kube-public", "default"])
    await api.call("POST", "/api/v1/namespaces", { body: namespace(name) });
  const hooks: readonly PostStartHook[] = stages.postStartHooks ?? [];
  await Promise.all(hooks.map((hook) => hook.run(api.server.loopback, { signal: stop.signal })));
  const cluster: Cluster = {
    api,
    stages,
    read: (method, path, options) => api.ok(method, path, options),
    refusal: (path, body, user = admin) => api.object<Status>("POST", path, { body, user }),
    settle: () => clock.settle(),
    async close() {
      stop.abort(new Error("the test is over"));
      await api.close();
    },
  };
  await cluster.settle();
  return cluster;
}

const namespace = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels },
});
const account = (name: string) => ({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name } });
const pod = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { containers: [{ name: "c", image: "busybox" }], ...spec },
});
const jane: UserInfo = { name: "jane", groups: ["system:authenticated"] };

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
  for (const name of ["ns", "strict"])
    await cluster.read("POST", "/api/v1/namespaces", {
      body: namespace(name, name === "strict" ? { "pod-security.kubernetes.io/enforce": "baseline" } : {}),
    });
  for (const name of ["ns", "strict"])
    await cluster.read("POST", `/api/v1/namespaces/${name}/serviceaccounts`, { body: account("default") });
  await cluster.settle();
});
after(() => cluster.close());

interface PodShape {
  readonly metadata: { readonly uid: string };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly priority: number;
    readonly tolerations: readonly { readonly key: string }[];
    readonly volumes: readonly { readonly name: string }[];
    readonly containers: readonly { readonly volumeMounts: readonly { readonly mountPath: string }[] }[];
  };
}

test("a start creates the bootstrap policy and the system's priority classes; a second start writes nothing", async () => {
  const roles = await cluster.read<{ items: AnyObject[]; metadata: { resourceVersion: string } }>(
    "GET",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
  );
  assert.ok(roles.items.some(({ metadata }) => metadata.name === "system:kube-scheduler"));
  const critical = await cluster.read<{ value: number }>(
    "GET",
    "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical",
  );
  assert.equal(critical.value, 2_000_001_000);
  for (const hook of cluster.stages.postStartHooks ?? [])
    await hook.run(cluster.api.server.loopback, { signal: new AbortController().signal });
  const published = await cluster.read<{ data: Record<string, string> }>(
    "GET",
    "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
  );
  assert.equal(published.data["requestheader-allowed-names"], '["front-proxy-client"]');
  const again = await cluster.read<typeof roles>("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles");
  const versions = (list: typeof roles) => list.items.map(({ metadata }) => metadata.resourceVersion);
  assert.deepEqual(versions(again), versions(roles));
});

test("a pod gets its service account, token volume, tolerations and priority (Service Account Tokens Must AutoMount)", async () => {
  const made = await cluster.read<PodShape>("POST", "/api/v1/namespaces/ns/pods", { body: pod("filled") });
  assert.equal(made.spec.serviceAccountName, "default");
  assert.equal(made.spec.priority, 0);
  assert.match(made.spec.volumes[0]?.name ?? "", /^kube-api-access-[a-z0-9]{5}$/);
  assert.equal(
    made.spec.containers[0]?.volumeMounts[0]?.mountPath,
    "/var/run/secrets/kubernetes.io/serviceaccount",
  );
  assert.deepEqual(
    made.spec.tolerations.map(({ key }) => key),
    ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"],
  );
});

test("an account or pod can opt out of the token (Service account tokens auto mount optionally)", async () => {
  const body = pod("without", { automountServiceAccountToken: false });
  const made = await cluster.read<PodShape>("POST", "/api/v1/namespaces/ns/pods", { body });
  assert.equal(made.spec.volumes, undefined);
});

for (const { name, path, body, message } of [
  {
    name: "a pod in a namespace that is not there",
    path: "/api/v1/namespaces/nowhere/pods",
    body: pod("a"),
    message: 'namespaces "nowhere" not found',
  },
  {
    name: "a pod with an account that is not there",
    path: "/api/v1/namespaces/ns/pods",
    body: pod("a", { serviceAccountName: "ghost" }),
    message:
      'pods "a" is forbidden: error looking up service account ns/ghost: serviceaccount "ghost" not found',
  },
  {
    name: "a pod that violates its namespace's security level",
    path: "/api/v1/namespaces/strict/pods",
    body: pod("a", { hostNetwork: true }),
    message:
      'pods "a" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  },
  {
    name: "a pod with a priority class that is not there",
    path: "/api/v1/namespaces/ns/pods",
    body: pod("a", { priorityClassName: "none" }),
    message: 'pods "a" is forbidden: no PriorityClass with name none was found',
  },
  {
    name: "a pod with a runtime class that is not there (Pod with the non-existing RuntimeClass is rejected.)",
    path: "/api/v1/namespaces/ns/pods",
    body: pod("a", { runtimeClassName: "none" }),
    message: 'pods "a" is forbidden: pod rejected: RuntimeClass "none" not found',
  },
]) {
  test(`admission refuses ${name}`, async () => {
    const status = await cluster.refusal(path, body);
    assert.equal(status.message, message);
  });
}

test("a user without rights is refused in upstream's words, and may do what a binding allows", async () => {
  const path = "/api/v1/namespaces/ns/configmaps";
  const refused = await cluster.api.object<Status>("GET", path, { user: jane });
  assert.equal(refused.code, 403);
  assert.equal(
    refused.message,
    'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "ns"',
  );
  // What the client typed comes back: browsers are told not to guess what it is.
  const { headers } = await cluster.api.call("GET", path, { user: jane });
  assert.equal(headers["x-content-type-options"], "nosniff");
  const missing = await cluster.api.call("GET", `${path}/missing`);
  assert.equal(missing.headers["x-content-type-options"], undefined);
  await cluster.read("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/ns/rolebindings", {
    body: roleBinding("jane-edits", "edit", "jane"),
  });
  await cluster.settle();
  await cluster.read("GET", path, { user: jane });
});

const roleBinding = (name: string, role: string, user: string) => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "RoleBinding",
  metadata: { name },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
  subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: user }],
});

test("an admin of a namespace grants no more than they hold", async () => {
  await cluster.read("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/ns/rolebindings", {
    body: roleBinding("boss", "admin", "boss"),
  });
  await cluster.settle();
  const boss: UserInfo = { name: "boss", groups: ["system:authenticated"] };
  const path = "/apis/rbac.authorization.k8s.io/v1/namespaces/ns";
  const role = (name: string, resource: string) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name },
    rules: [{ apiGroups: [""], resources: [resource], verbs: ["get", "update"] }],
  });
  await cluster.read("POST", `${path}/roles`, { body: role("readers", "pods"), user: boss });
  const refused = await cluster.refusal(`${path}/roles`, role("limits", "limitranges"), boss);
  assert.equal(
    refused.message,
    'roles.rbac.authorization.k8s.io "limits" is forbidden: user "boss" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["limitranges"], Verbs:["update"]}',
  );
  await cluster.read("POST", `${path}/rolebindings`, {
    body: roleBinding("viewer", "view", "x"),
    user: boss,
  });
  const bound = await cluster.refusal(
    `${path}/rolebindings`,
    roleBinding("root", "cluster-admin", "x"),
    boss,
  );
  assert.equal(bound.code, 403);
});

test("a token that was requested authenticates its pod, until the pod is gone (ServiceAccount, create and review token)", async () => {
  const made = await cluster.read<PodShape>("POST", "/api/v1/namespaces/ns/pods", { body: pod("bound") });
  const reply = await cluster.read<{ status: { token: string } }>(
    "POST",
    "/api/v1/namespaces/ns/serviceaccounts/default/token",
    {
      body: tokenRequest({
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "bound", uid: made.metadata.uid },
      }),
    },
  );
  const review = async () => {
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      metadata: {},
      spec: { token: reply.status.token },
    };
    return cluster.read<{
      status: { authenticated?: boolean; error?: string; user: { username?: string; extra?: object } };
    }>("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { body });
  };
  const good = await review();
  assert.equal(good.status.user.username, "system:serviceaccount:ns:default");
  assert.deepEqual(
    (good.status.user.extra as Record<string, unknown>)["authentication.kubernetes.io/pod-name"],
    ["bound"],
  );
  await cluster.api.ok("DELETE", "/api/v1/namespaces/ns/pods/bound", { query: { gracePeriodSeconds: "0" } });
  await cluster.settle();
  const gone = await review();
  assert.equal(gone.status.authenticated, undefined);
  assert.match(gone.status.error ?? "", /invalid bearer token/);
});

const tokenRequest = (spec: object) => ({
  apiVersion: "authentication.k8s.io/v1",
  kind: "TokenRequest",
  metadata: {},
  spec,
});

const authorization = "/apis/authorization.k8s.io/v1";
const accessReview = (kind: string, spec: object) => ({
  apiVersion: "authorization.k8s.io/v1",
  kind,
  metadata: {},
  spec,
});
const reads = { verb: "get", resource: "pods" };

for (const { name, path, body, want } of [
  {
    name: "an access review",
    path: `${authorization}/subjectaccessreviews`,
    body: accessReview("SubjectAccessReview", { user: "bob", resourceAttributes: reads }),
    want: [
      "authorization.k8s.io/v1",
      undefined,
      { "f:spec": { "f:resourceAttributes": { ".": {}, "f:resource": {}, "f:verb": {} }, "f:user": {} } },
    ],
  },
  {
    name: "a token",
    path: "/api/v1/namespaces/ns/serviceaccounts/default/token",
    body: tokenRequest({}),
    want: ["authentication.k8s.io/v1", "token", { "f:spec": { "f:expirationSeconds": {} } }],
  },
  {
    name: "the rules of a user",
    path: `${authorization}/selfsubjectrulesreviews`,
    body: accessReview("SelfSubjectRulesReview", { namespace: "ns" }),
    want: undefined,
  },
])
  test(`who asks for ${name} is ${want === undefined ? "not told" : "told"} to be the manager of the question`, async () => {
    const { metadata } = await cluster.read<AnyObject>("POST", path, { body });
    const [entry] = metadata.managedFields ?? [];
    assert.deepEqual(entry && [entry.apiVersion, entry.subresource, entry.fieldsV1], want);
  });

test("a token for less than ten minutes is refused", async () => {
  const status = await cluster.refusal(
    "/api/v1/namespaces/ns/serviceaccounts/default/token",
    tokenRequest({ expirationSeconds: 599 }),
  );
  assert.equal(status.code, 422);
  assert.match(status.message ?? "", /may not specify a duration less than 10 minutes/);
});

test("access reviews answer for the caller and for others (SubjectReview, API Operations)", async () => {
  const review = (kind: string, spec: object, user?: UserInfo) =>
    cluster.read<{ status: { allowed: boolean; reason?: string } }>(
      "POST",
      `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`,
      {
        body: { apiVersion: "authorization.k8s.io/v1", kind, metadata: {}, spec },
        ...(user === undefined ? {} : { user }),
      },
    );
  const resourceAttributes = { namespace: "kube-system", verb: "get", resource: "secrets" };
  const own = await review("SelfSubjectAccessReview", { resourceAttributes });
  assert.equal(own.status.allowed, true);
  const janes = await review("SelfSubjectAccessReview", { resourceAttributes }, jane);
  assert.equal(janes.status.allowed, false);
  const scheduler = await review("SubjectAccessReview", {
    user: "system:kube-scheduler",
    resourceAttributes: { verb: "create", resource: "pods", subresource: "binding", namespace: "ns" },
  });
  assert.deepEqual(scheduler.status, {
    allowed: true,
    reason:
      'RBAC: allowed by ClusterRoleBinding "system:kube-scheduler" of ClusterRole "system:kube-scheduler" to User "system:kube-scheduler"',
  });
});

test("whoami and the rules of a user are answered", async () => {
  const who = await cluster.read<{ status: { userInfo: object } }>(
    "POST",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    { body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview", metadata: {} }, user: jane },
  );
  assert.deepEqual(who.status.userInfo, { username: "jane", groups: ["system:authenticated"] });
  const rules = await cluster.read<{ status: { incomplete: boolean; nonResourceRules: unknown[] } }>(
    "POST",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    {
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectRulesReview",
        metadata: {},
        spec: { namespace: "default" },
      },
      user: jane,
    },
  );
  assert.equal(rules.status.incomplete, false);
  assert.ok(rules.status.nonResourceRules.length > 0);
});

test("the issuer's documents let others verify tokens (OIDC Discovery (ServiceAccountIssuerDiscovery))", async () => {
  const document = async (path: string) => {
    const response = await cluster.api.call("GET", path);
    assert.equal(response.status, 200);
    assert.equal(response.type, "bytes");
    const chunks: Uint8Array[] = [];
    if (response.type === "bytes") for await (const chunk of response.body) chunks.push(chunk);
    return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
  };
  const discovery = await document("/.well-known/openid-configuration");
  assert.equal(discovery.issuer, "https://kubernetes.default.svc.cluster.local");
  assert.equal(discovery.jwks_uri, "https://10.0.0.1:6443/openid/v1/jwks");
  const keys = await document("/openid/v1/jwks");
  assert.equal((keys.keys as unknown[]).length, 1);
});

test("a resource quota holds concurrent creations to its limit (ResourceQuota, object count quota, configmap)", async () => {
  const path = "/api/v1/namespaces/ns";
  const quota = await cluster.read<AnyObject>("POST", `${path}/resourcequotas`, {
    body: {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "few" },
      spec: { hard: { configmaps: "3" } },
    },
  });
  await cluster.read("PUT", `${path}/resourcequotas/few/status`, {
    body: { ...quota, status: { hard: { configmaps: "3" }, used: { configmaps: "0" } } },
  });
  await cluster.settle();
  const create = (index: number) =>
    cluster.api.object<Status>("POST", `${path}/configmaps`, {
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `m${index}` } },
    });
  const answers = await Promise.all(Array.from({ length: 5 }, (_, index) => create(index)));
  const refused = answers.filter(({ kind }) => kind === "Status");
  assert.equal(refused.length, 2);
  assert.equal(
    refused[0]?.message,
    'configmaps "m3" is forbidden: exceeded quota: few, requested: configmaps=1, used: configmaps=3, limited: configmaps=3',
  );
  const after = await cluster.read<{ status: { used: object } }>("GET", `${path}/resourcequotas/few`);
  assert.deepEqual(after.status.used, { configmaps: "3" });
});

test("the system's namespaces stay, and nothing is made in one that is going", async () => {
  const kept = await cluster.api.object<Status>("DELETE", "/api/v1/namespaces/default");
  assert.equal(kept.message, 'namespaces "default" is forbidden: this namespace may not be deleted');
  const going = namespace("going");
  const held = { ...going, metadata: { ...going.metadata, finalizers: ["example.com/held"] } };
  await cluster.read("POST", "/api/v1/namespaces", { body: held });
  await cluster.api.object("DELETE", "/api/v1/namespaces/going");
  const refused = await cluster.refusal("/api/v1/namespaces/going/configmaps", {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "late" },
  });
  assert.equal(
    refused.message,
    'configmaps "late" is forbidden: unable to create new content in namespace going because it is being terminated',
  );
});
