import type { ForwardedConnection, ProcessExit, ProcessStreams } from "../../client/streaming/byte-stream.ts";
import type {
  ContainerConfig,
  ContainerMetadata,
  LinuxContainerResources,
  Mount,
  NamespaceMode,
  PodSandboxConfig,
  PodSandboxMetadata,
} from "./config.ts";

export type { ContainerMetadata, NamespaceMode, PodSandboxMetadata };

/**
 * What the kubelet asks of a container runtime: CRI v1 (`runtime.v1.RuntimeService`, `ImageService`) in its own nouns,
 * as plain records. Enumerations are string unions, 64-bit times are epoch milliseconds (fractions kept), 64-bit counters
 * are numbers. Every failure is a `CriError`; `code: "NotFound"` is how an unknown id is told.
 */
export interface ContainerRuntime {
  version(options?: CallOptions): Promise<RuntimeVersion>;
  /** Conditions `RuntimeReady` and `NetworkReady`, runtime handlers and features. */
  status(options?: CallOptions): Promise<RuntimeStatus>;
  /** Passes the node's pod CIDR on (a runtime with its own CNI template needs it; others ignore it). */
  updateRuntimeConfig(config: { readonly podCidr: string }, options?: CallOptions): Promise<void>;

  /** Creates and starts a sandbox with its network; resolves to its id. */
  runPodSandbox(config: PodSandboxConfig, options?: RunPodSandboxOptions): Promise<string>;
  /** Kills what runs in it and takes its network down. Idempotent; an unknown id is no error. */
  stopPodSandbox(podSandboxId: string, options?: CallOptions): Promise<void>;
  /** Removes it and all its containers, killing them if need be. Idempotent; an unknown id is no error. */
  removePodSandbox(podSandboxId: string, options?: CallOptions): Promise<void>;
  podSandboxStatus(podSandboxId: string, options?: CallOptions): Promise<PodSandboxStatus>;
  listPodSandboxes(filter?: PodSandboxFilter, options?: CallOptions): Promise<readonly PodSandbox[]>;

  /** `sandboxConfig` is the one the sandbox was run with. Resolves to the container's id; it does not run yet. */
  createContainer(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
    options?: CallOptions,
  ): Promise<string>;
  startContainer(containerId: string, options?: CallOptions): Promise<void>;
  /** Stop signal, then SIGKILL after `gracePeriodSeconds`; resolves when it is stopped. Idempotent. */
  stopContainer(containerId: string, gracePeriodSeconds: number, options?: CallOptions): Promise<void>;
  /** Removes it, killing it if need be. Idempotent; its log files stay. */
  removeContainer(containerId: string, options?: CallOptions): Promise<void>;
  listContainers(filter?: ContainerFilter, options?: CallOptions): Promise<readonly Container[]>;
  containerStatus(containerId: string, options?: CallOptions): Promise<ContainerStatus>;
  updateContainerResources(
    containerId: string,
    resources: LinuxContainerResources,
    options?: CallOptions,
  ): Promise<void>;
  /** After the kubelet has moved the log file away: the runtime opens a new one. */
  reopenContainerLog(containerId: string, options?: CallOptions): Promise<void>;

  /** Runs a command and collects its output; past `timeoutSeconds` (0: none) it fails with `DeadlineExceeded`. */
  execSync(
    containerId: string,
    command: readonly string[],
    timeoutSeconds: number,
    options?: CallOptions,
  ): Promise<ExecSyncResult>;
  /** Runs a command on the caller's streams until it exits; aborting the signal closes them. */
  exec(request: ExecRequest, streams: ProcessStreams, options?: CallOptions): Promise<ProcessExit>;
  /** Joins the main process's streams until it exits or the streams close. */
  attach(request: AttachRequest, streams: ProcessStreams, options?: CallOptions): Promise<void>;
  /** Connects to a port inside the sandbox's network and copies both ways until both have closed. */
  portForward(
    podSandboxId: string,
    port: number,
    connection: ForwardedConnection,
    options?: CallOptions,
  ): Promise<void>;

  containerStats(containerId: string, options?: CallOptions): Promise<ContainerStats>;
  listContainerStats(
    filter?: ContainerStatsFilter,
    options?: CallOptions,
  ): Promise<readonly ContainerStats[]>;
  podSandboxStats(podSandboxId: string, options?: CallOptions): Promise<PodSandboxStats>;

  /**
   * What happens to sandboxes and containers, as it happens (KEP-3386 evented PLEG). `onReady` is called whenever the
   * stream is established: events before that moment may be missing, so relist then. The iteration reconnects by itself
   * and ends only when the signal aborts.
   */
  events(options: EventOptions): AsyncIterable<ContainerEvent>;
}

/** The images of a node (`runtime.v1.ImageService`). */
export interface ImageService {
  listImages(options?: CallOptions): Promise<readonly Image[]>;
  /** `undefined` when the image is not there. Takes a name, a digest reference or an image id. */
  imageStatus(image: string, options?: CallOptions): Promise<Image | undefined>;
  /** Resolves to the reference to create containers with. Fails with `ImagePullError`. */
  pullImage(image: string, options?: PullImageOptions): Promise<string>;
  /** Idempotent. */
  removeImage(image: string, options?: CallOptions): Promise<void>;
  imageFsInfo(options?: CallOptions): Promise<ImageFsInfo>;
  /** Absent where the runtime mounts images into containers by itself (CRI's `Mount.image`). */
  readonly mounts?: ImageMounts;
}

/** Images as directories of the node, for image volumes of runtimes that know none. */
export interface ImageMounts {
  /** Shows the image of this id, read-only, at a directory that is made for it. Does nothing where it is mounted. */
  mount(imageId: string, directory: string): Promise<void>;
  /** Idempotent. */
  unmount(directory: string): Promise<void>;
}

/** A runtime with its images, as `connectRuntime`, `startContainerd` and the simulator give it. */
export interface RuntimeConnection {
  readonly runtime: ContainerRuntime;
  readonly images: ImageService;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Fails with `DeadlineExceeded` past it. Default: two minutes; stop and pull add what they need. */
  readonly timeoutMs?: number;
}

export interface RunPodSandboxOptions extends CallOptions {
  /** RuntimeClass's handler; empty: the runtime's default. */
  readonly runtimeHandler?: string;
}

export interface PullImageOptions extends CallOptions {
  readonly auth?: RegistryAuth;
  readonly sandboxConfig?: PodSandboxConfig;
}

export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface EventOptions {
  readonly signal: AbortSignal;
  readonly onReady?: () => void;
}

export interface RuntimeVersion {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  readonly runtimeApiVersion: string;
}

export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface RuntimeHandler {
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

export interface RuntimeStatus {
  readonly conditions: readonly RuntimeCondition[];
  readonly runtimeHandlers: readonly RuntimeHandler[];
  readonly supplementalGroupsPolicy: boolean;
}

export type PodSandboxState = "ready" | "notReady";

export interface PodSandbox {
  readonly id: string;
  readonly metadata: PodSandboxMetadata;
  readonly state: PodSandboxState;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
}

export interface PodSandboxStatus extends PodSandbox {
  /** Primary first; empty on the host's network and once the sandbox has stopped. */
  readonly ips: readonly string[];
  readonly namespaces: NamespaceModes;
}

export interface NamespaceModes {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
}

export interface PodSandboxFilter {
  readonly id?: string;
  readonly state?: PodSandboxState;
  readonly labels?: Readonly<Record<string, string>>;
}

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface Container {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata: ContainerMetadata;
  /** The name it was created with. */
  readonly image: string;
  /** What the API reports as imageID: a repo digest if there is one, else the image id. */
  readonly imageRef: string;
  readonly imageId: string;
  readonly state: ContainerState;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ContainerStatus extends Omit<Container, "podSandboxId"> {
  /** 0 until it happens. */
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** "Completed", "Error", "OOMKilled", "StartError", ... */
  readonly reason: string;
  readonly message: string;
  readonly mounts: readonly Mount[];
  readonly logPath: string;
  readonly resources?: LinuxContainerResources;
  readonly user?: {
    readonly uid: number;
    readonly gid: number;
    readonly supplementalGroups: readonly number[];
  };
  /** "SIGTERM", ...; absent where the runtime does not tell. */
  readonly stopSignal?: string;
}

export interface ContainerFilter {
  readonly id?: string;
  readonly podSandboxId?: string;
  readonly state?: ContainerState;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ExecSyncResult {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}

export interface ExecRequest {
  readonly containerId: string;
  readonly command: readonly string[];
  readonly tty: boolean;
}

export interface AttachRequest {
  readonly containerId: string;
  readonly tty: boolean;
}

export type ContainerEventType = "created" | "started" | "stopped" | "deleted";

export interface ContainerEvent {
  readonly type: ContainerEventType;
  /** A container's id, or a sandbox's own. */
  readonly containerId: string;
  /** The sandbox it belongs to; absent when the runtime did not say and it is gone already. */
  readonly podSandboxId?: string;
  readonly atMs: number;
}

export interface ContainerStatsFilter {
  readonly id?: string;
  readonly podSandboxId?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface CpuUsage {
  readonly timestampMs: number;
  readonly usageCoreNanoSeconds: number;
  readonly usageNanoCores?: number;
}

export interface MemoryUsage {
  readonly timestampMs: number;
  readonly workingSetBytes?: number;
  readonly availableBytes?: number;
  readonly usageBytes?: number;
  readonly rssBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
}

export interface FilesystemUsage {
  readonly timestampMs: number;
  readonly mountpoint: string;
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

export interface ContainerStats {
  readonly id: string;
  readonly metadata: ContainerMetadata;
  readonly labels: Readonly<Record<string, string>>;
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly writableLayer?: FilesystemUsage;
}

export interface NetworkInterfaceUsage {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxErrors: number;
  readonly txBytes: number;
  readonly txErrors: number;
}

export interface PodSandboxStats {
  readonly id: string;
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly network?: { readonly timestampMs: number; readonly interfaces: readonly NetworkInterfaceUsage[] };
  readonly processCount?: number;
  readonly containers: readonly ContainerStats[];
}

export interface Image {
  /** "sha256:…" of the image's config. */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** The user the image's config names: a number, or a name; neither means root. */
  readonly uid?: number;
  readonly username: string;
  /** Never to be garbage collected (the sandbox image). */
  readonly pinned: boolean;
}

export interface ImageFsInfo {
  readonly imageFilesystems: readonly FilesystemUsage[];
  readonly containerFilesystems: readonly FilesystemUsage[];
}
