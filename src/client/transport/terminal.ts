import type { ReadStream, WriteStream } from "node:tty";
import type { TerminalSize } from "../streaming/byte-stream.ts";
import type { PodStreamOptions } from "./run-in-pod.ts";

/** This process's terminal, given away; `using` takes it back. */
export interface OpenedTerminal extends Disposable {
  /** For `runInPod` and `attachToPod`. */
  readonly streams: Required<Pick<PodStreamOptions, "tty" | "stdin" | "onStdout">> &
    Pick<PodStreamOptions, "sizes">;
}

/** What a terminal is made of: `process`, or another pair of streams. */
export interface TerminalStreams {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/** See `openTerminal` of `k8ts/client`. */
export function openTerminal({ stdin, stdout }: TerminalStreams = process): OpenedTerminal {
  const isTerminal = stdin.isTTY === true && stdout.isTTY === true;
  if (isTerminal) stdin.setRawMode(true);
  const closed = new AbortController();
  return {
    streams: {
      tty: isTerminal,
      stdin: stdin.iterator({ destroyOnReturn: false }),
      onStdout: (chunk) =>
        stdout.write(chunk) ? undefined : new Promise((resolve) => stdout.once("drain", () => resolve())),
      ...(isTerminal ? { sizes: sizesOf(stdout, closed.signal) } : {}),
    },
    [Symbol.dispose]() {
      closed.abort();
      if (isTerminal) stdin.setRawMode(false);
      // It would keep the process.
      stdin.pause();
    },
  };
}

async function* sizesOf(stdout: WriteStream, signal: AbortSignal): AsyncGenerator<TerminalSize> {
  while (!signal.aborted) {
    yield { width: stdout.columns, height: stdout.rows };
    await new Promise<void>((resolve) => {
      const wake = () => {
        stdout.off("resize", wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      stdout.on("resize", wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
