import { socketChannel } from "./byte-channel.ts";
import { terminalSizes } from "./channel-protocol.ts";
import { exitStatus, failureStatus, type ProcessStatus } from "./process-status.ts";
import type { RemoteCommandOptions, RunProcess } from "./remote-command.ts";
import { SpdyConnection, type SpdyStream } from "./spdy/connection.ts";
import { acceptSpdy, offeredStreamProtocols, refuseUpgrade, type UpgradeRequest } from "./upgrade.ts";

/** v4 tells the exit as a Status; v3 has resize; before it there is neither. */
const streamProtocols = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io"];
const streamsTimeoutMs = 30_000;
/** How long the client may take to close its side after it has been told the end. */
const lingerMs = 5000;

type StreamType = "error" | "stdin" | "stdout" | "stderr" | "resize";

export async function remoteCommandOverSpdy(
  upgrade: UpgradeRequest,
  options: RemoteCommandOptions,
  run: RunProcess,
): Promise<void> {
  const protocol = offeredStreamProtocols(upgrade).find((name) => streamProtocols.includes(name));
  if (protocol === undefined) {
    const accepted = streamProtocols.join(", ");
    refuseUpgrade(
      upgrade,
      403,
      `unable to upgrade: none of the stream protocols is supported; there are: ${accepted}`,
      {
        "X-Accepted-Stream-Protocol-Versions": accepted,
      },
    );
    return;
  }
  acceptSpdy(upgrade, protocol);
  const expected: StreamType[] = [
    "error",
    ...(options.stdin ? (["stdin"] as const) : []),
    ...(options.stdout ? (["stdout"] as const) : []),
    ...(options.stderr ? (["stderr"] as const) : []),
    ...(options.tty && protocol !== "v2.channel.k8s.io" ? (["resize"] as const) : []),
  ];
  const gathered = gatherStreams(expected);
  const connection = new SpdyConnection(socketChannel(upgrade.socket, upgrade.head), {
    role: "server",
    onStream: gathered.add,
  });
  const gone = new AbortController();
  const ended = connection.ended.then(() => {
    gathered.giveUp();
    gone.abort(new Error("the client is gone"));
  });
  const streams = await gathered.all;
  if (streams !== undefined) {
    const { error, stdin, stdout, stderr, resize } = streams;
    const status: ProcessStatus = await run(
      {
        ...(stdin && { stdin: stdin.source }),
        ...(stdout && { stdout }),
        ...(stderr && { stderr }),
        ...(resize && { resize: terminalSizes(resize.source) }),
      },
      { signal: gone.signal },
    ).then((exit) => exitStatus(exit ?? { exitCode: 0 }), failureStatus);
    await Promise.all([stdout?.close(), stderr?.close()]);
    const text = protocol === "v4.channel.k8s.io" ? JSON.stringify(status) : plainText(status);
    await error?.write(new TextEncoder().encode(text)).catch(() => {}); // nobody is left to be told
    await error?.close();
    stdin?.discard();
    resize?.discard();
    // The client closes once it has read all; closing first could cut off what is on its way.
    const timer = setTimeout(() => connection.destroy(), lingerMs);
    await ended;
    clearTimeout(timer);
  }
  connection.destroy();
}

function plainText(status: ProcessStatus): string {
  return status.status === "Success" ? "" : (status.message ?? "");
}

type Streams = Partial<Record<StreamType, SpdyStream>>;

/** Collects the streams that the client opens; `all` is undefined when they do not come. */
function gatherStreams(expected: readonly StreamType[]) {
  const streams: Streams = {};
  const { promise, resolve } = Promise.withResolvers<Streams | undefined>();
  const timer = setTimeout(() => resolve(undefined), streamsTimeoutMs);
  promise.then(() => clearTimeout(timer));
  return {
    all: promise,
    giveUp: () => resolve(undefined),
    add(stream: SpdyStream) {
      const type = expected.find((name) => name === stream.headers.streamtype);
      if (type === undefined || streams[type] !== undefined) {
        stream.reset();
        return;
      }
      streams[type] = stream;
      if (expected.every((name) => streams[name] !== undefined)) resolve(streams);
    },
  };
}
