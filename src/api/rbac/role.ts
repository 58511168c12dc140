import { pathSegment } from "../../apimachinery/names.ts";
import { plainColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { clusterRoles, roles } from "../resources.generated.ts";
import { clusterRoleStrategy, roleStrategy } from "./rbac-strategy.ts";

export const roleDefinition = defineResource(roles, {
  checkName: pathSegment,
  columns: plainColumns,
  strategy: roleStrategy,
});

export const clusterRoleDefinition = defineResource(clusterRoles, {
  checkName: pathSegment,
  columns: plainColumns,
  strategy: clusterRoleStrategy,
});
