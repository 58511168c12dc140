import type { PolicyRule, Subject } from "../../../api/rbac/types.generated.ts";
import { serviceAccount, user } from "./cluster-roles.ts";
import { allow, events, read } from "./rule.ts";

export interface NamespacedRoleTemplate {
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly PolicyRule[];
}

export interface NamespacedBindingTemplate {
  readonly namespace: string;
  readonly name: string;
  readonly role: string;
  readonly subjects: readonly Subject[];
}

const system = "kube-system";

export const namespacedRoleTemplates: readonly NamespacedRoleTemplate[] = [
  {
    namespace: system,
    name: "extension-apiserver-authentication-reader",
    rules: [allow(read, "core", "configmaps", "extension-apiserver-authentication")],
  },
  {
    namespace: system,
    name: "system:controller:bootstrap-signer",
    rules: [allow(read, "core", "secrets")],
  },
  {
    namespace: system,
    name: "system:controller:cloud-provider",
    rules: [allow("create get list watch", "core", "configmaps")],
  },
  {
    namespace: system,
    name: "system:controller:token-cleaner",
    rules: [allow("get list watch delete", "core", "secrets"), events],
  },
  ...["kube-controller-manager", "kube-scheduler"].map((component) => ({
    namespace: system,
    name: `system::leader-locking-${component}`,
    rules: ["leases", "leasecandidates"].map((resource) =>
      allow("get watch list create update", "coordination.k8s.io", resource),
    ),
  })),
  {
    namespace: "kube-public",
    name: "system:controller:bootstrap-signer",
    rules: [allow(read, "core", "configmaps"), allow("update", "core", "configmaps", "cluster-info"), events],
  },
];

const ofControllers = (namespace: string, name: string): NamespacedBindingTemplate => ({
  namespace,
  name: `system:controller:${name}`,
  role: `system:controller:${name}`,
  subjects: [serviceAccount(system, name)],
});

export const namespacedBindingTemplates: readonly NamespacedBindingTemplate[] = [
  {
    namespace: system,
    name: "system::extension-apiserver-authentication-reader",
    role: "extension-apiserver-authentication-reader",
    subjects: [user("system:kube-controller-manager"), user("system:kube-scheduler")],
  },
  ...["kube-controller-manager", "kube-scheduler"].map((component) => ({
    namespace: system,
    name: `system::leader-locking-${component}`,
    role: `system::leader-locking-${component}`,
    subjects: [
      user(`system:${component}`),
      serviceAccount(system, component),
      ...(component === "kube-scheduler" ? [] : [serviceAccount(system, "leader-election-controller")]),
    ],
  })),
  ofControllers(system, "bootstrap-signer"),
  ofControllers(system, "cloud-provider"),
  ofControllers(system, "token-cleaner"),
  ofControllers("kube-public", "bootstrap-signer"),
];
