import { forwardOverSpdy, runOverSpdy } from "../../../client/streaming/spdy/streaming-client.ts";
import { CriError } from "../cri-error.ts";
import type { CallOptions, ContainerRuntime } from "../runtime.ts";
import type { GrpcCallOptions, GrpcChannel } from "./channel.ts";
import {
  toContainer,
  toContainerStats,
  toContainerStatus,
  toPodSandbox,
  toPodSandboxStats,
  toPodSandboxStatus,
} from "./convert.ts";
import { containerConfigMessage, podSandboxConfigMessage, resourcesMessage } from "./encode-config.ts";
import { runtimeMethods } from "./methods.ts";
import type { Decoded, Encodable } from "./protobuf.ts";

type Methods = typeof runtimeMethods;

const service = "runtime.v1.RuntimeService";
/** A sandbox waits for its network; a stop first for the grace period. */
const sandboxTimeoutMs = 240_000;
const stopMarginMs = 120_000;

/** `RuntimeService` over gRPC, but for its events. */
export function runtimeClient(channel: GrpcChannel): Omit<ContainerRuntime, "events"> {
  const call: Call = (method, request, options) =>
    channel.unary(`${service}/${method}`, runtimeMethods[method], request, options);
  return { ...sandboxCalls(call), ...containerCalls(call), ...streamCalls(call), ...statsCalls(call) };
}

type Call = <M extends keyof Methods>(
  method: M,
  request: Encodable<Methods[M]["request"]>,
  options?: GrpcCallOptions,
) => Promise<Decoded<Methods[M]["response"]>>;

function sandboxCalls(
  call: Call,
): Pick<
  ContainerRuntime,
  | "version"
  | "status"
  | "updateRuntimeConfig"
  | "runPodSandbox"
  | "stopPodSandbox"
  | "removePodSandbox"
  | "podSandboxStatus"
  | "listPodSandboxes"
> {
  return {
    async version(options) {
      return call("Version", {}, options);
    },
    async status(options) {
      const { status, runtimeHandlers, features } = await call("Status", {}, options);
      return {
        conditions: status?.conditions ?? [],
        runtimeHandlers: runtimeHandlers.map((handler) => ({
          name: handler.name,
          recursiveReadOnlyMounts: handler.features?.recursiveReadOnlyMounts ?? false,
          userNamespaces: handler.features?.userNamespaces ?? false,
        })),
        supplementalGroupsPolicy: features?.supplementalGroupsPolicy ?? false,
      };
    },
    async updateRuntimeConfig(config, options) {
      await call("UpdateRuntimeConfig", { runtimeConfig: { networkConfig: config } }, options);
    },

    async runPodSandbox(config, options = {}) {
      const { runtimeHandler, ...rest } = options;
      const request = { config: podSandboxConfigMessage(config), runtimeHandler };
      return (await call("RunPodSandbox", request, { timeoutMs: sandboxTimeoutMs, ...rest })).podSandboxId;
    },
    async stopPodSandbox(podSandboxId, options) {
      await ignoreNotFound(call("StopPodSandbox", { podSandboxId }, options));
    },
    async removePodSandbox(podSandboxId, options) {
      await ignoreNotFound(call("RemovePodSandbox", { podSandboxId }, options));
    },
    async podSandboxStatus(podSandboxId, options) {
      const { status } = await call("PodSandboxStatus", { podSandboxId }, options);
      return toPodSandboxStatus(known(status, podSandboxId));
    },
    async listPodSandboxes(filter = {}, options) {
      const { id, state, labels } = filter;
      const request = { filter: { id, state: state && { state }, labelSelector: labels } };
      return (await call("ListPodSandbox", request, options)).items.map(toPodSandbox);
    },
  };
}

function containerCalls(
  call: Call,
): Pick<
  ContainerRuntime,
  | "createContainer"
  | "startContainer"
  | "stopContainer"
  | "removeContainer"
  | "listContainers"
  | "containerStatus"
  | "updateContainerResources"
  | "reopenContainerLog"
> {
  return {
    async createContainer(podSandboxId, config, sandboxConfig, options) {
      const request = {
        podSandboxId,
        config: containerConfigMessage(config),
        sandboxConfig: podSandboxConfigMessage(sandboxConfig),
      };
      return (await call("CreateContainer", request, options)).containerId;
    },
    async startContainer(containerId, options) {
      await call("StartContainer", { containerId }, options);
    },
    async stopContainer(containerId, gracePeriodSeconds, options) {
      const timeoutMs = gracePeriodSeconds * 1000 + stopMarginMs;
      const request = { containerId, timeout: gracePeriodSeconds };
      await ignoreNotFound(call("StopContainer", request, { timeoutMs, ...options }));
    },
    async removeContainer(containerId, options) {
      await ignoreNotFound(call("RemoveContainer", { containerId }, options));
    },
    async listContainers(filter = {}, options) {
      const { id, podSandboxId, state, labels } = filter;
      const request = { filter: { id, podSandboxId, state: state && { state }, labelSelector: labels } };
      return (await call("ListContainers", request, options)).containers.map(toContainer);
    },
    async containerStatus(containerId, options) {
      const { status } = await call("ContainerStatus", { containerId }, options);
      return toContainerStatus(known(status, containerId));
    },
    async updateContainerResources(containerId, resources, options) {
      await call("UpdateContainerResources", { containerId, linux: resourcesMessage(resources) }, options);
    },
    async reopenContainerLog(containerId, options) {
      await call("ReopenContainerLog", { containerId }, options);
    },
  };
}

function streamCalls(call: Call): Pick<ContainerRuntime, "execSync" | "exec" | "attach" | "portForward"> {
  return {
    async execSync(containerId, command, timeoutSeconds, options) {
      const timeoutMs = timeoutSeconds === 0 ? 0 : timeoutSeconds * 1000 + stopMarginMs;
      const request = { containerId, cmd: command, timeout: timeoutSeconds };
      return call("ExecSync", request, { timeoutMs, ...options });
    },
    async exec({ containerId, command, tty }, streams, options) {
      const wanted = wantedStreams(streams, tty);
      const { url } = await call("Exec", { containerId, cmd: command, tty, ...wanted }, options);
      return await runOverSpdy(url, { tty, streams, ...signalOf(options) });
    },
    async attach({ containerId, tty }, streams, options) {
      const wanted = wantedStreams(streams, tty);
      const { url } = await call("Attach", { containerId, tty, ...wanted }, options);
      await runOverSpdy(url, { tty, streams, ...signalOf(options) });
    },
    async portForward(podSandboxId, port, connection, options) {
      const { url } = await call("PortForward", { podSandboxId, port: [port] }, options);
      await forwardOverSpdy(url, { port, connection, ...signalOf(options) });
    },
  };
}

function statsCalls(
  call: Call,
): Pick<ContainerRuntime, "containerStats" | "listContainerStats" | "podSandboxStats"> {
  return {
    async containerStats(containerId, options) {
      const { stats } = await call("ContainerStats", { containerId }, options);
      return toContainerStats(known(stats, containerId));
    },
    async listContainerStats(filter = {}, options) {
      const { id, podSandboxId, labels } = filter;
      const request = { filter: { id, podSandboxId, labelSelector: labels } };
      return (await call("ListContainerStats", request, options)).stats.map(toContainerStats);
    },
    async podSandboxStats(podSandboxId, options) {
      const { stats } = await call("PodSandboxStats", { podSandboxId }, options);
      return toPodSandboxStats(known(stats, podSandboxId));
    },
  };
}

function wantedStreams(
  streams: { readonly stdin?: unknown; readonly stdout?: unknown; readonly stderr?: unknown },
  tty: boolean,
) {
  return {
    stdin: streams.stdin !== undefined,
    stdout: streams.stdout !== undefined,
    stderr: streams.stderr !== undefined && !tty,
  };
}

function signalOf(options: CallOptions | undefined): { signal?: AbortSignal } {
  return options?.signal === undefined ? {} : { signal: options.signal };
}

function known<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw new CriError("NotFound", `the runtime does not know ${id}`);
  return value;
}

async function ignoreNotFound(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof CriError && error.code === "NotFound")) throw error;
  }
}
