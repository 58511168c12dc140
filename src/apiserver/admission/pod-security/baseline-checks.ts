import type { LifecycleHandler, PodSpec, Probe, SELinuxOptions } from "../../../api/core/types.generated.ts";
import type { ObjectMeta } from "../../../apimachinery/meta.ts";
import {
  allContainers,
  type Check,
  containersText,
  hasUserNamespace,
  joinQuoted,
  namesOf,
  plural,
  setters,
  sortedUnique,
  type Violation,
} from "./check.ts";

function appArmorProfile(metadata: ObjectMeta, spec: PodSpec): Violation | undefined {
  const isBad = (type: string | undefined) =>
    type !== undefined && type !== "RuntimeDefault" && type !== "Localhost";
  const podType = spec.securityContext?.appArmorProfile?.type;
  const names = namesOf(spec, (container) => isBad(container.securityContext?.appArmorProfile?.type));
  const types = [podType, ...allContainers(spec).map((c) => c.securityContext?.appArmorProfile?.type)];
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(appArmorAnnotation) && !isAllowedAppArmorAnnotation(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const bad = [
    ...sortedUnique(types.filter((type) => type !== undefined && isBad(type)) as string[]),
    ...annotations,
  ];
  const who = [
    ...setters(isBad(podType), names),
    ...(annotations.length === 0 ? [] : [plural(annotations.length, "annotation", "annotations")]),
  ];
  if (who.length === 0) return undefined;
  return {
    reason: plural(bad.length, "forbidden AppArmor profile", "forbidden AppArmor profiles"),
    detail: `${who.join(" and ")} must not set AppArmor profile type to ${joinQuoted(bad)}`,
  };
}

const appArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/";

function isAllowedAppArmorAnnotation(value: string): boolean {
  return value === "" || value === "runtime/default" || value.startsWith("localhost/");
}

const defaultCapabilities: ReadonlySet<string> = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);

function capabilities(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const added = allContainers(spec).map((container) => ({
    name: container.name,
    bad: (container.securityContext?.capabilities?.add ?? []).filter(
      (name) => !defaultCapabilities.has(name),
    ),
  }));
  const offenders = added.filter(({ bad }) => bad.length > 0);
  if (offenders.length === 0) return undefined;
  const values = sortedUnique(offenders.flatMap(({ bad }) => bad));
  return {
    reason: "non-default capabilities",
    detail: `${containersText(offenders.map(({ name }) => name))} must not include ${joinQuoted(values)} in securityContext.capabilities.add`,
  };
}

function hostNamespaces(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const used = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field] === true);
  if (used.length === 0) return undefined;
  return { reason: "host namespaces", detail: used.map((field) => `${field}=true`).join(", ") };
}

function hostPathVolumes(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const names = (spec.volumes ?? [])
    .filter((volume) => volume.hostPath !== undefined)
    .map(({ name }) => name);
  if (names.length === 0) return undefined;
  return {
    reason: "hostPath volumes",
    detail: `${plural(names.length, "volume", "volumes")} ${joinQuoted(names)}`,
  };
}

function hostPorts(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const usesHostPort = (port: { readonly hostPort?: number }) => (port.hostPort ?? 0) !== 0;
  const names = namesOf(spec, (container) => (container.ports ?? []).some(usesHostPort));
  if (names.length === 0) return undefined;
  const ports = sortedUnique(
    allContainers(spec).flatMap((container) =>
      (container.ports ?? []).filter(usesHostPort).map((port) => String(port.hostPort)),
    ),
  );
  const verb = plural(names.length, "uses", "use");
  const noun = plural(ports.length, "hostPort", "hostPorts");
  return { reason: "hostPort", detail: `${containersText(names)} ${verb} ${noun} ${ports.join(", ")}` };
}

function hostProbes(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const offenders = allContainers(spec)
    .map((container) => ({
      name: container.name,
      hosts: [
        container.livenessProbe,
        container.readinessProbe,
        container.startupProbe,
        container.lifecycle?.postStart,
        container.lifecycle?.preStop,
      ].flatMap(hostsOf),
    }))
    .filter(({ hosts }) => hosts.length > 0);
  if (offenders.length === 0) return undefined;
  const names = sortedUnique(offenders.map(({ name }) => name));
  const hosts = sortedUnique(offenders.flatMap((offender) => offender.hosts));
  const noun = plural(hosts.length, "probe or lifecycle host", "probe or lifecycle hosts");
  return {
    reason: "probe or lifecycle host",
    detail: `${containersText(names)} ${plural(names.length, "uses", "use")} ${noun} ${joinQuoted(hosts)}`,
  };
}

function hostsOf(handler: Probe | LifecycleHandler | undefined): string[] {
  return [handler?.httpGet?.host, handler?.tcpSocket?.host].filter(
    (host) => host !== undefined && host !== "",
  ) as string[];
}

function privileged(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const names = namesOf(spec, (container) => container.securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return {
    reason: "privileged",
    detail: `${containersText(names)} must not set securityContext.privileged=true`,
  };
}

export function procMount(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const isBad = (type: string | undefined) => type !== undefined && type !== "Default";
  const names = namesOf(spec, (container) => isBad(container.securityContext?.procMount));
  if (names.length === 0) return undefined;
  const types = allContainers(spec).map((container) => container.securityContext?.procMount ?? "Default");
  return {
    reason: "procMount",
    detail: `${containersText(names)} must not set securityContext.procMount to ${joinQuoted(sortedUnique(types.filter(isBad)))}`,
  };
}

function isAllowedSeccomp(type: string): boolean {
  return type === "RuntimeDefault" || type === "Localhost";
}

const seccompPrefix = "container.seccomp.security.alpha.kubernetes.io/";

/** Before 1.19 a profile was an annotation. */
function seccompAnnotations({ annotations = {} }: ObjectMeta, spec: PodSpec): Violation | undefined {
  const isAllowed = (profile: string) =>
    profile === "runtime/default" || profile === "docker/default" || profile.startsWith("localhost/");
  const keys = allContainers(spec).map(({ name }) => `${seccompPrefix}${name}`);
  const forbidden = sortedUnique(
    ["seccomp.security.alpha.kubernetes.io/pod", ...keys].flatMap((key) => {
      const profile = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
      return profile === undefined || isAllowed(profile) ? [] : [`${key}=${JSON.stringify(profile)}`];
    }),
  );
  if (forbidden.length === 0) return undefined;
  const what = plural(forbidden.length, "annotation", "annotations");
  return { reason: "seccompProfile", detail: `forbidden ${what} ${forbidden.join(", ")}` };
}

/** Explicit profiles that are not allowed; the restricted level asks for more. */
export function seccompProfile(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const isBad = (type: string | undefined) => type !== undefined && !isAllowedSeccomp(type);
  const podType = spec.securityContext?.seccompProfile?.type;
  const names = namesOf(spec, (container) => isBad(container.securityContext?.seccompProfile?.type));
  const who = setters(isBad(podType), names);
  if (who.length === 0) return undefined;
  const types = [podType, ...allContainers(spec).map((c) => c.securityContext?.seccompProfile?.type)];
  const values = sortedUnique(types.filter((type) => type !== undefined && isBad(type)) as string[]);
  return {
    reason: "seccompProfile",
    detail: `${who.join(" and ")} must not set securityContext.seccompProfile.type to ${joinQuoted(values)}`,
  };
}

const seLinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t"];

function seLinuxOptions(allowedTypes: readonly string[]) {
  return (_: ObjectMeta, spec: PodSpec): Violation | undefined => {
    const badType = ({ type = "" }: SELinuxOptions) => !allowedTypes.includes(type);
    const isBad = (options: SELinuxOptions | undefined) =>
      options !== undefined && (badType(options) || Boolean(options.user) || Boolean(options.role));
    const podOptions = spec.securityContext?.seLinuxOptions;
    const names = namesOf(spec, (container) => isBad(container.securityContext?.seLinuxOptions));
    const who = setters(isBad(podOptions), names);
    if (who.length === 0) return undefined;
    const all = [podOptions, ...allContainers(spec).map((c) => c.securityContext?.seLinuxOptions)].filter(
      (options) => options !== undefined,
    );
    const types = sortedUnique(all.filter(badType).map(({ type = "" }) => type));
    const faults = [
      ...(types.length === 0 ? [] : [`${plural(types.length, "type", "types")} ${joinQuoted(types)}`]),
      ...(all.some(({ user }) => Boolean(user)) ? ["user may not be set"] : []),
      ...(all.some(({ role }) => Boolean(role)) ? ["role may not be set"] : []),
    ];
    return {
      reason: "seLinuxOptions",
      detail: `${who.join(" and ")} set forbidden securityContext.seLinuxOptions: ${faults.join("; ")}`,
    };
  };
}

const sysctlsByMinor: readonly { readonly sinceMinor: number; readonly added: readonly string[] }[] = [
  {
    sinceMinor: 0,
    added: [
      "kernel.shm_rmid_forced",
      "net.ipv4.ip_local_port_range",
      "net.ipv4.tcp_syncookies",
      "net.ipv4.ping_group_range",
      "net.ipv4.ip_unprivileged_port_start",
    ],
  },
  { sinceMinor: 27, added: ["net.ipv4.ip_local_reserved_ports"] },
  {
    sinceMinor: 29,
    added: [
      "net.ipv4.tcp_keepalive_time",
      "net.ipv4.tcp_fin_timeout",
      "net.ipv4.tcp_keepalive_intvl",
      "net.ipv4.tcp_keepalive_probes",
    ],
  },
  { sinceMinor: 32, added: ["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"] },
];

function sysctls(minor: number) {
  const allowed = new Set(
    sysctlsByMinor.filter(({ sinceMinor }) => sinceMinor <= minor).flatMap(({ added }) => added),
  );
  return (_: ObjectMeta, spec: PodSpec): Violation | undefined => {
    const names = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.has(name));
    return names.length === 0 ? undefined : { reason: "forbidden sysctls", detail: names.join(", ") };
  };
}

function windowsHostProcess(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const names = namesOf(spec, (container) => container.securityContext?.windowsOptions?.hostProcess === true);
  const who = setters(spec.securityContext?.windowsOptions?.hostProcess === true, names);
  if (who.length === 0) return undefined;
  return {
    reason: "hostProcess",
    detail: `${who.join(" and ")} must not set securityContext.windowsOptions.hostProcess=true`,
  };
}

const since = (sinceMinor: number, check: Check["versions"][number]["check"]) => ({ sinceMinor, check });
const baseline = (id: string, ...versions: Check["versions"]): Check => ({ id, level: "baseline", versions });

export const baselineChecks: readonly Check[] = [
  baseline("appArmorProfile", since(0, appArmorProfile)),
  baseline("capabilities_baseline", since(0, capabilities)),
  baseline("hostNamespaces", since(0, hostNamespaces)),
  baseline("hostPathVolumes", since(0, hostPathVolumes)),
  baseline("hostPorts", since(0, hostPorts)),
  baseline("hostProbesAndHostLifecycle", since(34, hostProbes)),
  baseline("privileged", since(0, privileged)),
  baseline(
    "procMount",
    since(0, procMount),
    since(35, (metadata, spec) => (hasUserNamespace(spec) ? undefined : procMount(metadata, spec))),
  ),
  baseline("seccompProfile_baseline", since(0, seccompAnnotations), since(19, seccompProfile)),
  baseline(
    "seLinuxOptions",
    since(0, seLinuxOptions(seLinuxTypes)),
    since(31, seLinuxOptions([...seLinuxTypes, "container_engine_t"])),
  ),
  baseline("sysctls", ...sysctlsByMinor.map(({ sinceMinor }) => since(sinceMinor, sysctls(sinceMinor)))),
  baseline("windowsHostProcess", since(0, windowsHostProcess)),
];
