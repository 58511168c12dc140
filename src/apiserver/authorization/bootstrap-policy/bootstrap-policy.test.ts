import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole, ClusterRoleBinding } from "../../../api/rbac/types.generated.ts";
import { rulesAllow } from "../rbac-rules.ts";
import { bootstrapPolicy } from "./bootstrap-policy.ts";
import { namespacedRoleTemplates } from "./namespace-roles.ts";
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

/** Facts of v1.36's policy that others have got wrong, or that differ from release to release. */
for (const [role, asked, want] of [
  ["view", "list events.k8s.io/events", true],
  ["view", "list core/events", true],
  ["view", "get core/secrets", false],
  ["view", "get discovery.k8s.io/endpointslices", true],
  ["edit", "create events.k8s.io/events", true],
  ["edit", "update core/endpoints", false],
  ["edit", "create core/pods/eviction", true],
  ["edit", "create core/serviceaccounts/token", true],
  ["edit", "create rbac.authorization.k8s.io/roles", false],
  ["admin", "create rbac.authorization.k8s.io/roles", true],
  ["admin", "update core/resourcequotas", false],
  ["admin", "delete resource.k8s.io/resourceclaims", true],
  ["system:monitoring", "get core/nodes/metrics", true],
  ["system:monitoring", "get /statusz", true],
  ["system:monitoring", "get /flagz", true],
  ["system:monitoring", "get /metrics/slis", true],
  ["system:monitoring", "get /debug/pprof/", false],
  ["system:discovery", "get /openapi/v3", true],
  ["system:basic-user", "create authentication.k8s.io/selfsubjectreviews", true],
  ["system:kubelet-api-admin", "get core/nodes/healthz", true],
  ["system:kubelet-api-admin", "create core/nodes/pods", true],
  ["system:node", "create events.k8s.io/events", true],
  ["system:node", "deletecollection resource.k8s.io/resourceslices", true],
  ["system:node", "create resource.k8s.io/resourceslices", false],
  ["system:node", "get core/serviceaccounts", true],
  ["system:kube-dns", "list core/services", true],
  ["system:kube-dns", "list discovery.k8s.io/endpointslices", false],
  ["system:node-proxier", "list networking.k8s.io/servicecidrs", true],
  ["system:kube-scheduler", "update resource.k8s.io/resourceclaims/binding", true],
  ["system:kube-scheduler", "create resource.k8s.io/resourceclaims", true],
  ["system:kube-scheduler", "update coordination.k8s.io/leasecandidates", true],
  ["system:kube-scheduler", "list resource.k8s.io/devicetaintrules", false],
  ["system:kube-scheduler", "list scheduling.k8s.io/podgroups", false],
  ["system:controller:expand-controller", "get core/services", false],
  ["system:controller:persistent-volume-binder", "get core/services", false],
  ["system:controller:pvc-protection-controller", "update core/persistentvolumeclaims/status", true],
  ["system:controller:device-taint-eviction-controller", "list resource.k8s.io/devicetaintrules", false],
  ["system:controller:resource-claim-controller", "patch resource.k8s.io/resourceclaims/binding", true],
  ["system:controller:job-controller", "create scheduling.k8s.io/podgroups", false],
  [
    "system:controller:clusterrole-aggregation-controller",
    "escalate rbac.authorization.k8s.io/clusterroles",
    true,
  ],
  ["system:controller:root-ca-cert-publisher", "delete core/configmaps", false],
  ["system:controller:legacy-service-account-token-cleaner", "delete core/secrets", true],
] as const) {
  test(`bootstrap policy: ${role} ${want ? "allows" : "does not allow"} ${asked}`, () =>
    assert.equal(rulesAllow(requestOf(asked), roleNamed(role).rules ?? []), want));
}

/** "verb group/resource[/subresource]" or "verb /path". */
function requestOf(asked: string) {
  const [verb = "", target = ""] = asked.split(" ");
  const [group = "", resource = "", subresource = ""] = target.split("/");
  const isResourceRequest = group !== "";
  return {
    verb,
    isResourceRequest,
    apiGroup: group === "core" ? "" : group,
    resource,
    subresource,
    name: "",
    path: isResourceRequest ? "" : target,
  };
}

test("bootstrap policy: roles of gates that are off in v1.36 are not there", () => {
  const names = policy.clusterRoles.map(({ metadata }) => metadata.name ?? "");
  for (const absent of [
    "system:cluster-trust-bundle-discovery",
    "system:controller:podcertificaterequestcleaner",
    "system:controller:kube-apiserver-serving-clustertrustbundle-publisher",
    "system:controller:storage-version-garbage-collector",
    "system:controller:storage-version-migrator-controller",
    "system:controller:resourcepoolstatusrequest-controller",
    "system:controller:podgroup-protection-controller",
  ])
    assert.ok(!names.includes(absent), absent);
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

for (const name of ["kube-controller-manager", "kube-scheduler"])
  test(`${name} leads by a lease of kube-system, or stands for it`, () => {
    const role = namespacedRoleTemplates.find((each) => each.name === `system::leader-locking-${name}`);
    assert.deepEqual(
      role?.rules.map(({ apiGroups, resources }) => [apiGroups, resources]),
      ["leases", "leasecandidates"].map((resource) => [["coordination.k8s.io"], [resource]]),
    );
  });
