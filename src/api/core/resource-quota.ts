import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { mapField } from "../fill.ts";
import { resourceQuotas } from "../resources.generated.ts";
import {
  validateQuotaStatus,
  validateResourceQuota,
  validateResourceQuotaUpdate,
} from "./quota-validation.ts";
import { roundResourceList } from "./resource-defaults.ts";
import type { ResourceQuota } from "./types.generated.ts";

function usage({ status }: ResourceQuota, ofLimits: boolean): string {
  const { hard = {}, used = {} } = status ?? {};
  return Object.keys(hard)
    .filter((name) => name.startsWith("limits.") === ofLimits)
    .sort()
    .map((name) => `${name}: ${used[name] ?? "0"}/${hard[name] ?? "0"}`)
    .join(", ");
}

export const resourceQuotaDefinition = defineResource(resourceQuotas, {
  shortNames: ["quota"],
  hasStatus: true,
  columns: [
    nameColumn,
    stringColumn("Request", "What is used of what may be requested.", (quota) => usage(quota, false)),
    stringColumn("Limit", "What is used of what limits may add up to.", (quota) => usage(quota, true)),
    ageColumn,
  ],
  strategy: {
    generationFields: [],
    defaults: (quota) => ({
      ...quota,
      spec: mapField(quota.spec ?? {}, "hard", roundResourceList),
      status: quota.status ?? {},
    }),
    prepareForCreate: (quota) => ({ ...quota, status: {} }),
    validate: validateResourceQuota,
    validateUpdate: validateResourceQuotaUpdate,
    validateStatusUpdate: validateQuotaStatus,
  },
});
