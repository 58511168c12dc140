/** AppArmor's annotations of old, which became fields of the security context: pods that have only those get the fields. */
import * as field from "../../apimachinery/validation.ts";
import { mapItems } from "../fill.ts";
import { validateAppArmor } from "./security-validation.ts";
import type { AppArmorProfile, Container, EphemeralContainer, Pod, PodSpec } from "./types.generated.ts";

/** With the name of a container after it. */
export const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

type Annotations = Readonly<Record<string, string>> | undefined;

/** What an annotation says, as the field says it; undefined: the field has no word for it. */
export function appArmorProfileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === "unconfined") return { type: "Unconfined" };
  if (annotation === "runtime/default") return { type: "RuntimeDefault" };
  const localhostProfile = annotation.startsWith("localhost/") ? annotation.slice("localhost/".length) : "";
  return localhostProfile === "" ? undefined : { type: "Localhost", localhostProfile };
}

/** Pods on Windows know no such profiles. */
function hasProfiles({ os }: PodSpec): boolean {
  return os?.name !== "windows";
}

/** The profile that a container gets from its annotation: it has none itself, and its pod has another. */
function profileFor(spec: PodSpec, container: Container | EphemeralContainer, annotations: Annotations) {
  const annotation = annotations?.[`${appArmorPrefix}${container.name}`];
  if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) return undefined;
  const given = appArmorProfileOf(annotation);
  const profile = validateAppArmor("", given).length === 0 ? given : undefined;
  const ofPod = spec.securityContext?.appArmorProfile;
  return { profile, isNew: profile === undefined || !field.semanticEqual(profile, ofPod) };
}

/** Writes what annotations say to the fields, where those are empty. */
export function withAppArmorProfiles(pod: Pod): Pod {
  const { annotations } = pod.metadata;
  if (annotations === undefined || !hasProfiles(pod.spec)) return pod;
  const filled = <T extends Container | EphemeralContainer>(container: T): T => {
    const { profile, isNew = false } = profileFor(pod.spec, container, annotations) ?? {};
    return profile === undefined || !isNew
      ? container
      : { ...container, securityContext: { ...container.securityContext, appArmorProfile: profile } };
  };
  const { containers, initContainers, ephemeralContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: mapItems(containers, filled),
      ...(initContainers === undefined ? {} : { initContainers: mapItems(initContainers, filled) }),
      ...(ephemeralContainers === undefined
        ? {}
        : { ephemeralContainers: mapItems(ephemeralContainers, filled) }),
    },
  };
}

/** Of a pod as it was sent: annotations that became fields, or could not. */
export function appArmorWarnings({ metadata, spec }: Pod): readonly string[] {
  const { annotations } = metadata;
  if (annotations === undefined || !hasProfiles(spec)) return [];
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  return [...initContainers, ...containers, ...ephemeralContainers].flatMap((container) =>
    profileFor(spec, container, annotations)?.isNew === true
      ? [appArmorWarning("metadata.annotations", container.name)]
      : [],
  );
}

export function appArmorWarning(path: string, containerName: string): string {
  const at = field.at(path, `${appArmorPrefix}${containerName}`);
  return `${at}: deprecated since v1.30; use the "appArmorProfile" field instead`;
}
