import { ageColumn, nameColumn } from "../columns.ts";
import { defineResource, subresource } from "../define.ts";
import { mapField, mapItems } from "../fill.ts";
import { serviceAccounts } from "../resources.generated.ts";
import type { ServiceAccount } from "./types.generated.ts";

const mountableSecrets = "kubernetes.io/enforce-mountable-secrets";

export const serviceAccountDefinition = defineResource(serviceAccounts, {
  shortNames: ["sa"],
  columns: [nameColumn, ageColumn],
  strategy: {
    prepareForCreate: withNamesOfSecrets,
    prepareForUpdate: (account) => withNamesOfSecrets(account),
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

/** Secrets are of the account's own namespace: nothing of a reference counts but the name. */
function withNamesOfSecrets(account: ServiceAccount): ServiceAccount {
  return mapField(account, "secrets", (secrets) => mapItems(secrets, ({ name }) => (name ? { name } : {})));
}
