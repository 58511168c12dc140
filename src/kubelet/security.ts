import type { Container, EphemeralContainer, Pod, SeccompProfile } from "../api/core/types.generated.ts";
import type {
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  NamespaceOptions,
  SecurityProfile,
  SelinuxOptions,
} from "./cri/config.ts";
import type { Image } from "./cri/runtime.ts";
import { ContainerConfigError } from "./environment.ts";

/** The parts of /proc and /sys that an ordinary container may not see, and may only read (the OCI defaults). */
const maskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

function isPrivileged(container: Container | EphemeralContainer): boolean {
  return container.securityContext?.privileged === true;
}

/** A container's security context with the pod's as its default. */
export function containerSecurity(
  pod: Pod,
  container: Container | EphemeralContainer,
  image: Image,
  targetId: string | undefined,
): LinuxContainerSecurityContext {
  const podContext = pod.spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  const runAsUser = own.runAsUser ?? podContext.runAsUser;
  const runAsGroup = own.runAsGroup ?? podContext.runAsGroup;
  verifyNonRoot(pod, container, runAsUser, own.runAsNonRoot ?? podContext.runAsNonRoot ?? false, image);
  const groups = [
    ...(podContext.supplementalGroups ?? []),
    ...(podContext.fsGroup === undefined ? [] : [podContext.fsGroup]),
  ];
  const apparmor = own.appArmorProfile ?? podContext.appArmorProfile;
  const selinux = own.seLinuxOptions ?? podContext.seLinuxOptions;
  const hidesProc = own.privileged !== true && own.procMount !== "Unmasked";
  const user = runAsUser ?? image.uid;
  return {
    ...(own.capabilities === undefined ? {} : { capabilities: capabilitiesOf(own.capabilities) }),
    privileged: own.privileged === true,
    namespaces: namespaceOptions(pod, targetId),
    ...(selinux === undefined ? {} : { selinux: selinux as SelinuxOptions }),
    ...(user === undefined ? {} : { runAsUser: user }),
    ...(user === undefined && image.username !== "" ? { runAsUsername: image.username } : {}),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    readonlyRootfs: own.readOnlyRootFilesystem === true,
    ...(groups.length > 0 ? { supplementalGroups: groups } : {}),
    ...(podContext.supplementalGroupsPolicy === "Strict"
      ? { supplementalGroupsPolicy: "Strict" as const }
      : {}),
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    ...(hidesProc ? { maskedPaths, readonlyPaths } : {}),
    seccomp: securityProfile(own.seccompProfile ?? podContext.seccompProfile),
    ...(apparmor === undefined ? {} : { apparmor: securityProfile(apparmor) }),
  };
}

function capabilitiesOf(capabilities: {
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
}) {
  const { add, drop } = capabilities;
  return { ...(add === undefined ? {} : { add }), ...(drop === undefined ? {} : { drop }) };
}

function securityProfile(profile: SeccompProfile | undefined): SecurityProfile {
  switch (profile?.type) {
    case "RuntimeDefault":
      return { type: "RuntimeDefault" };
    case "Localhost":
      return { type: "Localhost", localhostRef: profile.localhostProfile ?? "" };
    default:
      return { type: "Unconfined" };
  }
}

function verifyNonRoot(
  pod: Pod,
  container: Container | EphemeralContainer,
  runAsUser: number | undefined,
  required: boolean,
  image: Image,
): void {
  if (!required) return;
  const where = `pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name}`;
  if (runAsUser === 0) {
    throw new ContainerConfigError(`container's runAsUser breaks non-root policy (${where})`);
  }
  if (runAsUser !== undefined) return;
  if (image.uid === undefined && image.username !== "") {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root (${where})`,
    );
  }
  if ((image.uid ?? 0) === 0) {
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root (${where})`);
  }
}

function namespaceOptions(pod: Pod, targetId?: string): NamespaceOptions {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec;
  const pid = hostPID === true ? "node" : shareProcessNamespace === true ? "pod" : "container";
  return {
    network: hostNetwork === true ? "node" : "pod",
    ipc: hostIPC === true ? "node" : "pod",
    ...(targetId === undefined || pid !== "container" ? { pid } : { pid: "target" as const, targetId }),
  };
}

/** The sandbox's own: what all containers share, and privileged as soon as one of them is. */
export function sandboxSecurity(pod: Pod): LinuxSandboxSecurityContext {
  const context = pod.spec.securityContext ?? {};
  const all = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []),
    ...(pod.spec.ephemeralContainers ?? []),
  ];
  const groups = [
    ...(context.supplementalGroups ?? []),
    ...(context.fsGroup === undefined ? [] : [context.fsGroup]),
  ];
  return {
    namespaces: namespaceOptions(pod),
    privileged: all.some(isPrivileged),
    ...(context.seLinuxOptions === undefined ? {} : { selinux: context.seLinuxOptions as SelinuxOptions }),
    ...(context.runAsUser === undefined ? {} : { runAsUser: context.runAsUser }),
    ...(context.runAsGroup === undefined ? {} : { runAsGroup: context.runAsGroup }),
    ...(groups.length > 0 ? { supplementalGroups: groups } : {}),
    // The sandbox runs only our own image: the runtime's profile suits it whatever the pod asks for.
    seccomp: { type: "RuntimeDefault" },
  };
}
