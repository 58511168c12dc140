import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import protobuf from "protobufjs/minimal.js";

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

const { Reader, Writer } = protobuf;
const lengthDelimited = 2;
const tag = (field: number) => (field << 3) | lengthDelimited;

/** A plugin that listens on a unix socket ("unix:///run/kms.sock", "unix:///@name"). It need not be there yet: calls wait for it. */
export function connectKms(endpoint: string, timeoutMs: number): KmsService {
  const path = decodeURIComponent(new URL(endpoint).pathname);
  // A name that begins with zero is no file's: Linux' abstract sockets.
  const target = path.startsWith("/@") ? `unix:\0${path.slice(2)}` : `unix:${path}`;
  const client = new Client(target, credentials.createInsecure(), {
    "grpc.default_authority": "localhost",
    // A plugin that restarts is back within a second.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 3000,
  });
  const call = <T>(method: string, request: Uint8Array, decode: (bytes: Uint8Array) => T): Promise<T> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/v2.KeyManagementService/${method}`,
        (bytes: Uint8Array) => Buffer.from(bytes),
        decode,
        request,
        new Metadata({ waitForReady: true }),
        { deadline: Date.now() + timeoutMs },
        (error, answer) => {
          if (error !== null) reject(inWordsOfGo(error));
          else if (answer === undefined) reject(new Error("the KMS plugin sent no answer"));
          else resolve(answer);
        },
      );
    });
  return {
    status: () => call("Status", new Uint8Array(), decodeStatus),
    encrypt: (uid, plaintext) => call("Encrypt", encryptRequest(uid, plaintext), decodeCiphertext),
    decrypt: (uid, ciphertext) => call("Decrypt", decryptRequest(uid, ciphertext), decodePlaintext),
    close: () => client.close(),
  };
}

function inWordsOfGo({ code, details }: ServiceError): Error {
  const name = Object.entries(status).find(([, value]) => value === code)?.[0] ?? "UNKNOWN";
  const words = name.toLowerCase().split("_");
  const inGo = words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join("");
  return new Error(`rpc error: code = ${inGo === "Cancelled" ? "Canceled" : inGo} desc = ${details}`);
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

/** Reads a message's fields; those that `take` does not know are skipped. */
export function visitFields(
  bytes: Uint8Array,
  take: (field: number, reader: protobuf.Reader) => boolean,
): void {
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const key = reader.uint32();
    if (!take(key >>> 3, reader)) reader.skipType(key & 7);
  }
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
