import { connect as connectTls } from "node:tls";
import type { ObjectName } from "../client.ts";
import type { ByteSink, ByteSource } from "../streaming/byte-stream.ts";
import { runOverWebSocket } from "../streaming/websocket-client.ts";
import type { Connection } from "./connect.ts";
import { anonymous } from "./credentials.ts";
import type { HttpsTransportOptions } from "./https-transport.ts";
import { openTunnel, proxyFor } from "./proxy.ts";
import { RotatingFile } from "./rotating-file.ts";

/** What to run in which container, and where its streams go. */
export interface RunInPodOptions {
  readonly command: readonly string[];
  /** Absent: the only one, or the one that the pod names as its default. */
  readonly container?: string;
  /** What the command reads, to its end; absent: nothing. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Told of output as it comes, which is then not collected. */
  readonly onStdout?: (chunk: Uint8Array) => void | Promise<void>;
  readonly onStderr?: (chunk: Uint8Array) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** How the command ended, and what it said where nobody was told meanwhile. */
export interface RunInPodResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is collected of one stream at most: past it the command's output is refused. */
const collectedLimitBytes = 16 * 1024 * 1024;

/** As `kubectl exec`: see `runInPod` of `k8ts/client`. */
export async function runInPod(
  { transport }: Pick<Connection, "transport">,
  pod: ObjectName,
  { command, container, stdin, onStdout, onStderr, signal }: RunInPodOptions,
): Promise<RunInPodResult> {
  const { namespace = "default", name } = pod;
  const query = new URLSearchParams({ stdout: "true", stderr: "true" });
  if (stdin !== undefined) query.set("stdin", "true");
  if (container !== undefined) query.set("container", container);
  for (const word of command) query.append("command", word);
  const server = new URL(transport.server);
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/exec`;
  const url = `${server.href.replace(/^http/, "ws").replace(/\/$/, "")}${path}?${query}`;
  const [stdout, stderr] = [collect(onStdout), collect(onStderr)];
  const { exitCode } = await runOverWebSocket(url, {
    tty: false,
    streams: { stdout, stderr, ...(stdin === undefined ? {} : { stdin: sourceOf(stdin) }) },
    headers: await headersOf(transport),
    tls: await wireOf(transport, server),
    ...(signal === undefined ? {} : { signal }),
  });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

async function headersOf({ headers = {}, credentials = anonymous }: HttpsTransportOptions) {
  const authorization = await credentials.authorization();
  const sent: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    sent[name] = typeof value === "string" ? value : [...value];
  return { ...sent, ...(authorization === undefined ? {} : { authorization }) };
}

/** How the connection is made: as the transport of the requests makes its own. */
async function wireOf(options: HttpsTransportOptions, server: URL) {
  const { credentials = anonymous, ca, caFile, tlsServerName, insecureSkipTlsVerify } = options;
  const trusted = ca ?? (caFile === undefined ? undefined : await new RotatingFile(caFile).read());
  const tls = {
    ...(await credentials.clientCertificate()),
    ...(trusted === undefined ? {} : { ca: trusted }),
    ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
    ...(insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
  };
  const proxy = proxyFor(options, server);
  if (proxy === undefined) return tls;
  const socket = await openTunnel(proxy, server);
  const servername = tlsServerName ?? server.hostname.replace(/^\[|\]$/g, "");
  const createConnection = () =>
    server.protocol === "https:" ? connectTls({ ...tls, socket, servername }) : socket;
  return { ...tls, createConnection };
}

async function* sourceOf(stdin: NonNullable<RunInPodOptions["stdin"]>): ByteSource {
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
