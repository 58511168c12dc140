import type { Clock } from "../../../base/clock.ts";
import type { JwtAuthenticatorConfiguration } from "../../configuration/authentication-configuration.ts";
import type { JwtExpressions } from "../../configuration/authentication-validation.ts";
import type { TokenAuthenticator, TokenResult } from "../token-authenticator.ts";
import { commonAudiences } from "../token-claims.ts";
import { ClaimError, userOfToken } from "./claim-mapping.ts";
import { DistributedClaimError, type DistributedClaims } from "./distributed-claims.ts";
import { idTokenFault, issuerOf, parseIdToken } from "./id-token.ts";
import type { IssuerKeys } from "./issuer-keys.ts";

export interface JwtAuthenticatorDependencies {
  readonly configuration: JwtAuthenticatorConfiguration;
  readonly expressions: JwtExpressions;
  readonly keys: IssuerKeys;
  readonly distributedClaims?: DistributedClaims;
  readonly clock: Clock;
  /** The API server's own: users' tokens are good for all of them. */
  readonly apiAudiences: readonly string[];
  /** Algorithms that are accepted; all asymmetric ones of `signingAlgorithms` unless said. */
  readonly algorithms?: readonly string[];
  /** Hears how tokens of the issuer were judged. */
  readonly judged?: (issuer: string, result: "success" | "failure", durationMs: number) => void;
}

/** What a structured configuration accepts: `--oidc-signing-algs` has less by default. */
export const signingAlgorithms = [
  "ES256",
  "ES384",
  "ES512",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
] as const;

/** Authenticates the ID tokens of one OpenID issuer; tokens of others are not its own. */
export function jwtAuthenticator(dependencies: JwtAuthenticatorDependencies): TokenAuthenticator {
  const { configuration, expressions, keys, clock, apiAudiences, distributedClaims, judged } = dependencies;
  const algorithms: readonly string[] = dependencies.algorithms ?? signingAlgorithms;
  const { url = "", audiences = [] } = configuration.issuer ?? {};

  const verify = async (token: string, wanted: readonly string[]): Promise<TokenResult | undefined> => {
    const parsed = parseIdToken(token);
    if (parsed === undefined || issuerOf(parsed.claims) !== url) return undefined;
    const common = commonAudiences(apiAudiences, wanted);
    if (common.length === 0) return undefined;
    if (keys.fault !== undefined) return { error: "oidc: authenticator not initialized" };
    const { algorithm, keyId, claims } = parsed;
    const refused = (why: string) => ({ error: `oidc: verify token: ${why}` });
    const fault = idTokenFault(claims, { audiences, nowMs: clock.now() });
    if (fault !== undefined) return refused(fault);
    if (!algorithms.includes(algorithm))
      return refused(
        `oidc: id token signed with unsupported algorithm, expected ${list(algorithms)} got ${JSON.stringify(algorithm)}`,
      );
    if (!(await keys.verify(token, algorithm, keyId)))
      return refused("failed to verify signature: failed to verify id token signature");
    const expanded = (await distributedClaims?.expand(claims)) ?? claims;
    return { user: userOfToken(expanded, configuration, expressions), audiences: common };
  };

  return {
    async authenticateToken(token, wanted) {
      const startMs = clock.now();
      const result = await verify(token, wanted ?? apiAudiences).catch((error: unknown) => {
        if (error instanceof ClaimError || error instanceof DistributedClaimError)
          return { error: error.message };
        return { error: `oidc: verify token: ${error instanceof Error ? error.message : String(error)}` };
      });
      if (result !== undefined)
        judged?.(url, "error" in result ? "failure" : "success", clock.now() - startMs);
      return result;
    },
  };
}

const list = (values: readonly string[]) => `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
