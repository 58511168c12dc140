import { readFile } from "node:fs/promises";
import { type ChannelCredentials, Client, type ClientDuplexStream, credentials, status } from "@grpc/grpc-js";
import { ClosedError } from "../storage.ts";

export interface EtcdTls {
  /** Files in PEM: the authority of etcd's certificate, and this client's own. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface Codec<T> {
  readonly path: string;
  readonly decode: (bytes: Uint8Array) => T;
}

/** What etcd answered, or why it could not be asked; `code` is gRPC's. */
export class EtcdError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = "EtcdError";
    this.code = code;
  }
}

const callTimeoutMs = 10_000;
/** A snapshot of a large resource is one message. */
const messageLimitBytes = 1 << 30;
const keepaliveMs = 30_000;

const channelOptions = {
  "grpc.max_receive_message_length": messageLimitBytes,
  "grpc.max_send_message_length": messageLimitBytes,
  "grpc.keepalive_time_ms": keepaliveMs,
  "grpc.keepalive_timeout_ms": 10_000,
  // A member that restarts is back within a second.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 3000,
};

/** The members of an etcd cluster: calls go to one of them until it fails, then to the next. */
export class EtcdConnection {
  readonly #members: readonly Client[];
  #current = 0;
  #closed = false;

  private constructor(members: readonly Client[]) {
    this.#members = members;
  }

  /** `endpoints` are URLs: "http://127.0.0.1:2379", "https://etcd-0:2379". Does not connect yet. */
  static async create(endpoints: readonly string[], tls: EtcdTls = {}): Promise<EtcdConnection> {
    if (endpoints.length === 0) throw new Error("no etcd endpoint is given");
    const secure = endpoints.some((endpoint) => endpoint.startsWith("https:"))
      ? await secured(tls)
      : undefined;
    return new EtcdConnection(
      endpoints.map((endpoint) => {
        const { protocol, host } = new URL(endpoint);
        const insecure = protocol !== "https:" || secure === undefined;
        return new Client(host, insecure ? credentials.createInsecure() : secure, channelOptions);
      }),
    );
  }

  /** A call that changes nothing is tried on each member; one that may have changed something only on the first. */
  async call<T>(codec: Codec<T>, request: Uint8Array, options: { readonly repeatable: boolean }): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) throw new ClosedError();
      const member = this.#current;
      try {
        return await this.#callOnce(codec, request);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        if (this.#current === member) this.#current = (member + 1) % this.#members.length;
        if (!options.repeatable || attempt > this.#members.length) throw error;
      }
    }
  }

  openStream<T>(codec: Codec<T>): ClientDuplexStream<Uint8Array, T> {
    if (this.#closed) throw new ClosedError();
    return this.#member.makeBidiStreamRequest(codec.path, toBuffer, codec.decode);
  }

  /** A stream to the present member broke: the next one goes elsewhere. */
  moveOn(): void {
    this.#current = (this.#current + 1) % this.#members.length;
  }

  close(): void {
    this.#closed = true;
    for (const member of this.#members) member.close();
  }

  get #member(): Client {
    return this.#members[this.#current] as Client; // there is at least one, and #current stays below their number
  }

  #callOnce<T>({ path, decode }: Codec<T>, request: Uint8Array): Promise<T> {
    const deadline = Date.now() + callTimeoutMs;
    return new Promise((resolve, reject) => {
      this.#member.makeUnaryRequest(path, toBuffer, decode, request, { deadline }, (error, answer) => {
        if (error !== null) reject(new EtcdError(error.code, error.details));
        else if (answer === undefined) reject(new EtcdError(status.INTERNAL, "etcd sent no answer"));
        else resolve(answer);
      });
    });
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof EtcdError && error.code === status.UNAVAILABLE;
}

async function secured({ caFile, certFile, keyFile }: EtcdTls): Promise<ChannelCredentials> {
  const read = (path: string | undefined) => (path === undefined ? null : readFile(path));
  const [ca, key, cert] = await Promise.all([read(caFile), read(keyFile), read(certFile)]);
  return credentials.createSsl(ca, key, cert);
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
