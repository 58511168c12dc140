/** Annotations of pods, and of templates, that once were fields of the security context: they must not contradict those. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateTolerations } from "./affinity-validation.ts";
import { type AnnotatedList, annotatedListErrors } from "./annotated-lists.ts";
import { descendingPathErrors } from "./path-validation.ts";
import { appArmorPrefix } from "./pod-profiles.ts";
import type { Container, PodSpec, Toleration } from "./types.generated.ts";

type Errors = readonly FieldError[];
type Annotations = Readonly<Record<string, string>>;

const mirrorAnnotation = "kubernetes.io/config.mirror";
const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";
const seccompPodAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainerPrefix = "container.seccomp.security.alpha.kubernetes.io/";
const maxInt32 = 2_147_483_647;

const annotatedTolerations: AnnotatedList<Toleration> = {
  key: "scheduler.alpha.kubernetes.io/tolerations",
  goType: "[]core.Toleration",
  check: validateTolerations,
};

export function validatePodAnnotations(
  path: string,
  annotations: Annotations | undefined,
  spec: PodSpec,
): Errors {
  if (annotations === undefined) return [];
  const errors: FieldError[] = [];
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName)
    errors.push(
      field.invalid(
        field.at(path, mirrorAnnotation),
        mirror,
        "must set spec.nodeName if mirror pod annotation is set",
      ),
    );
  errors.push(...annotatedListErrors(path, annotations, annotatedTolerations));
  const cost = annotations[deletionCostAnnotation];
  if (cost !== undefined && !isInt32(cost))
    errors.push(field.invalid(field.at(path, deletionCostAnnotation), cost, "must be a 32bit integer"));
  for (const key in annotations) {
    const value = annotations[key] ?? "";
    // Upstream's path: a child of this name, not a key.
    if (key === seccompPodAnnotation || key.startsWith(seccompContainerPrefix))
      errors.push(...seccompErrors(field.child(path, key), value));
    if (key.startsWith(appArmorPrefix)) errors.push(...appArmorErrors(field.at(path, key), key, value, spec));
  }
  return errors;
}

function isInt32(text: string): boolean {
  return /^(0|-?[1-9][0-9]*)$/.test(text) && Math.abs(Number(text)) <= maxInt32;
}

function seccompErrors(path: string, profile: string): Errors {
  if (["runtime/default", "docker/default", "unconfined"].includes(profile)) return [];
  if (profile.startsWith("localhost/")) return descendingPathErrors(path, profile.slice("localhost/".length));
  return [field.invalid(path, profile, "must be a valid seccomp profile")];
}

function appArmorErrors(path: string, key: string, profile: string, spec: PodSpec): Errors {
  const name = key.slice(appArmorPrefix.length);
  const isKnown = containersOf(spec).some(({ container }) => container.name === name);
  const isFormed =
    ["", "runtime/default", "unconfined"].includes(profile) || profile.startsWith("localhost/");
  return [
    ...(isKnown ? [] : [field.invalid(path, name, "container not found")]),
    ...(isFormed
      ? []
      : [field.invalid(path, profile, `invalid AppArmor profile name: ${field.quote(profile)}`)]),
  ];
}

/** After creation these annotations stay as they are. */
export function validatePodAnnotationsUpdate(after: Annotations = {}, before: Annotations = {}): Errors {
  const path = "metadata.annotations";
  const errors: FieldError[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const what =
      key === mirrorAnnotation
        ? "mirror pod annotation"
        : key.startsWith(appArmorPrefix)
          ? "AppArmor annotations"
          : undefined;
    if (what === undefined || after[key] === before[key]) continue;
    const how = before[key] === undefined ? "add" : "remove or update";
    errors.push(field.forbidden(field.at(path, key), `may not ${how} ${what}`));
  }
  return errors;
}

interface Profile {
  readonly type: string;
  readonly localhostProfile?: string;
}

/** Where both the annotation and the field stand, they say the same. */
export function validateProfileAnnotations(
  path: string,
  annotations: Annotations | undefined,
  spec: PodSpec,
): Errors {
  if (annotations === undefined) return [];
  const errors: FieldError[] = [];
  const { seccompProfile, appArmorProfile } = spec.securityContext ?? {};
  const ofPod = annotations[seccompPodAnnotation];
  if (ofPod !== undefined && seccompProfile !== undefined)
    errors.push(
      ...mismatch(field.child(path, "securityContext", "seccompProfile"), "seccomp", ofPod, seccompProfile),
    );
  for (const { container, at } of containersOf(spec)) {
    const own = container.securityContext;
    const seccomp = annotations[`${seccompContainerPrefix}${container.name}`];
    if (seccomp !== undefined && own?.seccompProfile !== undefined)
      errors.push(
        ...mismatch(
          field.child(path, at, "securityContext", "seccompProfile"),
          "seccomp",
          seccomp,
          own.seccompProfile,
        ),
      );
    const appArmor = annotations[`${appArmorPrefix}${container.name}`];
    const profile = own?.appArmorProfile ?? appArmorProfile;
    if (appArmor !== undefined && profile !== undefined && spec.os?.name !== "windows")
      errors.push(
        ...mismatch(
          field.child(path, at, "securityContext", "appArmorProfile"),
          "apparmor",
          appArmor,
          profile,
        ),
      );
  }
  return errors;
}

function mismatch(path: string, word: "seccomp" | "apparmor", annotation: string, profile: Profile): Errors {
  const differs = (part: "type" | "localhostProfile") => {
    const what = part === "type" ? "type" : "profile";
    return [field.forbidden(field.child(path, part), `${word} ${what} in annotation and field must match`)];
  };
  switch (profile.type) {
    case "Unconfined":
      return annotation === "unconfined" ? [] : differs("type");
    case "RuntimeDefault": {
      const isDefault =
        annotation === "runtime/default" || (word === "seccomp" && annotation === "docker/default");
      return isDefault ? [] : differs("type");
    }
    case "Localhost":
      if (!annotation.startsWith("localhost/")) return differs("type");
      return annotation.slice("localhost/".length) === profile.localhostProfile
        ? []
        : differs("localhostProfile");
    default:
      return [];
  }
}

/** All containers, in upstream's order of visiting, with their paths in the spec. */
function containersOf(spec: PodSpec): readonly { readonly container: Container; readonly at: string }[] {
  return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ container, at: field.at(list, index) })),
  );
}
