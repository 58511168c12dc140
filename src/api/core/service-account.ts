import { ageColumn, integerColumn, nameColumn } from "../columns.ts";
import { defineResource, subresource } from "../define.ts";
import { serviceAccounts } from "../resources.generated.ts";

export const serviceAccountDefinition = defineResource(serviceAccounts, {
  shortNames: ["sa"],
  columns: [
    nameColumn,
    // Upstream declares a string and sends a number; clients depend on the declared type.
    {
      ...integerColumn("Secrets", "Number of listed secrets.", ({ secrets }) => (secrets ?? []).length),
      type: "string",
    },
    ageColumn,
  ],
  strategy: {},
  subresources: [
    subresource("token", "TokenRequest", ["create"], { group: "authentication.k8s.io", version: "v1" }),
  ],
});
