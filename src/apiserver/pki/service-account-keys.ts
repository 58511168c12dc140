import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { generateKey, privateKeyPem } from "./x509.ts";

/**
 * JSON Web Tokens for service accounts, on node:crypto: one signature is 0.05 ms, and no library has to be loaded at
 * start. ES256 for keys made here; RS256 and ES384 too for keys brought along.
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
  sign(claims: object): string;
  /** The claims of a token whose signature is good; undefined where it is malformed or no key made it. */
  verify(token: string): Readonly<Record<string, unknown>> | undefined;
  /** The public keys as `/openid/v1/jwks` lists them. */
  readonly publicKeys: readonly JsonWebKey[];
}

export interface TokenKeyFiles {
  /** The PEM of the private key that signs. */
  readonly signingKey: string;
  /** PEMs of further public (or private) keys whose tokens are accepted. */
  readonly verificationKeys?: readonly string[];
}

/** The PEM of a new signing key. */
export function generateTokenKey(): string {
  return privateKeyPem(generateKey().privateKey);
}

export function loadTokenKeys(files: TokenKeyFiles): TokenKeys {
  const signingKey = createPrivateKey(files.signingKey);
  const publicKeys = [signingKey, ...(files.verificationKeys ?? [])].map((key) =>
    publicKeyFrom(createPublicKey(key)),
  );
  const [signer] = publicKeys;
  if (signer === undefined) throw new Error("no service account key");
  const byId = new Map(publicKeys.map((key) => [key.id, key]));
  return {
    sign(claims) {
      const header = base64Json({ alg: signer.algorithm.name, kid: signer.id });
      const input = `${header}.${base64Json(claims)}`;
      const signature = sign(signer.algorithm.hash, Buffer.from(input), {
        key: signingKey,
        dsaEncoding: "ieee-p1363",
      });
      return `${input}.${signature.toString("base64url")}`;
    },
    verify: (token) => verifyToken(token, byId),
    publicKeys: [...byId.values()].map((key) => key.jsonWebKey),
  };
}

interface Algorithm {
  readonly name: string;
  readonly hash: string;
}

interface PublicKey {
  readonly id: string;
  readonly key: KeyObject;
  readonly algorithm: Algorithm;
  readonly jsonWebKey: JsonWebKey;
}

function publicKeyFrom(key: KeyObject): PublicKey {
  const algorithm = algorithmOf(key);
  const der = key.export({ type: "spki", format: "der" });
  // Upstream's key id: a hash of the public key, so that every server derives the same one.
  const id = createHash("sha256").update(der).digest("base64url");
  const members = key.export({ format: "jwk" });
  return {
    id,
    key,
    algorithm,
    jsonWebKey: { ...members, kty: String(members.kty), use: "sig", kid: id, alg: algorithm.name },
  };
}

function algorithmOf(key: KeyObject): Algorithm {
  if (key.asymmetricKeyType === "rsa") return { name: "RS256", hash: "sha256" };
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "prime256v1") return { name: "ES256", hash: "sha256" };
  if (curve === "secp384r1") return { name: "ES384", hash: "sha384" };
  if (curve === "secp521r1") return { name: "ES512", hash: "sha512" };
  throw new Error("a service account key must be RSA or an EC key on P-256, P-384 or P-521");
}

/** A token longer than this is no token of ours. */
const maxTokenBytes = 16_384;

function verifyToken(
  token: string,
  keys: ReadonlyMap<string, PublicKey>,
): Readonly<Record<string, unknown>> | undefined {
  if (token.length > maxTokenBytes) return undefined;
  const [header = "", payload = "", signature = "", ...more] = token.split(".");
  if (signature === "" || more.length > 0) return undefined;
  const head = parseJson(header);
  if (head === undefined) return undefined;
  const candidates = typeof head.kid === "string" ? [keys.get(head.kid)] : [...keys.values()];
  const input = Buffer.from(`${header}.${payload}`);
  const signatureBytes = Buffer.from(signature, "base64url");
  const good = candidates.some(
    (key) =>
      key !== undefined &&
      // The key says the algorithm, never the token.
      key.algorithm.name === head.alg &&
      verify(key.algorithm.hash, input, { key: key.key, dsaEncoding: "ieee-p1363" }, signatureBytes),
  );
  return good ? parseJson(payload) : undefined;
}

function base64Json(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function parseJson(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    // What JSON.parse makes of an object is a record.
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    return undefined;
  } catch {
    return undefined;
  }
}
