/** What goes to and from pods as it comes. Each is loaded when it is first called: most programs never do. */
import type { CallOptions, ObjectName } from "./client.ts";
import type { CopyOptions, CopyResult } from "./transport/copy-files.ts";
import type { ForwardedPort, ForwardPortOptions, PodSocket } from "./transport/port-forward.ts";
import type { PodStreamOptions, RunInPodOptions, RunInPodResult } from "./transport/run-in-pod.ts";
import type { StreamConnection } from "./transport/stream-address.ts";
import type { OpenedTerminal, TerminalStreams } from "./transport/terminal.ts";

/**
 * Runs a command in a container of a pod, as `kubectl exec`, over a connection of its own made as `connect` found it. Resolves when
 * the command has ended, whatever its exit code; rejects with an `ApiError` where the server refused it (NotFound, Forbidden …), with
 * `RemoteCommandError` where it could not be run, or with the signal's reason.
 */
export async function runInPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: RunInPodOptions,
): Promise<RunInPodResult> {
  const edge = await import("./transport/run-in-pod.ts");
  return edge.runInPod(connection, pod, options);
}

/**
 * Takes part in what a container's own process reads and writes from now on, as `kubectl attach`. Resolves when the process has
 * ended; fails as `runInPod` does.
 */
export async function attachToPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: PodStreamOptions = {},
): Promise<RunInPodResult> {
  const edge = await import("./transport/run-in-pod.ts");
  return edge.attachToPod(connection, pod, options);
}

/**
 * Gives this process's terminal to a process in a pod: key by key, with its size and each change of it. Where stdin or stdout is no
 * terminal they are passed on as they are. The terminal is as it was when what this returns is disposed of.
 */
export async function openTerminal(terminal?: TerminalStreams): Promise<OpenedTerminal> {
  const edge = await import("./transport/terminal.ts");
  return edge.openTerminal(terminal);
}

/**
 * Makes a port of a pod one of this machine's, as `kubectl port-forward`, until it is closed or the signal aborts. All connections
 * share one WebSocket, which is opened with the first and again when it was lost; one that fails is told to `onError`.
 */
export async function forwardPort(
  connection: StreamConnection,
  pod: ObjectName,
  port: number,
  options: ForwardPortOptions = {},
): Promise<ForwardedPort> {
  const edge = await import("./transport/port-forward.ts");
  return edge.forwardPort(connection, pod, port, options);
}

/**
 * Connects to a port of a pod, without one of this machine's: a stream as `createConnection` of node:http takes it. Where nothing
 * listens there it is destroyed with a `RemoteCommandError`.
 */
export async function connectToPod(
  connection: StreamConnection,
  pod: ObjectName,
  port: number,
  options: CallOptions = {},
): Promise<PodSocket> {
  const edge = await import("./transport/port-forward.ts");
  return edge.connectToPod(connection, pod, port, options);
}

/**
 * Copies a file or a folder into a container, as `kubectl cp`: by the container's own `tar`, which must be there. Rejects with what
 * tar said where it failed.
 */
export async function copyToPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: CopyOptions,
): Promise<CopyResult> {
  const edge = await import("./transport/copy-files.ts");
  return edge.copyToPod(connection, pod, options);
}

/** The same out of a container. Links are not followed and not made; nothing is written but below `to`. */
export async function copyFromPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: CopyOptions,
): Promise<CopyResult> {
  const edge = await import("./transport/copy-files.ts");
  return edge.copyFromPod(connection, pod, options);
}
