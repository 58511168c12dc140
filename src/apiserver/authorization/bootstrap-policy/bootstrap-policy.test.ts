import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole, ClusterRoleBinding } from "../../../api/rbac/types.generated.ts";
import { bootstrapPolicy } from "./bootstrap-policy.ts";
import { reconcileBinding, reconcileRole } from "./reconcile-policy.ts";

const policy = bootstrapPolicy();
const roleNamed = (name: string) =>
  policy.clusterRoles.find((role) => role.metadata.name === name) as ClusterRole;
const bindingNamed = (name: string) =>
  policy.clusterRoleBindings.find((binding) => binding.metadata.name === name) as ClusterRoleBinding;

test("bootstrap policy: every object is labelled, and every binding's role exists", () => {
  const names = new Set(policy.clusterRoles.map((role) => role.metadata.name));
  for (const { metadata } of [...policy.clusterRoles, ...policy.roles])
    assert.equal(metadata.labels?.["kubernetes.io/bootstrapping"], "rbac-defaults");
  for (const binding of policy.clusterRoleBindings) assert.ok(names.has(binding.roleRef.name));
  for (const binding of policy.roleBindings)
    assert.ok(
      policy.roles.some(
        ({ metadata }) =>
          metadata.name === binding.roleRef.name && metadata.namespace === binding.metadata.namespace,
      ),
    );
});

test("bootstrap policy: aggregated roles hold the rules of what they select from the first moment", () => {
  assert.ok(roleNamed("admin").rules?.some((rule) => rule.resources?.includes("rolebindings")));
  assert.ok(roleNamed("admin").rules?.some((rule) => rule.resources?.includes("pods/log")));
  assert.ok(!roleNamed("edit").rules?.some((rule) => rule.resources?.includes("rolebindings")));
  assert.ok(!roleNamed("view").rules?.some((rule) => rule.resources?.includes("secrets")));
});

const scheduler = roleNamed("system:kube-scheduler");
const stored = (role: ClusterRole, changes: object): ClusterRole => ({ ...role, ...changes });
for (const { name, existing, want } of [
  { name: "creates what is missing", existing: undefined, want: "create" },
  { name: "leaves what is there", existing: scheduler, want: "none" },
  {
    name: "keeps rules that were added",
    existing: stored(scheduler, { rules: [...(scheduler.rules ?? []), ...(roleNamed("view").rules ?? [])] }),
    want: "none",
  },
  {
    name: "restores rules that were taken away",
    existing: stored(scheduler, { rules: scheduler.rules?.slice(3) }),
    want: "update",
  },
  { name: "restores the label", existing: stored(scheduler, { metadata: { name: "x" } }), want: "update" },
  {
    name: "leaves a role that an administrator took over",
    existing: stored(scheduler, {
      rules: [],
      metadata: { name: "x", annotations: { "rbac.authorization.kubernetes.io/autoupdate": "false" } },
    }),
    want: "none",
  },
]) {
  test(`bootstrap policy: ${name}`, () => assert.equal(reconcileRole(existing, scheduler).type, want));
}

test("bootstrap policy: the rules of an aggregated role are left to the aggregation controller", () => {
  assert.equal(reconcileRole(stored(roleNamed("view"), { rules: [] }), roleNamed("view")).type, "none");
});

test("bootstrap policy: adds a missing subject and keeps the others", () => {
  const wanted = bindingNamed("system:basic-user");
  const existing: ClusterRoleBinding = { ...wanted, subjects: [{ kind: "User", name: "x" }] };
  const change = reconcileBinding(existing, wanted);
  assert.equal(change.type, "update");
  assert.deepEqual(change.type === "update" && change.object.subjects?.map((subject) => subject.name), [
    "x",
    "system:authenticated",
  ]);
});

test("bootstrap policy: a binding to another role is made anew", () => {
  const wanted = bindingNamed("system:basic-user");
  const existing = { ...wanted, roleRef: { ...wanted.roleRef, name: "cluster-admin" } };
  assert.equal(reconcileBinding(existing, wanted).type, "recreate");
});
