import { ageColumn, integerColumn, nameColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from "../resources.generated.ts";
import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from "./types.generated.ts";
import { mutatingWebhookStrategy, validatingWebhookStrategy } from "./webhook-strategy.ts";

const columns: readonly Column<MutatingWebhookConfiguration | ValidatingWebhookConfiguration>[] = [
  nameColumn,
  integerColumn("Webhooks", "Number of webhooks.", ({ webhooks }) => (webhooks ?? []).length),
  ageColumn,
];

export const mutatingWebhookConfigurationDefinition = defineResource(mutatingWebhookConfigurations, {
  categories: ["api-extensions"],
  columns,
  strategy: mutatingWebhookStrategy,
});

export const validatingWebhookConfigurationDefinition = defineResource(validatingWebhookConfigurations, {
  categories: ["api-extensions"],
  columns,
  strategy: validatingWebhookStrategy,
});
