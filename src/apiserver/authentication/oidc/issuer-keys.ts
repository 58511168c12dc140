import { type Clock, sleep } from "../../../base/clock.ts";
import type { Logger } from "../../../base/log.ts";

/** Reads documents of an issuer: `http/issuer-documents.ts` implements it. Rejects where no answer was had. */
export type ReadDocument = (
  url: string,
  options: {
    /** PEM; absent: the system's authorities. */
    readonly certificateAuthority?: string;
    readonly bearerToken?: string;
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly status: number; readonly text: string }>;

export interface IssuerKeysDependencies {
  readonly readDocument: ReadDocument;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the attempts to reach the issuer. */
  readonly signal: AbortSignal;
  readonly keySets?: KeySetObserver;
}

/** Hears what issuers answer when their keys are read, for metrics. */
export interface KeySetObserver {
  /** `keySet` is the document's text; undefined: none was had. */
  fetched(issuer: string, keySet: string | undefined): void;
  /** The issuer is believed no longer. */
  forgotten(issuer: string): void;
}

export interface IssuerIdentity {
  readonly url: string;
  /** Where its configuration is, if not below its URL. */
  readonly discoveryURL?: string;
  readonly certificateAuthority?: string;
}

/** An issuer's public keys: found by OpenID discovery, kept, and read again for a signature that none of them made. */
export interface IssuerKeys {
  /** Settled once discovery worked: until then no token can be verified. Rejects when the signal ends it. */
  readonly ready: Promise<void>;
  /** Why tokens cannot be verified yet; undefined: they can. */
  readonly fault: string | undefined;
  /** Whether one of the keys made the token's signature. */
  verify(token: string, algorithm: string, keyId: string | undefined): Promise<boolean>;
}

interface PublicKey {
  readonly id: string | undefined;
  readonly jwk: Readonly<Record<string, unknown>>;
}

const discoveryRetryMs = 10_000;
/** Whoever sends tokens of unknown keys must not make this server ask the issuer without end. */
const refreshIntervalMs = 1_000;
const maxKeys = 256;

export function followIssuer(issuer: IssuerIdentity, dependencies: IssuerKeysDependencies): IssuerKeys {
  const { clock, keySets, logger, readDocument, signal } = dependencies;
  const { certificateAuthority } = issuer;
  const authority = certificateAuthority === undefined ? {} : { certificateAuthority };
  let fault: string | undefined = "not initialized";
  let keysUrl = "";
  let keys: readonly PublicKey[] | undefined;
  let refreshedAtMs = Number.NEGATIVE_INFINITY;
  let refreshing: Promise<void> | undefined;

  const read = async (url: string): Promise<string> => {
    const { status, text } = await readDocument(url, { ...authority, signal });
    if (status !== 200) throw new Error(`${status}: ${text.slice(0, 256)}`);
    return text;
  };

  const readKeys = async (): Promise<void> => {
    let text: string | undefined;
    try {
      text = await read(keysUrl);
    } finally {
      keySets?.fetched(issuer.url, text);
    }
    keys = publicKeys(record(JSON.parse(text)).keys);
  };

  const discover = async (): Promise<void> => {
    for (;;) {
      signal.throwIfAborted();
      try {
        keysUrl = keysUrlOf(record(JSON.parse(await read(configurationUrl(issuer)))), issuer.url);
        fault = undefined;
        return;
      } catch (error) {
        fault = messageOf(error);
        logger.warn({ issuer: issuer.url, fault }, "an OpenID issuer cannot be reached yet");
      }
      await sleep(clock, discoveryRetryMs, { signal });
    }
  };

  const refresh = (): Promise<void> => {
    refreshing ??= readKeys().finally(() => {
      refreshedAtMs = clock.now();
      refreshing = undefined;
    });
    return refreshing;
  };

  const ready = discover();
  ready.catch(() => undefined); // whoever cares awaits it; a server that ends must not fail of it
  return {
    ready,
    get fault() {
      return fault;
    },
    async verify(token, algorithm, keyId) {
      if (keys !== undefined && (await signedByOne(keys, token, algorithm, keyId, clock))) return true;
      if (keys !== undefined && clock.now() - refreshedAtMs < refreshIntervalMs) return false;
      await refresh();
      return signedByOne(keys ?? [], token, algorithm, keyId, clock);
    },
  };
}

function configurationUrl({ url, discoveryURL }: IssuerIdentity): string {
  return discoveryURL ?? `${url.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

function keysUrlOf(document: Readonly<Record<string, unknown>>, issuer: string): string {
  const quote = JSON.stringify;
  if (document.issuer !== issuer)
    throw new Error(
      `oidc: issuer did not match the issuer returned by provider, expected ${quote(issuer)} got ${quote(document.issuer ?? "")}`,
    );
  const { jwks_uri: url } = document;
  if (typeof url !== "string" || !URL.canParse(url)) throw new Error("provider did not return JWKS URL");
  return url;
}

function publicKeys(value: unknown): readonly PublicKey[] {
  if (!Array.isArray(value)) throw new Error("oidc: failed to decode keys");
  return value.slice(0, maxKeys).flatMap((entry: unknown) => {
    const jwk = record(entry);
    // A key for encryption signs nothing.
    if (jwk.use !== undefined && jwk.use !== "sig") return [];
    return [{ id: typeof jwk.kid === "string" ? jwk.kid : undefined, jwk }];
  });
}

async function signedByOne(
  keys: readonly PublicKey[],
  token: string,
  algorithm: string,
  keyId: string | undefined,
  clock: Clock,
): Promise<boolean> {
  const candidates = keys.filter(({ id }) => keyId === undefined || keyId === "" || id === keyId);
  for (const { jwk } of candidates) if (await clock.hold(signedBy(jwk, token, algorithm))) return true;
  return false;
}

async function signedBy(jwk: PublicKey["jwk"], token: string, algorithm: string): Promise<boolean> {
  const jose = await import("jose");
  try {
    // A key made for another algorithm must not be used for this one.
    if (jwk.alg !== undefined && jwk.alg !== algorithm) return false;
    const key = await jose.importJWK(jwk, algorithm);
    if (key instanceof Uint8Array) return false; // a symmetric key is no issuer's
    await jose.compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch {
    // Not this key's signature, or no key at all.
    return false;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("no JSON object");
  return value as Readonly<Record<string, unknown>>; // a JSON object is a record
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
