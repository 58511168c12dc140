import type { Pod } from "../api/core/types.generated.ts";
import type { PodSandboxConfig, PortMapping } from "./cri/config.ts";
import type { DnsConfig } from "./resolv-conf.ts";
import { runtimeLabels } from "./runtime-pod.ts";
import { sandboxSecurity } from "./security.ts";

export interface SandboxConfigInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly dns: DnsConfig;
  readonly hostname: string;
  readonly logDirectory: string;
  /** "" leaves the choice to the runtime. */
  readonly cgroupParent: string;
}

export function sandboxConfig(input: SandboxConfigInput): PodSandboxConfig {
  const { pod, attempt, dns, hostname, logDirectory, cgroupParent } = input;
  const { name = "", namespace = "", uid = "", labels, annotations } = pod.metadata;
  const sysctls = Object.fromEntries(
    // runc knows them with dots only; the API takes both.
    (pod.spec.securityContext?.sysctls ?? []).map(({ name, value }) => [dotted(name), value]),
  );
  return {
    metadata: { name, namespace, uid, attempt },
    // On the host's network the hostname is the node's, which the runtime then takes by itself.
    ...(pod.spec.hostNetwork === true ? {} : { hostname }),
    logDirectory,
    dns,
    portMappings: pod.spec.hostNetwork === true ? [] : portMappings(pod),
    labels: {
      ...labels,
      [runtimeLabels.podName]: name,
      [runtimeLabels.podNamespace]: namespace,
      [runtimeLabels.podUid]: uid,
    },
    annotations: { ...annotations },
    linux: {
      ...(cgroupParent === "" ? {} : { cgroupParent }),
      securityContext: sandboxSecurity(pod),
      ...(Object.keys(sysctls).length > 0 ? { sysctls } : {}),
    },
  };
}

/** "net/ipv4/conf/eth0.1/x" and "net.ipv4.conf.eth0/1.x" are the same: the first separator says which is meant. */
function dotted(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === "/" ? name.replace(/[./]/g, (sign) => (sign === "/" ? "." : "/")) : name;
}

function portMappings(pod: Pod): PortMapping[] {
  const containers = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always"),
  ];
  return containers.flatMap((container) =>
    (container.ports ?? [])
      .filter(({ hostPort }) => hostPort !== undefined && hostPort !== 0)
      .map(({ containerPort, hostPort = 0, hostIP, protocol }) => ({
        protocol: protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP",
        containerPort,
        hostPort,
        ...(hostIP === undefined || hostIP === "" ? {} : { hostIp: hostIP }),
      })),
  );
}
