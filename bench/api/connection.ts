import { connect, type TLSSocket } from "node:tls";

export interface Endpoint extends ClientCredential {
  readonly port: number;
  readonly authority: string;
  /** Those of the kubelets of `node-0` and so on; its own are an administrator's. */
  readonly kubelets: readonly ClientCredential[];
}

interface ClientCredential {
  readonly certificate: string;
  readonly key: string;
}

export interface RequestOptions {
  /** Default JSON. */
  readonly accept?: string;
  readonly contentType?: string;
  readonly gzip?: boolean;
}

export const json = "application/json";
export const protobuf = "application/vnd.kubernetes.protobuf";

const headEnd = Buffer.from("\r\n\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

/** What an answer that was not kept was like. */
export interface Drained {
  readonly bytes: number;
  readonly firstByteMs: number;
  readonly totalMs: number;
}

/**
 * One kept connection that speaks as much HTTP/1.1 as the benchmark needs. The measured machine runs client and server on
 * the same cores: what the client does not spend is the server's.
 */
export class Connection {
  readonly #socket: TLSSocket;
  #chunks: Buffer[] = [];
  #received = 0;
  #headLength = 0;
  /** Bytes of head and body; infinite where only the last chunk tells. */
  #expected: number | undefined;
  #waiting: PromiseWithResolvers<Buffer> | undefined;
  #onFrames: ((chunk: Buffer) => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("close", () => this.#waiting?.reject(new Error("the server closed the connection")));
    socket.on("error", () => {});
  }

  static open(endpoint: Endpoint): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(
        {
          host: "127.0.0.1",
          port: endpoint.port,
          ca: endpoint.authority,
          cert: endpoint.certificate,
          key: endpoint.key,
          ALPNProtocols: ["http/1.1"],
        },
        () => {
          socket.off("error", reject);
          resolve(new Connection(socket));
        },
      );
      socket.once("error", reject);
    });
  }

  /** Many at once, but not all handshakes at the same moment. */
  static async openAll(endpoint: Endpoint, count: number): Promise<Connection[]> {
    const connections: Connection[] = [];
    while (connections.length < count) {
      const more = Math.min(50, count - connections.length);
      connections.push(...(await Promise.all(Array.from({ length: more }, () => Connection.open(endpoint)))));
    }
    return connections;
  }

  /** The answer's body; one request at a time. Throws for what is no success. */
  async send(
    method: string,
    path: string,
    body?: string | Uint8Array,
    options: RequestOptions = {},
  ): Promise<Buffer> {
    this.#waiting = Promise.withResolvers();
    this.#write(method, path, body, options);
    return this.#waiting.promise;
  }

  /** Reads a long answer without keeping it. */
  async drain(path: string, options: RequestOptions = {}): Promise<Drained> {
    const start = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<Drained>();
    let bytes = 0;
    let firstByteMs = 0;
    let expected = Number.POSITIVE_INFINITY;
    let tail: Buffer = Buffer.alloc(0);
    this.#onFrames = (chunk) => {
      if (bytes === 0) {
        firstByteMs = performance.now() - start;
        const head = chunk.toString("latin1", 0, chunk.indexOf(headEnd));
        if (!head.startsWith("HTTP/1.1 2")) reject(new Error(chunk.toString()));
        const length = /content-length: (\d+)/i.exec(head)?.[1];
        if (length !== undefined) expected = head.length + headEnd.length + Number(length);
      }
      // The head ends as a body may: "…timeout=120", and an empty line.
      const body = bytes === 0 ? chunk.subarray(chunk.indexOf(headEnd) + headEnd.length) : chunk;
      bytes += chunk.length;
      tail = Buffer.concat([tail, body.subarray(-lastChunk.length)]).subarray(-lastChunk.length);
      if (bytes < expected && !tail.equals(lastChunk)) return;
      this.#onFrames = undefined;
      resolve({ bytes, firstByteMs, totalMs: performance.now() - start });
    };
    this.#socket.once("close", () => reject(new Error("the server closed the connection")));
    this.#write("GET", path, undefined, options);
    return promise;
  }

  /** Begins a watch; every chunk of its stream is handed on as it comes. */
  watch(path: string, onChunk: (chunk: Buffer) => void, options: RequestOptions = {}): void {
    this.#onFrames = onChunk;
    this.#write("GET", path, undefined, options);
  }

  /** Reads nothing more until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #write(method: string, path: string, body: string | Uint8Array | undefined, options: RequestOptions): void {
    const { accept = json, contentType = json, gzip = false } = options;
    const head =
      `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: ${accept}\r\n` +
      (gzip ? "accept-encoding: gzip\r\n" : "");
    if (body === undefined) {
      this.#socket.write(`${head}\r\n`);
      return;
    }
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const headers = `${head}content-type: ${contentType}\r\ncontent-length: ${bytes.length}\r\n\r\n`;
    this.#socket.write(Buffer.concat([Buffer.from(headers), bytes]));
  }

  #onData(chunk: Buffer): void {
    if (this.#onFrames !== undefined) {
      this.#onFrames(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#expected === undefined) {
      const first = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
      const end = first.indexOf(headEnd);
      if (end < 0) return;
      const head = first.toString("latin1", 0, end);
      if (!head.startsWith("HTTP/1.1 2")) {
        this.#waiting?.reject(new Error(first.toString()));
        return;
      }
      const length = /content-length: (\d+)/i.exec(head)?.[1];
      this.#headLength = end + headEnd.length;
      this.#expected = length === undefined ? Number.POSITIVE_INFINITY : this.#headLength + Number(length);
    }
    const last =
      this.#expected === Number.POSITIVE_INFINITY && this.#received > this.#headLength && endsChunked(chunk);
    if (!last && this.#received < this.#expected) return;
    const body = Buffer.concat(this.#chunks).subarray(this.#headLength);
    this.#chunks = [];
    this.#received = 0;
    this.#expected = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(body);
  }
}

/** Whether this is the end of a chunked body. */
function endsChunked(chunk: Buffer): boolean {
  return chunk.length >= lastChunk.length && chunk.subarray(-lastChunk.length).equals(lastChunk);
}
