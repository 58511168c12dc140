import { LruCache } from "../../base/lru-cache.ts";
import type { UserInfo } from "../../client/exchange.ts";
import {
  type BoundObject,
  bindingError,
  claimsError,
  commonAudiences,
  decodeClaims,
  type ObjectIdentity,
  type TokenClaims,
  userOfClaims,
} from "./token-claims.ts";

/** What became of a token. `undefined` stands for "not one of mine": another authenticator may know it. */
export type TokenResult = (
  | { readonly user: UserInfo; readonly audiences: readonly string[] }
  | { readonly error: string }
) & {
  /** What the audit log is told of the token. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** What whoever sent it is told. */
  readonly warning?: string;
};

export interface TokenAuthenticator {
  /** `audiences`: for whom the caller wants the token to be valid; the API server's own unless said. */
  authenticateToken(
    token: string,
    audiences?: readonly string[],
  ): Promise<TokenResult | undefined> | TokenResult | undefined;
}

/** Checks signatures: the keys of `pki/service-account-keys.ts`. */
export interface TokenVerifier {
  verify(token: string): Promise<Readonly<Record<string, unknown>> | undefined>;
}

export type BoundKind = "serviceaccounts" | "pods" | "secrets" | "nodes";

/** Looks up what tokens are bound to: at once where a cache has it. */
export interface BoundObjects {
  find(
    kind: BoundKind,
    namespace: string,
    name: string,
  ): Promise<BoundObject | undefined> | BoundObject | undefined;
}

export interface ServiceAccountTokenDependencies {
  readonly verifier: TokenVerifier;
  readonly objects: BoundObjects;
  readonly now: () => number;
  readonly issuers: readonly string[];
  /** The API server's own. */
  readonly audiences: readonly string[];
  readonly metrics?: TokenUses;
}

/** Counts how tokens of service accounts are used, by upstream's names. */
export interface TokenUses {
  used(how: TokenUse): void;
}

export type TokenUse = "valid" | "stale" | "legacy" | "legacy-manual" | "legacy-auto" | "invalid-legacy-auto";

/** No key of this server made the signature. */
export const forgedError = "go-jose/go-jose: error in cryptographic primitive";

/** Read without belief: what somebody else issued is not verified. */
export function claimedIssuer(token: string): string | undefined {
  const [, payload = "", , more] = token.split(".");
  if (more !== undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const { iss } = (claims ?? {}) as { readonly iss?: unknown };
    return typeof iss === "string" ? iss : undefined;
  } catch {
    return undefined;
  }
}

/** Tokens whose signature was verified. About a kilobyte each. */
const maxVerifiedTokens = 2048;

/**
 * Authenticates service account tokens. The signature of a token is verified once and remembered; what can change (time,
 * the account, the pod it is bound to) is checked every time.
 */
export function serviceAccountTokens(dependencies: ServiceAccountTokenDependencies): TokenAuthenticator {
  const verified = new LruCache<string, TokenClaims>(maxVerifiedTokens);
  const issuers = new Set(dependencies.issuers);

  const verify = async (token: string): Promise<TokenClaims | "forged" | undefined> => {
    const raw = await dependencies.verifier.verify(token);
    if (raw === undefined) return "forged";
    const claims = decodeClaims(raw);
    if (claims === undefined) return undefined;
    verified.set(token, claims);
    return claims;
  };

  return {
    authenticateToken(token, audiences) {
      const judge = (claims: TokenClaims | "forged" | undefined) => {
        if (claims === undefined) return undefined;
        if (claims === "forged") return { error: forgedError };
        const wanted = audiences ?? dependencies.audiences;
        const nowMs = dependencies.now();
        const error = claimsError(claims, { audiences: wanted, nowMs });
        if (error !== undefined) return { error };
        return checkBindings(claims, dependencies.objects, nowMs, () => ({
          user: userOfClaims(claims),
          audiences: commonAudiences(claims.audiences, wanted),
          ...staleness(claims, nowMs, dependencies.metrics),
        }));
      };
      const known = verified.get(token);
      if (known !== undefined) return judge(known);
      return issuers.has(claimedIssuer(token) ?? "") ? verify(token).then(judge) : undefined;
    },
  };
}

/** A token that was extended is used later than it was meant to be: whoever uses it does not read it anew. */
function staleness({ subject, warnAfter }: TokenClaims, nowMs: number, metrics: TokenUses | undefined) {
  if (warnAfter === undefined) return {};
  const lateSeconds = Math.floor(nowMs / 1000) - warnAfter;
  metrics?.used(nowMs > warnAfter * 1000 ? "stale" : "valid");
  if (nowMs <= warnAfter * 1000) return {};
  const note = `subject: ${subject}, seconds after warning threshold: ${lateSeconds}`;
  return { annotations: { "authentication.k8s.io/stale-token": note } };
}

/** Checks the account and what else the token is bound to, without waiting while the caches answer. */
function checkBindings(
  claims: TokenClaims,
  objects: BoundObjects,
  nowMs: number,
  succeed: () => TokenResult,
): Promise<TokenResult> | TokenResult {
  const { pod, secret, node, namespace, serviceAccount } = claims;
  const bindings: { kind: BoundKind; namespace: string; bound: ObjectIdentity }[] = [
    { kind: "serviceaccounts", namespace, bound: serviceAccount },
  ];
  if (secret !== undefined) bindings.push({ kind: "secrets", namespace, bound: secret });
  if (pod !== undefined) bindings.push({ kind: "pods", namespace, bound: pod });
  // The node of a pod's token is only a note of where the pod was; a token bound to a node ends with it.
  else if (node !== undefined) bindings.push({ kind: "nodes", namespace: "", bound: node });

  const step = (index: number): Promise<TokenResult> | TokenResult => {
    const binding = bindings[index];
    if (binding === undefined) return succeed();
    const judge = (current: BoundObject | undefined) => {
      const error = bindingError(binding, current, nowMs);
      return error === undefined ? step(index + 1) : { error };
    };
    const found = objects.find(binding.kind, binding.namespace, binding.bound.name);
    return found instanceof Promise ? found.then(judge) : judge(found);
  };
  return step(0);
}

/** Tokens from a file or a flag; they know no audience. */
export function staticTokens(
  tokens: ReadonlyMap<string, UserInfo>,
  audiences: readonly string[],
): TokenAuthenticator {
  return {
    authenticateToken(token, wanted) {
      const user = tokens.get(token);
      const common = commonAudiences(audiences, wanted ?? audiences);
      return user === undefined || common.length === 0 ? undefined : { user, audiences: common };
    },
  };
}

/** The first authenticator that knows the token decides; an error counts only when none accepts it. */
export function tokenUnion(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    authenticateToken(token, audiences) {
      const errors: string[] = [];
      const step = (index: number): Promise<TokenResult | undefined> | TokenResult | undefined => {
        const next = authenticators[index];
        if (next === undefined) return errors.length === 0 ? undefined : { error: errors.join(", ") };
        const judge = (result: TokenResult | undefined) => {
          if (result !== undefined && "user" in result) return result;
          if (result !== undefined) errors.push(result.error);
          return step(index + 1);
        };
        const result = next.authenticateToken(token, audiences);
        return result instanceof Promise ? result.then(judge) : judge(result);
      };
      return step(0);
    },
  };
}
