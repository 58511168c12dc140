import type { Strategy } from "../definition.ts";
import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from "./types.generated.ts";

export const mutatingWebhookStrategy: Strategy<MutatingWebhookConfiguration> = {
  unconditionalUpdate: false,
  generationFields: ["webhooks"],
};
export const validatingWebhookStrategy: Strategy<ValidatingWebhookConfiguration> = {
  unconditionalUpdate: false,
  generationFields: ["webhooks"],
};
