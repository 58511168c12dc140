import { decodeBase64 } from "../../../base/base64.ts";

/** What can be said of an ID token before, and apart from, its signature: go-oidc's checks. Pure. */

export type Claims = Readonly<Record<string, unknown>>;

export interface IdToken {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  readonly claims: Claims;
}

/** A token longer than this is nobody's. */
const maxTokenBytes = 64 * 1024;

/** The parts of a compact JSON Web Token; undefined for what is none. Nothing of it is to be believed yet. */
export function parseIdToken(token: string): IdToken | undefined {
  if (token.length > maxTokenBytes) return undefined;
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  const header = decodePart(parts[0]);
  const claims = decodePart(parts[1]);
  if (header === undefined || claims === undefined || typeof header.alg !== "string") return undefined;
  return {
    algorithm: header.alg,
    keyId: typeof header.kid === "string" ? header.kid : undefined,
    claims,
  };
}

function decodePart(part = ""): Claims | undefined {
  try {
    const bytes = decodeBase64(part.replaceAll("-", "+").replaceAll("_", "/"));
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Claims) // a JSON object is a record
      : undefined;
  } catch {
    return undefined;
  }
}

/** Google's tokens name their issuer without its scheme. */
export function issuerOf({ iss }: Claims): string | undefined {
  if (iss === "accounts.google.com") return "https://accounts.google.com";
  return typeof iss === "string" ? iss : undefined;
}

/** An issuer's clock may be ahead by as much. */
const notBeforeLeewaySeconds = 300;

/** Why a token's claims make it none for these audiences at this time; undefined: they do not. */
export function idTokenFault(
  claims: Claims,
  { audiences, nowMs }: { readonly audiences: readonly string[]; readonly nowMs: number },
): string | undefined {
  const held = audiencesOf(claims);
  if (!held.some((audience) => audiences.includes(audience)))
    return audiences.length === 1
      ? `oidc: expected audience ${quoted(audiences[0] ?? "")} got ${quotedList(held)}`
      : `oidc: expected audience in ${quotedList(audiences.toSorted())} got ${quotedList(held)}`;
  const { exp, nbf } = claims;
  if (typeof exp !== "number" || exp * 1000 < nowMs)
    return `oidc: token is expired (Token Expiry: ${typeof exp === "number" ? shown(exp) : "0001-01-01 00:00:00 +0000 UTC"})`;
  if (typeof nbf === "number" && nowMs / 1000 + notBeforeLeewaySeconds < nbf)
    return `oidc: current time ${shown(nowMs / 1000)} before the nbf (not before) time: ${shown(nbf)}`;
  return undefined;
}

function audiencesOf({ aud }: Claims): readonly string[] {
  if (typeof aud === "string") return [aud];
  return Array.isArray(aud) ? aud.filter((entry) => typeof entry === "string") : [];
}

const quoted = (text: string) => JSON.stringify(text);
const quotedList = (values: readonly string[]) => `[${values.map(quoted).join(" ")}]`;

/** As Go prints a time: whole seconds of a claim, and the clock's fractions without zeros at the end. */
function shown(seconds: number): string {
  const time = new Date(seconds * 1000);
  if (Number.isNaN(time.getTime())) return String(seconds);
  const [date = "", clock = ""] = time.toISOString().slice(0, -1).split("T");
  return `${date} ${clock.replace(/\.?0+$/, "")} +0000 UTC`;
}
