import { socketChannel } from "../byte-channel.ts";
import type { ForwardedConnection, ProcessExit, ProcessStreams, TerminalSize } from "../byte-stream.ts";
import { encodeSize } from "../channel-protocol.ts";
import { copy, readText } from "../copy.ts";
import { RemoteCommandError, readExitStatus } from "../process-status.ts";
import { SpdyConnection, type SpdyStream } from "./connection.ts";
import { type UpgradeOptions, upgradeToSpdy } from "./upgrade-request.ts";

/** The client's side of exec, attach and port-forward over SPDY/3.1: towards a runtime's streaming URL, or an API server. */

interface SpdyClientOptions extends Omit<UpgradeOptions, "protocols"> {}

export interface RunOverSpdyOptions extends SpdyClientOptions {
  readonly tty: boolean;
  readonly streams: ProcessStreams;
}

export interface ForwardOverSpdyOptions extends SpdyClientOptions {
  readonly port: number;
  readonly connection: ForwardedConnection;
}

/**
 * Runs the command behind an exec or attach URL on the caller's streams. Resolves with its exit code after all output has
 * been written; rejects with `RemoteCommandError` when it could not be run, or with the signal's reason.
 */
export async function runOverSpdy(url: string, options: RunOverSpdyOptions): Promise<ProcessExit> {
  const { streams, tty, signal } = options;
  return withConnection(url, { ...options, protocols: ["v4.channel.k8s.io"] }, async (connection) => {
    const open = (streamtype: string) => connection.open({ streamtype });
    const error = await open("error");
    // The process runs once all streams are there and may be gone soon after: nothing of ours should come later than need be.
    await error.close();
    const stdin = streams.stdin && (await open("stdin"));
    const stdout = streams.stdout && (await open("stdout"));
    const stderr = streams.stderr && !tty ? await open("stderr") : undefined;
    const resize = streams.resize && tty ? await open("resize") : undefined;
    const output = Promise.all([
      stdout && streams.stdout && copy(stdout.source, streams.stdout),
      stderr && streams.stderr && copy(stderr.source, streams.stderr),
    ]);
    // These end when the process does, or when the caller's side does: nobody waits for them.
    if (stdin && streams.stdin) copyQuietly(streams.stdin, stdin);
    if (resize && streams.resize) sendSizes(streams.resize, resize);
    const [status] = await Promise.all([readText(error.source), output]);
    signal?.throwIfAborted();
    // v4 tells of success too: one who has said nothing is gone, and the output may be cut off.
    if (status === "") throw new RemoteCommandError("the connection ended before the command did");
    return readExitStatus(status);
  });
}

/** Copies one connection to a port of the pod behind a port-forward URL, both ways, until both have ended. */
export async function forwardOverSpdy(url: string, options: ForwardOverSpdyOptions): Promise<void> {
  const { port, connection: local, signal } = options;
  await withConnection(url, { ...options, protocols: ["portforward.k8s.io"] }, async (connection) => {
    const named = { port: String(port), requestid: "0" };
    const error = await connection.open({ ...named, streamtype: "error" });
    await error.close();
    const data = await connection.open({ ...named, streamtype: "data" });
    const failure = readText(error.source);
    failure.catch(() => {}); // told below, unless the data is lost first
    copyQuietly(local.source, data);
    await copy(data.source, local.sink);
    const message = await failure;
    signal?.throwIfAborted();
    if (message !== "") throw new RemoteCommandError(message);
  });
}

async function withConnection<T>(
  url: string,
  options: UpgradeOptions,
  use: (connection: SpdyConnection) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  const { socket, head } = await upgradeToSpdy(url, options);
  const connection = new SpdyConnection(socketChannel(socket, head), { role: "client" });
  const onAbort = () => connection.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    return await use(connection);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    connection.destroy();
  }
}

function copyQuietly(source: AsyncIterable<Uint8Array>, stream: SpdyStream): void {
  copy(source, stream).catch(() => stream.close());
}

function sendSizes(sizes: AsyncIterable<TerminalSize>, stream: SpdyStream): void {
  const send = async () => {
    for await (const size of sizes) await stream.write(encodeSize(size));
    await stream.close();
  };
  send().catch(() => stream.reset());
}
