/** Security contexts of pods and containers. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, userId } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import { descendingPathErrors } from "./path-validation.ts";
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from "./types.generated.ts";
import { validateWindowsOptions } from "./windows-validation.ts";

type Errors = readonly FieldError[];

function idErrors(path: string, id: number | undefined): Errors {
  return id === undefined ? [] : field.invalidEach(path, id, userId(id));
}

export function validateSecurityContext(
  path: string,
  context: SecurityContext | undefined,
  hostUsers: boolean,
): Errors {
  if (context === undefined) return [];
  const { allowPrivilegeEscalation, privileged, capabilities, procMount } = context;
  const errors: FieldError[] = [
    ...idErrors(field.child(path, "runAsUser"), context.runAsUser),
    ...idErrors(field.child(path, "runAsGroup"), context.runAsGroup),
  ];
  if (procMount !== undefined) {
    const at = field.child(path, "procMount");
    if (procMount !== "Default" && procMount !== "Unmasked")
      errors.push(field.notSupported(at, procMount, ["Default", "Unmasked"]));
    if (procMount === "Unmasked" && hostUsers)
      errors.push(field.invalid(at, procMount, "`hostUsers` must be false to use `Unmasked`"));
  }
  errors.push(...validateSeccomp(field.child(path, "seccompProfile"), context.seccompProfile));
  if (allowPrivilegeEscalation === false) {
    const cannot = "cannot set `allowPrivilegeEscalation` to false and";
    if (privileged === true)
      errors.push(
        field.invalid(path, inGoForm("SecurityContext", context), `${cannot} \`privileged\` to true`),
      );
    if (capabilities?.add?.includes("CAP_SYS_ADMIN"))
      errors.push(
        field.invalid(
          path,
          inGoForm("SecurityContext", context),
          `${cannot} \`capabilities.Add\` CAP_SYS_ADMIN`,
        ),
      );
  }
  errors.push(...validateWindowsOptions(field.child(path, "windowsOptions"), context.windowsOptions));
  errors.push(...validateAppArmor(field.child(path, "appArmorProfile"), context.appArmorProfile));
  return errors;
}

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];

function validateSeccomp(path: string, profile: SeccompProfile | undefined): Errors {
  if (profile === undefined) return [];
  const { type, localhostProfile } = profile;
  const errors: FieldError[] = [];
  if (!type)
    errors.push(field.required(field.child(path, "type"), "type is required when seccompProfile is set"));
  else if (!profileTypes.includes(type))
    errors.push(field.notSupported(field.child(path, "type"), type, profileTypes));
  const at = field.child(path, "localhostProfile");
  if (type === "Localhost")
    errors.push(
      ...(localhostProfile === undefined
        ? [field.required(at, "must be set when seccomp type is Localhost")]
        : descendingPathErrors(at, localhostProfile)),
    );
  else if (localhostProfile !== undefined)
    errors.push(
      field.invalid(
        at,
        inGoForm("SeccompProfile", profile),
        "can only be set when seccomp type is Localhost",
      ),
    );
  return errors;
}

const maxProfileBytes = 4095;

export function validateAppArmor(path: string, profile: AppArmorProfile | undefined): Errors {
  if (profile === undefined) return [];
  const { type, localhostProfile } = profile;
  const at = field.child(path, "localhostProfile");
  if (!type)
    return [field.required(field.child(path, "type"), "type is required when appArmorProfile is set")];
  if (!profileTypes.includes(type))
    return [field.notSupported(field.child(path, "type"), type, profileTypes)];
  if (type !== "Localhost")
    return localhostProfile === undefined
      ? []
      : [field.invalid(at, localhostProfile, "can only be set when AppArmor type is Localhost")];
  const errors: FieldError[] = [];
  if (localhostProfile === undefined || localhostProfile === "")
    errors.push(field.required(at, "must be set when AppArmor type is Localhost"));
  else if (localhostProfile.trim() !== localhostProfile)
    errors.push(field.invalid(at, localhostProfile, "must not be padded with whitespace"));
  if (byteLength(localhostProfile ?? "") > maxProfileBytes) errors.push(field.tooLong(at, maxProfileBytes));
  return errors;
}

/** The context of the whole pod, with what of the spec bears on it. */
export function validatePodSecurityContext(path: string, spec: PodSpec): Errors {
  const context = spec.securityContext;
  if (context === undefined) return [];
  const errors: FieldError[] = [
    ...idErrors(field.child(path, "fsGroup"), context.fsGroup),
    ...idErrors(field.child(path, "runAsUser"), context.runAsUser),
    ...idErrors(field.child(path, "runAsGroup"), context.runAsGroup),
    ...field.each(field.child(path, "supplementalGroups"), context.supplementalGroups, (group, at) =>
      idErrors(at, group),
    ),
  ];
  if (spec.shareProcessNamespace === true && spec.hostPID === true)
    errors.push(
      field.invalid(
        field.child(path, "shareProcessNamespace"),
        true,
        "ShareProcessNamespace and HostPID cannot both be enabled",
      ),
    );
  errors.push(...validateSysctls(field.child(path, "sysctls"), spec));
  errors.push(
    ...choiceErrors(path, context, "fsGroupChangePolicy", ["Always", "OnRootMismatch"]),
    ...validateSeccomp(field.child(path, "seccompProfile"), context.seccompProfile),
    ...validateWindowsOptions(field.child(path, "windowsOptions"), context.windowsOptions),
    ...validateAppArmor(field.child(path, "appArmorProfile"), context.appArmorProfile),
    ...choiceErrors(path, context, "supplementalGroupsPolicy", ["Merge", "Strict"]),
    ...choiceErrors(path, context, "seLinuxChangePolicy", ["Recursive"]),
  );
  return errors;
}

function choiceErrors(
  path: string,
  context: NonNullable<PodSpec["securityContext"]>,
  name: "fsGroupChangePolicy" | "supplementalGroupsPolicy" | "seLinuxChangePolicy",
  supported: readonly string[],
): Errors {
  const value = context[name];
  if (value === undefined || supported.includes(value)) return [];
  return [field.notSupported(field.child(path, name), value, supported)];
}

const sysctlPattern = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const sysctlRegex = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const ipcSysctl = /^(kernel\.(sem|shm.*|msg.*)|fs\.mqueue\..*)$/;

function validateSysctls(path: string, spec: PodSpec): Errors {
  const sysctls = spec.securityContext?.sysctls;
  const seen = new Set<string>();
  return field.each(path, sysctls, ({ name = "" }, item) => {
    const at = field.child(item, "name");
    const errors: FieldError[] = [];
    if (name === "") errors.push(field.required(at));
    else if (name.length > 253 || !sysctlPattern.test(name))
      errors.push(field.invalid(at, name, `must have at most 253 characters and match regex ${sysctlRegex}`));
    else if (seen.has(name)) errors.push(field.duplicate(at, name));
    seen.add(name);
    const dotted = name.replaceAll("/", ".");
    if (spec.hostNetwork === true && dotted.startsWith("net."))
      errors.push(field.invalid(at, name, "may not be specified when 'hostNetwork' is true"));
    if (spec.hostIPC === true && ipcSysctl.test(dotted))
      errors.push(field.invalid(at, name, "may not be specified when 'hostIPC' is true"));
    return errors;
  });
}
