import { readFile } from "node:fs/promises";
import { cachedTokens } from "../../apiserver/authentication/cached-tokens.ts";
import type { AnonymousAccess, RemoteHeaders } from "../../apiserver/authentication/create-authenticator.ts";
import type { TokenAuthenticator } from "../../apiserver/authentication/token-authenticator.ts";
import { readTokenFile } from "../../apiserver/authentication/token-file.ts";
import type { ChainedAuthorizer, NamedAuthorizer } from "../../apiserver/authorization/create-authorizer.ts";
import type { AuthenticationConfiguration } from "../../apiserver/configuration/authentication-configuration.ts";
import type { AuthorizationConfiguration } from "../../apiserver/configuration/authorization-configuration.ts";
import {
  type AuthenticationLoading,
  configuredAuthentication,
  loadAuthentication,
} from "../../apiserver/configuration/load-authentication.ts";
import {
  configuredAuthorization,
  loadAuthorization,
} from "../../apiserver/configuration/load-authorization.ts";
import { ConfigurationError } from "../../apiserver/configuration/strict-decode.ts";
import { readIssuerDocument } from "../../apiserver/http/issuer-documents.ts";
import { ExternalAuthMetrics } from "../../apiserver/metrics/external-auth-metrics.ts";
import { KeySetMetrics } from "../../apiserver/metrics/key-set-metrics.ts";
import { ReloadMetrics } from "../../apiserver/metrics/reload-metrics.ts";
import type { FrontProxyTrust } from "../../apiserver/pki/front-proxy.ts";
import type { TokenKeys } from "../../apiserver/pki/service-account-keys.ts";
import { followFile, regularFileFault } from "../../apiserver/pki/watched-file.ts";
import { isCertificateBundle } from "../../apiserver/pki/x509.ts";
import { tokenReviewWebhook } from "../../apiserver/review-webhook/token-review-webhook.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { MetricSource } from "../../base/metrics/family.ts";
import type { Random } from "../../base/random.ts";
import type { UserInfo } from "../../client/exchange.ts";
import { UserError } from "../user-error.ts";
import type { AuthOptions, OidcOptions } from "./auth-options.ts";
import { reviewCallerFor } from "./review-callers.ts";
import { hashOf, serverIdentity } from "./server-identity.ts";

/** What an administrator adds to a cluster's own authentication and authorization. */
export interface ExternalAuth {
  readonly moreTokens: readonly TokenAuthenticator[];
  readonly anonymous?: () => AnonymousAccess;
  readonly authorizers?: () => readonly ChainedAuthorizer[];
  readonly staticTokens?: ReadonlyMap<string, UserInfo>;
  /** PEMs of further keys of service account tokens. */
  readonly verificationKeys: readonly string[];
  /** PEMs, one certificate each, of further authorities of client certificates. */
  readonly clientAuthorities: readonly string[];
  /** In the place of the cluster's own. */
  readonly tokenKeys?: TokenKeys;
  readonly maxTokenSeconds?: number;
  readonly extendsPodTokens?: boolean;
  /** A front proxy beside the cluster's own. */
  readonly requestHeader?: FrontProxyTrust & { readonly headers: RemoteHeaders };
  /** Of files that are followed. */
  readonly metricSources: readonly MetricSource[];
}

export interface ExternalAuthDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Of service account tokens: no other issuer may be configured under these names. */
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
}

/** Reads the files, and follows those that may change. Rejects with UserError for what cannot be. */
export async function loadExternalAuth(
  options: AuthOptions,
  dependencies: ExternalAuthDependencies,
): Promise<ExternalAuth> {
  const asked = new ExternalAuthMetrics();
  const server = serverIdentity().name;
  const keySets = new KeySetMetrics({ hashOf, server, now: () => dependencies.clock.now() });
  const reloads = {
    authentication: new ReloadMetrics("authentication", hashOf(server)),
    authorization: new ReloadMetrics("authorization", hashOf(server)),
  };
  const authentication = await loadTokens(options, dependencies, {
    asked,
    keySets,
    reloads: reloads.authentication,
  });
  const webhook = await loadTokenWebhook(options, dependencies);
  const authorizers = await loadAuthorizers(options, dependencies, { asked, reloads: reloads.authorization });
  // Whoever allows everything to everybody does not mean those who did not say who they are.
  const closed = options.authorizationModes?.includes("AlwaysAllow") === true;
  const staticTokens = options.tokenFile === undefined ? undefined : await staticTokensOf(options.tokenFile);
  return {
    moreTokens: [...authentication.tokens, ...webhook],
    anonymous: closed ? () => ({ enabled: false }) : authentication.anonymous,
    ...(authorizers === undefined ? {} : { authorizers }),
    ...(staticTokens === undefined ? {} : { staticTokens }),
    clientAuthorities: await clientAuthoritiesOf(options.clientCaFile),
    ...(options.requestHeader === undefined
      ? {}
      : {
          requestHeader: {
            ...options.requestHeader,
            authorities: await clientAuthoritiesOf(options.requestHeader.caFile),
          },
        }),
    ...(await tokenSigner(options, dependencies)),
    ...(options.extendsPodTokens === undefined ? {} : { extendsPodTokens: options.extendsPodTokens }),
    metricSources: [asked, keySets, reloads.authentication, reloads.authorization],
    verificationKeys: await Promise.all(options.keyFiles.map((path) => readFile(path, "utf8"))),
  };
}

/** Whoever signs service account tokens, and for how long these live at most. */
async function tokenSigner(
  { signingEndpoint: path, maxTokenSeconds }: AuthOptions,
  { clock, logger, signal }: ExternalAuthDependencies,
): Promise<Pick<ExternalAuth, "tokenKeys" | "maxTokenSeconds">> {
  if (path === undefined) return maxTokenSeconds === undefined ? {} : { maxTokenSeconds };
  const { externalTokenKeys } = await import("../../apiserver/pki/external-token-keys.ts");
  const tokenKeys = await within("--service-account-signing-endpoint", () =>
    externalTokenKeys({ path, clock, logger }),
  );
  signal.addEventListener("abort", () => tokenKeys.close(), { once: true });
  const { maxSeconds } = tokenKeys;
  if (maxTokenSeconds !== undefined && maxTokenSeconds > maxSeconds)
    throw new UserError(
      `service-account-max-token-expiration cannot be set longer than the token expiration supported by service-account-signing-endpoint: ${maxTokenSeconds}s > ${maxSeconds}s`,
    );
  return { tokenKeys, maxTokenSeconds: maxTokenSeconds ?? maxSeconds };
}

async function clientAuthoritiesOf(path: string | undefined): Promise<readonly string[]> {
  if (path === undefined) return [];
  const text = await readFile(path, "utf8");
  if (!isCertificateBundle(text)) throw new UserError(`${path}: there is no certificate in it`);
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

async function loadTokens(
  { authenticationConfig: path, oidc, anonymous: anonymousFlag }: AuthOptions,
  { clock, logger, signal, issuers, audiences }: ExternalAuthDependencies,
  { asked, keySets, reloads: metrics }: AuthMetrics & { readonly keySets: KeySetMetrics },
) {
  const loading: AuthenticationLoading = {
    keySets,
    clock,
    logger,
    signal,
    readDocument: readIssuerDocument,
    disallowedIssuers: issuers,
    isCertificateBundle,
    apiAudiences: audiences,
    judged: (issuer, result, durationMs) => asked.tokenJudged(hashOf(issuer), result, durationMs),
    ...(anonymousFlag === undefined ? {} : { anonymousFlag }),
    ...(oidc === undefined ? {} : { algorithms: oidc.algorithms }),
  };
  if (path !== undefined) {
    const text = await readFile(path, "utf8");
    const loaded = await within(path, () => loadAuthentication(text, loading));
    keepUp(path, text, loaded, { clock, logger, signal, metrics });
    return { tokens: [loaded.tokens], anonymous: loaded.anonymous };
  }
  if (oidc === undefined) return { tokens: [], anonymous: () => ({ enabled: anonymousFlag ?? true }) };
  const configuration = await oidcConfiguration(oidc);
  const loaded = await within("--oidc-*", async () => configuredAuthentication(configuration, loading));
  return { tokens: [loaded.tokens], anonymous: loaded.anonymous };
}

async function oidcConfiguration(oidc: OidcOptions): Promise<AuthenticationConfiguration> {
  const certificateAuthority = oidc.caFile === undefined ? undefined : await readFile(oidc.caFile, "utf8");
  const { groupsClaim, groupsPrefix, usernameClaim, usernamePrefix } = oidc;
  return {
    jwt: [
      {
        issuer: {
          url: oidc.issuerUrl,
          audiences: [oidc.clientId],
          ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
        },
        claimMappings: {
          username: { claim: usernameClaim, prefix: usernamePrefix },
          ...(groupsClaim === "" ? {} : { groups: { claim: groupsClaim, prefix: groupsPrefix } }),
        },
        claimValidationRules: oidc.requiredClaims.map(([claim, requiredValue]) => ({ claim, requiredValue })),
      },
    ],
  };
}

async function loadTokenWebhook(
  { tokenWebhook }: AuthOptions,
  dependencies: ExternalAuthDependencies,
): Promise<TokenAuthenticator[]> {
  if (tokenWebhook === undefined) return [];
  const { kubeconfig, version, cacheTtlMs } = tokenWebhook;
  const caller = await within(kubeconfig, () => reviewCallerFor(kubeconfig, dependencies));
  const inner = tokenReviewWebhook({ caller, version, apiAudiences: dependencies.audiences });
  const { clock } = dependencies;
  return [cachedTokens(inner, { clock, successTtlMs: cacheTtlMs, failureTtlMs: cacheTtlMs })];
}

async function loadAuthorizers(
  options: AuthOptions,
  dependencies: ExternalAuthDependencies,
  { asked, reloads: metrics }: AuthMetrics,
): Promise<(() => readonly ChainedAuthorizer[]) | undefined> {
  const { authorizationConfig: path, authorizationModes } = options;
  const { clock, logger, signal } = dependencies;
  let policies: Promise<NamedAuthorizer> | undefined;
  const loading = {
    clock,
    metrics: asked,
    fileFault: regularFileFault,
    callerFor: (kubeconfig: string) => reviewCallerFor(kubeconfig, dependencies),
    policies: () => (policies ??= loadPolicies(options.policyFile ?? "", logger)),
  };
  if (path !== undefined) {
    const text = await readFile(path, "utf8");
    const loaded = await within(path, () => loadAuthorization(text, loading));
    keepUp(path, text, loaded, { clock, logger, signal, metrics });
    return loaded.chain;
  }
  if (authorizationModes === undefined) return undefined;
  const configuration = modesConfiguration(authorizationModes, options);
  const loaded = await within("--authorization-mode", () => configuredAuthorization(configuration, loading));
  return loaded.chain;
}

async function loadPolicies(path: string, logger: Logger): Promise<NamedAuthorizer> {
  const { parsePolicyFile } = await import("../../apiserver/authorization/abac/policy-file.ts");
  const { abacAuthorizer } = await import("../../apiserver/authorization/abac/abac-authorizer.ts");
  const { policies, unversioned } = await parsePolicyFile(await readFile(path, "utf8"), path);
  if (unversioned > 0) logger.warn({ path, unversioned }, "the policy file has lines without a version");
  return abacAuthorizer(policies);
}

const flagWebhookTimeoutMs = 30_000;

function modesConfiguration(
  modes: readonly string[],
  { accessWebhook }: AuthOptions,
): AuthorizationConfiguration {
  const authorizers = modes.map((type) => {
    if (type !== "Webhook" || accessWebhook === undefined) return { type, name: type.toLowerCase() };
    const { kubeconfig, version, authorizedTtlMs, unauthorizedTtlMs } = accessWebhook;
    const webhook = {
      // 0 means "not kept" for a flag, and "the default" in a file.
      authorizedTTL: authorizedTtlMs || 1,
      cacheAuthorizedRequests: authorizedTtlMs > 0,
      unauthorizedTTL: unauthorizedTtlMs || 1,
      cacheUnauthorizedRequests: unauthorizedTtlMs > 0,
      timeout: flagWebhookTimeoutMs,
      subjectAccessReviewVersion: version,
      failurePolicy: "NoOpinion",
      connectionInfo: { type: "KubeConfigFile", kubeConfigFile: kubeconfig },
    };
    return { type, name: "default", webhook };
  });
  return { authorizers };
}

interface FollowDependencies extends Pick<ExternalAuthDependencies, "clock" | "logger" | "signal"> {
  readonly metrics: ReloadMetrics;
}

interface AuthMetrics {
  readonly asked: ExternalAuthMetrics;
  readonly reloads: ReloadMetrics;
}

function keepUp(
  path: string,
  text: string,
  loaded: { reload(text: string): Promise<void> },
  { clock, logger, signal, metrics }: FollowDependencies,
): void {
  let last: Promise<void> = Promise.resolve();
  const take = async (changed: string) => {
    try {
      await loaded.reload(changed);
      metrics.reloaded("success", clock.now());
      logger.info({ path }, "a changed configuration was taken over");
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      metrics.reloaded("failure", clock.now());
      logger.error({ path, why }, "a changed configuration is wrong; the one before stays in force");
    }
  };
  followFile(path, text, {
    signal,
    onChange: (changed) => {
      last = last.then(() => take(changed));
    },
  });
}

async function staticTokensOf(path: string): Promise<ReadonlyMap<string, UserInfo>> {
  const text = await readFile(path, "utf8");
  return within(path, async () => readTokenFile(text));
}

/** Runs what reads a file; what is wrong with it is said to its author, with its name. */
async function within<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigurationError || !(error instanceof UserError))
      throw new UserError(`${what}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    throw error;
  }
}
