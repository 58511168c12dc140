import { createPublicKey } from "node:crypto";
import protobuf from "protobufjs/minimal.js";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { connectPlugin, type PluginSocket, visitFields } from "../../storage/encryption/kms/plugin-socket.ts";
import {
  publicKeyFrom,
  type TokenKeys,
  type TokenVerificationKey,
  verifyToken,
} from "./service-account-keys.ts";

export interface ExternalTokenKeysOptions {
  /** The socket; one that begins with "@" is abstract. */
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ExternalTokenKeys extends TokenKeys {
  readonly maxSeconds: number;
  close(): void;
}

interface ExternalKey extends TokenVerificationKey {
  /** It verifies tokens that were issued before, and signs none. */
  readonly isHidden: boolean;
}

interface KeySet {
  readonly keys: ReadonlyMap<string, ExternalKey>;
  readonly refreshMs: number;
}

const callTimeoutMs = 60_000;
const fallbackRefreshMs = 10_000;
const minTokenSeconds = 600;
const maxKeyIdBytes = 1024;
const algorithms = ["RS256", "ES256", "ES384", "ES512"];

/**
 * Service account tokens that a plugin signs with keys of its own (`--service-account-signing-endpoint`, KEP-740): it is asked for each
 * signature, and for its public keys as often as it wants, or for one that is not known. Rejects where it cannot be asked.
 */
export async function externalTokenKeys({
  path,
  clock,
  logger,
}: ExternalTokenKeysOptions): Promise<ExternalTokenKeys> {
  const socket = connectPlugin(path, "v1.ExternalJWTSigner", callTimeoutMs);
  try {
    let set = await clock.hold(fetchKeys(socket));
    const maxSeconds = await clock.hold(socket.call("Metadata", new Uint8Array(), decodeMetadata));
    if (maxSeconds < minTokenSeconds)
      throw new Error(
        `max token life supported by external-jwt-signer (${maxSeconds}s) is less than acceptable (min ${minTokenSeconds}s)`,
      );
    let timer: Timer | undefined;
    let refreshing: Promise<void> | undefined;
    const refresh = (): Promise<void> => {
      refreshing ??= fetchKeys(socket)
        .then((fetched) => {
          set = fetched;
        })
        .finally(() => {
          refreshing = undefined;
        });
      return refreshing;
    };
    const arm = (delayMs: number) => {
      timer = clock.setTimer(delayMs, () => {
        clock.hold(refresh()).then(
          () => arm(set.refreshMs),
          (error: unknown) => {
            logger.error(
              { error: String(error) },
              "the token signer's keys cannot be read; those before stay",
            );
            arm(fallbackRefreshMs);
          },
        );
      });
    };
    arm(set.refreshMs);
    const keyOf = async (id: string): Promise<ExternalKey | undefined> => {
      if (!set.keys.has(id)) await refresh();
      return set.keys.get(id);
    };
    return {
      maxSeconds,
      sign: (claims) => sign(socket, claims, keyOf),
      async verify(token) {
        const id = keyIdOf(token);
        if (id !== undefined) await keyOf(id).catch(() => undefined); // what is not known verifies nothing
        return verifyToken(token, set.keys);
      },
      get publicKeys() {
        return [...set.keys.values()].flatMap(({ isHidden, jsonWebKey }) => (isHidden ? [] : [jsonWebKey]));
      },
      close() {
        timer?.cancel();
        socket.close();
      },
    };
  } catch (error) {
    socket.close();
    throw error;
  }
}

async function sign(
  socket: PluginSocket,
  claims: object,
  keyOf: (id: string) => Promise<ExternalKey | undefined>,
): Promise<string> {
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  const request = new protobuf.Writer().uint32(stringTag(1)).string(payload).finish();
  const { header, signature } = await socket.call("Sign", request, decodeSignature).catch((cause: Error) => {
    throw new Error(`while signing jwt: ${cause.message}`, { cause });
  });
  const { alg, kid = "", typ, ...more } = headerOf(header);
  const refuse = (why: string) => new Error(`while validating header: ${why}`);
  const [unknown] = Object.keys(more);
  if (unknown !== undefined)
    throw refuse(`while parsing header JSON: json: unknown field ${JSON.stringify(unknown)}`);
  if (typ !== "JWT") throw refuse("bad type");
  if (kid === "") throw refuse("key id missing");
  if (Buffer.byteLength(kid) > maxKeyIdBytes) throw refuse("key id longer than 1 kb");
  if (!algorithms.includes(alg ?? "")) throw refuse(`bad signing algorithm ${JSON.stringify(alg ?? "")}`);
  if ((await keyOf(kid).catch(() => undefined))?.isHidden === true)
    throw refuse(`key used for signing JWT (kid: ${kid}) is excluded from OIDC discovery docs`);
  if (signature === "") throw new Error("empty signature returned");
  return `${header}.${payload}.${signature}`;
}

function headerOf(encoded: string): Readonly<Record<string, string | undefined>> {
  try {
    const header: unknown = JSON.parse(Buffer.from(encoded, "base64url").toString());
    if (typeof header === "object" && header !== null && !Array.isArray(header))
      return header as Readonly<Record<string, string>>; // what is not a text is compared with texts
  } catch {
    // Told below.
  }
  throw new Error("while validating header: while parsing header JSON: it is no object");
}

function keyIdOf(token: string): string | undefined {
  try {
    const { kid } = headerOf(token.split(".", 1)[0] ?? "");
    return typeof kid === "string" && kid !== "" ? kid : undefined;
  } catch {
    return undefined;
  }
}

const stringTag = (field: number) => (field << 3) | 2;

async function fetchKeys(socket: PluginSocket): Promise<KeySet> {
  try {
    return await socket.call("FetchKeys", new Uint8Array(), decodeKeys);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`while fetching token verification keys: ${why}`);
  }
}

function decodeSignature(bytes: Uint8Array): { readonly header: string; readonly signature: string } {
  const found = { header: "", signature: "" };
  visitFields(bytes, (field, reader) => {
    if (field === 1) found.header = reader.string();
    else if (field === 2) found.signature = reader.string();
    else return false;
    return true;
  });
  return found;
}

function decodeMetadata(bytes: Uint8Array): number {
  let seconds = 0;
  visitFields(bytes, (field, reader) => {
    if (field !== 1) return false;
    seconds = Number(reader.int64());
    return true;
  });
  return seconds;
}

function decodeKeys(bytes: Uint8Array): KeySet {
  const keys = new Map<string, ExternalKey>();
  let refreshSeconds = 0;
  visitFields(bytes, (field, reader) => {
    if (field === 1) {
      const key = decodeKey(reader.bytes());
      keys.set(key.id, key);
    } else if (field === 3) refreshSeconds = Number(reader.int64());
    else return false;
    return true;
  });
  if (refreshSeconds <= 0) throw new Error(`found invalid refresh hint (${refreshSeconds}s)`);
  if (keys.size === 0) throw new Error("found no keys");
  return { keys, refreshMs: refreshSeconds * 1000 };
}

function decodeKey(bytes: Uint8Array): ExternalKey {
  let id = "";
  let der: Uint8Array = new Uint8Array();
  let isHidden = false;
  visitFields(bytes, (field, reader) => {
    if (field === 1) id = reader.string();
    else if (field === 2) der = reader.bytes();
    else if (field === 3) isHidden = reader.bool();
    else return false;
    return true;
  });
  if (id === "" || Buffer.byteLength(id) > maxKeyIdBytes)
    throw new Error(`found invalid public key id ${JSON.stringify(id)}`);
  if (der.length === 0) throw new Error("found empty public key");
  const key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  return { ...publicKeyFrom(key, id), isHidden };
}
