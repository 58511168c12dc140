import { createHash, randomBytes, randomUUID } from "node:crypto";
import { type Clock, rfc3339, type Timer } from "../../../base/clock.ts";
import type { Logger } from "../../../base/log.ts";
import { LruCache } from "../../../base/lru-cache.ts";
import { UnreadableValueError, UnsealableValueError, type UnsealedBytes } from "../../storage.ts";
import type { Cipher } from "../ciphers.ts";
import type { Sealer } from "../transformer.ts";
import {
  cipherOf,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  envelopeFault,
  envelopeTail,
  keyIdFault,
  seedBytes,
  seededCipher,
  sourceType,
} from "./envelope.ts";
import type { KmsService, KmsStatus } from "./kms-service.ts";

const probePeriodMs = 60_000;
const probeAgainMs = 10_000;
const healthyTtlMs = 20_000;
const unhealthyTtlMs = 3000;
/** How long a seed may still write when nobody knows whether its key is the plugin's. */
const writeTtlMs = 180_000;
/** Keys that values were found under: about one for each key of the plugin and each start of a server. */
const maxKeys = 4096;

export interface KmsProviderOptions {
  readonly name: string;
  readonly service: KmsService;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The seed that writes, as long as the plugin's key is the one it was encrypted with. */
interface WriteState {
  readonly keyId: string;
  readonly cipher: Cipher;
  readonly cacheKey: string;
  readonly tail: Uint8Array;
  readonly expiresAtMs: number;
}

/**
 * Envelope encryption as kmsv2 of kube-apiserver: a plugin encrypts a seed now and then, which encrypts the values here. The
 * plugin is asked for each seed once; while it cannot be asked, known seeds still read, and write for three minutes.
 */
export class KmsProvider implements Sealer {
  readonly prefix: Buffer;
  readonly #name: string;
  readonly #service: KmsService;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ciphers = new LruCache<string, Cipher>(maxKeys);
  readonly #failures = new LruCache<string, string>(maxKeys);
  readonly #asking = new Map<string, Promise<void>>();
  #state: WriteState | undefined;
  #version = "";
  #timer: Timer | undefined;
  #stopped = false;
  #checking: Promise<void> | undefined;
  #last: { readonly error: Error | undefined; readonly goodUntilMs: number } | undefined;

  constructor({ name, service, clock, logger }: KmsProviderOptions) {
    this.prefix = Buffer.from(`k8s:enc:kms:v2:${name}:`);
    this.#name = name;
    this.#service = service;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Resolves after the plugin was asked for the first time, whatever it said; it is asked again every minute. */
  async start(): Promise<void> {
    let isHealthy = true;
    try {
      await this.check();
    } catch (error) {
      isHealthy = false;
      this.#logger.error({ name: this.#name, error: String(error) }, "the KMS plugin is not healthy");
    }
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimer(isHealthy ? probePeriodMs : probeAgainMs, () => void this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#service.close();
  }

  /** Rejects with why the plugin is not healthy; an answer is believed for a while. */
  check(): Promise<void> {
    if (this.#last !== undefined && this.#clock.now() < this.#last.goodUntilMs) {
      const { error } = this.#last;
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    }
    this.#checking ??= this.#probe().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #probe(): Promise<void> {
    const settle = (error: Error | undefined) => {
      const ttlMs = error === undefined ? healthyTtlMs : unhealthyTtlMs;
      this.#last = { error, goodUntilMs: this.#clock.now() + ttlMs };
    };
    let status: KmsStatus;
    try {
      status = await this.#clock.hold(this.#service.status());
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      settle(error);
      throw new Error(
        `failed to perform status section of the healthz check for KMS Provider ${this.#name}, error: ${error.message}`,
      );
    }
    const faults = [...this.#statusFaults(status), ...(await this.#rotated(status.keyId))];
    if (faults.length === 0) return settle(undefined);
    const why = faults.length === 1 ? faults.join() : `[${faults.join(", ")}]`;
    const error = new Error(`kmsv2 Provider ${this.#name} is not healthy, error: ${why}`);
    settle(error);
    throw error;
  }

  #statusFaults({ healthz, version }: KmsStatus): string[] {
    const faults = healthz === "ok" ? [] : [`got unexpected healthz status: ${healthz}`];
    if (version !== "v2" && version !== "v2beta1")
      return [...faults, `expected KMSv2 API version v2, got ${version}`];
    if (this.#version === "") this.#version = version;
    if (this.#version === version) return faults;
    const change = `version ${this.#version}, got ${version}`;
    return [...faults, `KMSv2 API version should not change after the initial status response ${change}`];
  }

  /** Takes a new seed when the plugin's key changed; else the one there may write for longer. */
  async #rotated(keyId: string): Promise<string[]> {
    const fault = keyIdFault(keyId);
    if (fault !== undefined) return [`got invalid KMSv2 KeyID hash "${hashOf(keyId)}": ${fault}`];
    const expiresAtMs = this.#clock.now() + writeTtlMs;
    const before = this.#state;
    if (before?.keyId === keyId) {
      this.#state = { ...before, expiresAtMs };
      return [];
    }
    const uid = randomUUID();
    let made: WriteState | undefined;
    let failure = "<nil>";
    try {
      made = await this.#clock.hold(this.#newState(uid, expiresAtMs));
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    if (made !== undefined && made.keyId === keyId) {
      this.#state = made;
      this.#ciphers.set(made.cacheKey, made.cipher);
      this.#logger.info({ name: this.#name, uid, keyIdHash: hashOf(keyId) }, "a new seed encrypts");
      return [];
    }
    const hashes = `statusKeyIDHash="${hashOf(keyId)}", encryptKeyIDHash="${hashOf(made?.keyId ?? "")}", stateKeyIDHash="${hashOf(before?.keyId ?? "")}"`;
    const state = before === undefined ? "got unexpected nil transformer" : "<nil>";
    const expiry = before === undefined ? "0001-01-01T00:00:00Z" : rfc3339(before.expiresAtMs);
    return [
      `failed to rotate DEK uid="${uid}", useSeed=true, errState=${state}, errGen=${failure}, ${hashes}, expirationTimestamp=${expiry}`,
    ];
  }

  async #newState(uid: string, expiresAtMs: number): Promise<WriteState> {
    const seed = randomBytes(seedBytes);
    const encrypted = await this.#service.encrypt(uid, seed).catch((cause: Error) => {
      throw new Error(`failed to encrypt DEK, error: ${cause.message}`, { cause });
    });
    const envelope = { ...encrypted, type: sourceType.seed, data: Uint8Array.of(0) };
    const fault = envelopeFault(envelope);
    if (fault !== undefined) throw new Error(fault);
    return {
      keyId: encrypted.keyId,
      cipher: seededCipher(seed),
      cacheKey: cacheKeyOf(envelope),
      tail: envelopeTail(envelope),
      expiresAtMs,
    };
  }

  get id(): string {
    return this.#idOf(this.#state?.keyId ?? "", sourceType.seed);
  }

  #idOf(keyId: string, type: number): string {
    return `${this.prefix.toString()}${type}:${hashOf(keyId)}`;
  }

  assertSealable(): void {
    if (this.#state === undefined) throw new UnsealableValueError("got unexpected nil transformer");
    const { expiresAtMs, keyId } = this.#state;
    const nowMs = this.#clock.now();
    if (nowMs > expiresAtMs)
      throw new UnsealableValueError(
        `encryptedDEKSource with keyID hash "${hashOf(keyId)}" expired at ${rfc3339(expiresAtMs)} (current time is ${rfc3339(nowMs)})`,
      );
  }

  seal(bytes: Uint8Array, location: string): Uint8Array {
    if (this.#state === undefined) throw new UnsealableValueError("got unexpected nil transformer");
    return encodeEnvelope(this.#state.cipher.encrypt(bytes, location), this.#state.tail);
  }

  open(bytes: Uint8Array, location: string): UnsealedBytes {
    const envelope = decodeEnvelope(bytes);
    if (this.#state === undefined) throw new UnreadableValueError("got unexpected nil transformer");
    const key = cacheKeyOf(envelope);
    const cipher = this.#ciphers.get(key);
    if (cipher === undefined)
      throw new UnreadableValueError(
        this.#failures.get(key) ?? "failed to decrypt DEK, error: the KMS plugin was not asked",
      );
    const opened = cipher.decrypt(envelope.data, location);
    return { bytes: opened, sealedBy: this.#idOf(envelope.keyId, envelope.type) };
  }

  prepare(bytes: Uint8Array): Promise<void> | undefined {
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(bytes);
    } catch {
      return undefined; // whoever opens it hears why it cannot be
    }
    const key = cacheKeyOf(envelope);
    if (this.#ciphers.get(key) !== undefined) return undefined;
    let asked = this.#asking.get(key);
    if (asked === undefined) {
      asked = this.#clock.hold(this.#ask(key, envelope)).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asked);
    }
    return asked;
  }

  /** Never rejects: what went wrong is told to whoever opens a value of that key. */
  async #ask(key: string, envelope: Envelope): Promise<void> {
    try {
      const plaintext = await this.#service.decrypt(randomUUID(), envelope).catch((cause: Error) => {
        throw new Error(`failed to decrypt DEK, error: ${cause.message}`, { cause });
      });
      this.#ciphers.set(key, cipherOf(plaintext, envelope.type));
    } catch (error) {
      this.#failures.set(key, error instanceof Error ? error.message : String(error));
    }
  }
}

/** Names a key in messages without saying it. */
function hashOf(keyId: string): string {
  return keyId === "" ? "" : `sha256:${createHash("sha256").update(keyId).digest("hex")}`;
}

/** Tells encrypted keys apart: everything of them that the plugin is given. */
function cacheKeyOf({ type, ciphertext, keyId, annotations }: Omit<Envelope, "data">): string {
  const sorted = [...annotations].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = ({ buffer, byteOffset, length }: Uint8Array) =>
    Buffer.from(buffer, byteOffset, length).toString("latin1");
  return JSON.stringify([type, text(ciphertext), keyId, sorted.map(([name, value]) => [name, text(value)])]);
}
