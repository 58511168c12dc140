import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import protobuf from "protobufjs/minimal.js";

/** Calls of one gRPC service that a plugin offers on a unix socket. */
export interface PluginSocket {
  /** Rejects with gRPC's error in the words of Go's. */
  call<T>(method: string, request: Uint8Array, decode: (bytes: Uint8Array) => T): Promise<T>;
  close(): void;
}

/** `path` may be an abstract socket's, which begins with "@". The plugin need not be there yet: calls wait for it. */
export function connectPlugin(path: string, service: string, timeoutMs: number): PluginSocket {
  // A name that begins with zero is no file's: Linux' abstract sockets.
  const target = path.startsWith("@") ? `unix:\0${path.slice(1)}` : `unix:${path}`;
  const client = new Client(target, credentials.createInsecure(), {
    "grpc.default_authority": "localhost",
    // A plugin that restarts is back within a second.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 3000,
  });
  return {
    call: (method, request, decode) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          `/${service}/${method}`,
          (bytes: Uint8Array) => Buffer.from(bytes),
          decode,
          request,
          new Metadata({ waitForReady: true }),
          { deadline: Date.now() + timeoutMs },
          (error, answer) => {
            if (error !== null) reject(inWordsOfGo(error));
            else if (answer === undefined) reject(new Error("the plugin sent no answer"));
            else resolve(answer);
          },
        );
      }),
    close: () => client.close(),
  };
}

function inWordsOfGo({ code, details }: ServiceError): Error {
  const name = Object.entries(status).find(([, value]) => value === code)?.[0] ?? "UNKNOWN";
  const words = name.toLowerCase().split("_");
  const inGo = words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join("");
  return new Error(`rpc error: code = ${inGo === "Cancelled" ? "Canceled" : inGo} desc = ${details}`);
}

/** Reads a message's fields; those that `take` does not know are skipped. */
export function visitFields(
  bytes: Uint8Array,
  take: (field: number, reader: protobuf.Reader) => boolean,
): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const key = reader.uint32();
    if (!take(key >>> 3, reader)) reader.skipType(key & 7);
  }
}
