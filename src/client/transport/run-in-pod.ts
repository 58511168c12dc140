import { checkNames, type OptionNames } from "../../base/option-names.ts";
import type { ObjectName } from "../client.ts";
import type { ByteSink, ByteSource, TerminalSize } from "../streaming/byte-stream.ts";
import { runOverWebSocket } from "../streaming/websocket-client.ts";
import { type StreamConnection, socketAddress } from "./stream-address.ts";

/** Where the streams of a process in a container go. */
export interface PodStreamOptions {
  /** Absent: the only one, or the one that the pod names as its default. */
  readonly container?: string;
  /** What the process reads, to its end; absent: nothing. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Told of output as it comes, which is then not collected. What it returns is awaited before more is read. */
  readonly onStdout?: (chunk: Uint8Array) => void | Promise<void>;
  readonly onStderr?: (chunk: Uint8Array) => void | Promise<void>;
  /** On a terminal, whose one output is stdout. For an attach the container must have one (`tty: true`). */
  readonly tty?: boolean;
  /** The terminal's size, and each change of it. */
  readonly sizes?: AsyncIterable<TerminalSize>;
  /** Gives up: the connection is closed and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What to run in which container, and where its streams go. */
export interface RunInPodOptions extends PodStreamOptions {
  readonly command: readonly string[];
}

/** How the process ended, and what it said where nobody was told meanwhile. */
export interface RunInPodResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is collected of one stream at most: past it the process's output is refused. */
const collectedLimitBytes = 16 * 1024 * 1024;

const streamOptionNames: OptionNames<PodStreamOptions> = {
  container: true,
  stdin: true,
  onStdout: true,
  onStderr: true,
  tty: true,
  sizes: true,
  signal: true,
};

/** As `kubectl exec`: see `runInPod` of `k8ts/client`. */
export async function runInPod(
  connection: StreamConnection,
  pod: ObjectName,
  { command, ...options }: RunInPodOptions,
): Promise<RunInPodResult> {
  if (!Array.isArray(command))
    throw new TypeError(
      'runInPod: command is a list of words, such as ["sh", "-c", "ls -l"]: no shell parts it',
    );
  return streamFrom(connection, pod, { subresource: "exec", command }, options);
}

/** As `kubectl attach`: see `attachToPod` of `k8ts/client`. */
export function attachToPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: PodStreamOptions = {},
): Promise<RunInPodResult> {
  return streamFrom(connection, pod, { subresource: "attach", command: [] }, options);
}

async function streamFrom(
  connection: StreamConnection,
  pod: ObjectName,
  { subresource, command }: { readonly subresource: string; readonly command: readonly string[] },
  options: PodStreamOptions,
): Promise<RunInPodResult> {
  checkNames(subresource, options, streamOptionNames);
  const { container, stdin, onStdout, onStderr, tty = false, sizes, signal } = options;
  signal?.throwIfAborted();
  const query = new URLSearchParams({ stdout: "true", ...(tty ? { tty: "true" } : { stderr: "true" }) });
  if (stdin !== undefined) query.set("stdin", "true");
  if (container !== undefined) query.set("container", container);
  for (const word of command) query.append("command", word);
  const { url, headers, tls } = await socketAddress(connection, pod, subresource, query);
  const [stdout, stderr] = [collect(onStdout), collect(onStderr)];
  const { exitCode } = await runOverWebSocket(url, {
    tty,
    streams: {
      stdout,
      stderr,
      ...(stdin === undefined ? {} : { stdin: sourceOf(stdin) }),
      ...(sizes === undefined ? {} : { resize: sizes }),
    },
    headers,
    tls,
    ...(signal === undefined ? {} : { signal }),
  });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

async function* sourceOf(stdin: NonNullable<PodStreamOptions["stdin"]>): ByteSource {
  if (typeof stdin === "string") yield new TextEncoder().encode(stdin);
  else if (stdin instanceof Uint8Array) yield stdin;
  else yield* stdin;
}

function collect(
  told: ((chunk: Uint8Array) => void | Promise<void>) | undefined,
): ByteSink & { text(): string } {
  const decoder = new TextDecoder();
  let text = "";
  let sizeBytes = 0;
  return {
    text: () => text,
    async write(chunk) {
      if (told !== undefined) return told(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > collectedLimitBytes)
        throw new Error(
          `the command's output is longer than ${collectedLimitBytes} bytes: take it with onStdout`,
        );
      text += decoder.decode(chunk, { stream: true });
    },
    async close() {
      text += decoder.decode();
    },
  };
}
