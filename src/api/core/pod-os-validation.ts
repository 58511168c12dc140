/** A pod that names its operating system has only what that system knows. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import type { PodSpec } from "./types.generated.ts";

type Errors = readonly FieldError[];

const containerLists = ["initContainers", "containers", "ephemeralContainers"] as const;

export function validateOperatingSystem(path: string, spec: PodSpec): Errors {
  if (spec.os === undefined) return [];
  const at = field.child(path, "os");
  if (!spec.os.name) return [field.required(field.child(at, "name"))];
  if (spec.os.name === "linux") return validateLinux(path, spec);
  if (spec.os.name === "windows") return validateWindows(path, spec);
  return [field.notSupported(at, spec.os.name, ["linux", "windows"])];
}

function validateLinux(path: string, spec: PodSpec): Errors {
  const detail = "windows options cannot be set for a linux pod";
  return forbidIn(path, spec, ["windowsOptions"], ["windowsOptions"], detail);
}

const podFieldsOfLinux = ["hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"] as const;
const podContextOfLinux = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const;
const contextOfLinux = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

function validateWindows(path: string, spec: PodSpec): Errors {
  const detail = "cannot be set for a windows pod";
  const own = podFieldsOfLinux
    .filter((name) =>
      name === "hostPID" || name === "hostIPC" ? spec[name] === true : spec[name] !== undefined,
    )
    .map((name) => field.forbidden(field.child(path, name), detail));
  return [...own, ...forbidIn(path, spec, podContextOfLinux, contextOfLinux, detail)];
}

type PodContextField = keyof NonNullable<PodSpec["securityContext"]>;
type ContextField = keyof NonNullable<PodSpec["containers"][number]["securityContext"]>;

function forbidIn(
  path: string,
  spec: PodSpec,
  inPod: readonly PodContextField[],
  inContainers: readonly ContextField[],
  detail: string,
): Errors {
  const ofPod = inPod
    .filter((name) => spec.securityContext?.[name] !== undefined)
    .map((name) => field.forbidden(field.child(path, "securityContext", name), detail));
  const ofContainers = containerLists.flatMap((list) =>
    field.each(field.child(path, list), spec[list], ({ securityContext }, at) =>
      inContainers
        .filter((name) => securityContext?.[name] !== undefined)
        .map((name) => field.forbidden(field.child(at, "securityContext", name), detail)),
    ),
  );
  return [...ofPod, ...ofContainers];
}
