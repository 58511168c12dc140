import type { Strategy } from "../definition.ts";
import { fillEmpty, mapField, mapItems } from "../fill.ts";
import {
  rbacGroup,
  roleRefChange,
  validateClusterRole,
  validateClusterRoleBinding,
  validateRole,
  validateRoleBinding,
} from "./rbac-validation.ts";
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from "./types.generated.ts";

export const roleStrategy: Strategy<Role> = {
  validate: validateRole,
  validateUpdate: validateRole,
  createOnUpdate: true,
};
export const clusterRoleStrategy: Strategy<ClusterRole> = {
  validate: validateClusterRole,
  validateUpdate: validateClusterRole,
  createOnUpdate: true,
};

export const roleBindingStrategy: Strategy<RoleBinding> = {
  validate: validateRoleBinding,
  validateUpdate: (object, old) => [...validateRoleBinding(object), ...roleRefChange(object, old)],
  createOnUpdate: true,
  defaults: defaultBinding,
};
export const clusterRoleBindingStrategy: Strategy<ClusterRoleBinding> = {
  validate: validateClusterRoleBinding,
  validateUpdate: (object, old) => [...validateClusterRoleBinding(object), ...roleRefChange(object, old)],
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
