import type { Container, EphemeralContainer, LifecycleHandler } from "../api/core/types.generated.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import { type NetworkProber, portOf } from "./probes/prober.ts";

export interface HookTarget {
  readonly container: Container | EphemeralContainer;
  readonly containerId: string;
  readonly podIp: string;
}

/** Runs a postStart or preStop handler; throws with what went wrong. */
export async function runHook(
  handler: LifecycleHandler,
  { container, containerId, podIp }: HookTarget,
  dependencies: {
    readonly runtime: ContainerRuntime;
    readonly network: NetworkProber;
    readonly clock: Clock;
  },
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { runtime, network, clock } = dependencies;
  const { exec, httpGet, tcpSocket, sleep: pause } = handler;
  const timeoutMs = options.timeoutMs ?? 0;
  if (exec !== undefined) {
    const { exitCode, stderr } = await runtime.execSync(
      containerId,
      exec.command ?? [],
      Math.ceil(timeoutMs / 1000),
      options.signal === undefined ? {} : { signal: options.signal },
    );
    if (exitCode === 0) return;
    const output = new TextDecoder().decode(stderr).slice(0, 1024);
    throw new Error(`command '${(exec.command ?? []).join(" ")}' exited with ${exitCode}: ${output}`);
  }
  if (httpGet !== undefined) {
    const { host = "", path = "/", httpHeaders = [] } = httpGet;
    const scheme = httpGet.scheme === "HTTPS" ? "https" : "http";
    const port = portOf(httpGet.port, container as Container);
    const request = { scheme, host: host === "" ? podIp : host, port, path, headers: httpHeaders } as const;
    const answer = await network.http(request, timeoutMs === 0 ? 30_000 : timeoutMs);
    if (answer.outcome !== "success") throw new Error(answer.output);
    return;
  }
  if (pause !== undefined) {
    await sleep(clock, pause.seconds * 1000, options.signal === undefined ? {} : { signal: options.signal });
    return;
  }
  // Upstream accepts tcpSocket for compatibility and fails it at run time.
  throw new Error(
    tcpSocket === undefined ? "no handler specified" : "tcpSocket lifecycle handlers are not supported",
  );
}
