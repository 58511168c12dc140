import { type Clock, rfc3339 } from "../base/clock.ts";

/** One aspect of an object's state (`metav1.Condition`). */
export interface Condition {
  /** "Ready", or a qualified name. One of each type. */
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** Why, for machines: one word in CamelCase. */
  readonly reason: string;
  /** For people; may be empty. */
  readonly message: string;
  /** When the status last changed, RFC 3339. */
  readonly lastTransitionTime: string;
  /** The metadata.generation that this was said about: older than the object's means out of date. */
  readonly observedGeneration?: number;
}

/** Any list of conditions: those of built-in kinds leave more out. */
type Conditions<C extends { readonly type: string }> = readonly C[] | undefined;

/** The condition of a type; undefined where nothing was said about it. */
export function findCondition<C extends { readonly type: string }>(
  conditions: Conditions<C>,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition is there and "True". */
export function isConditionTrue(
  conditions: Conditions<{ readonly type: string; readonly status: string }>,
  type: string,
): boolean {
  return findCondition(conditions, type)?.status === "True";
}

/**
 * The list with this condition in it (meta.SetStatusCondition). The transition time moves, to the clock's now, only when
 * the status changes; a list that says all this already is returned as it is.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  wanted: Omit<Condition, "lastTransitionTime">,
  clock: Pick<Clock, "now">,
): readonly Condition[] {
  const list = conditions ?? [];
  const current = findCondition(list, wanted.type);
  if (current === undefined) return [...list, { ...wanted, lastTransitionTime: rfc3339(clock.now()) }];
  const keepsStatus = current.status === wanted.status;
  if (
    keepsStatus &&
    current.reason === wanted.reason &&
    current.message === wanted.message &&
    current.observedGeneration === wanted.observedGeneration
  )
    return list;
  const lastTransitionTime = keepsStatus ? current.lastTransitionTime : rfc3339(clock.now());
  return list.map((other) => (other === current ? { ...wanted, lastTransitionTime } : other));
}

/** The list without the condition of a type (meta.RemoveStatusCondition). */
export function removeCondition<C extends { readonly type: string }>(
  conditions: Conditions<C>,
  type: string,
): readonly C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
