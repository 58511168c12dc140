import type { Event } from "../api/core/types.generated.ts";
import { events } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import type { Client } from "../client/client.ts";
import type { Pace } from "./pace.ts";

type Condition = () => boolean | Promise<boolean>;

/** How many of the cluster's warnings are shown. */
const shownWarnings = 5;

/**
 * Moves time until the condition holds. What it asks for may not be there yet: NotFound is "no". Throws what else it throws, and when
 * the time is over an error with what the cluster itself warned of last.
 */
export async function untilHolds(
  condition: Condition,
  {
    pace,
    timeoutMs,
    client,
  }: { readonly pace: Pace; readonly timeoutMs: number; readonly client: () => Client },
): Promise<void> {
  const seen: { failure?: { readonly error: unknown }; missing?: string } = {};
  const holds = async () => {
    try {
      const does = await condition();
      delete seen.missing;
      return does;
    } catch (error) {
      if (!isApiError(error, "NotFound")) {
        seen.failure = { error };
        throw error;
      }
      seen.missing = error.message;
      return false;
    }
  };
  try {
    await pace.until(holds, timeoutMs);
  } catch (cause) {
    if (seen.failure !== undefined) throw seen.failure.error;
    const late = `until: the condition did not hold within ${timeoutMs / 1000} s ({ timeout } gives it longer)`;
    const lines = [
      late,
      ...(seen.missing === undefined ? [] : [seen.missing]),
      ...(await warnings(client())),
    ];
    throw new Error(lines.join("\n  "), { cause });
  }
}

async function warnings(client: Client): Promise<string[]> {
  // Where the server does not answer, the condition is what is to be told of.
  const { items } = await client.list(events).catch(() => ({ items: [] }));
  const lastOf = ({ lastTimestamp, eventTime, metadata }: Event) =>
    lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? "";
  return items
    .filter(({ type }) => type === "Warning")
    .sort((left, right) => (lastOf(left) < lastOf(right) ? -1 : 1))
    .slice(-shownWarnings)
    .map(({ reason, message, involvedObject: { kind = "", namespace, name = "" } }) => {
      const place = namespace === undefined ? name : `${namespace}/${name}`;
      return `${kind} ${place}: ${reason}: ${message}`;
    });
}
