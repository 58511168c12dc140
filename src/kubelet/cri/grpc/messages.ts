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

/** CRI v1's messages (`runtime.v1`): names and numbers as the protocol fixes them; what Linux needs. */

const idMapping = message({ hostId: int(1), containerId: int(2), length: int(3) });
const int64Value = message({ value: int(1) });
const imageSpec = message({
  image: string(1),
  annotations: stringMap(2),
  userSpecifiedImage: string(18),
  runtimeHandler: string(19),
});
export const namespaceModes = ["pod", "container", "node", "target"] as const;
const userNamespace = message({
  mode: enumeration(1, namespaceModes),
  uids: nestedList(2, idMapping),
  gids: nestedList(3, idMapping),
});
const namespaceOption = message({
  network: enumeration(1, namespaceModes),
  pid: enumeration(2, namespaceModes),
  ipc: enumeration(3, namespaceModes),
  targetId: string(4),
  usernsOptions: nested(5, userNamespace),
});
const selinuxOption = message({ user: string(1), role: string(2), type: string(3), level: string(4) });
const groupsPolicies = ["Merge", "Strict"] as const;
const securityProfile = message({
  profileType: enumeration(1, ["RuntimeDefault", "Unconfined", "Localhost"] as const),
  localhostRef: string(2),
});
export const linuxContainerResources = message({
  cpuPeriod: int(1),
  cpuQuota: int(2),
  cpuShares: int(3),
  memoryLimitInBytes: int(4),
  oomScoreAdj: int(5),
  cpusetCpus: string(6),
  cpusetMems: string(7),
  hugepageLimits: nestedList(8, message({ pageSize: string(1), limit: int(2) })),
  unified: stringMap(9),
  memorySwapLimitInBytes: int(10),
});

const sandboxMetadata = message({ name: string(1), uid: string(2), namespace: string(3), attempt: int(4) });
export const podSandboxConfig = message({
  metadata: nested(1, sandboxMetadata),
  hostname: string(2),
  logDirectory: string(3),
  dnsConfig: nested(4, message({ servers: strings(1), searches: strings(2), options: strings(3) })),
  portMappings: nestedList(
    5,
    message({
      protocol: enumeration(1, ["TCP", "UDP", "SCTP"] as const),
      containerPort: int(2),
      hostPort: int(3),
      hostIp: string(4),
    }),
  ),
  labels: stringMap(6),
  annotations: stringMap(7),
  linux: nested(
    8,
    message({
      cgroupParent: string(1),
      securityContext: nested(
        2,
        message({
          namespaceOptions: nested(1, namespaceOption),
          selinuxOptions: nested(2, selinuxOption),
          runAsUser: nested(3, int64Value),
          readonlyRootfs: bool(4),
          supplementalGroups: ints(5),
          privileged: bool(6),
          runAsGroup: nested(8, int64Value),
          seccomp: nested(9, securityProfile),
          apparmor: nested(10, securityProfile),
          supplementalGroupsPolicy: enumeration(11, groupsPolicies),
        }),
      ),
      sysctls: stringMap(3),
      overhead: nested(4, linuxContainerResources),
      resources: nested(5, linuxContainerResources),
    }),
  ),
});

const containerMetadata = message({ name: string(1), attempt: int(2) });
const mount = message({
  containerPath: string(1),
  hostPath: string(2),
  readonly: bool(3),
  selinuxRelabel: bool(4),
  propagation: enumeration(5, ["private", "hostToContainer", "bidirectional"] as const),
  recursiveReadOnly: bool(8),
  image: nested(9, imageSpec),
  imageSubPath: string(10),
});
/** CRI's numbering of signals: its own, by name. */
const signals = [
  "",
  ..."SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL SIGPROF".split(
    " ",
  ),
  ..."SIGPWR SIGQUIT SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2".split(
    " ",
  ),
  ..."SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ SIGRTMIN".split(" "),
  ...Array.from({ length: 15 }, (_, index) => `SIGRTMIN+${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `SIGRTMAX-${14 - index}`),
  "SIGRTMAX",
];
export const containerConfig = message({
  metadata: nested(1, containerMetadata),
  image: nested(2, imageSpec),
  command: strings(3),
  args: strings(4),
  workingDir: string(5),
  envs: nestedList(6, message({ key: string(1), value: string(2) })),
  mounts: nestedList(7, mount),
  devices: nestedList(8, message({ containerPath: string(1), hostPath: string(2), permissions: string(3) })),
  labels: stringMap(9),
  annotations: stringMap(10),
  logPath: string(11),
  stdin: bool(12),
  stdinOnce: bool(13),
  tty: bool(14),
  linux: nested(
    15,
    message({
      resources: nested(1, linuxContainerResources),
      securityContext: nested(
        2,
        message({
          capabilities: nested(1, message({ add: strings(1), drop: strings(2) })),
          privileged: bool(2),
          namespaceOptions: nested(3, namespaceOption),
          selinuxOptions: nested(4, selinuxOption),
          runAsUser: nested(5, int64Value),
          runAsUsername: string(6),
          readonlyRootfs: bool(7),
          supplementalGroups: ints(8),
          noNewPrivs: bool(11),
          runAsGroup: nested(12, int64Value),
          maskedPaths: strings(13),
          readonlyPaths: strings(14),
          seccomp: nested(15, securityProfile),
          apparmor: nested(16, securityProfile),
          supplementalGroupsPolicy: enumeration(17, groupsPolicies),
        }),
      ),
    }),
  ),
  cdiDevices: nestedList(17, message({ name: string(1) })),
  stopSignal: enumeration(18, signals),
});

const sandboxStates = ["ready", "notReady"] as const;
const containerStates = ["created", "running", "exited", "unknown"] as const;
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
  labels: stringMap(6),
  annotations: stringMap(7),
  runtimeHandler: string(8),
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

const uint64Value = message({ value: int(1) });
const filesystemUsage = message({
  timestamp: int(1),
  fsId: nested(2, message({ mountpoint: string(1) })),
  usedBytes: nested(3, uint64Value),
  inodesUsed: nested(4, uint64Value),
});
const cpuUsage = message({
  timestamp: int(1),
  usageCoreNanoSeconds: nested(2, uint64Value),
  usageNanoCores: nested(3, uint64Value),
});
const memoryUsage = message({
  timestamp: int(1),
  workingSetBytes: nested(2, uint64Value),
  availableBytes: nested(3, uint64Value),
  usageBytes: nested(4, uint64Value),
  rssBytes: nested(5, uint64Value),
  pageFaults: nested(6, uint64Value),
  majorPageFaults: nested(7, uint64Value),
});
export const containerStats = message({
  attributes: nested(
    1,
    message({
      id: string(1),
      metadata: nested(2, containerMetadata),
      labels: stringMap(3),
      annotations: stringMap(4),
    }),
  ),
  cpu: nested(2, cpuUsage),
  memory: nested(3, memoryUsage),
  writableLayer: nested(4, filesystemUsage),
});
const interfaceUsage = message({
  name: string(1),
  rxBytes: nested(2, uint64Value),
  rxErrors: nested(3, uint64Value),
  txBytes: nested(4, uint64Value),
  txErrors: nested(5, uint64Value),
});
export const podSandboxStats = message({
  attributes: nested(1, message({ id: string(1) })),
  linux: nested(
    2,
    message({
      cpu: nested(1, cpuUsage),
      memory: nested(2, memoryUsage),
      network: nested(
        3,
        message({
          timestamp: int(1),
          defaultInterface: nested(2, interfaceUsage),
          interfaces: nestedList(3, interfaceUsage),
        }),
      ),
      process: nested(4, message({ timestamp: int(1), processCount: nested(2, uint64Value) })),
      containers: nestedList(5, containerStats),
    }),
  ),
});

const image = message({
  id: string(1),
  repoTags: strings(2),
  repoDigests: strings(3),
  size: int(4),
  uid: nested(5, int64Value),
  username: string(6),
  pinned: bool(8),
});
export type WireImage = typeof image;
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

export type WireFilesystemUsage = typeof filesystemUsage;
export type WireCpuUsage = typeof cpuUsage;
export type WireMemoryUsage = typeof memoryUsage;
export type WireMount = typeof mount;

/** `GetContainerEvents`, a server stream (Unimplemented before containerd 1.7). */
export const containerEvents = {
  request: empty,
  response: message({
    containerId: string(1),
    type: enumeration(2, ["created", "started", "stopped", "deleted"] as const),
    createdAt: int(3),
    podSandboxStatus: nested(4, podSandboxStatus),
  }),
} as const;

const timestamp = message({ seconds: int(1), nanos: int(2) });

/** containerd's own event stream (`containerd.services.events.v1.Events/Subscribe`), which every version has. */
export const containerdEvents = {
  request: message({ filters: strings(1) }),
  response: message({
    timestamp: nested(1, timestamp),
    namespace: string(2),
    topic: string(3),
    event: nested(4, message({ typeUrl: string(1), value: bytes(2) })),
  }),
} as const;

/** The events' payloads begin alike: TaskCreate, TaskStart and TaskDelete have the container's id first. */
export const taskEvent = message({ containerId: string(1) });
/** TaskExit: `id` differs from `containerId` for a process that was exec'ed. */
export const taskExitEvent = message({ containerId: string(1), id: string(2) });
export const containerRecordEvent = message({ id: string(1) });
