import type { AnyObject } from "../../apimachinery/meta.ts";
import { compare } from "../managed-fields/compare.ts";
import { difference, type MaybeSet } from "../managed-fields/field-set.ts";
import { fieldSetOf } from "../managed-fields/merge.ts";
import type { Versioned, Write } from "../managed-fields/track.ts";
import { withMetadata } from "./metadata.ts";

/** Between kubectl's two ways to apply: the annotation of the client-side one, read and kept by the server-side one. */

const annotation = "kubectl.kubernetes.io/last-applied-configuration";
const kubectl = "kubectl";

/** Whether all that is in dispute was set by kubectl's client-side apply and stands as that left it. */
export function lastAppliedConflicts(
  disputed: MaybeSet,
  live: AnyObject,
  current: Versioned,
  write: Write,
): boolean {
  if (write.manager !== kubectl) return false;
  const text = live.metadata.annotations?.[annotation];
  if (text === undefined || text === "") return false;
  let last: AnyObject;
  try {
    last = JSON.parse(text) as AnyObject; // only compared, field by field
  } catch {
    return false;
  }
  if (last.apiVersion !== write.apiVersion) return false;
  const { added, modified, removed } = compare(current.type, last, current.value);
  let allowed = fieldSetOf(current.type, last);
  for (const changed of [modified, added, removed]) allowed = difference(allowed, changed);
  return difference(disputed, allowed) === undefined;
}

/** Where the annotation is, it says what was applied last, whichever way. */
export function withLastApplied(object: AnyObject, configuration: AnyObject, manager: string): AnyObject {
  const annotations = object.metadata.annotations;
  if (manager !== kubectl || !annotations?.[annotation]) return object;
  const { [annotation]: _last, ...others } = configuration.metadata.annotations ?? {};
  const bare = withMetadata(configuration, { annotations: others });
  return withMetadata(object, { annotations: { ...annotations, [annotation]: `${JSON.stringify(bare)}\n` } });
}
