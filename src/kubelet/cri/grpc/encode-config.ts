import type {
  ContainerConfig,
  LinuxContainerResources,
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  NamespaceOptions,
  PodSandboxConfig,
  SecurityProfile,
} from "../config.ts";
import type * as wire from "./config-messages.ts";
import type { Encodable } from "./protobuf.ts";

/** The kubelet's config records as CRI's messages. */

export function podSandboxConfigMessage(config: PodSandboxConfig): Encodable<typeof wire.podSandboxConfig> {
  const { dns, linux, ...rest } = config;
  return {
    ...rest,
    dnsConfig: dns,
    linux: linux && {
      cgroupParent: linux.cgroupParent,
      sysctls: linux.sysctls,
      securityContext: sandboxSecurity(linux.securityContext ?? {}),
      overhead: linux.overhead && resourcesMessage(linux.overhead),
      resources: linux.resources && resourcesMessage(linux.resources),
    },
  };
}

export function containerConfigMessage(config: ContainerConfig): Encodable<typeof wire.containerConfig> {
  const { image, userSpecifiedImage, envs, mounts, cdiDevices, linux, ...rest } = config;
  return {
    ...rest,
    image: { image, userSpecifiedImage },
    envs: envs?.map(({ name, value }) => ({ key: name, value })),
    mounts: mounts?.map((mount) => ({
      ...mount,
      image: mount.image === undefined ? undefined : { image: mount.image },
    })),
    cdiDevices: cdiDevices?.map((name) => ({ name })),
    linux: linux && {
      resources: linux.resources && resourcesMessage(linux.resources),
      securityContext: linux.securityContext && containerSecurity(linux.securityContext),
    },
  };
}

export function resourcesMessage(
  resources: LinuxContainerResources,
): Encodable<typeof wire.linuxContainerResources> {
  const { memoryLimitBytes, memorySwapLimitBytes, hugepageLimits, ...rest } = resources;
  return {
    ...rest,
    memoryLimitInBytes: memoryLimitBytes,
    memorySwapLimitInBytes: memorySwapLimitBytes,
    hugepageLimits: hugepageLimits?.map(({ pageSize, limitBytes }) => ({ pageSize, limit: limitBytes })),
  };
}

const wrapped = (value: number | undefined) => (value === undefined ? undefined : { value });

function sandboxSecurity(context: LinuxSandboxSecurityContext) {
  const { namespaces, selinux, seccomp, apparmor, runAsUser, runAsGroup, ...rest } = context;
  return {
    ...rest,
    namespaceOptions: namespaceMessage(namespaces ?? {}),
    selinuxOptions: selinux,
    runAsUser: wrapped(runAsUser),
    runAsGroup: wrapped(runAsGroup),
    seccomp: seccomp && profileMessage(seccomp),
    apparmor: apparmor && profileMessage(apparmor),
  };
}

function containerSecurity(context: LinuxContainerSecurityContext) {
  const { namespaces, selinux, seccomp, apparmor, runAsUser, runAsGroup, noNewPrivileges, ...rest } = context;
  return {
    ...rest,
    namespaceOptions: namespaceMessage(namespaces ?? {}),
    selinuxOptions: selinux,
    runAsUser: wrapped(runAsUser),
    runAsGroup: wrapped(runAsGroup),
    noNewPrivs: noNewPrivileges,
    seccomp: seccomp && profileMessage(seccomp),
    apparmor: apparmor && profileMessage(apparmor),
  };
}

function namespaceMessage({ network, pid, ipc, targetId, userNamespace }: NamespaceOptions) {
  return { network, pid: pid ?? "container", ipc, targetId, usernsOptions: userNamespace } as const;
}

function profileMessage({ type, localhostRef }: SecurityProfile) {
  return { profileType: type, localhostRef };
}
