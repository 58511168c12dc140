import type { Pod } from "../../api/core/types.generated.ts";
import type { Rejection } from "./node-fit.ts";

/** Namespaced, and harmless to other pods: allowed everywhere. */
const safeSysctls: ReadonlySet<string> = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
]);

/** A sysctl of the pod that is neither safe nor allowed by `patterns` ("net.core.*" allows all below). */
export function forbiddenSysctl(pod: Pod, patterns: readonly string[]): Rejection | undefined {
  const { sysctls = [] } = pod.spec.securityContext ?? {};
  for (const { name } of sysctls) {
    const dotted = name.replaceAll("/", ".");
    const message = `forbidden sysctl: ${JSON.stringify(name)}`;
    if (pod.spec.hostNetwork === true && dotted.startsWith("net."))
      return { reason: "SysctlForbidden", message: `${message} not allowed with host net enabled` };
    if (pod.spec.hostIPC === true && isIpc(dotted))
      return { reason: "SysctlForbidden", message: `${message} not allowed with host ipc enabled` };
    if (!safeSysctls.has(dotted) && !patterns.some((pattern) => allows(pattern, dotted)))
      return { reason: "SysctlForbidden", message: `${message} not allowlisted` };
  }
  return undefined;
}

function isIpc(name: string): boolean {
  return /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(name);
}

function allows(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
