import type { Container, Pod, Probe } from "../../api/core/types.generated.ts";
import { CriError } from "../cri/cri-error.ts";
import type { ContainerRuntime } from "../cri/runtime.ts";
import { expandReferences } from "../expansion.ts";
import type { ProbeOutcome } from "./probe-state.ts";

export interface ProbeAnswer {
  readonly outcome: ProbeOutcome;
  /** A success that its pod's owner should know of: told as ProbeWarning. */
  readonly isWarning?: boolean;
  /** What the probe printed or answered: the text of the Unhealthy event. */
  readonly output: string;
}

export interface HttpProbe {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** Probes over the network, from the node. */
export interface NetworkProber {
  http(request: HttpProbe, timeoutMs: number): Promise<ProbeAnswer>;
  tcp(host: string, port: number, timeoutMs: number): Promise<ProbeAnswer>;
  /** The standard gRPC health check of `service`. */
  grpc(host: string, port: number, service: string, timeoutMs: number): Promise<ProbeAnswer>;
}

export interface ProbeTarget {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
}

/** Carries one probe out. A probe that could not be tried at all is "unknown". */
export async function runProbe(
  probe: Probe,
  target: ProbeTarget,
  dependencies: { readonly runtime: ContainerRuntime; readonly network: NetworkProber },
): Promise<ProbeAnswer> {
  const { exec, httpGet, tcpSocket, grpc, timeoutSeconds = 1 } = probe;
  const timeoutMs = timeoutSeconds * 1000;
  const { network } = dependencies;
  try {
    if (exec !== undefined)
      return await runExec(exec.command ?? [], target, timeoutSeconds, dependencies.runtime);
    if (httpGet !== undefined) {
      const port = portOf(httpGet.port, target.container);
      const scheme = httpGet.scheme === "HTTPS" ? "https" : "http";
      const { host = target.podIp, path = "/", httpHeaders = [] } = httpGet;
      return await network.http(
        { scheme, host: host === "" ? target.podIp : host, port, path, headers: httpHeaders },
        timeoutMs,
      );
    }
    if (tcpSocket !== undefined) {
      const { host = target.podIp } = tcpSocket;
      return await network.tcp(
        host === "" ? target.podIp : host,
        portOf(tcpSocket.port, target.container),
        timeoutMs,
      );
    }
    if (grpc !== undefined) return await network.grpc(target.podIp, grpc.port, grpc.service ?? "", timeoutMs);
  } catch (error) {
    return { outcome: "unknown", output: error instanceof Error ? error.message : String(error) };
  }
  return { outcome: "unknown", output: "missing probe handler" };
}

async function runExec(
  command: readonly string[],
  { container, containerId }: ProbeTarget,
  timeoutSeconds: number,
  runtime: ContainerRuntime,
): Promise<ProbeAnswer> {
  const plain = new Map((container.env ?? []).map(({ name, value }) => [name, value]));
  const expanded = command.map((word) => expandReferences(word, (name) => plain.get(name)));
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, expanded, timeoutSeconds);
    const decoder = new TextDecoder();
    const output = `${decoder.decode(stdout)}${decoder.decode(stderr)}`.slice(0, maxOutputCharacters);
    return { outcome: exitCode === 0 ? "success" : "failure", output };
  } catch (error) {
    if (error instanceof CriError && error.code === "DeadlineExceeded") {
      const output = `command timed out: ${JSON.stringify(command.join(" "))} timed out after ${timeoutSeconds}s`;
      return { outcome: "failure", output };
    }
    throw error;
  }
}

const maxOutputCharacters = 10_240;

/** A number, or the name of one of the container's ports. */
export function portOf(port: number | string, container: Container): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port);
  const number = named?.containerPort ?? Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw new Error(`couldn't find port: ${port}`);
  return number;
}
