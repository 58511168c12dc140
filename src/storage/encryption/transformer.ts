import { createHash } from "node:crypto";
import { UnreadableValueError, type UnsealedBytes, type ValueTransformer } from "../storage.ts";
import { aesCbc, aesGcm, type Cipher, loadSecretbox } from "./ciphers.ts";
import {
  decodeBase64,
  type EncryptionConfiguration,
  type Keys,
  type Provider,
  parseGroupResource,
} from "./configuration.ts";

/** One key of one provider, in the order it is tried; bytes are those after its prefix. */
export interface Sealer {
  /** "k8s:enc:aescbc:v1:key1:"; empty for the identity. */
  readonly prefix: Buffer;
  /** Names what a value lies under that is written now: the key by its secret too, since a name may be used again. */
  readonly id: string;
  seal(bytes: Uint8Array, location: string): Uint8Array;
  /** Throws `UnreadableValueError`. */
  open(bytes: Uint8Array, location: string): UnsealedBytes;
  prepare?(bytes: Uint8Array): Promise<void> | undefined;
  assertSealable?(): void;
}

/** One provider: upstream tries its keys by name, and the next provider where none opens the value. */
interface ProviderSealers {
  readonly prefix: Buffer;
  readonly sealers: readonly Sealer[];
  readonly unknownKey: string;
}

const encryptedPrefix = Buffer.from("k8s:enc:");

const identityCipher: Cipher = {
  encrypt: (bytes) => bytes,
  decrypt(bytes) {
    if (startsWith(bytes, encryptedPrefix))
      throw new UnreadableValueError("identity transformer tried to read encrypted data");
    return bytes;
  },
};
const noPrefix = Buffer.alloc(0);
const identity: ProviderSealers = {
  prefix: noPrefix,
  sealers: [keySealer(noPrefix, "", identityCipher)],
  unknownKey: "",
};

function keySealer(prefix: Buffer, id: string, cipher: Cipher): Sealer {
  return {
    prefix,
    id,
    seal: (bytes, location) => cipher.encrypt(bytes, location),
    open: (bytes, location) => ({ bytes: cipher.decrypt(bytes, location), sealedBy: id }),
  };
}

/**
 * Encryption by a configuration that was checked: resources by their name, then "*.group", then "*.*"; what none of them names
 * lies in the clear. `plugins` are its KMS providers by name. Throws for a rule that an earlier one masks.
 */
export async function createTransformer(
  { resources }: EncryptionConfiguration,
  plugins: ReadonlyMap<string, Sealer> = new Map(),
): Promise<ValueTransformer> {
  const byResource = new Map<string, readonly ProviderSealers[]>();
  const usesSecretbox = resources.some(({ providers }) => providers.some((each) => each.secretbox));
  const secretbox = usesSecretbox ? await loadSecretbox() : undefined;
  for (const { resources: names, providers } of resources) {
    const sealers = providers.map((provider) => sealersOf(provider, { box: secretbox, plugins }));
    for (const name of names) {
      const { group, resource } = parseGroupResource(name);
      for (const wider of [`*.${group}`, "*.*"])
        if (byResource.has(wider)) throw new Error(`resource "${name}" is masked by earlier rule "${wider}"`);
      const key = `${resource}.${group}`;
      byResource.set(key, [...(byResource.get(key) ?? []), ...sealers]);
    }
  }
  const providersAt = (key: string) => {
    const [, , group = "", resource = ""] = key.split("/", 4);
    const named = group === "core" ? "" : group;
    return (
      byResource.get(`${resource}.${named}`) ??
      byResource.get(`*.${named}`) ??
      byResource.get("*.*") ?? [identity]
    );
  };
  const transformer = transformerFor(providersAt);
  return plugins.size === 0 ? transformer : { ...transformer, ...preparation(providersAt) };
}

/** What only plugins need: keys are fetched before values are read, and must be fresh for writes. */
function preparation(
  providersAt: (key: string) => readonly ProviderSealers[],
): Required<Pick<ValueTransformer, "prepare" | "assertSealable">> {
  return {
    prepare(key, bytes) {
      const fitting = providersAt(key)
        .flatMap(({ sealers }) => sealers)
        .find(({ prefix, prepare }) => prepare !== undefined && startsWith(bytes, prefix));
      return fitting?.prepare?.(bytes.subarray(fitting.prefix.length));
    },
    assertSealable: (key) => providersAt(key)[0]?.sealers[0]?.assertSealable?.(),
  };
}

function transformerFor(providersAt: (key: string) => readonly ProviderSealers[]): ValueTransformer {
  const writerAt = (key: string) => providersAt(key)[0]?.sealers[0] ?? identity.sealers[0];
  return {
    seal(key, bytes) {
      const writer = writerAt(key);
      if (writer === undefined || writer.prefix.length === 0) return { bytes, sealedBy: "" };
      const sealed = Buffer.concat([writer.prefix, writer.seal(bytes, key)]);
      return { bytes: sealed, sealedBy: writer.id };
    },
    open: (key, bytes) => open(providersAt(key), key, bytes),
    sealerOf: (key) => writerAt(key)?.id ?? "",
  };
}

/** By every key whose prefix fits, until one opens it: a name may stand for several keys while they are rotated. */
function open(providers: readonly ProviderSealers[], key: string, bytes: Uint8Array): UnsealedBytes {
  const errors: string[] = [];
  for (const { prefix, sealers, unknownKey } of providers) {
    if (!startsWith(bytes, prefix)) continue;
    const fitting = sealers.filter((sealer) => startsWith(bytes, sealer.prefix));
    if (fitting.length === 0) errors.push(unknownKey);
    for (const sealer of fitting) {
      try {
        return sealer.open(bytes.subarray(sealer.prefix.length), key);
      } catch (error) {
        if (!(error instanceof UnreadableValueError)) throw error;
        // That the identity cannot read what is encrypted is no fault of the others.
        if (prefix.length > 0) errors.push(error.message);
      }
    }
  }
  const distinct = [...new Set(errors)];
  if (distinct.length > 1) throw new UnreadableValueError(`[${distinct.join(", ")}]`);
  const [only] = distinct;
  if (only !== undefined) throw new UnreadableValueError(only);
  throw new UnreadableValueError(
    providers.length === 1 && providers[0] === identity
      ? "identity transformer tried to read encrypted data"
      : "no matching prefix found",
  );
}

function sealersOf(
  { aesgcm, aescbc, secretbox, kms }: Provider,
  {
    box,
    plugins,
  }: {
    readonly box: ((key: Uint8Array) => Cipher) | undefined;
    readonly plugins: ReadonlyMap<string, Sealer>;
  },
): ProviderSealers {
  if (aesgcm) return keyedSealers("aesgcm", "AES", aesgcm, aesGcm);
  if (aescbc) return keyedSealers("aescbc", "AES", aescbc, aesCbc);
  if (secretbox && box) return keyedSealers("secretbox", "Secretbox", secretbox, box);
  const plugin = kms && plugins.get(kms.name);
  if (plugin) return { prefix: plugin.prefix, sealers: [plugin], unknownKey: "" };
  return { ...identity };
}

function keyedSealers(
  name: string,
  family: string,
  { keys = [] }: Keys,
  create: (key: Uint8Array) => Cipher,
): ProviderSealers {
  const prefix = `k8s:enc:${name}:v1:`;
  return {
    prefix: Buffer.from(prefix),
    sealers: keys.map((key) => {
      const secret = decodeBase64(key.secret) ?? Buffer.alloc(0); // it was checked
      const own = `${prefix}${key.name}:`;
      const fingerprint = createHash("sha256").update(secret).digest("hex").slice(0, 16);
      return keySealer(Buffer.from(own), own + fingerprint, create(secret));
    }),
    unknownKey: `no matching key was found for the provided ${family} transformer`,
  };
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false;
  for (let index = 0; index < prefix.length; index++) if (bytes[index] !== prefix[index]) return false;
  return true;
}
