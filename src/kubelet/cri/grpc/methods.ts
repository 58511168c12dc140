import { containerConfig, imageSpec, linuxContainerResources, podSandboxConfig } from "./config-messages.ts";
import {
  bool,
  bytes,
  enumeration,
  int,
  ints,
  message,
  nested,
  nestedList,
  string,
  stringMap,
  strings,
} from "./protobuf.ts";
import { containerStats, filesystemUsage, podSandboxStats } from "./stats-messages.ts";
import {
  container,
  containerStates,
  containerStatus,
  image,
  podSandbox,
  podSandboxStatus,
  sandboxStates,
} from "./status-messages.ts";

const authConfig = message({
  username: string(1),
  password: string(2),
  auth: string(3),
  serverAddress: string(4),
  identityToken: string(5),
  registryToken: string(6),
});

const empty = message({});
const byPodSandbox = message({ podSandboxId: string(1) });
const byContainer = message({ containerId: string(1) });
const streamingUrl = message({ url: string(1) });

/** Each call's request and response. */
export const runtimeMethods = {
  Version: {
    request: message({ version: string(1) }),
    response: message({
      version: string(1),
      runtimeName: string(2),
      runtimeVersion: string(3),
      runtimeApiVersion: string(4),
    }),
  },
  Status: {
    request: message({ verbose: bool(1) }),
    response: message({
      status: nested(
        1,
        message({
          conditions: nestedList(
            1,
            message({ type: string(1), status: bool(2), reason: string(3), message: string(4) }),
          ),
        }),
      ),
      runtimeHandlers: nestedList(
        3,
        message({
          name: string(1),
          features: nested(2, message({ recursiveReadOnlyMounts: bool(1), userNamespaces: bool(2) })),
        }),
      ),
      features: nested(4, message({ supplementalGroupsPolicy: bool(1) })),
    }),
  },
  UpdateRuntimeConfig: {
    request: message({
      runtimeConfig: nested(1, message({ networkConfig: nested(1, message({ podCidr: string(1) })) })),
    }),
    response: empty,
  },
  RunPodSandbox: {
    request: message({ config: nested(1, podSandboxConfig), runtimeHandler: string(2) }),
    response: byPodSandbox,
  },
  StopPodSandbox: { request: byPodSandbox, response: empty },
  RemovePodSandbox: { request: byPodSandbox, response: empty },
  PodSandboxStatus: { request: byPodSandbox, response: message({ status: nested(1, podSandboxStatus) }) },
  ListPodSandbox: {
    request: message({
      filter: nested(
        1,
        message({
          id: string(1),
          state: nested(2, message({ state: enumeration(1, sandboxStates) })),
          labelSelector: stringMap(3),
        }),
      ),
    }),
    response: message({ items: nestedList(1, podSandbox) }),
  },
  CreateContainer: {
    request: message({
      podSandboxId: string(1),
      config: nested(2, containerConfig),
      sandboxConfig: nested(3, podSandboxConfig),
    }),
    response: byContainer,
  },
  StartContainer: { request: byContainer, response: empty },
  StopContainer: { request: message({ containerId: string(1), timeout: int(2) }), response: empty },
  RemoveContainer: { request: byContainer, response: empty },
  ListContainers: {
    request: message({
      filter: nested(
        1,
        message({
          id: string(1),
          state: nested(2, message({ state: enumeration(1, containerStates) })),
          podSandboxId: string(3),
          labelSelector: stringMap(4),
        }),
      ),
    }),
    response: message({ containers: nestedList(1, container) }),
  },
  ContainerStatus: { request: byContainer, response: message({ status: nested(1, containerStatus) }) },
  UpdateContainerResources: {
    request: message({ containerId: string(1), linux: nested(2, linuxContainerResources) }),
    response: empty,
  },
  ReopenContainerLog: { request: byContainer, response: empty },
  ExecSync: {
    request: message({ containerId: string(1), cmd: strings(2), timeout: int(3) }),
    response: message({ stdout: bytes(1), stderr: bytes(2), exitCode: int(3) }),
  },
  Exec: {
    request: message({
      containerId: string(1),
      cmd: strings(2),
      tty: bool(3),
      stdin: bool(4),
      stdout: bool(5),
      stderr: bool(6),
    }),
    response: streamingUrl,
  },
  Attach: {
    request: message({
      containerId: string(1),
      stdin: bool(2),
      tty: bool(3),
      stdout: bool(4),
      stderr: bool(5),
    }),
    response: streamingUrl,
  },
  PortForward: { request: message({ podSandboxId: string(1), port: ints(2) }), response: streamingUrl },
  ContainerStats: { request: byContainer, response: message({ stats: nested(1, containerStats) }) },
  ListContainerStats: {
    request: message({
      filter: nested(1, message({ id: string(1), podSandboxId: string(2), labelSelector: stringMap(3) })),
    }),
    response: message({ stats: nestedList(1, containerStats) }),
  },
  PodSandboxStats: { request: byPodSandbox, response: message({ stats: nested(1, podSandboxStats) }) },
} as const;

export const imageMethods = {
  ListImages: { request: empty, response: message({ images: nestedList(1, image) }) },
  ImageStatus: {
    request: message({ image: nested(1, imageSpec) }),
    response: message({ image: nested(1, image) }),
  },
  PullImage: {
    request: message({
      image: nested(1, imageSpec),
      auth: nested(2, authConfig),
      sandboxConfig: nested(3, podSandboxConfig),
    }),
    response: message({ imageRef: string(1) }),
  },
  RemoveImage: { request: message({ image: nested(1, imageSpec) }), response: empty },
  ImageFsInfo: {
    request: empty,
    response: message({
      imageFilesystems: nestedList(1, filesystemUsage),
      containerFilesystems: nestedList(2, filesystemUsage),
    }),
  },
} as const;
