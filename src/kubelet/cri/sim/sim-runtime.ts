import { sleep } from "../../../base/clock.ts";
import type { ForwardedConnection, ProcessStreams } from "../../../client/streaming/byte-stream.ts";
import { CriError } from "../cri-error.ts";
import type {
  AttachRequest,
  CallOptions,
  ContainerRuntime,
  ContainerStatsFilter,
  ExecRequest,
  RuntimeConnection,
} from "../runtime.ts";
import { abortable } from "./abortable.ts";
import { attachTo, execIn, outcomeOf } from "./sim-exec.ts";
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
  /** A log file that a container wrote, in CRI's format. */
  readLog(path: string): string | undefined;
}

export function createSimRuntime(options: SimRuntimeOptions): SimRuntime {
  const node = new StreamingNode(options);
  return {
    runtime: node,
    images: node.images,
    kill: (containerId, end) => node.end(node.container(containerId), end),
    answers: (podIp) => node.answers(podIp),
    readLog: (path) => node.logs.read(path),
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
    const outcome = outcomeOf(this.running(containerId), command, this.clock.now());
    const timeoutMs = timeoutSeconds * 1000;
    const timedOut = timeoutMs > 0 && outcome.delayMs > timeoutMs;
    const waitMs = timedOut ? timeoutMs : outcome.delayMs;
    if (waitMs > 0) await sleep(this.clock, waitMs, options);
    if (timedOut)
      throw new CriError(
        "DeadlineExceeded",
        `failed to exec in container: timeout ${timeoutSeconds}s exceeded: context deadline exceeded`,
      );
    const text = new TextEncoder();
    return {
      stdout: text.encode(outcome.stdout),
      stderr: text.encode(outcome.stderr),
      exitCode: outcome.exitCode,
    };
  }

  async exec({ containerId, command }: ExecRequest, streams: ProcessStreams, options?: CallOptions) {
    this.admit("Exec");
    return execIn(this.running(containerId), { command, streams, clock: this.clock, ...options });
  }

  async attach({ containerId }: AttachRequest, streams: ProcessStreams, options: CallOptions = {}) {
    this.admit("Attach");
    const container = this.running(containerId);
    await abortable(attachTo(container, streams), options.signal);
    // Its input was opened for the first who attaches, and has ended with them.
    if (container.program.readsStdin && container.config.stdinOnce) this.end(container, { exitCode: 0 });
  }

  async portForward(podSandboxId: string, port: number, { source, sink }: ForwardedConnection) {
    this.admit("PortForward");
    const { ip, state } = this.sandbox(podSandboxId);
    if (state !== "ready" || (ip !== undefined && !this.answers(ip)))
      throw new CriError(
        "Unknown",
        `failed to connect to localhost:${port} inside the pod: connection refused`,
      );
    // Whatever listens there gives back what it is sent.
    for await (const chunk of source) await sink.write(chunk);
    await sink.close();
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
