import type { Clock } from "../../../base/clock.ts";
import type {
  ByteSink,
  ByteSource,
  ProcessStreams,
  TerminalSize,
} from "../../../client/streaming/byte-stream.ts";

/** What a program that a test gives has of its surroundings: its streams, the time, and when to end. */
export interface SimProcess {
  readonly command: readonly string[];
  /** What it is sent, to the end of it; nothing where nobody asked for its input. */
  readonly stdin: ByteSource;
  /** Resolves when more may be written. Of a container's own program it is its log, too. */
  stdout(text: string | Uint8Array): Promise<void>;
  stderr(text: string | Uint8Array): Promise<void>;
  /** It runs on a terminal, which has one output and a size. */
  readonly tty: boolean;
  readonly sizes: AsyncIterable<TerminalSize>;
  /** Of the cluster: waits on it take no real time. */
  readonly clock: Clock;
  /** Aborts when it is to stop, or nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** Streams as a program sees them; those that nobody asked for are there and empty, or take what nobody reads. */
export function processOn(
  streams: ProcessStreams,
  run: {
    readonly command: readonly string[];
    readonly tty?: boolean;
    readonly clock: Clock;
    readonly signal?: AbortSignal;
  },
): SimProcess {
  const { command, tty = false, clock, signal = new AbortController().signal } = run;
  return {
    command,
    tty,
    clock,
    signal,
    stdin: streams.stdin ?? nothing(),
    sizes: streams.resize ?? nothing(),
    stdout: (text) => write(streams.stdout, text),
    stderr: (text) => write(tty ? streams.stdout : streams.stderr, text),
  };
}

async function* nothing(): AsyncGenerator<never> {}

const encoder = new TextEncoder();

async function write(sink: ByteSink | undefined, text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  if (bytes.length > 0) await sink?.write(bytes);
}
