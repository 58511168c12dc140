import { createHmac, randomBytes } from "node:crypto";
import protobuf from "protobufjs/minimal.js";
import { dns1123Subdomain } from "../../../apimachinery/names.ts";
import { UnreadableValueError } from "../../storage.ts";
import { aesGcm, type Cipher } from "../ciphers.ts";
import { type KmsCiphertext, readAnnotation, writeAnnotations } from "./kms-service.ts";
import { visitFields } from "./plugin-socket.ts";

/** How the data's key is made of what the plugin decrypts. */
export const sourceType = {
  /** It is the key. */
  aesGcmKey: 0,
  /** It is a seed: HKDF expands it with 32 bytes that lie before the data. */
  seed: 1,
} as const;

/** What lies at rest: upstream's `EncryptedObject` of kmsv2. */
export interface Envelope extends KmsCiphertext {
  readonly type: number;
  readonly data: Uint8Array;
}

const varint = 0;
const lengthDelimited = 2;
const tag = (field: number, wireType: number) => (field << 3) | wireType;

/** All of an envelope that stands after its data. */
export function envelopeTail({ keyId, ciphertext, annotations, type }: Omit<Envelope, "data">): Uint8Array {
  const writer = new protobuf.Writer();
  writer.uint32(tag(2, lengthDelimited)).string(keyId).uint32(tag(3, lengthDelimited)).bytes(ciphertext);
  writeAnnotations(writer, 4, annotations);
  if (type !== 0) writer.uint32(tag(5, varint)).int32(type);
  return writer.finish();
}

export function encodeEnvelope(data: Uint8Array, tail: Uint8Array): Uint8Array {
  const head = new protobuf.Writer().uint32(tag(1, lengthDelimited)).uint32(data.length).finish();
  return Buffer.concat([head, data, tail]);
}

/** Throws `UnreadableValueError` for bytes that are no envelope. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const annotations = new Map<string, Uint8Array>();
  let data: Uint8Array = new Uint8Array();
  let ciphertext: Uint8Array = new Uint8Array();
  let keyId = "";
  let type = 0;
  try {
    visitFields(bytes, (field, reader) => {
      if (field === 1) data = reader.bytes();
      else if (field === 2) keyId = reader.string();
      else if (field === 3) ciphertext = reader.bytes();
      else if (field === 4) readAnnotation(reader.bytes(), annotations);
      else if (field === 5) type = reader.int32();
      else return false;
      return true;
    });
  } catch (cause) {
    throw new UnreadableValueError("proto: cannot parse invalid wire-format data", { cause });
  }
  const envelope = { data, ciphertext, keyId, annotations, type };
  const fault = envelopeFault(envelope);
  if (fault !== undefined) throw new UnreadableValueError(fault);
  return envelope;
}

const maxKeyIdBytes = 1024;
const maxCiphertextBytes = 1024;
const maxAnnotationBytes = 32 * 1024;

/** What is wrong with an envelope, in upstream's words. */
export function envelopeFault({ type, data, ciphertext, keyId, annotations }: Envelope): string | undefined {
  if (type !== sourceType.aesGcmKey && type !== sourceType.seed)
    return `unknown encryptedDEKSourceType: ${type}`;
  if (data.length === 0) return "encrypted data is empty";
  const source = "failed to validate encrypted DEK source: encrypted DEK source is";
  if (ciphertext.length === 0) return `${source} empty`;
  if (ciphertext.length > maxCiphertextBytes)
    return `${source} ${ciphertext.length} bytes, which exceeds the max size of ${maxCiphertextBytes}`;
  const keyFault = keyIdFault(keyId);
  if (keyFault !== undefined) return `failed to validate key id: ${keyFault}`;
  const faults = annotationFaults(annotations);
  if (faults.length === 0) return undefined;
  return `failed to validate annotations: ${faults.length === 1 ? faults.join() : `[${faults.join(", ")}]`}`;
}

export function keyIdFault(keyId: string): string | undefined {
  if (keyId === "") return "keyID is empty";
  const size = Buffer.byteLength(keyId);
  if (size <= maxKeyIdBytes) return undefined;
  return `keyID is ${size} bytes, which exceeds the max size of ${maxKeyIdBytes}`;
}

function annotationFaults(annotations: ReadonlyMap<string, Uint8Array>): string[] {
  const faults: string[] = [];
  let size = 0;
  for (const [name, value] of annotations) {
    size += Buffer.byteLength(name) + value.length;
    const reasons = dns1123Subdomain(name.replace(/\.$/, ""));
    const shown = JSON.stringify(name);
    if (name === "") faults.push("annotations: Required value");
    else if (reasons.length > 0) faults.push(`annotations: Invalid value: ${shown}: ${reasons.join(", ")}`);
    else if (!name.replace(/\.$/, "").includes("."))
      faults.push(
        `annotations: Invalid value: ${shown}: should be a domain with at least two segments separated by dots`,
      );
  }
  if (size > maxAnnotationBytes)
    faults.push(`total size of annotations is ${size}, which exceeds the max size of ${maxAnnotationBytes}`);
  return faults;
}

export const seedBytes = 32;
const infoBytes = 32;

/** Throws an Error for a seed that is too short. Every value has a key of its own, so that the seed never wears out. */
export function seededCipher(seed: Uint8Array): Cipher {
  if (seed.length < seedBytes) throw new Error(`invalid seed length ${seed.length} used for key generation`);
  // HKDF's second half alone: the seed is random. One block of it is the key.
  const cipherFor = (info: Uint8Array) =>
    aesGcm(createHmac("sha256", seed).update(info).update(Uint8Array.of(1)).digest());
  return {
    encrypt(bytes, location) {
      const info = randomBytes(infoBytes);
      return Buffer.concat([info, cipherFor(info).encrypt(bytes, location)]);
    },
    decrypt(bytes, location) {
      if (bytes.length < infoBytes)
        throw new UnreadableValueError("the stored data was shorter than the required size");
      return cipherFor(bytes.subarray(0, infoBytes)).decrypt(bytes.subarray(infoBytes), location);
    },
  };
}

const keySizes = [16, 24, 32];

/** The cipher of a plugin's answer. Throws an Error for one that cannot be a key. */
export function cipherOf(plaintext: Uint8Array, type: number): Cipher {
  if (type === sourceType.seed) return seededCipher(plaintext);
  if (!keySizes.includes(plaintext.length))
    throw new Error(`crypto/aes: invalid key size ${plaintext.length}`);
  return aesGcm(plaintext);
}
