import { secretTokenClaims, secretTokenIssuer } from "../../api/core/secret-token.ts";
import type { Secret, ServiceAccount } from "../../api/core/types.generated.ts";
import { parseServiceAccount, serviceAccountGroups, serviceAccountUserName } from "./identity.ts";
import type { TokenAuthenticator, TokenResult, TokenVerifier } from "./token-authenticator.ts";
import { commonAudiences } from "./token-claims.ts";

/**
 * Tokens that are kept in secrets of type `kubernetes.io/service-account-token`: they name the secret, do not expire, and
 * are good for as long as the secret holds them.
 */

const invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since";
const lastUsedLabel = "kubernetes.io/legacy-token-last-used";

export interface LegacyTokenDependencies {
  readonly verifier: TokenVerifier;
  readonly findSecret: (namespace: string, name: string) => Promise<Secret | undefined>;
  readonly findAccount: (namespace: string, name: string) => Promise<ServiceAccount | undefined>;
  /** Notes on the secret the day its token was used; what goes wrong with it is nobody's concern. */
  readonly noteUse: (secret: Secret, labels: Readonly<Record<string, string>>) => void;
  readonly now: () => number;
  /** The API server's own: these tokens name none. */
  readonly audiences: readonly string[];
}

interface LegacyClaims {
  readonly namespace: string;
  readonly secretName: string;
  readonly accountName: string;
  readonly accountUid: string;
}

export function legacyTokens(dependencies: LegacyTokenDependencies): TokenAuthenticator {
  const { audiences } = dependencies;
  return {
    authenticateToken(token, wanted) {
      if (!isLegacy(token)) return undefined;
      return authenticate(dependencies, token, wanted ?? audiences);
    },
  };
}

/** Read without belief: other tokens are not verified twice. */
function isLegacy(token: string): boolean {
  const [, payload = ""] = token.split(".", 2);
  try {
    const text = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    return text.includes(`"${secretTokenIssuer}"`);
  } catch {
    return false;
  }
}

async function authenticate(
  dependencies: LegacyTokenDependencies,
  token: string,
  wanted: readonly string[],
): Promise<TokenResult | undefined> {
  const raw = await dependencies.verifier.verify(token);
  if (raw === undefined || raw.iss !== secretTokenIssuer) return undefined;
  const claims = readClaims(raw);
  if (typeof claims === "string") return { error: claims };
  const audiences = commonAudiences(dependencies.audiences, wanted);
  if (audiences.length === 0)
    return { error: `token audiences [] is invalid for the target audiences ${JSON.stringify(wanted)}` };
  const { namespace, secretName, accountName, accountUid } = claims;
  const secret = await dependencies.findSecret(namespace, secretName);
  const account = await dependencies.findAccount(namespace, accountName);
  const error = legacyTokenFault(token, claims, secret, account);
  if (error !== undefined) return { error };
  if (secret !== undefined) noteUse(dependencies, secret);
  return {
    user: {
      name: serviceAccountUserName(namespace, accountName),
      uid: accountUid,
      groups: serviceAccountGroups(namespace),
    },
    audiences,
  };
}

/** The claims, or why they are none. */
function readClaims(raw: Readonly<Record<string, unknown>>): LegacyClaims | string {
  const text = (name: keyof typeof secretTokenClaims) => {
    const value = raw[secretTokenClaims[name]];
    return typeof value === "string" ? value : "";
  };
  const subject = typeof raw.sub === "string" ? raw.sub : "";
  const namespace = text("namespace");
  const secretName = text("secretName");
  const accountName = text("accountName");
  const accountUid = text("accountUid");
  if (subject === "") return "sub claim is missing";
  if (namespace === "") return "namespace claim is missing";
  if (secretName === "") return "secretName claim is missing";
  if (accountName === "") return "serviceAccountName claim is missing";
  if (accountUid === "") return "serviceAccountUID claim is missing";
  const named = parseServiceAccount(subject);
  if (named?.namespace !== namespace || named.name !== accountName) return "sub claim is invalid";
  return { namespace, secretName, accountName, accountUid };
}

/** Why a token is good no more; undefined: it is. Pure. */
function legacyTokenFault(
  token: string,
  { namespace, secretName, accountName, accountUid }: LegacyClaims,
  secret: Secret | undefined,
  account: ServiceAccount | undefined,
): string | undefined {
  if (secret === undefined || secret.metadata.deletionTimestamp !== undefined)
    return "Token has been invalidated";
  if (secret.data?.token !== btoa(token)) return "Token does not match server's copy";
  if (account === undefined) return `serviceaccounts ${JSON.stringify(accountName)} not found`;
  if (account.metadata.deletionTimestamp !== undefined)
    return `ServiceAccount ${namespace}/${accountName} has been deleted`;
  if (account.metadata.uid !== accountUid)
    return `ServiceAccount UID (${account.metadata.uid}) does not match claim (${accountUid})`;
  if (secret.metadata.labels?.[invalidSinceLabel] !== undefined)
    return `the token in secret ${namespace}/${secretName} for service account ${namespace}/${accountName} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${invalidSinceLabel}' label from the secret to temporarily allow use of this token`;
  return undefined;
}

/** Once a day at most. */
function noteUse({ noteUse: note, now }: LegacyTokenDependencies, secret: Secret): void {
  const today = new Date(now()).toISOString().slice(0, 10);
  if (secret.metadata.labels?.[lastUsedLabel] !== today) note(secret, { [lastUsedLabel]: today });
}
