import type { Container, EphemeralContainer, PodSpec } from "../../../api/core/types.generated.ts";
import type { ObjectMeta } from "../../../apimachinery/meta.ts";

/** One control of the Pod Security Standards. */
export interface Check {
  readonly id: string;
  readonly level: "baseline" | "restricted";
  /** In the order of the minor version from which on each holds. */
  readonly versions: readonly VersionedCheck[];
  /** Baseline checks that this restricted one makes superfluous. */
  readonly overrides?: readonly string[];
}

export interface VersionedCheck {
  /** v1.<minor> and later. */
  readonly sinceMinor: number;
  readonly check: (metadata: ObjectMeta, spec: PodSpec) => Violation | undefined;
}

/** `reason` alone is told of a namespace's existing pods, with `detail` of a pod that is being written. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type AnyContainer = Container | EphemeralContainer;

/** Init containers, containers, ephemeral containers: in upstream's order. */
export function allContainers(spec: PodSpec): readonly AnyContainer[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

export function namesOf(spec: PodSpec, isBad: (container: AnyContainer) => boolean): readonly string[] {
  return allContainers(spec)
    .filter(isBad)
    .map((container) => container.name);
}

export function joinQuoted(values: Iterable<string>): string {
  return [...values].map((value) => `"${value}"`).join(", ");
}

export function sortedUnique(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}

export function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}

export function containersText(names: readonly string[]): string {
  return `${plural(names.length, "container", "containers")} ${joinQuoted(names)}`;
}

/** "pod", "containers "a", "b"" or both: who set what may not be set. */
export function setters(podIsBad: boolean, names: readonly string[]): string[] {
  return [...(podIsBad ? ["pod"] : []), ...(names.length === 0 ? [] : [containersText(names)])];
}

/** In a user namespace of its own, root in the pod is nobody on the host. */
export function hasUserNamespace(spec: PodSpec): boolean {
  return spec.hostUsers === false;
}

export function isWindows(spec: PodSpec): boolean {
  return spec.os?.name === "windows";
}
