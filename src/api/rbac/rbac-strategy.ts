import type { Strategy } from "../definition.ts";
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "./types.generated.ts";

export const roleStrategy: Strategy<Role> = { createOnUpdate: true };
export const clusterRoleStrategy: Strategy<ClusterRole> = { createOnUpdate: true };
export const roleBindingStrategy: Strategy<RoleBinding> = { createOnUpdate: true };
export const clusterRoleBindingStrategy: Strategy<ClusterRoleBinding> = { createOnUpdate: true };
