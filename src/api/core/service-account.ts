import { ageColumn, integerColumn, nameColumn } from "../columns.ts";
import { defineResource, subresource } from "../define.ts";
import { serviceAccounts } from "../resources.generated.ts";

const mountableSecrets = "kubernetes.io/enforce-mountable-secrets";

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
  strategy: {
    warnings: ({ metadata }) =>
      metadata.annotations?.[mountableSecrets] === undefined
        ? []
        : [
            `metadata.annotations[${mountableSecrets}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
          ],
  },
  subresources: [
    subresource("token", "TokenRequest", ["create"], { group: "authentication.k8s.io", version: "v1" }),
  ],
});
