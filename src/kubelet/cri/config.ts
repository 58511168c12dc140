/** What sandboxes and containers are made from: CRI's config messages as plain records. */

export interface PodSandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

export interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}

export type NamespaceMode = "pod" | "container" | "node" | "target";

export interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata;
  readonly hostname?: string;
  /** Host directory of the pod's logs; a container's `logPath` is relative to it. */
  readonly logDirectory?: string;
  readonly dns?: DnsConfig;
  readonly portMappings?: readonly PortMapping[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: LinuxPodSandboxConfig;
}

export interface DnsConfig {
  readonly servers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly string[];
}

export interface PortMapping {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp?: string;
}

export interface LinuxPodSandboxConfig {
  /** "/kubepods/burstable/pod<uid>": made by the kubelet before the sandbox runs, removed by it afterwards. */
  readonly cgroupParent?: string;
  readonly securityContext?: LinuxSandboxSecurityContext;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly overhead?: LinuxContainerResources;
  readonly resources?: LinuxContainerResources;
}

export interface NamespaceOptions {
  /** Default "pod". */
  readonly network?: NamespaceMode;
  /** Default "container" as Kubernetes has it (CRI's own zero value is "pod"). */
  readonly pid?: NamespaceMode;
  readonly ipc?: NamespaceMode;
  /** The container whose process namespace is joined when `pid` is "target". */
  readonly targetId?: string;
  readonly userNamespace?: UserNamespace;
}

export interface UserNamespace {
  readonly mode: NamespaceMode;
  readonly uids: readonly IdMapping[];
  readonly gids: readonly IdMapping[];
}

export interface IdMapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

export interface SecurityProfile {
  readonly type: "RuntimeDefault" | "Unconfined" | "Localhost";
  readonly localhostRef?: string;
}

export interface SelinuxOptions {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}

export interface LinuxSandboxSecurityContext {
  readonly namespaces?: NamespaceOptions;
  readonly selinux?: SelinuxOptions;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: "Merge" | "Strict";
  /** Needed as soon as one of the pod's containers is privileged. */
  readonly privileged?: boolean;
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
}

export interface ContainerConfig {
  readonly metadata: ContainerMetadata;
  /** What pullImage or imageStatus gave: an image id or reference. */
  readonly image: string;
  /** The name the user wrote (shown in the container's status). */
  readonly userSpecifiedImage?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly envs?: readonly { readonly name: string; readonly value: string }[];
  readonly mounts?: readonly Mount[];
  readonly devices?: readonly Device[];
  /** Names of CDI devices: "vendor.com/class=name". */
  readonly cdiDevices?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Relative to the sandbox's `logDirectory`: "name/0.log". */
  readonly logPath?: string;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly tty?: boolean;
  /** "SIGUSR1", "SIGRTMIN+1"; absent: the image's, else SIGTERM. */
  readonly stopSignal?: string;
  readonly linux?: LinuxContainerConfig;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly?: boolean;
  readonly recursiveReadOnly?: boolean;
  readonly selinuxRelabel?: boolean;
  readonly propagation?: "private" | "hostToContainer" | "bidirectional";
  /** An image volume: the image's reference instead of `hostPath`. */
  readonly image?: string;
  readonly imageSubPath?: string;
}

export interface Device {
  readonly containerPath: string;
  readonly hostPath: string;
  /** Some of "rwm". */
  readonly permissions: string;
}

export interface LinuxContainerConfig {
  readonly resources?: LinuxContainerResources;
  readonly securityContext?: LinuxContainerSecurityContext;
}

/** Absent or 0 means: not set. */
export interface LinuxContainerResources {
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly memoryLimitBytes?: number;
  readonly memorySwapLimitBytes?: number;
  readonly oomScoreAdj?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limitBytes: number }[];
  /** cgroup v2 files written as they are: { "memory.high": "…" }. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface LinuxContainerSecurityContext {
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly privileged?: boolean;
  readonly namespaces?: NamespaceOptions;
  readonly selinux?: SelinuxOptions;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsUsername?: string;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: "Merge" | "Strict";
  readonly noNewPrivileges?: boolean;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
}
