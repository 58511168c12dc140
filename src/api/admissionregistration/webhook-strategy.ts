import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField, mapItems } from "../fill.ts";
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "./types.generated.ts";
import { validateWebhooks } from "./webhook-validation.ts";

export const mutatingWebhookStrategy: Strategy<MutatingWebhookConfiguration> = {
  validate: validateWebhooks,
  validateUpdate: validateWebhooks,
  unconditionalUpdate: false,
  generationFields: ["webhooks"],
  defaults: (object) =>
    mapField(object, "webhooks", (webhooks) =>
      mapItems(webhooks, (webhook) => fillAbsent(defaultWebhook(webhook), { reinvocationPolicy: "Never" })),
    ),
};

export const validatingWebhookStrategy: Strategy<ValidatingWebhookConfiguration> = {
  validate: validateWebhooks,
  validateUpdate: validateWebhooks,
  unconditionalUpdate: false,
  generationFields: ["webhooks"],
  defaults: (object) => mapField(object, "webhooks", (webhooks) => mapItems(webhooks, defaultWebhook)),
};

function defaultWebhook<T extends ValidatingWebhook | MutatingWebhook>(webhook: T): T {
  const filled = fillAbsent<ValidatingWebhook | MutatingWebhook>(webhook, {
    failurePolicy: "Fail",
    matchPolicy: "Equivalent",
    namespaceSelector: {},
    objectSelector: {},
    timeoutSeconds: 10,
  });
  const withRules = mapField(filled, "rules", (rules) =>
    mapItems(rules, (rule) => fillAbsent(rule, { scope: "*" })),
  );
  return mapField(withRules, "clientConfig", (client) =>
    mapField(client, "service", (service) => fillAbsent(service, { port: 443 })),
  ) as T; // only copies
}
