import type { Mount } from "../config.ts";
import type {
  Container,
  ContainerStats,
  ContainerStatus,
  CpuUsage,
  FilesystemUsage,
  Image,
  MemoryUsage,
  NamespaceModes,
  NetworkInterfaceUsage,
  PodSandbox,
  PodSandboxStats,
  PodSandboxStatus,
} from "../runtime.ts";
import type { linuxContainerResources } from "./config-messages.ts";
import type { Decoded } from "./protobuf.ts";
import type * as wireStats from "./stats-messages.ts";
import type * as wire from "./status-messages.ts";

/** CRI's responses as the kubelet's records. */

/** CRI's times are nanoseconds since the epoch. */
const milliseconds = (nanoseconds: number) => nanoseconds / 1e6;
const noContainerMetadata = { name: "", attempt: 0 };
const noSandboxMetadata = { name: "", uid: "", namespace: "", attempt: 0 };
const wholePod: NamespaceModes = { network: "pod", pid: "pod", ipc: "pod" };

export function toPodSandbox(sandbox: Decoded<typeof wire.podSandbox>): PodSandbox {
  return {
    id: sandbox.id,
    metadata: sandbox.metadata ?? noSandboxMetadata,
    state: sandbox.state,
    createdAtMs: milliseconds(sandbox.createdAt),
    labels: sandbox.labels,
    annotations: sandbox.annotations,
    runtimeHandler: sandbox.runtimeHandler,
  };
}

export function toPodSandboxStatus(status: Decoded<typeof wire.podSandboxStatus>): PodSandboxStatus {
  const { network, linux } = status;
  const modes = linux?.namespaces?.options;
  const ips = network === undefined ? [] : [network.ip, ...network.additionalIps.map(({ ip }) => ip)];
  return {
    ...toPodSandbox(status),
    ips: ips.filter((ip) => ip !== ""),
    namespaces: modes === undefined ? wholePod : { network: modes.network, pid: modes.pid, ipc: modes.ipc },
  };
}

export function toContainer(container: Decoded<typeof wire.container>): Container {
  return {
    id: container.id,
    podSandboxId: container.podSandboxId,
    metadata: container.metadata ?? noContainerMetadata,
    image: container.image?.userSpecifiedImage || container.image?.image || "",
    imageRef: container.imageRef,
    // Runtimes of before CRI had the field report the image's id as its reference.
    imageId: container.imageId || container.imageRef,
    state: container.state,
    createdAtMs: milliseconds(container.createdAt),
    labels: container.labels,
    annotations: container.annotations,
  };
}

export function toContainerStatus(status: Decoded<typeof wire.containerStatus>): ContainerStatus {
  const { resources, user, stopSignal } = status;
  return {
    id: status.id,
    metadata: status.metadata ?? noContainerMetadata,
    state: status.state,
    createdAtMs: milliseconds(status.createdAt),
    startedAtMs: milliseconds(status.startedAt),
    finishedAtMs: milliseconds(status.finishedAt),
    exitCode: status.exitCode,
    image: status.image?.userSpecifiedImage || status.image?.image || "",
    imageRef: status.imageRef,
    imageId: status.imageId || status.imageRef,
    reason: status.reason,
    message: status.message,
    labels: status.labels,
    annotations: status.annotations,
    mounts: status.mounts.map(toMount),
    logPath: status.logPath,
    ...(resources?.linux !== undefined && { resources: toResources(resources.linux) }),
    ...(user?.linux !== undefined && { user: user.linux }),
    ...(stopSignal !== "" && { stopSignal }),
  };
}

function toMount(mount: Decoded<wire.WireMount>): Mount {
  const { image, imageSubPath, ...rest } = mount;
  return { ...rest, ...(image !== undefined && { image: image.image, imageSubPath }) };
}

function toResources(resources: Decoded<typeof linuxContainerResources>) {
  const { memoryLimitInBytes, memorySwapLimitInBytes, hugepageLimits, ...rest } = resources;
  return {
    ...rest,
    memoryLimitBytes: memoryLimitInBytes,
    memorySwapLimitBytes: memorySwapLimitInBytes,
    hugepageLimits: hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limitBytes: limit })),
  };
}

interface Wrapped {
  readonly value: number;
}

/** A wrapped number that is absent leaves its field absent. */
function present<K extends string>(fields: Readonly<Record<K, Wrapped | undefined>>): { [P in K]?: number } {
  const values: { [P in K]?: number } = {};
  for (const key in fields) {
    const wrapped = fields[key];
    if (wrapped !== undefined) values[key] = wrapped.value;
  }
  return values;
}

export function toFilesystemUsage(usage: Decoded<wireStats.WireFilesystemUsage>): FilesystemUsage {
  return {
    timestampMs: milliseconds(usage.timestamp),
    mountpoint: usage.fsId?.mountpoint ?? "",
    usedBytes: usage.usedBytes?.value ?? 0,
    inodesUsed: usage.inodesUsed?.value ?? 0,
  };
}

function toCpuUsage(usage: Decoded<wireStats.WireCpuUsage>): CpuUsage {
  return {
    timestampMs: milliseconds(usage.timestamp),
    usageCoreNanoSeconds: usage.usageCoreNanoSeconds?.value ?? 0,
    ...present({ usageNanoCores: usage.usageNanoCores }),
  };
}

function toMemoryUsage({ timestamp, ...counters }: Decoded<wireStats.WireMemoryUsage>): MemoryUsage {
  return { timestampMs: milliseconds(timestamp), ...present(counters) };
}

export function toContainerStats(stats: Decoded<typeof wireStats.containerStats>): ContainerStats {
  const { attributes, cpu, memory, writableLayer } = stats;
  return {
    id: attributes?.id ?? "",
    metadata: attributes?.metadata ?? noContainerMetadata,
    labels: attributes?.labels ?? {},
    ...(cpu !== undefined && { cpu: toCpuUsage(cpu) }),
    ...(memory !== undefined && { memory: toMemoryUsage(memory) }),
    ...(writableLayer !== undefined && { writableLayer: toFilesystemUsage(writableLayer) }),
  };
}

export function toPodSandboxStats(stats: Decoded<typeof wireStats.podSandboxStats>): PodSandboxStats {
  const { attributes, linux } = stats;
  const interfaces = linux?.network?.interfaces ?? [];
  const defaultInterface = linux?.network?.defaultInterface;
  const all = defaultInterface === undefined ? interfaces : [defaultInterface, ...interfaces];
  return {
    id: attributes?.id ?? "",
    ...(linux?.cpu !== undefined && { cpu: toCpuUsage(linux.cpu) }),
    ...(linux?.memory !== undefined && { memory: toMemoryUsage(linux.memory) }),
    ...(linux?.network !== undefined && {
      network: { timestampMs: milliseconds(linux.network.timestamp), interfaces: all.map(toInterfaceUsage) },
    }),
    ...present({ processCount: linux?.process?.processCount }),
    containers: (linux?.containers ?? []).map(toContainerStats),
  };
}

function toInterfaceUsage(usage: {
  readonly name: string;
  readonly rxBytes: Wrapped | undefined;
  readonly rxErrors: Wrapped | undefined;
  readonly txBytes: Wrapped | undefined;
  readonly txErrors: Wrapped | undefined;
}): NetworkInterfaceUsage {
  return {
    name: usage.name,
    rxBytes: usage.rxBytes?.value ?? 0,
    rxErrors: usage.rxErrors?.value ?? 0,
    txBytes: usage.txBytes?.value ?? 0,
    txErrors: usage.txErrors?.value ?? 0,
  };
}

export function toImage(image: Decoded<wire.WireImage>): Image {
  return {
    id: image.id,
    repoTags: image.repoTags,
    repoDigests: image.repoDigests,
    sizeBytes: image.size,
    ...present({ uid: image.uid }),
    username: image.username,
    pinned: image.pinned,
  };
}
