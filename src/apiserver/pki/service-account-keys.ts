import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { generateKey, privateKeyPem } from "./x509.ts";

/**
 * The keys of service accounts' JSON Web Tokens. `jose` signs and verifies; it is loaded with the first token. ES256 for keys
 * made here; RS256 and larger curves too for keys brought along.
 */

export interface JsonWebKey {
  readonly use: "sig";
  readonly kid: string;
  readonly alg: string;
  readonly kty: string;
  readonly [member: string]: unknown;
}

/** Signs with one key, verifies with all. */
export interface TokenKeys {
  sign(claims: object): Promise<string>;
  /** The claims of a token whose signature is good; undefined where it is malformed or no key made it. */
  verify(token: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** The public keys as `/openid/v1/jwks` lists them. */
  readonly publicKeys: readonly JsonWebKey[];
  /** For how long the signer's tokens may live at most; absent: for ever. */
  readonly maxSeconds?: number;
}

export interface TokenKeyFiles {
  /** The PEM of the private key that signs. */
  readonly signingKey: string;
  /** PEMs of further public (or private) keys whose tokens are accepted. */
  readonly verificationKeys?: readonly string[];
}

/** The PEM of a new signing key. */
export function generateTokenKey(): string {
  return privateKeyPem(generateKey());
}

export function loadTokenKeys(files: TokenKeyFiles): TokenKeys {
  const signingKey = createPrivateKey(files.signingKey);
  const signer = publicKeyFrom(createPublicKey(signingKey));
  const others = (files.verificationKeys ?? []).map((key) => publicKeyFrom(createPublicKey(key)));
  const byId = new Map([signer, ...others].map((key) => [key.id, key]));
  return {
    async sign(claims) {
      const { CompactSign } = await import("jose");
      return new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: signer.algorithm, kid: signer.id })
        .sign(signingKey);
    },
    async verify(token) {
      return verifyToken(token, byId);
    },
    publicKeys: [...byId.values()].map((key) => key.jsonWebKey),
  };
}

/** A key that tokens are verified with. */
export interface TokenVerificationKey {
  readonly id: string;
  readonly key: KeyObject;
  readonly algorithm: string;
  readonly jsonWebKey: JsonWebKey;
}

/** `name`: where its owner gave it a name. Throws an Error for a key of another kind. */
export function publicKeyFrom(key: KeyObject, name?: string): TokenVerificationKey {
  const algorithm = algorithmOf(key);
  const der = key.export({ type: "spki", format: "der" });
  // Upstream's key id: a hash of the public key, so that every server derives the same one.
  const id = name ?? createHash("sha256").update(der).digest("base64url");
  const members = key.export({ format: "jwk" });
  return {
    id,
    key,
    algorithm,
    jsonWebKey: { ...members, kty: String(members.kty), use: "sig", kid: id, alg: algorithm },
  };
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === "rsa") return "RS256";
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "prime256v1") return "ES256";
  if (curve === "secp384r1") return "ES384";
  if (curve === "secp521r1") return "ES512";
  throw new Error("a service account key must be RSA or an EC key on P-256, P-384 or P-521");
}

/** A token longer than this is no token of ours. */
const maxTokenBytes = 16_384;

/**
 * Only the signature counts here: times, audiences and what the token is bound to are checked with every request, the
 * signature once.
 */
export async function verifyToken(
  token: string,
  keys: ReadonlyMap<string, TokenVerificationKey>,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  // What cannot be a token costs nothing, not even the library.
  if (token.length > maxTokenBytes || token.split(".").length !== 3) return undefined;
  const jose = await import("jose");
  for (const { key, algorithm } of candidatesFor(jose, token, keys)) {
    try {
      // The key says the algorithm, never the token.
      const { payload } = await jose.compactVerify(token, key, { algorithms: [algorithm] });
      return claimsOf(payload);
    } catch (error) {
      if (!(error instanceof jose.errors.JOSEError)) throw error;
    }
  }
  return undefined;
}

/** The key a token names; all where it names none. */
function candidatesFor(
  { decodeProtectedHeader }: typeof import("jose"),
  token: string,
  keys: ReadonlyMap<string, TokenVerificationKey>,
): readonly TokenVerificationKey[] {
  try {
    const { kid } = decodeProtectedHeader(token);
    if (kid === undefined) return [...keys.values()];
    const key = keys.get(kid);
    return key === undefined ? [] : [key];
  } catch {
    // A header that is none.
    return [];
  }
}

/** A payload that is no JSON object carries no claims. */
function claimsOf(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    // What JSON.parse makes of an object is a record.
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    return undefined;
  } catch {
    return undefined;
  }
}
