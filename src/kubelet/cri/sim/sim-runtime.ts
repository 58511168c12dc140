import { abortable } from "../../../base/abortable.ts";
import type { ForwardedConnection, ProcessStreams } from "../../../client/streaming/byte-stream.ts";
import { copy } from "../../../client/streaming/copy.ts";
import { CriError } from "../cri-error.ts";
import type {
  AttachRequest,
  CallOptions,
  ContainerRuntime,
  ContainerStatsFilter,
  ExecRequest,
  RuntimeConnection,
} from "../runtime.ts";
import type { SimSandbox } from "./sim-container.ts";
import { attachTo, execCollecting, execIn } from "./sim-exec.ts";
import type { SimImages } from "./sim-images.ts";
import { SimNode, type SimRuntimeOptions } from "./sim-node.ts";
import { statsOf } from "./sim-stats.ts";

export type { SimRuntimeOptions };

/** A container runtime in memory: every time from the clock, every id from the random. Thousands of pods are cheap. */
export interface SimRuntime extends RuntimeConnection {
  readonly runtime: ContainerRuntime;
  readonly images: SimImages;
  /** Ends a container as if by itself (a crash, an out-of-memory kill). */
  kill(containerId: string, end: { readonly exitCode: number; readonly reason?: string }): void;
  /** Whether some running container behind this address answers probes now. */
  answers(podIp: string): boolean;
  /** Connects to a port of the pod with this address; undefined: it has no such pod, or nothing listens there. */
  connect(podIp: string, port: number, connection: ForwardedConnection): Promise<void> | undefined;
  /** Whether it has a pod with this address. */
  hasAddress(podIp: string): boolean;
  /** A log file that a container wrote, in CRI's format. */
  readLog(path: string): string | undefined;
  /** Resolves when that log changes next. */
  logChanged(path: string): Promise<void>;
}

export function createSimRuntime(options: SimRuntimeOptions): SimRuntime {
  const node = new StreamingNode(options);
  return {
    runtime: node,
    images: node.images,
    kill: (containerId, end) => node.end(node.container(containerId), end),
    answers: (podIp) => node.answers(podIp),
    connect(podIp, port, connection) {
      const sandbox = node.sandboxAt(podIp);
      return sandbox && node.serve(sandbox, port, connection);
    },
    hasAddress: (podIp) => node.sandboxAt(podIp) !== undefined,
    readLog: (path) => node.logs.read(path),
    logChanged: (path) => node.logs.changed(path),
    close: async () => node.close(),
  };
}

/** The calls that run on streams or tell statistics, besides a node's own. */
class StreamingNode extends SimNode implements ContainerRuntime {
  async execSync(
    containerId: string,
    command: readonly string[],
    timeoutSeconds: number,
    options?: CallOptions,
  ) {
    this.admit("ExecSync");
    const outcome = await execCollecting(this.running(containerId), {
      command,
      clock: this.clock,
      timeoutMs: timeoutSeconds * 1000,
      ...options,
    });
    if (outcome === undefined)
      throw new CriError(
        "DeadlineExceeded",
        `failed to exec in container: timeout ${timeoutSeconds}s exceeded: context deadline exceeded`,
      );
    return outcome;
  }

  async exec({ containerId, command, tty }: ExecRequest, streams: ProcessStreams, options?: CallOptions) {
    this.admit("Exec");
    return execIn(this.running(containerId), { command, tty, streams, clock: this.clock, ...options });
  }

  async attach({ containerId }: AttachRequest, streams: ProcessStreams, options: CallOptions = {}) {
    this.admit("Attach");
    const container = this.running(containerId);
    await abortable(attachTo(container, streams), options.signal);
    // Its input was opened for the first who attaches, and has ended with them.
    if (container.program.readsStdin && container.config.stdinOnce) this.end(container, { exitCode: 0 });
  }

  async portForward(podSandboxId: string, port: number, connection: ForwardedConnection) {
    this.admit("PortForward");
    const served = this.serve(this.sandbox(podSandboxId), port, connection);
    if (served === undefined)
      throw new CriError(
        "Unknown",
        `failed to connect to localhost:${port} inside the pod: connection refused`,
      );
    await served;
  }

  /** What listens there takes the connection; undefined: nothing does. */
  serve(sandbox: SimSandbox, port: number, connection: ForwardedConnection): Promise<void> | undefined {
    const { ip, state } = sandbox;
    if (state !== "ready") return undefined;
    const answering = this.answeringIn(sandbox);
    const listening = answering.filter(({ behavior }) => behavior.connect !== undefined);
    for (const { behavior } of listening) {
      const served = behavior.connect?.(port, connection);
      if (served !== undefined) return served;
    }
    if (listening.length > 0 || (ip !== undefined && answering.length === 0)) return undefined;
    return copy(connection.source, connection.sink);
  }

  async containerStats(containerId: string) {
    this.admit("ContainerStats");
    return statsOf(this.container(containerId), this.clock.now());
  }

  async listContainerStats(filter: ContainerStatsFilter = {}) {
    this.admit("ListContainerStats");
    return this.select(filter)
      .filter(({ state }) => state === "running")
      .map((container) => statsOf(container, this.clock.now()));
  }

  async podSandboxStats(podSandboxId: string) {
    this.admit("PodSandboxStats");
    const running = [...this.sandbox(podSandboxId).containers].filter(({ state }) => state === "running");
    const containers = running.map((container) => statsOf(container, this.clock.now()));
    return { id: podSandboxId, processCount: running.length + 1, containers };
  }
}
