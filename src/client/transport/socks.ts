import { connect, type Socket } from "node:net";
import { TransportError } from "../transport-error.ts";

const handshakeLimitMs = 30_000;

/** What a SOCKS5 server answers where it does not connect (RFC 1928, section 6). */
const refusals: Readonly<Record<number, string>> = {
  1: "general failure",
  2: "not allowed by the rules",
  3: "network unreachable",
  4: "host unreachable",
  5: "connection refused",
  6: "time to live expired",
  7: "command not supported",
  8: "address type not supported",
};

/**
 * A connection to `host` through a SOCKS5 proxy: "socks5://user:password@proxy:1080". The proxy looks the name up. Rejects
 * with TransportError.
 */
export async function connectThroughSocks(proxy: URL, host: string, port: number): Promise<Socket> {
  const socket = connect({
    host: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port === "" ? 1080 : Number(proxy.port),
    noDelay: true,
  });
  socket.setTimeout(handshakeLimitMs, () => socket.destroy(new Error("no answer in time")));
  try {
    const answers = new AnswerReader(socket);
    await greet(socket, answers, proxy);
    socket.write(connectRequest(host, port));
    await readConnectAnswer(answers, `${host}:${port}`);
    answers.release();
  } catch (error) {
    socket.destroy();
    const why = error instanceof Error ? error.message : String(error);
    throw new TransportError(`SOCKS proxy ${proxy.host}: ${why}`, { cause: error });
  }
  socket.setTimeout(0);
  return socket;
}

async function greet(socket: Socket, answers: AnswerReader, proxy: URL): Promise<void> {
  const user = Buffer.from(decodeURIComponent(proxy.username));
  const password = Buffer.from(decodeURIComponent(proxy.password));
  const methods = user.length === 0 ? [0] : [0, 2];
  socket.write(Buffer.from([5, methods.length, ...methods]));
  const [version, method] = await answers.read(2);
  if (version !== 5) throw new Error("does not speak SOCKS5");
  if (method === 0) return;
  if (method !== 2 || user.length === 0) throw new Error("accepts no way of authentication that is offered");
  socket.write(Buffer.from([1, user.length, ...user, password.length, ...password]));
  const [, status] = await answers.read(2);
  if (status !== 0) throw new Error("refused the user name and password");
}

function connectRequest(host: string, port: number): Buffer {
  const name = Buffer.from(host);
  return Buffer.from([5, 1, 0, 3, name.length, ...name, port >> 8, port & 0xff]);
}

async function readConnectAnswer(answers: AnswerReader, target: string): Promise<void> {
  const [, status = 1, , type] = await answers.read(4);
  if (status !== 0) throw new Error(`cannot connect to ${target}: ${refusals[status] ?? `error ${status}`}`);
  // The address it connected from says nothing to us, but must be read past.
  const addressBytes = type === 1 ? 4 : type === 4 ? 16 : ((await answers.read(1))[0] ?? 0);
  await answers.read(addressBytes + 2);
}

/** Reads so many bytes at a time, leaving the rest to whoever reads next. */
class AnswerReader {
  readonly #socket: Socket;
  #wake: () => void = () => {};
  #error: Error | undefined;
  readonly #onReadable = () => this.#wake();
  readonly #onError = (error: Error) => {
    this.#error = error;
    this.#wake();
  };
  readonly #onEnd = () => this.#onError(new Error("closed the connection"));

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("readable", this.#onReadable).on("error", this.#onError).on("end", this.#onEnd);
  }

  async read(sizeBytes: number): Promise<Buffer> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      const bytes = this.#socket.read(sizeBytes) as Buffer | null;
      if (bytes !== null) return bytes;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  release(): void {
    this.#socket.off("readable", this.#onReadable).off("error", this.#onError).off("end", this.#onEnd);
  }
}
