import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyRule } from "../../api/rbac/types.generated.ts";
import type { AuthorizationAttributes } from "../stages.ts";
import { bootstrapPolicy } from "./bootstrap-policy/bootstrap-policy.ts";
import { createAuthorizer } from "./create-authorizer.ts";
import { forbiddenRequest } from "./forbidden.ts";
import { compactRules, describeRule, ruleAllows, uncoveredRules } from "./rbac-rules.ts";
import { staticInformers } from "./static-informers.ts";

const request = (attributes: Partial<AuthorizationAttributes>): AuthorizationAttributes => ({
  user: { name: "jane", groups: ["devs"] },
  verb: "get",
  isResourceRequest: true,
  apiGroup: "",
  apiVersion: "v1",
  resource: "pods",
  subresource: "",
  namespace: "default",
  name: "",
  path: "",
  ...attributes,
});

const pods: PolicyRule = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] };

for (const { name, rule, ask, want } of [
  { name: "its verb and resource", rule: pods, ask: {}, want: true },
  { name: "no other verb", rule: pods, ask: { verb: "delete" }, want: false },
  { name: "no other group", rule: pods, ask: { apiGroup: "apps" }, want: false },
  { name: "no subresource unless it is named", rule: pods, ask: { subresource: "log" }, want: false },
  {
    name: "a subresource that is named",
    rule: { ...pods, resources: ["pods/log"] },
    ask: { subresource: "log" },
    want: true,
  },
  {
    name: "not the resource when only a subresource is named",
    rule: { ...pods, resources: ["pods/log"] },
    ask: {},
    want: false,
  },
  {
    name: "all subresources with a star",
    rule: { ...pods, resources: ["*"] },
    ask: { subresource: "log" },
    want: true,
  },
  {
    name: "one subresource of everything",
    rule: { ...pods, apiGroups: ["*"], resources: ["*/scale"] },
    ask: { apiGroup: "apps", resource: "deployments", subresource: "scale" },
    want: true,
  },
  {
    name: "only the named objects",
    rule: { ...pods, resourceNames: ["a"] },
    ask: { name: "b" },
    want: false,
  },
  { name: "the named object", rule: { ...pods, resourceNames: ["a"] }, ask: { name: "a" }, want: true },
  {
    name: "no list when objects are named",
    rule: { ...pods, resourceNames: ["a"] },
    ask: { verb: "list" },
    want: false,
  },
  {
    name: "a path by prefix",
    rule: { verbs: ["get"], nonResourceURLs: ["/healthz/*"] },
    ask: { isResourceRequest: false, path: "/healthz/etcd" },
    want: true,
  },
  {
    name: "no path that only begins alike",
    rule: { verbs: ["get"], nonResourceURLs: ["/healthz"] },
    ask: { isResourceRequest: false, path: "/healthzz" },
    want: false,
  },
  {
    name: "no path through a resource rule",
    rule: { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
    ask: { isResourceRequest: false, path: "/metrics" },
    want: false,
  },
]) {
  test(`RBAC: a rule allows ${name}`, () => assert.equal(ruleAllows(request(ask), rule), want));
}

for (const { name, owned, wanted, missing } of [
  { name: "the same rule", owned: [pods], wanted: [pods], missing: [] },
  {
    name: "all but what is more",
    owned: [pods],
    wanted: [{ ...pods, verbs: ["get", "delete"], resources: ["pods", "secrets"] }],
    missing: [
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}',
    ],
  },
  {
    name: "names under a rule without names",
    owned: [pods],
    wanted: [{ ...pods, resourceNames: ["a"] }],
    missing: [],
  },
  {
    name: "not every object under a rule with names",
    owned: [{ ...pods, verbs: ["get"], resourceNames: ["a"] }],
    wanted: [{ ...pods, verbs: ["get"] }],
    missing: ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
  },
  {
    name: "everything under cluster-admin",
    owned: [
      { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
      { verbs: ["*"], nonResourceURLs: ["*"] },
    ],
    wanted: [pods, { verbs: ["get"], nonResourceURLs: ["/metrics"] }],
    missing: [],
  },
  {
    name: "not everything under a list of all there is today",
    owned: [{ ...pods, verbs: ["get", "list", "watch"] }],
    wanted: [{ ...pods, verbs: ["*"] }],
    missing: ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'],
  },
] satisfies { name: string; owned: PolicyRule[]; wanted: PolicyRule[]; missing: string[] }[]) {
  test(`RBAC: rules cover ${name}`, () =>
    assert.deepEqual(compactRules(uncoveredRules(owned, wanted)).map(describeRule), missing));
}

const policy = bootstrapPolicy();
const binding = (name: string, role: string, subject: object, namespace?: string) => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: namespace === undefined ? "ClusterRoleBinding" : "RoleBinding",
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
  subjects: [subject],
});
const authorizer = createAuthorizer({
  informers: staticInformers({
    clusterroles: policy.clusterRoles,
    roles: policy.roles,
    clusterrolebindings: [
      ...policy.clusterRoleBindings,
      binding("lost", "gone", { kind: "User", name: "lost" }),
    ],
    rolebindings: [
      ...policy.roleBindings,
      binding("devs", "edit", { kind: "Group", name: "devs" }, "default"),
      binding("robot", "view", { kind: "ServiceAccount", name: "robot" }, "default"),
      binding("boss", "admin", { kind: "User", name: "boss" }, "default"),
    ],
  }),
  synced: async () => {},
});

const authenticated = ["system:authenticated"];
const robot = {
  name: "system:serviceaccount:default:robot",
  groups: ["system:serviceaccounts", "system:serviceaccounts:default", ...authenticated],
};
const controller = (name: string) => ({
  name: `system:serviceaccount:kube-system:${name}`,
  groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", ...authenticated],
});
const scheduler = { name: "system:kube-scheduler", groups: authenticated };
const anonymous = { name: "system:anonymous", groups: ["system:unauthenticated"] };
const leases = { apiGroup: "coordination.k8s.io", resource: "leases" };
const path = (url: string) => ({ isResourceRequest: false, path: url });

for (const { name, ask, want } of [
  {
    name: "system:masters everything",
    ask: { user: { name: "root", groups: ["system:masters"] }, verb: "delete", resource: "nodes" },
    want: true,
  },
  { name: "an editor to create pods in their namespace", ask: { verb: "create" }, want: true },
  {
    name: "an editor nothing in another namespace",
    ask: { verb: "create", namespace: "other" },
    want: false,
  },
  {
    name: "an editor no role",
    ask: { verb: "create", apiGroup: "rbac.authorization.k8s.io", resource: "roles" },
    want: false,
  },
  {
    name: "an admin roles",
    ask: {
      user: { name: "boss", groups: [] },
      verb: "create",
      apiGroup: "rbac.authorization.k8s.io",
      resource: "roles",
    },
    want: true,
  },
  {
    name: "an admin what editors may",
    ask: { user: { name: "boss", groups: [] }, verb: "delete", resource: "secrets" },
    want: true,
  },
  {
    name: "an admin no quota change",
    ask: { user: { name: "boss", groups: [] }, verb: "update", resource: "resourcequotas" },
    want: false,
  },
  { name: "a viewer to list pods", ask: { user: robot, verb: "list" }, want: true },
  { name: "a viewer no secrets", ask: { user: robot, resource: "secrets" }, want: false },
  {
    name: "anyone to ask for their own access",
    ask: {
      user: robot,
      verb: "create",
      apiGroup: "authorization.k8s.io",
      resource: "selfsubjectaccessreviews",
      namespace: "",
    },
    want: true,
  },
  { name: "anonymous to see the health", ask: { user: anonymous, ...path("/readyz") }, want: true },
  { name: "anonymous no API groups", ask: { user: anonymous, ...path("/apis") }, want: false },
  { name: "the authenticated to discover", ask: { user: robot, ...path("/apis/apps/v1") }, want: true },
  {
    name: "the scheduler to bind pods",
    ask: { user: scheduler, verb: "create", subresource: "binding" },
    want: true,
  },
  {
    name: "the scheduler its own lease",
    ask: { user: scheduler, verb: "update", ...leases, name: "kube-scheduler" },
    want: true,
  },
  {
    name: "the scheduler no other lease",
    ask: { user: scheduler, verb: "update", ...leases, name: "x" },
    want: false,
  },
  {
    name: "the replica set controller to create pods",
    ask: { user: controller("replicaset-controller"), verb: "create" },
    want: true,
  },
  {
    name: "the garbage collector to delete anything",
    ask: {
      user: controller("generic-garbage-collector"),
      verb: "delete",
      apiGroup: "example.com",
      resource: "widgets",
    },
    want: true,
  },
] satisfies { name: string; ask: Partial<AuthorizationAttributes>; want: boolean }[]) {
  test(`RBAC: the bootstrap policy allows ${name}`, async () => {
    const decision = await authorizer.authorize(request(ask));
    assert.equal(decision.allowed, want, decision.reason);
  });
}

test("RBAC: says through which binding a request was allowed", async () => {
  const { reason } = await authorizer.authorize(request({ user: robot }));
  assert.equal(
    reason,
    'RBAC: allowed by RoleBinding "robot/default" of ClusterRole "view" to ServiceAccount "robot/default"',
  );
});

test("RBAC: a binding to a role that is not there is named in the refusal", async () => {
  const ask = request({ user: { name: "lost", groups: [] } });
  const { allowed, reason } = await authorizer.authorize(ask);
  assert.equal(allowed, false);
  assert.equal(
    forbiddenRequest(ask, reason).message,
    'pods is forbidden: User "lost" cannot get resource "pods" in API group "" in the namespace "default": RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  );
});

for (const { ask, want } of [
  {
    ask: { verb: "list" },
    want: 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
  },
  {
    ask: { namespace: "", apiGroup: "apps", resource: "deployments", subresource: "scale", name: "x" },
    want: 'deployments.apps "x" is forbidden: User "jane" cannot get resource "deployments/scale" in API group "apps" at the cluster scope',
  },
  { ask: { resource: "", ...path("/metrics") }, want: 'forbidden: User "jane" cannot get path "/metrics"' },
]) {
  test(`a refusal reads ${want}`, () => assert.equal(forbiddenRequest(request(ask), "").message, want));
}

test("RBAC: rules for a user are those of all their bindings", async () => {
  const report = await authorizer.rulesFor(robot, "default");
  assert.equal(report.incomplete, false);
  assert.ok(report.rules.some((rule) => rule.resources?.includes("pods/log")));
  assert.ok(report.rules.some((rule) => rule.nonResourceURLs?.includes("/apis")));
});
