import type { ResourceDefinition } from "../../api/definition.ts";
import type { AdmissionPlugin } from "../stages.ts";
import type { AdmissionDependencies } from "./dependencies.ts";
import type { TolerationSeconds } from "./pod-defaults.ts";
import type { PodSecurityConfiguration } from "./pod-security/pod-security.ts";
import type { LimitedResource } from "./quota-check.ts";
import type { WebhookCredentials } from "./webhooks/caller.ts";

/** What plugins that are off by default read. */
export interface OptionalPluginDependencies extends AdmissionDependencies {
  readonly policies?: { readonly definitions: () => readonly ResourceDefinition[] };
}

export type PluginFactory = (dependencies: OptionalPluginDependencies) => AdmissionPlugin;

/** What flags say of admission plugins. */
export interface AdmissionPlugins {
  readonly disabled: readonly string[];
  readonly added: readonly PluginFactory[];
  readonly podSecurity?: PodSecurityConfiguration;
  readonly tolerationSeconds?: TolerationSeconds;
  /** What is not consumed without a quota. */
  readonly limitedResources?: readonly LimitedResource[];
  /** As whom webhooks are asked. */
  readonly mutatingCredentials?: WebhookCredentials;
  readonly validatingCredentials?: WebhookCredentials;
}
