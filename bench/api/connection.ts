import { connect, type TLSSocket } from "node:tls";

export interface Endpoint {
  readonly port: number;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const headEnd = Buffer.from("\r\n\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

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
  #waiting: ((body: Buffer) => void) | undefined;
  #onFrames: ((chunk: Buffer) => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
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
        () => resolve(new Connection(socket)),
      );
      socket.once("error", reject);
    });
  }

  /** The answer's body; one request at a time. Throws for what is no success. */
  async send(method: string, path: string, body?: string): Promise<Buffer> {
    const head = `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n`;
    const request =
      body === undefined
        ? `${head}\r\n`
        : `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    const answer = new Promise<Buffer>((resolve) => {
      this.#waiting = resolve;
    });
    this.#socket.write(request);
    return answer;
  }

  /** Begins a watch; every chunk of its stream is handed on as it comes. */
  watch(path: string, onChunk: (chunk: Buffer) => void): void {
    this.#onFrames = onChunk;
    this.#socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n\r\n`);
  }

  close(): void {
    this.#socket.destroy();
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
      if (!head.startsWith("HTTP/1.1 2")) throw new Error(first.toString());
      const length = /content-length: (\d+)/i.exec(head)?.[1];
      this.#headLength = end + headEnd.length;
      this.#expected = length === undefined ? Number.POSITIVE_INFINITY : this.#headLength + Number(length);
    }
    const last = this.#expected === Number.POSITIVE_INFINITY && endsChunked(chunk);
    if (!last && this.#received < this.#expected) return;
    const body = Buffer.concat(this.#chunks).subarray(this.#headLength);
    this.#chunks = [];
    this.#received = 0;
    this.#expected = undefined;
    this.#waiting?.(body);
  }
}

/** Whether this is the end of a chunked body. */
function endsChunked(chunk: Buffer): boolean {
  return chunk.length >= lastChunk.length && chunk.subarray(-lastChunk.length).equals(lastChunk);
}
