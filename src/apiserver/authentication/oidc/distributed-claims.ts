import type { Clock } from "../../../base/clock.ts";
import { type Claims, idTokenFault, issuerOf, parseIdToken } from "./id-token.ts";
import { followIssuer, type IssuerKeys, type IssuerKeysDependencies } from "./issuer-keys.ts";

/** Claims that a token only points to: another issuer holds them (OpenID Connect Core, 5.6.2). */
export interface DistributedClaims {
  /** The claims with the one that was fetched. Rejects with DistributedClaimError. */
  expand(claims: Claims): Promise<Claims>;
}

export class DistributedClaimError extends Error {
  constructor(message: string) {
    super(`oidc: could not expand distributed claims: ${message}`);
  }
}

export interface DistributedClaimsOptions extends IssuerKeysDependencies {
  readonly clock: Clock;
  /** The claim that may be elsewhere: the groups. */
  readonly claim: string;
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly certificateAuthority?: string;
}

/** The issuers a token's issuer may point to. */
const maxIssuers = 16;

export function distributedClaims(options: DistributedClaimsOptions): DistributedClaims {
  const { claim, certificateAuthority } = options;
  const authority = certificateAuthority === undefined ? {} : { certificateAuthority };
  const issuers = new Map<string, IssuerKeys>();

  const keysOf = (url: string): IssuerKeys => {
    let keys = issuers.get(url);
    if (keys === undefined) {
      if (issuers.size >= maxIssuers) throw new DistributedClaimError("too many issuers");
      keys = followIssuer({ url, ...authority }, options);
      issuers.set(url, keys);
    }
    if (keys.fault !== undefined)
      throw new DistributedClaimError(
        `verifying untrusted issuer ${url} failed: verifier not initialized for issuer: ${JSON.stringify(url)}`,
      );
    return keys;
  };

  const fetchToken = async ({ url, accessToken }: Source): Promise<string> => {
    const bearer = accessToken === undefined ? {} : { bearerToken: accessToken };
    const { status, text } = await options.readDocument(url, {
      ...authority,
      ...bearer,
      signal: options.signal,
    });
    if (status < 200 || status > 226)
      throw new DistributedClaimError(
        `while getting distributed claim ${JSON.stringify(claim)}: error while getting distributed claim JWT: ${status}`,
      );
    return text.trim();
  };

  return {
    async expand(claims) {
      const source = sourceOf(claims, claim);
      if (source === undefined) return claims;
      const token = await fetchToken(source);
      const parsed = parseIdToken(token);
      const issuer = parsed === undefined ? undefined : issuerOf(parsed.claims);
      if (parsed === undefined || issuer === undefined)
        throw new DistributedClaimError(
          `getting untrusted issuer from endpoint ${source.url} failed for claim ${JSON.stringify(claim)}: malformed token`,
        );
      const keys = keysOf(issuer);
      const { audiences, algorithms } = options;
      const fault = idTokenFault(parsed.claims, { audiences, nowMs: options.clock.now() });
      const { algorithm, keyId } = parsed;
      if (fault !== undefined) throw new DistributedClaimError(`verify distributed claim token: ${fault}`);
      if (!algorithms.includes(algorithm) || !(await keys.verify(token, algorithm, keyId)))
        throw new DistributedClaimError(
          "verify distributed claim token: failed to verify signature: failed to verify id token signature",
        );
      if (!Object.hasOwn(parsed.claims, claim))
        throw new DistributedClaimError(
          `jwt returned by distributed claim endpoint ${JSON.stringify(source.url)} did not contain claim: ${claim}`,
        );
      return { ...claims, [claim]: parsed.claims[claim] };
    },
  };
}

interface Source {
  readonly url: string;
  readonly accessToken: string | undefined;
}

/** Where a claim is that the token does not hold itself; undefined: nowhere. */
function sourceOf(claims: Claims, claim: string): Source | undefined {
  if (Object.hasOwn(claims, claim)) return undefined;
  const { _claim_names: names, _claim_sources: sources } = claims;
  if (names === undefined) return undefined;
  const name = member(names, claim);
  if (name === undefined) return undefined;
  if (sources === undefined) throw new DistributedClaimError("oidc: no claim sources");
  const endpoint = typeof name === "string" ? member(sources, name) : undefined;
  if (endpoint === undefined)
    throw new DistributedClaimError(
      `id token _claim_names contained a source ${String(name)} missing in _claims_sources`,
    );
  const url = member(endpoint, "endpoint");
  const accessToken = member(endpoint, "access_token");
  if (typeof url !== "string" || url === "") return undefined;
  if (!url.startsWith("https://")) throw new DistributedClaimError(`the endpoint ${url} is no https URL`);
  return { url, accessToken: typeof accessToken === "string" ? accessToken : undefined };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name]; // it has it
}
