import { pathSegment } from "../../apimachinery/names.ts";
import { ageColumn, nameColumn, stringColumn, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import { clusterRoleBindings, roleBindings } from "../resources.generated.ts";
import { clusterRoleBindingStrategy, roleBindingStrategy } from "./rbac-strategy.ts";
import type { ClusterRoleBinding, RoleBinding, Subject } from "./types.generated.ts";

function subjectsColumn(name: string, kind: string): Column<RoleBinding | ClusterRoleBinding> {
  const show = ({ name, namespace = "" }: Subject) =>
    kind === "ServiceAccount" ? `${namespace}/${name}` : name;
  return wide(
    stringColumn(name, `Subjects of the kind ${kind}.`, ({ subjects }) =>
      (subjects ?? [])
        .filter((subject) => subject.kind === kind)
        .map(show)
        .join(", "),
    ),
  );
}

const columns: readonly Column<RoleBinding | ClusterRoleBinding>[] = [
  nameColumn,
  stringColumn("Role", "The role that is granted.", ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
  ageColumn,
  subjectsColumn("Users", "User"),
  subjectsColumn("Groups", "Group"),
  subjectsColumn("ServiceAccounts", "ServiceAccount"),
];

export const roleBindingDefinition = defineResource(roleBindings, {
  checkName: pathSegment,
  columns,
  strategy: roleBindingStrategy,
});

export const clusterRoleBindingDefinition = defineResource(clusterRoleBindings, {
  checkName: pathSegment,
  columns,
  strategy: clusterRoleBindingStrategy,
});
