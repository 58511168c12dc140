import type { FieldError } from "../../apimachinery/api-error.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import { cachedTokens } from "../authentication/cached-tokens.ts";
import type { AnonymousAccess } from "../authentication/create-authenticator.ts";
import { distributedClaims } from "../authentication/oidc/distributed-claims.ts";
import {
  followIssuer,
  type IssuerKeys,
  type IssuerKeysDependencies,
} from "../authentication/oidc/issuer-keys.ts";
import {
  type JwtAuthenticatorDependencies,
  jwtAuthenticator,
  signingAlgorithms,
} from "../authentication/oidc/jwt-authenticator.ts";
import { type TokenAuthenticator, tokenUnion } from "../authentication/token-authenticator.ts";
import {
  type AuthenticationConfiguration,
  decodeAuthenticationConfiguration,
  type JwtAuthenticatorConfiguration,
} from "./authentication-configuration.ts";
import { type JwtExpressions, validateAuthenticationConfiguration } from "./authentication-validation.ts";
import type { ValidationContext } from "./issuer-validation.ts";
import { ConfigurationError } from "./strict-decode.ts";

export interface AuthenticationLoading extends ValidationContext, IssuerKeysDependencies {
  /** The API server's own audiences. */
  readonly apiAudiences: readonly string[];
  /** What `--anonymous-auth` says; undefined: nothing, and the file may. */
  readonly anonymousFlag?: boolean;
  /** For `--oidc-signing-algs`; all unless said. */
  readonly algorithms?: readonly string[];
  readonly judged?: JwtAuthenticatorDependencies["judged"];
}

/** Users' tokens and anonymous access as a configuration has them; it may be replaced while the server runs. */
export interface ConfiguredAuthentication {
  readonly tokens: TokenAuthenticator;
  anonymous(): AnonymousAccess;
  /** Takes over another file's text, once its issuers are reached; rejects with ConfigurationError and stays as it is. */
  reload(text: string): Promise<void>;
}

/** Upstream's time for tokens that were good. */
const tokenCacheTtlMs = 10_000;
/** How long the issuers of a new configuration may take before the old one is kept. */
const reloadTimeoutMs = 60_000;

interface Generation {
  readonly tokens: TokenAuthenticator;
  readonly anonymous: AnonymousAccess;
  readonly issuers: readonly IssuerKeys[];
  readonly urls: readonly string[];
  close(): void;
}

/** Loads `--authentication-config`. Rejects with ConfigurationError for a file that says what cannot be. */
export async function loadAuthentication(
  text: string,
  loading: AuthenticationLoading,
): Promise<ConfiguredAuthentication> {
  return configuredAuthentication(await decodeAuthenticationConfiguration(text), loading);
}

/** As `loadAuthentication`, for what flags say. Throws ConfigurationError. */
export function configuredAuthentication(
  configuration: AuthenticationConfiguration,
  loading: AuthenticationLoading,
): ConfiguredAuthentication {
  let current = generationOf(configuration, loading);
  return {
    tokens: {
      authenticateToken: (token, audiences) => current.tokens.authenticateToken(token, audiences),
    },
    anonymous: () => current.anonymous,
    async reload(text) {
      const next = generationOf(await decodeAuthenticationConfiguration(text), loading);
      if (!(await reached(next.issuers, loading.clock))) {
        const faults = next.issuers.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
        next.close();
        throw new ConfigurationError(`issuers cannot be reached: ${faults.join(", ")}`);
      }
      const before = current;
      current = next;
      before.close();
      for (const url of before.urls) if (!next.urls.includes(url)) loading.keySets?.forgotten(url);
    },
  };
}

async function reached(issuers: readonly IssuerKeys[], clock: Clock): Promise<boolean> {
  const waiting = new AbortController();
  const timeout = sleep(clock, reloadTimeoutMs, { signal: waiting.signal }).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([Promise.all(issuers.map(({ ready }) => ready)).then(() => true), timeout]);
  } finally {
    waiting.abort();
  }
}

function generationOf(
  configuration: AuthenticationConfiguration,
  loading: AuthenticationLoading,
): Generation {
  const { errors, expressions } = validateAuthenticationConfiguration(configuration, loading);
  if (errors.length > 0) throw new ConfigurationError(aggregate(errors));
  if (configuration.anonymous !== undefined && loading.anonymousFlag !== undefined)
    throw new ConfigurationError(
      "--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file",
    );
  const life = new AbortController();
  const signal = AbortSignal.any([loading.signal, life.signal]);
  const within = { ...loading, signal };
  const made = (configuration.jwt ?? []).flatMap((jwt, index) => {
    const compiled = expressions[index];
    return compiled === undefined ? [] : [authenticatorOf(jwt, compiled, within)];
  });
  return {
    tokens: cachedTokens(tokenUnion(made.map(({ tokens }) => tokens)), {
      clock: loading.clock,
      successTtlMs: tokenCacheTtlMs,
      failureTtlMs: 0,
    }),
    anonymous: anonymousAccess(configuration, loading.anonymousFlag),
    issuers: made.map(({ keys }) => keys),
    urls: (configuration.jwt ?? []).map(({ issuer }) => issuer?.url ?? ""),
    close: () => life.abort(),
  };
}

function authenticatorOf(
  configuration: JwtAuthenticatorConfiguration,
  expressions: JwtExpressions,
  loading: AuthenticationLoading,
): { readonly tokens: TokenAuthenticator; readonly keys: IssuerKeys } {
  const { url = "", discoveryURL, certificateAuthority, audiences = [] } = configuration.issuer ?? {};
  const authority =
    certificateAuthority === undefined || certificateAuthority === "" ? {} : { certificateAuthority };
  const discovery = discoveryURL === undefined || discoveryURL === "" ? {} : { discoveryURL };
  const keys = followIssuer({ url, ...discovery, ...authority }, loading);
  const algorithms = loading.algorithms ?? signingAlgorithms;
  const claim = configuration.claimMappings?.groups?.claim ?? "";
  return {
    keys,
    tokens: jwtAuthenticator({
      configuration,
      expressions,
      keys,
      clock: loading.clock,
      apiAudiences: loading.apiAudiences,
      algorithms,
      ...(loading.judged === undefined ? {} : { judged: loading.judged }),
      ...(claim === ""
        ? {}
        : {
            distributedClaims: distributedClaims({ ...loading, claim, audiences, algorithms, ...authority }),
          }),
    }),
  };
}

function anonymousAccess(
  { anonymous }: AuthenticationConfiguration,
  flag: boolean | undefined,
): AnonymousAccess {
  if (anonymous === undefined) return { enabled: flag ?? true };
  const paths = (anonymous.conditions ?? []).map(({ path = "" }) => path);
  return { enabled: anonymous.enabled === true, ...(paths.length === 0 ? {} : { paths }) };
}

/** Field errors as Go's aggregate prints them. */
export function aggregate(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}
