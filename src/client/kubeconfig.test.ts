import assert from "node:assert/strict";
import test from "node:test";
import {
  impersonationHeaders,
  type Kubeconfig,
  mergeKubeconfigs,
  readKubeconfig,
  resolveContext,
  withResolvedPaths,
} from "./kubeconfig.ts";

const home = readKubeconfig(
  {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: "dev", cluster: { server: "https://dev:6443", "certificate-authority": "ca.pem" } },
      { name: "empty", cluster: {} },
    ],
    users: [
      { name: "me", user: { "client-certificate": "me.pem", "client-key": "/abs/me.key" } },
      {
        name: "plugin",
        user: { exec: { command: "./login", apiVersion: "client.authentication.k8s.io/v1" } },
      },
      { name: "path", user: { exec: { command: "aws", apiVersion: "client.authentication.k8s.io/v1" } } },
    ],
    contexts: [
      { name: "dev", context: { cluster: "dev", user: "me", namespace: "shop" } },
      { name: "plain", context: { cluster: "dev", user: "", namespace: "" } },
      { name: "nowhere", context: { cluster: "empty", user: "me" } },
      { name: "broken", context: { cluster: "gone", user: "me" } },
      { name: "stranger", context: { cluster: "dev", user: "gone" } },
    ],
    "current-context": "dev",
  },
  "config",
);

test("a kubeconfig's current context resolves to its cluster, user and namespace", () => {
  const { cluster, user, namespace } = resolveContext(home);
  assert.equal(cluster.server, "https://dev:6443");
  assert.equal(user["client-certificate"], "me.pem");
  assert.equal(namespace, "shop");
});

test("a kubeconfig context without a namespace or a user means default and nobody", () => {
  assert.deepEqual(resolveContext(home, { context: "plain" }).user, {});
  assert.equal(resolveContext(home, { context: "plain" }).namespace, "default");
  assert.equal(resolveContext(home, { namespace: "other", user: "plugin" }).user.exec?.command, "./login");
});

for (const [context, message] of [
  ["absent", /there is no context "absent"; contexts: dev, plain/],
  ["nowhere", /cluster "empty" names no server/],
  ["broken", /there is no cluster "gone"/],
  ["stranger", /there is no user "gone"/],
] as const) {
  test(`a kubeconfig says what is missing from the context ${context}`, () => {
    assert.throws(() => resolveContext(home, { context }), message);
  });
}

test("a kubeconfig without a current context says so", () => {
  assert.throws(() => resolveContext({ ...home, currentContext: "" }), /no current-context is set/);
});

test("several kubeconfigs merge as kubectl merges them: the first to name something wins", () => {
  const other: Kubeconfig = {
    clusters: { dev: { server: "https://other" }, prod: { server: "https://prod" } },
    users: {},
    contexts: {},
    currentContext: "prod",
  };
  const merged = mergeKubeconfigs([{ ...home, currentContext: "" }, other]);
  assert.equal(merged.clusters.dev?.server, "https://dev:6443");
  assert.equal(merged.clusters.prod?.server, "https://prod");
  assert.equal(merged.currentContext, "prod");
});

test("paths in a kubeconfig are relative to its folder, and a bare plugin name is not a path", () => {
  const resolved = withResolvedPaths(home, (path) =>
    path.startsWith("/") ? path : `/home/me/.kube/${path}`,
  );
  assert.equal(resolved.clusters.dev?.["certificate-authority"], "/home/me/.kube/ca.pem");
  assert.equal(resolved.users.me?.["client-certificate"], "/home/me/.kube/me.pem");
  assert.equal(resolved.users.me?.["client-key"], "/abs/me.key");
  assert.equal(resolved.users.plugin?.exec?.command, "/home/me/.kube/./login");
  assert.equal(resolved.users.path?.exec?.command, "aws");
});

test("impersonation becomes headers, and needs a user", () => {
  assert.deepEqual(
    impersonationHeaders({
      as: "alice",
      "as-uid": "7",
      "as-groups": ["a", "b"],
      "as-user-extra": { "Example.com/Scope": ["x"], "a(b)": ["y"] },
    }),
    {
      "impersonate-user": "alice",
      "impersonate-uid": "7",
      "impersonate-group": ["a", "b"],
      "impersonate-extra-example.com%2fscope": ["x"],
      "impersonate-extra-a%28b%29": ["y"],
    },
  );
  assert.deepEqual(impersonationHeaders({}), {});
  assert.throws(() => impersonationHeaders({ "as-groups": ["a"] }), /need a user/);
});

for (const [name, document, message] of [
  ["a list", [], /a mapping is expected/],
  ["clusters that are no list", { clusters: {} }, /clusters must be a list/],
  ["two users of one name", { users: [{ name: "a" }, { name: "a" }] }, /two entries named "a"/],
  ["a user without a name", { users: [{ user: {} }] }, /needs a name/],
  ["a context that is a string", { contexts: [{ name: "a", context: "b" }] }, /context must be a mapping/],
] as const) {
  test(`a kubeconfig that is ${name} is refused with its file's name`, () => {
    assert.throws(() => readKubeconfig(document, "some-file"), message);
    assert.throws(() => readKubeconfig(document, "some-file"), /some-file/);
  });
}
