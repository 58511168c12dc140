import {
  containerMetadata,
  imageSpec,
  int64Value,
  linuxContainerResources,
  mount,
  namespaceOption,
  sandboxMetadata,
  signals,
} from "./config-messages.ts";
import {
  bool,
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

/** What CRI v1 tells of sandboxes, containers and images. */

export const sandboxStates = ["ready", "notReady"] as const;
export const containerStates = ["created", "running", "exited", "unknown"] as const;
export const podSandboxStatus = message({
  id: string(1),
  metadata: nested(2, sandboxMetadata),
  state: enumeration(3, sandboxStates),
  createdAt: int(4),
  network: nested(5, message({ ip: string(1), additionalIps: nestedList(2, message({ ip: string(1) })) })),
  linux: nested(6, message({ namespaces: nested(1, message({ options: nested(2, namespaceOption) })) })),
  labels: stringMap(7),
  annotations: stringMap(8),
  runtimeHandler: string(9),
});
export const podSandbox = message({
  id: string(1),
  metadata: nested(2, sandboxMetadata),
  state: enumeration(3, sandboxStates),
  createdAt: int(4),
  labels: stringMap(5),
  annotations: stringMap(6),
  runtimeHandler: string(7),
});
export const container = message({
  id: string(1),
  podSandboxId: string(2),
  metadata: nested(3, containerMetadata),
  image: nested(4, imageSpec),
  imageRef: string(5),
  state: enumeration(6, containerStates),
  createdAt: int(7),
  labels: stringMap(8),
  annotations: stringMap(9),
  imageId: string(10),
});
export const containerStatus = message({
  id: string(1),
  metadata: nested(2, containerMetadata),
  state: enumeration(3, containerStates),
  createdAt: int(4),
  startedAt: int(5),
  finishedAt: int(6),
  exitCode: int(7),
  image: nested(8, imageSpec),
  imageRef: string(9),
  reason: string(10),
  message: string(11),
  labels: stringMap(12),
  annotations: stringMap(13),
  mounts: nestedList(14, mount),
  logPath: string(15),
  resources: nested(16, message({ linux: nested(1, linuxContainerResources) })),
  imageId: string(17),
  user: nested(
    18,
    message({ linux: nested(1, message({ uid: int(1), gid: int(2), supplementalGroups: ints(3) })) }),
  ),
  stopSignal: enumeration(19, signals),
});

export const image = message({
  id: string(1),
  repoTags: strings(2),
  repoDigests: strings(3),
  size: int(4),
  uid: nested(5, int64Value),
  username: string(6),
  pinned: bool(8),
});
export type WireImage = typeof image;
export type WireMount = typeof mount;
