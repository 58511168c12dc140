import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { UnreadableValueError } from "../storage.ts";

/** Turns a value's bytes into those that lie at rest, and back; without the prefix that names it. */
export interface Cipher {
  /** `location` is the key in storage: a value that was copied elsewhere is not authentic, where the cipher can tell. */
  encrypt(bytes: Uint8Array, location: string): Uint8Array;
  /** Throws `UnreadableValueError` with upstream's message. */
  decrypt(bytes: Uint8Array, location: string): Uint8Array;
}

const tooShort = "the stored data was shorter than the required size";
const gcmNonceBytes = 12;
const gcmTagBytes = 16;
const aesBlockBytes = 16;
const boxNonceBytes = 24;
const boxTagBytes = 16;

/** The nonce, the text, the tag; the location is authenticated. A key must be rotated before 2^32 writes. */
export function aesGcm(key: Uint8Array): Cipher {
  const algorithm = `aes-${(key.length * 8) as 128 | 192 | 256}-gcm` as const;
  return {
    encrypt(bytes, location) {
      const nonce = randomBytes(gcmNonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: gcmTagBytes });
      cipher.setAAD(Buffer.from(location));
      return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    },
    decrypt(bytes, location) {
      if (bytes.length < gcmNonceBytes) throw new UnreadableValueError(tooShort);
      const end = bytes.length - gcmTagBytes;
      if (end < gcmNonceBytes) throw notAuthentic();
      const nonce = bytes.subarray(0, gcmNonceBytes);
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: gcmTagBytes });
      decipher.setAAD(Buffer.from(location));
      decipher.setAuthTag(bytes.subarray(end));
      const text = decipher.update(bytes.subarray(gcmNonceBytes, end));
      try {
        return Buffer.concat([text, decipher.final()]);
      } catch (error) {
        throw notAuthentic(error);
      }
    },
  };
}

function notAuthentic(cause?: unknown): UnreadableValueError {
  return new UnreadableValueError("cipher: message authentication failed", { cause });
}

/** The first block is the initialization vector; PKCS#7 padding; nothing is authenticated. */
export function aesCbc(key: Uint8Array): Cipher {
  const algorithm = `aes-${key.length * 8}-cbc`;
  return {
    encrypt(bytes) {
      const vector = randomBytes(aesBlockBytes);
      const cipher = createCipheriv(algorithm, key, vector);
      return Buffer.concat([vector, cipher.update(bytes), cipher.final()]);
    },
    decrypt(bytes) {
      if (bytes.length < aesBlockBytes) throw new UnreadableValueError(tooShort);
      const text = bytes.subarray(aesBlockBytes);
      if (text.length % aesBlockBytes !== 0)
        throw new UnreadableValueError("the stored data is not a multiple of the block size");
      const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, aesBlockBytes));
      decipher.setAutoPadding(false);
      return withoutPadding(Buffer.concat([decipher.update(text), decipher.final()]));
    },
  };
}

function withoutPadding(padded: Uint8Array): Uint8Array {
  const count = padded.at(-1) ?? 0;
  if (count === 0 || count > padded.length)
    throw new UnreadableValueError("invalid PKCS7 data (empty or not padded)");
  const size = padded.length - count;
  if (padded.subarray(size).some((byte) => byte !== count))
    throw new UnreadableValueError("invalid padding on input");
  return padded.subarray(0, size);
}

/** NaCl's secretbox: the nonce, then the box. The library is loaded when a configuration asks for it. */
export async function loadSecretbox(): Promise<(key: Uint8Array) => Cipher> {
  // Node's crypto has no XSalsa20.
  const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
  return (key) => ({
    encrypt(bytes) {
      const nonce = randomBytes(boxNonceBytes);
      return Buffer.concat([nonce, xsalsa20poly1305(key, nonce).encrypt(bytes)]);
    },
    decrypt(bytes) {
      if (bytes.length < boxNonceBytes + boxTagBytes) throw new UnreadableValueError(tooShort);
      try {
        return xsalsa20poly1305(key, bytes.subarray(0, boxNonceBytes)).decrypt(bytes.subarray(boxNonceBytes));
      } catch (cause) {
        throw new UnreadableValueError("output array was not large enough for encryption", { cause });
      }
    },
  });
}
