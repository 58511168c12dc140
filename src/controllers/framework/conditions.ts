import { rfc3339 } from "../../base/clock.ts";

/** What the conditions of all kinds share. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export function conditionOf<C extends Condition>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function hasCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
  status = "True",
): boolean {
  return conditionOf(conditions, type)?.status === status;
}

/**
 * The conditions with this one in it. Nothing changes where status, reason and message already are as wished; the
 * transition time moves only when the status does.
 */
export function withCondition<C extends Condition>(
  conditions: readonly C[] | undefined,
  wanted: C,
  nowMs: number,
): readonly C[] {
  const current = conditionOf(conditions, wanted.type);
  if (
    current !== undefined &&
    current.status === wanted.status &&
    (current.reason ?? "") === (wanted.reason ?? "") &&
    (current.message ?? "") === (wanted.message ?? "")
  ) {
    return conditions ?? [];
  }
  const lastTransitionTime =
    current?.status === wanted.status && current.lastTransitionTime !== undefined
      ? current.lastTransitionTime
      : rfc3339(nowMs);
  const condition = { ...wanted, lastTransitionTime };
  if (current === undefined) return [...(conditions ?? []), condition];
  return (conditions ?? []).map((other) => (other.type === wanted.type ? condition : other));
}

export function withoutCondition<C extends Condition>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

/**
 * A status without the counters that are zero and the lists that are empty, which upstream's `omitempty` leaves out of
 * the JSON. `kept` names members that are written even when zero.
 */
export function omitEmpty<T extends object>(status: T, kept: readonly (keyof T & string)[] = []): T {
  const entries = Object.entries(status).filter(([name, value]) => {
    if (value === undefined || value === null) return false;
    if ((kept as readonly string[]).includes(name)) return true;
    return value !== 0 && value !== "" && !(Array.isArray(value) && value.length === 0);
  });
  return Object.fromEntries(entries) as T; // Only optional members were dropped: `kept` names the required ones.
}
