import type { AnyObject } from "../meta.ts";
import { compare } from "./compare.ts";
import { configuredSet } from "./configured-set.ts";
import type { Conflict } from "./conflicts.ts";
import { difference } from "./field-set.ts";
import type { OwnershipRules } from "./ownership.ts";

/** Between kubectl's two ways to apply: the annotation of the client-side one, read and kept by the server-side one. */

const annotation = "kubectl.kubernetes.io/last-applied-configuration";
const kubectl = "kubectl";
/** All annotations of an object together. */
const maxAnnotationsBytes = 256 * 1024;

/** What kubectl's client-side apply left on an object. */
export interface LastApplied {
  /** The conflicts about what that apply did not set, or somebody changed since. */
  notCovering(conflicts: readonly Conflict[], live: AnyObject, rules: OwnershipRules): readonly Conflict[];
  /** The object, its annotation saying what is applied now. */
  withConfiguration(object: AnyObject, configuration: AnyObject): AnyObject;
}

/** Undefined where it is not kubectl that applies, or nothing was applied the other way before. */
export function lastAppliedOf(
  live: AnyObject,
  write: { readonly manager: string; readonly apiVersion: string },
): LastApplied | undefined {
  const text = live.metadata.annotations?.[annotation];
  if (write.manager !== kubectl || text === undefined || text === "") return undefined;
  return {
    notCovering(conflicts, current, rules) {
      const last = parse(text);
      if (last === undefined || last.apiVersion !== write.apiVersion) return conflicts;
      const type = rules.typeOf(write.apiVersion);
      const { modified, added, removed } = compare(type, last, current);
      const allowed = [modified, added, removed].reduce(difference, configuredSet(type, last));
      return conflicts
        .map(({ manager, set }) => ({ manager, set: difference(set, allowed) }))
        .filter(({ set }) => set !== undefined);
    },
    withConfiguration,
  };
}

function parse(text: string): AnyObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as AnyObject) : undefined; // compared field by field
  } catch {
    return undefined;
  }
}

function withConfiguration(object: AnyObject, configuration: AnyObject): AnyObject {
  const annotations = object.metadata.annotations ?? {};
  const changed = { ...annotations, [annotation]: `${JSON.stringify(sorted(bare(configuration)))}\n` };
  const { [annotation]: _last, ...others } = annotations;
  return { ...object, metadata: { ...object.metadata, annotations: fits(changed) ? changed : others } };
}

/** The configuration without the annotation itself. */
function bare(configuration: AnyObject): AnyObject {
  const { annotations } = configuration.metadata;
  if (annotations === undefined) return configuration;
  const { [annotation]: _before, ...others } = annotations;
  return { ...configuration, metadata: { ...configuration.metadata, annotations: others } };
}

/** Go writes the keys of maps in order, and kubectl shows where two texts differ. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(
    ([name, child]: [string, unknown]) => [name, sorted(child)] as const,
  );
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function fits(annotations: Readonly<Record<string, string>>): boolean {
  let length = 0;
  for (const [name, value] of Object.entries(annotations)) length += name.length + value.length;
  return length <= maxAnnotationsBytes;
}
