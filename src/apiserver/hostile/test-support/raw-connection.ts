import { connect as connectTcp, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { TestListener } from "../../test-support/listener.ts";

/** A TLS connection on which a test says whatever it likes, byte for byte. */
export class RawConnection implements AsyncDisposable {
  readonly socket: TLSSocket;
  readonly #transport: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => undefined;

  private constructor(transport: Socket, socket: TLSSocket) {
    this.#transport = transport;
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    // A reset is one of the answers that are expected here.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** As the administrator, unless `anonymous`. */
  static open(
    { listener, pki }: Pick<TestListener, "listener" | "pki">,
    options: { readonly protocol?: "h2" | "http/1.1"; readonly anonymous?: boolean } = {},
  ): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const transport = connectTcp({ host: "127.0.0.1", port: listener.port });
      transport.on("error", () => undefined);
      const socket = connect({
        socket: transport,
        ca: pki.clusterAuthority.certificate,
        ...(options.anonymous === true ? {} : { cert: pki.admin.certificate, key: pki.admin.key }),
        ALPNProtocols: [options.protocol ?? "http/1.1"],
      });
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new RawConnection(transport, socket));
      });
    });
  }

  get received(): Buffer {
    return this.#received;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when the bytes are on their way or the other end has had enough of them; false then. */
  send(bytes: Uint8Array | string): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#ended || !this.socket.writable) return resolve(false);
      const settle = () => resolve(this.socket.writable);
      this.socket.once("close", settle);
      this.socket.write(bytes, () => {
        this.socket.off("close", settle);
        resolve(this.socket.writable);
      });
    });
  }

  /** What has come, as soon as it is enough or nothing more can come. Rejects after `timeoutMs`. */
  async until(isEnough: (received: Buffer) => boolean, timeoutMs = 60_000): Promise<Buffer> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#ended && !isEnough(this.#received)) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(`neither an answer nor an end within ${timeoutMs} ms; so far: ${this.#received}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#received;
  }

  /** All that came when the other end has closed. */
  untilClosed(timeoutMs?: number): Promise<Buffer> {
    return this.until(() => false, timeoutMs);
  }

  /** Ends it the rude way: with a TCP reset. */
  reset(): void {
    this.#transport.resetAndDestroy();
    this.socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }
}
