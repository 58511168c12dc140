import type { ResourceDefinition } from "../../api/definition.ts";
import { conflict } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { rfc3339 } from "../../base/clock.ts";
import { withMetadata } from "./metadata.ts";
import type { DeleteRequestOptions } from "./options.ts";

/**
 * What a delete does to an object: a pure decision. `remove` takes it out of storage, `update` writes it as terminating
 * first (and takes it out after that where `thenRemove` says so), `pending` leaves it as it is: it is terminating already.
 */
export type DeletionPlan =
  | { readonly action: "remove" }
  | { readonly action: "pending" }
  | { readonly action: "update"; readonly object: AnyObject; readonly thenRemove: boolean };

const orphanFinalizer = "orphan";
const foregroundFinalizer = "foregroundDeletion";

export function planDeletion(
  definition: ResourceDefinition,
  object: AnyObject,
  options: DeleteRequestOptions,
  circumstances: {
    readonly nowMs: number;
    /** Something beside finalizers keeps the object (a namespace's content). */
    readonly held: boolean;
  },
): DeletionPlan {
  const { nowMs, held } = circumstances;
  checkPreconditions(definition, object, options);
  const graceful = planGrace(definition, object, options, nowMs);
  if (graceful === "pending") return { action: "pending" };
  const finalizers = deletionFinalizers(definition, object, options);
  const terminating =
    graceful === undefined
      ? finalizers.length > 0 || held
        ? markDeleted(object, nowMs)
        : undefined
      : markTerminating(object, graceful);
  if (terminating === undefined) return { action: "remove" };
  const changed = withMetadata(terminating, { finalizers: finalizers.length === 0 ? undefined : finalizers });
  const thenRemove = !held && finalizers.length === 0 && (graceful === undefined || graceful.seconds === 0);
  return { action: "update", object: changed, thenRemove };
}

/** An update that leaves a terminating object with nothing to wait for removes it. */
export function isDeletedByUpdate(object: AnyObject, old: AnyObject): boolean {
  if ((object.metadata.finalizers ?? []).length > 0) return false;
  if (old.metadata.deletionTimestamp === undefined) return false;
  return (old.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

/** Refuses a delete meant for another object of that name, or another state of it. */
function checkPreconditions(
  definition: ResourceDefinition,
  object: AnyObject,
  { preconditions }: DeleteRequestOptions,
): void {
  const { uid, resourceVersion } = preconditions ?? {};
  // Named by its kind here, as upstream.
  const resource = { group: definition.group, resource: definition.kind };
  const name = object.metadata.name ?? "";
  if (uid !== undefined && uid !== object.metadata.uid)
    throw conflict(
      resource,
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${object.metadata.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion)
    throw conflict(
      resource,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${object.metadata.resourceVersion}). The object might have been modified`,
    );
}

interface Grace {
  readonly seconds: number;
  readonly deletionTimeMs: number;
}

/** Undefined: this deletion has no grace. "pending": a deletion is under way and this one does not shorten it. */
function planGrace(
  { strategy }: ResourceDefinition,
  object: AnyObject,
  options: DeleteRequestOptions,
  nowMs: number,
): Grace | "pending" | undefined {
  if (strategy.gracePeriodSeconds === undefined) return undefined;
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  if (deletionTimestamp === undefined) {
    const seconds = strategy.gracePeriodSeconds(object, options.gracePeriodSeconds);
    return { seconds, deletionTimeMs: nowMs + seconds * 1000 };
  }
  const current = deletionGracePeriodSeconds ?? 0;
  // Marked before but never taken out: finish it now.
  if (current === 0) return undefined;
  const requested = options.gracePeriodSeconds;
  if (requested === undefined || requested >= current) return "pending";
  const shortenedMs = Date.parse(deletionTimestamp) - current * 1000 + requested * 1000;
  if (shortenedMs >= nowMs) return { seconds: requested, deletionTimeMs: shortenedMs };
  // The whole grace is over. A graceful request still leaves the last word to the one who stops the pod.
  return { seconds: requested === 0 ? 0 : 1, deletionTimeMs: nowMs };
}

function markTerminating(object: AnyObject, grace: Grace): AnyObject {
  const first = object.metadata.deletionTimestamp === undefined;
  const { generation } = object.metadata;
  return withMetadata(object, {
    deletionTimestamp: rfc3339(grace.deletionTimeMs),
    deletionGracePeriodSeconds: grace.seconds,
    generation: first && generation !== undefined && generation > 0 ? generation + 1 : generation,
  });
}

function markDeleted(object: AnyObject, nowMs: number): AnyObject {
  const { deletionTimestamp, generation } = object.metadata;
  const first = deletionTimestamp === undefined;
  return withMetadata(object, {
    deletionTimestamp: first || Date.parse(deletionTimestamp) > nowMs ? rfc3339(nowMs) : deletionTimestamp,
    deletionGracePeriodSeconds: 0,
    generation: first && generation !== undefined && generation > 0 ? generation + 1 : generation,
  });
}

/** The finalizers the garbage collector works off, as options, the object and the kind's default say, in that order. */
function deletionFinalizers(
  definition: ResourceDefinition,
  object: AnyObject,
  options: DeleteRequestOptions,
): readonly string[] {
  const existing = object.metadata.finalizers ?? [];
  const own = existing.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  const wanted = wantedFinalizer(definition, existing, options);
  if (wanted === undefined) return own.length === existing.length ? existing : own;
  return existing.includes(wanted) && own.length === existing.length - 1 ? existing : [...own, wanted];
}

function wantedFinalizer(
  { strategy }: ResourceDefinition,
  existing: readonly string[],
  { orphanDependents, propagationPolicy }: DeleteRequestOptions,
): string | undefined {
  if (orphanDependents !== undefined) return orphanDependents ? orphanFinalizer : undefined;
  if (propagationPolicy === "Orphan") return orphanFinalizer;
  if (propagationPolicy === "Foreground") return foregroundFinalizer;
  if (propagationPolicy === "Background") return undefined;
  const present = existing.find((name) => name === orphanFinalizer || name === foregroundFinalizer);
  if (present !== undefined) return present;
  return strategy.defaultPropagation === "Orphan" ? orphanFinalizer : undefined;
}
