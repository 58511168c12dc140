import assert from "node:assert/strict";
import { test } from "node:test";
import type { AdmissionAttributes, AuthorizationAttributes } from "../stages.ts";
import { rbacEscalation } from "./rbac-escalation.ts";
import { admitted, attributesFor, fixedDependencies, object } from "./test-support.ts";

const group = "rbac.authorization.k8s.io";
const stored = (kind: string, name: string, fields: object, metadata: object = {}) =>
  object(kind, name, fields, metadata) as never;
const readPods = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] };
const readSecrets = { verbs: ["get"], apiGroups: [""], resources: ["secrets"] };

/** jane may read pods everywhere, and these verbs on roles. */
function plugin(...verbs: readonly string[]) {
  const dependencies = fixedDependencies({
    clusterroles: [
      stored("ClusterRole", "pods", { rules: [readPods] }),
      stored("ClusterRole", "secrets", { rules: [readSecrets] }),
    ],
    clusterrolebindings: [
      stored("ClusterRoleBinding", "janes", {
        roleRef: { apiGroup: group, kind: "ClusterRole", name: "pods" },
        subjects: [{ kind: "User", apiGroup: group, name: "jane" }],
      }),
    ],
  });
  const authorize = ({ verb, name }: AuthorizationAttributes) => ({
    allowed: verbs.includes(`${verb} ${name}`),
    reason: "",
  });
  return rbacEscalation({ ...dependencies, authorizer: { authorize } });
}

const resourceOf = (resource: string) => ({ resource: { group, version: "v1", resource } });
const role = (fields: object, metadata: object = {}) => object("ClusterRole", "r", fields, metadata);
const binding = (name: string) =>
  object("RoleBinding", "b", { roleRef: { apiGroup: group, kind: "ClusterRole", name }, subjects: [] });
const anything = { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] };
const notHeld =
  'user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}';
const needsAdmin = "must have cluster-admin privileges to use an aggregationRule";

for (const { name, verbs = [], resource = "clusterroles", given, fields = {}, want } of [
  { name: "grants what they hold", given: role({ rules: [readPods] }) },
  { name: "does not grant what they do not hold", given: role({ rules: [readSecrets] }), want: notHeld },
  {
    name: "grants more where they may escalate the role",
    verbs: ["escalate r"],
    given: role({ rules: [readSecrets] }),
  },
  {
    name: "does not let a role gather rules",
    given: role({ rules: [], aggregationRule: anything }),
    want: needsAdmin,
  },
  {
    name: "does not stop a role from gathering, which would keep what it has",
    given: role({ rules: [readPods] }),
    fields: { oldObject: role({ rules: [readPods], aggregationRule: anything }) as never },
    want: needsAdmin,
  },
  { name: "binds a role they hold", resource: "rolebindings", given: binding("pods") },
  {
    name: "does not bind a role they do not hold",
    resource: "rolebindings",
    given: binding("secrets"),
    want: notHeld,
  },
  {
    name: "binds a role they may bind",
    verbs: ["bind secrets"],
    resource: "rolebindings",
    given: binding("secrets"),
  },
  {
    name: "lets the garbage collector take owners off",
    given: role({ rules: [readSecrets] }),
    fields: { oldObject: role({ rules: [readSecrets] }, { ownerReferences: [{ name: "x" }] }) as never },
  },
] as {
  name: string;
  verbs?: string[];
  resource?: string;
  given: object;
  fields?: Partial<AdmissionAttributes>;
  want?: string;
}[]) {
  test(`RBAC escalation: a user ${name}`, async () => {
    const attributes = attributesFor(resource, given, { ...resourceOf(resource), ...fields });
    const result = await admitted(plugin(...verbs), attributes);
    if (want === undefined) assert.equal(typeof result, "object", String(result));
    else assert.ok(String(result).endsWith(`is forbidden: ${want}`), String(result));
  });
}
