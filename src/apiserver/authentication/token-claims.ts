import type { UserInfo } from "../../client/exchange.ts";
import { extraKeys, serviceAccountGroups, serviceAccountUserName } from "./identity.ts";

/** The claims of a service account's token, as KEP-1205 and KEP-4193 have them; all decisions on them are pure. */
export interface TokenClaims {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly notBefore: number;
  readonly issuedAt: number;
  readonly subject: string;
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: ObjectIdentity;
  readonly pod?: ObjectIdentity;
  readonly secret?: ObjectIdentity;
  readonly node?: ObjectIdentity;
  /** From when on the use of a token that was extended is worth a warning. */
  readonly warnAfter?: number;
}

export interface ObjectIdentity {
  readonly name: string;
  readonly uid: string;
}

export interface TokenGrant {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly namespace: string;
  readonly serviceAccount: ObjectIdentity;
  readonly pod?: ObjectIdentity;
  readonly secret?: ObjectIdentity;
  readonly node?: ObjectIdentity;
  readonly expirationSeconds: number;
  readonly warnAfterSeconds?: number;
  readonly id: string;
}

/** The members of the JSON Web Token for a grant, at a time. */
export function encodeClaims(grant: TokenGrant, nowMs: number): Readonly<Record<string, unknown>> {
  const now = Math.floor(nowMs / 1000);
  const { namespace, node, pod, secret, serviceAccount, warnAfterSeconds } = grant;
  return {
    aud: grant.audiences,
    exp: now + grant.expirationSeconds,
    iat: now,
    iss: grant.issuer,
    jti: grant.id,
    "kubernetes.io": {
      namespace,
      ...(node === undefined ? {} : { node }),
      ...(pod === undefined ? {} : { pod }),
      ...(secret === undefined ? {} : { secret }),
      serviceaccount: serviceAccount,
      ...(warnAfterSeconds === undefined ? {} : { warnafter: now + warnAfterSeconds }),
    },
    nbf: now,
    sub: serviceAccountUserName(namespace, serviceAccount.name),
  };
}

/** Reads the claims of a token whose signature was verified; undefined where they are not a service account's. */
export function decodeClaims(claims: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  const own = record(claims["kubernetes.io"]);
  const serviceAccount = identity(own?.serviceaccount);
  const { iss: issuer, sub: subject, exp: expiresAt } = claims;
  if (own === undefined || serviceAccount === undefined || typeof own.namespace !== "string")
    return undefined;
  if (typeof issuer !== "string" || typeof subject !== "string" || typeof expiresAt !== "number")
    return undefined;
  const pod = identity(own.pod);
  const secret = identity(own.secret);
  const node = identity(own.node);
  return {
    issuer,
    audiences: audienceList(claims.aud),
    expiresAt,
    notBefore: typeof claims.nbf === "number" ? claims.nbf : 0,
    issuedAt: typeof claims.iat === "number" ? claims.iat : 0,
    subject,
    id: typeof claims.jti === "string" ? claims.jti : "",
    namespace: own.namespace,
    serviceAccount,
    ...(pod === undefined ? {} : { pod }),
    ...(secret === undefined ? {} : { secret }),
    ...(node === undefined ? {} : { node }),
    ...(typeof own.warnafter === "number" ? { warnAfter: own.warnafter } : {}),
  };
}

function audienceList(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  // A JSON object that is no array is a record.
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function identity(value: unknown): ObjectIdentity | undefined {
  const { name, uid } = record(value) ?? {};
  return typeof name === "string" ? { name, uid: typeof uid === "string" ? uid : "" } : undefined;
}

/** Clocks of two servers may differ by as much. */
const leewaySeconds = 60;

/** What is wrong with the claims themselves; undefined: nothing. */
export function claimsError(
  claims: TokenClaims,
  expected: { readonly audiences: readonly string[]; readonly nowMs: number },
): string | undefined {
  const now = expected.nowMs / 1000;
  if (commonAudiences(claims.audiences, expected.audiences).length === 0)
    return audiencesError(claims.audiences, expected.audiences);
  if (now < claims.notBefore - leewaySeconds) return "service account token is not valid yet";
  if (now > claims.expiresAt + leewaySeconds) return "service account token has expired";
  if (now < claims.issuedAt - leewaySeconds) return "service account token is issued in the future";
  if (claims.subject !== serviceAccountUserName(claims.namespace, claims.serviceAccount.name))
    return "sub claim mismatch";
  return undefined;
}

/** Why a token for some is not good for others. */
export function audiencesError(held: readonly string[], wanted: readonly string[]): string {
  const list = (values: readonly string[]) => `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
  return `token audiences ${list(held)} is invalid for the target audiences ${list(wanted)}`;
}

/** Those audiences of a token that are meant; nothing in common makes the token invalid for the caller. */
export function commonAudiences(held: readonly string[], wanted: readonly string[]): string[] {
  return held.filter((audience) => wanted.includes(audience));
}

/** An object a token is bound to, as it stands now. */
export interface BoundObject {
  readonly uid: string;
  /** Milliseconds since the epoch. */
  readonly deletedAtMs?: number;
}

/** A deleted pod's containers may still run for a while, with their token. */
const deletionLeewayMs = 60_000;

/** Whether the object a token is bound to is still the one it was made for; undefined: it is. */
export function bindingError(
  {
    kind,
    namespace,
    bound,
  }: { readonly kind: string; readonly namespace: string; readonly bound: ObjectIdentity },
  current: BoundObject | undefined,
  nowMs: number,
): string | undefined {
  const { name, uid } = bound;
  const isAccount = kind === "serviceaccounts";
  const invalidated = "service account token has been invalidated";
  if (current === undefined)
    return isAccount ? `serviceaccounts ${JSON.stringify(name)} not found` : invalidated;
  const noun = isAccount ? "service account" : kind.slice(0, -1);
  if (current.uid !== uid)
    return `${noun} UID (${current.uid}) does not match ${isAccount ? "" : `service account ${noun} ref `}claim (${uid})`;
  if (current.deletedAtMs === undefined || current.deletedAtMs >= nowMs - deletionLeewayMs) return undefined;
  return isAccount ? `service account ${namespace}/${name} has been deleted` : invalidated;
}

/** The user a token stands for. */
export function userOfClaims(claims: TokenClaims, boundPodNode?: ObjectIdentity): UserInfo {
  const extra: Record<string, readonly string[]> = {};
  if (claims.pod !== undefined) {
    extra[extraKeys.podName] = [claims.pod.name];
    extra[extraKeys.podUid] = [claims.pod.uid];
  }
  if (claims.id !== "") extra[extraKeys.credentialId] = [`JTI=${claims.id}`];
  const node = claims.node ?? boundPodNode;
  if (node !== undefined) {
    extra[extraKeys.nodeName] = [node.name];
    if (node.uid !== "") extra[extraKeys.nodeUid] = [node.uid];
  }
  return {
    name: serviceAccountUserName(claims.namespace, claims.serviceAccount.name),
    uid: claims.serviceAccount.uid,
    groups: serviceAccountGroups(claims.namespace),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
