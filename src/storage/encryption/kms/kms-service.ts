import protobuf from "protobufjs/minimal.js";
import { connectPlugin, visitFields } from "./plugin-socket.ts";

/** What a KMS plugin answers: `v2.KeyManagementService` of k8s.io/kms. Rejects with gRPC's errors, in the words of Go's. */
export interface KmsService {
  status(): Promise<KmsStatus>;
  /** `uid` is for the plugin's log. */
  encrypt(uid: string, plaintext: Uint8Array): Promise<KmsCiphertext>;
  decrypt(uid: string, ciphertext: KmsCiphertext): Promise<Uint8Array>;
  close(): void;
}

export interface KmsStatus {
  readonly version: string;
  readonly healthz: string;
  readonly keyId: string;
}

export interface KmsCiphertext {
  readonly ciphertext: Uint8Array;
  readonly keyId: string;
  readonly annotations: ReadonlyMap<string, Uint8Array>;
}

const { Writer } = protobuf;
const lengthDelimited = 2;
const tag = (field: number) => (field << 3) | lengthDelimited;

/** A plugin that listens on a unix socket ("unix:///run/kms.sock", "unix:///@name"). It need not be there yet: calls wait for it. */
export function connectKms(endpoint: string, timeoutMs: number): KmsService {
  const path = decodeURIComponent(new URL(endpoint).pathname);
  const socket = connectPlugin(
    path.startsWith("/@") ? path.slice(1) : path,
    "v2.KeyManagementService",
    timeoutMs,
  );
  const { call } = socket;
  return {
    status: () => call("Status", new Uint8Array(), decodeStatus),
    encrypt: (uid, plaintext) => call("Encrypt", encryptRequest(uid, plaintext), decodeCiphertext),
    decrypt: (uid, ciphertext) => call("Decrypt", decryptRequest(uid, ciphertext), decodePlaintext),
    close: () => socket.close(),
  };
}

function encryptRequest(uid: string, plaintext: Uint8Array): Uint8Array {
  return new Writer().uint32(tag(1)).bytes(plaintext).uint32(tag(2)).string(uid).finish();
}

function decryptRequest(uid: string, { ciphertext, keyId, annotations }: KmsCiphertext): Uint8Array {
  const writer = new Writer();
  writer.uint32(tag(1)).bytes(ciphertext).uint32(tag(2)).string(uid).uint32(tag(3)).string(keyId);
  writeAnnotations(writer, 4, annotations);
  return writer.finish();
}

function decodeStatus(bytes: Uint8Array): KmsStatus {
  const found = { version: "", healthz: "", keyId: "" };
  visitFields(bytes, (field, reader) => {
    if (field === 1) found.version = reader.string();
    else if (field === 2) found.healthz = reader.string();
    else if (field === 3) found.keyId = reader.string();
    else return false;
    return true;
  });
  return found;
}

function decodeCiphertext(bytes: Uint8Array): KmsCiphertext {
  const annotations = new Map<string, Uint8Array>();
  let ciphertext: Uint8Array = new Uint8Array();
  let keyId = "";
  visitFields(bytes, (field, reader) => {
    if (field === 1) ciphertext = reader.bytes();
    else if (field === 2) keyId = reader.string();
    else if (field === 3) readAnnotation(reader.bytes(), annotations);
    else return false;
    return true;
  });
  return { ciphertext, keyId, annotations };
}

function decodePlaintext(bytes: Uint8Array): Uint8Array {
  let plaintext: Uint8Array = new Uint8Array();
  visitFields(bytes, (field, reader) => {
    if (field !== 1) return false;
    plaintext = reader.bytes();
    return true;
  });
  return plaintext;
}

/** An entry of a `map<string, bytes>`. */
export function readAnnotation(entry: Uint8Array, into: Map<string, Uint8Array>): void {
  let name = "";
  let value: Uint8Array = new Uint8Array();
  visitFields(entry, (field, reader) => {
    if (field === 1) name = reader.string();
    else if (field === 2) value = reader.bytes();
    else return false;
    return true;
  });
  into.set(name, value);
}

export function writeAnnotations(
  writer: protobuf.Writer,
  field: number,
  annotations: ReadonlyMap<string, Uint8Array>,
): void {
  for (const [name, value] of annotations)
    writer.uint32(tag(field)).fork().uint32(tag(1)).string(name).uint32(tag(2)).bytes(value).ldelim();
}
