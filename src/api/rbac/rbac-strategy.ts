import type { Strategy } from "../definition.ts";
import { fillEmpty, mapField, mapItems } from "../fill.ts";
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from "./types.generated.ts";

const rbacGroup = "rbac.authorization.k8s.io";

export const roleStrategy: Strategy<Role> = { createOnUpdate: true };
export const clusterRoleStrategy: Strategy<ClusterRole> = { createOnUpdate: true };

export const roleBindingStrategy: Strategy<RoleBinding> = { createOnUpdate: true, defaults: defaultBinding };
export const clusterRoleBindingStrategy: Strategy<ClusterRoleBinding> = {
  createOnUpdate: true,
  defaults: defaultBinding,
};

/** Roles, users and groups are of this group; service accounts of the core group. */
function defaultBinding<T extends RoleBinding | ClusterRoleBinding>(binding: T): T {
  const withRole = mapField<RoleBinding | ClusterRoleBinding, "roleRef">(binding, "roleRef", (reference) =>
    fillEmpty(reference, { apiGroup: rbacGroup }),
  );
  return mapField(withRole, "subjects", (subjects) => mapItems(subjects, defaultSubject)) as T; // only copies
}

function defaultSubject(subject: Subject): Subject {
  return subject.kind === "User" || subject.kind === "Group"
    ? fillEmpty(subject, { apiGroup: rbacGroup })
    : subject;
}
