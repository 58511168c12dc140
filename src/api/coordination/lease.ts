import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { leases } from "../resources.generated.ts";
import { leaseStrategy } from "./lease-strategy.ts";

export const leaseDefinition = defineResource(leases, {
  columns: [
    nameColumn,
    stringColumn("Holder", "Who holds it.", ({ spec }) => spec?.holderIdentity ?? ""),
    ageColumn,
  ],
  strategy: leaseStrategy,
});
