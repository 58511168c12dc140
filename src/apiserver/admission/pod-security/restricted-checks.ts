import type { PodSpec, Volume } from "../../../api/core/types.generated.ts";
import type { ObjectMeta } from "../../../apimachinery/meta.ts";
import { procMount, seccompProfile } from "./baseline-checks.ts";
import {
  allContainers,
  type Check,
  containersText,
  hasUserNamespace,
  isWindows,
  joinQuoted,
  namesOf,
  plural,
  setters,
  sortedUnique,
  type Violation,
} from "./check.ts";

function allowPrivilegeEscalation(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const names = namesOf(spec, (container) => container.securityContext?.allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  return {
    reason: "allowPrivilegeEscalation != false",
    detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

function capabilities(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const missing = namesOf(
    spec,
    (container) => container.securityContext?.capabilities?.drop?.includes("ALL") !== true,
  );
  const addedBy = (container: ReturnType<typeof allContainers>[number]) =>
    (container.securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");
  const adding = namesOf(spec, (container) => addedBy(container).length > 0);
  const details: string[] = [];
  if (missing.length > 0)
    details.push(`${containersText(missing)} must set securityContext.capabilities.drop=["ALL"]`);
  if (adding.length > 0) {
    const values = sortedUnique(allContainers(spec).flatMap(addedBy));
    details.push(
      `${containersText(adding)} must not include ${joinQuoted(values)} in securityContext.capabilities.add`,
    );
  }
  return details.length === 0
    ? undefined
    : { reason: "unrestricted capabilities", detail: details.join("; ") };
}

const allowedVolumes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
] as const satisfies readonly (keyof Volume)[];

function volumes(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const bad = (spec.volumes ?? []).filter(
    (volume) => !allowedVolumes.some((type) => volume[type] !== undefined),
  );
  if (bad.length === 0) return undefined;
  const names = bad.map(({ name }) => name);
  const types = sortedUnique(bad.map(volumeType));
  const noun = plural(types.length, "restricted volume type", "restricted volume types");
  return {
    reason: "restricted volume types",
    detail: `${plural(names.length, "volume", "volumes")} ${joinQuoted(names)} ${plural(names.length, "uses", "use")} ${noun} ${joinQuoted(types)}`,
  };
}

function volumeType(volume: Volume): string {
  return Object.keys(volume).find((field) => field !== "name") ?? "unknown";
}

function runAsNonRoot(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const reason = "runAsNonRoot != true";
  const pod = spec.securityContext?.runAsNonRoot;
  const explicit = namesOf(spec, (container) => container.securityContext?.runAsNonRoot === false);
  const who = setters(pod === false, explicit);
  if (who.length > 0)
    return { reason, detail: `${who.join(" and ")} must not set securityContext.runAsNonRoot=false` };
  if (pod === true) return undefined;
  const implicit = namesOf(spec, (container) => container.securityContext?.runAsNonRoot === undefined);
  if (implicit.length === 0) return undefined;
  return { reason, detail: `pod or ${containersText(implicit)} must set securityContext.runAsNonRoot=true` };
}

function runAsUser(_: ObjectMeta, spec: PodSpec): Violation | undefined {
  const names = namesOf(spec, (container) => container.securityContext?.runAsUser === 0);
  const who = setters(spec.securityContext?.runAsUser === 0, names);
  if (who.length === 0) return undefined;
  return { reason: "runAsUser=0", detail: `${who.join(" and ")} must not set runAsUser=0` };
}

function seccomp(metadata: ObjectMeta, spec: PodSpec): Violation | undefined {
  const explicit = seccompProfile(metadata, spec);
  if (explicit !== undefined) return explicit;
  // What is set is allowed by now.
  if (spec.securityContext?.seccompProfile !== undefined) return undefined;
  const names = namesOf(spec, (container) => container.securityContext?.seccompProfile === undefined);
  if (names.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${containersText(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
}

type CheckFunction = Check["versions"][number]["check"];
const since = (sinceMinor: number, check: CheckFunction) => ({ sinceMinor, check });
const unless =
  (exempt: (spec: PodSpec) => boolean, check: CheckFunction): CheckFunction =>
  (metadata, spec) =>
    exempt(spec) ? undefined : check(metadata, spec);

export const restrictedChecks: readonly Check[] = [
  {
    id: "allowPrivilegeEscalation",
    level: "restricted",
    versions: [since(8, allowPrivilegeEscalation), since(25, unless(isWindows, allowPrivilegeEscalation))],
  },
  {
    id: "capabilities_restricted",
    level: "restricted",
    overrides: ["capabilities_baseline"],
    versions: [since(22, capabilities), since(25, unless(isWindows, capabilities))],
  },
  {
    id: "procMount_restricted",
    level: "restricted",
    overrides: ["procMount"],
    versions: [since(35, procMount)],
  },
  {
    id: "restrictedVolumes",
    level: "restricted",
    overrides: ["hostPathVolumes"],
    versions: [since(0, volumes)],
  },
  {
    id: "runAsNonRoot",
    level: "restricted",
    versions: [since(0, runAsNonRoot), since(35, unless(hasUserNamespace, runAsNonRoot))],
  },
  {
    id: "runAsUser",
    level: "restricted",
    versions: [since(23, runAsUser), since(35, unless(hasUserNamespace, runAsUser))],
  },
  {
    id: "seccompProfile_restricted",
    level: "restricted",
    overrides: ["seccompProfile_baseline"],
    versions: [since(19, seccomp), since(25, unless(isWindows, seccomp))],
  },
];
