import type { Program } from "../../apimachinery/cel/environment.ts";
import type { Clock } from "../../base/clock.ts";
import type {
  AuthorizationMode,
  ChainedAuthorizer,
  NamedAuthorizer,
} from "../authorization/create-authorizer.ts";
import {
  type AuthorizationWebhookMetrics,
  accessReviewWebhook,
} from "../review-webhook/access-review-webhook.ts";
import type { ReviewCaller } from "../review-webhook/review-caller.ts";
import {
  type AuthorizationConfiguration,
  type AuthorizerConfiguration,
  decodeAuthorizationConfiguration,
} from "./authorization-configuration.ts";
import { type FileChecks, validateAuthorizationConfiguration } from "./authorization-validation.ts";
import { aggregate } from "./load-authentication.ts";
import { ConfigurationError } from "./strict-decode.ts";

export interface AuthorizationLoading extends FileChecks {
  readonly clock: Clock;
  /** A caller for the cluster that a kubeconfig's current context names. Rejects with an Error for a file that is none. */
  readonly callerFor: (kubeconfig: string) => Promise<ReviewCaller>;
  readonly metrics?: AuthorizationWebhookMetrics;
  /** The policies of ABAC, as they were when the server started. Rejects with an Error where there are none. */
  readonly policies: () => Promise<NamedAuthorizer>;
}

/** The chain as a configuration has it; it may be replaced while the server runs. */
export interface ConfiguredAuthorization {
  chain(): readonly ChainedAuthorizer[];
  /** Takes over another file's text; rejects with ConfigurationError and stays as it is. */
  reload(text: string): Promise<void>;
}

/** Loads `--authorization-config`. Rejects with ConfigurationError for a file that says what cannot be. */
export async function loadAuthorization(
  text: string,
  loading: AuthorizationLoading,
): Promise<ConfiguredAuthorization> {
  return configuredAuthorization(await decodeAuthorizationConfiguration(text), loading);
}

/** As `loadAuthorization`, for what flags say. */
export async function configuredAuthorization(
  configuration: AuthorizationConfiguration,
  loading: AuthorizationLoading,
): Promise<ConfiguredAuthorization> {
  let current = await chainOf(configuration, loading);
  const started = (configuration.authorizers ?? [])
    .map(({ type = "" }) => type)
    .filter((type) => type !== "Webhook");
  return {
    chain: () => current,
    async reload(text) {
      current = await chainOf(await decodeAuthorizationConfiguration(text), loading, started);
    },
  };
}

/** Of these there is only what the server started with. */
const keptTypes = ["Node", "ABAC", "RBAC"];

async function chainOf(
  configuration: AuthorizationConfiguration,
  loading: AuthorizationLoading,
  started?: readonly string[],
): Promise<readonly ChainedAuthorizer[]> {
  const { errors, conditions } = validateAuthorizationConfiguration(configuration, loading);
  if (errors.length > 0) throw new ConfigurationError(aggregate(errors));
  const { authorizers = [] } = configuration;
  for (const { type = "", name = "" } of authorizers)
    if (type !== "Webhook" && name !== type.toLowerCase())
      throw new ConfigurationError(
        `expected name ${type.toLowerCase()} for authorizer ${type} instead of ${name}`,
      );
  if (started !== undefined) checkStarted(authorizers, started);
  return Promise.all(
    authorizers.map((authorizer, index) => entryOf(authorizer, conditions[index] ?? [], loading)),
  );
}

function checkStarted(authorizers: readonly AuthorizerConfiguration[], started: readonly string[]): void {
  const missing = started.filter((mode) => !authorizers.some(({ type }) => type === mode));
  if (missing.length > 0) throw new ConfigurationError(`missing required types: ${missing.join(", ")}`);
  const late = authorizers.find(({ type = "" }) => keptTypes.includes(type) && !started.includes(type));
  if (late !== undefined)
    throw new ConfigurationError(
      `authorizer type ${late.type} is not allowed if it was not enabled at initial server startup`,
    );
}

async function entryOf(
  { type, name = "", webhook }: AuthorizerConfiguration,
  conditions: readonly Program[],
  { clock, callerFor, metrics, policies }: AuthorizationLoading,
): Promise<ChainedAuthorizer> {
  if (type === "ABAC") return policies();
  if (webhook === undefined) return type as AuthorizationMode; // validated: one of them
  const caller = await callerFor(webhook.connectionInfo?.kubeConfigFile ?? "").catch((error: unknown) => {
    throw new ConfigurationError(error instanceof Error ? error.message : String(error));
  });
  return {
    type: "Webhook",
    name,
    ...accessReviewWebhook({
      caller,
      clock,
      name,
      ...(metrics === undefined ? {} : { metrics }),
      version: webhook.subjectAccessReviewVersion === "v1beta1" ? "v1beta1" : "v1",
      authorizedTtlMs: webhook.cacheAuthorizedRequests === false ? 0 : (webhook.authorizedTTL ?? 0),
      unauthorizedTtlMs: webhook.cacheUnauthorizedRequests === false ? 0 : (webhook.unauthorizedTTL ?? 0),
      timeoutMs: webhook.timeout ?? 0,
      failurePolicy: webhook.failurePolicy === "Deny" ? "Deny" : "NoOpinion",
      conditions,
    }),
  };
}
