import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { serviceCIDRs } from "../resources.generated.ts";
import { serviceCidrStrategy } from "./address-strategy.ts";

export const serviceCidrDefinition = defineResource(serviceCIDRs, {
  hasStatus: true,
  columns: [
    nameColumn,
    stringColumn("CIDRs", "Ranges of service addresses.", ({ spec }) => (spec?.cidrs ?? []).join(",")),
    ageColumn,
  ],
  strategy: serviceCidrStrategy,
});
