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

/** What CRI v1 (`runtime.v1`) makes sandboxes and containers from: names and numbers as the protocol fixes them. */

const idMapping = message({ hostId: int(1), containerId: int(2), length: int(3) });
export const int64Value = message({ value: int(1) });
export const imageSpec = message({
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
export const namespaceOption = message({
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

export const sandboxMetadata = message({
  name: string(1),
  uid: string(2),
  namespace: string(3),
  attempt: int(4),
});
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

export const containerMetadata = message({ name: string(1), attempt: int(2) });
export const mount = message({
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
export const signals = [
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
