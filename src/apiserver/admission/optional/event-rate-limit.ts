import type { Event } from "../../../api/core/types.generated.ts";
import { tooManyRequests } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { Clock } from "../../../base/clock.ts";
import { LruCache } from "../../../base/lru-cache.ts";
import { fullBucket, type TokenBucket, tryToken } from "../../../base/token-bucket.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";

export interface EventLimit {
  readonly type: keyof typeof keys;
  readonly qps: number;
  readonly burst: number;
  /** Keys that are remembered; 4096 unless said. */
  readonly cacheSize?: number;
}

const keys = {
  Server: () => "",
  Namespace: ({ namespace }) => namespace,
  User: ({ user }) => user.name,
  SourceAndObject: ({ object }) => {
    // Only events come here.
    const { source, involvedObject } = (object ?? {}) as AnyObject & Partial<Event>;
    const { kind, namespace, name, uid, apiVersion } = involvedObject ?? {};
    return [source?.component, source?.host, kind, namespace, name, uid, apiVersion].join("");
  },
} satisfies Record<string, (attributes: AdmissionAttributes) => string>;

export const eventLimitTypes = Object.keys(keys);
const defaultCacheSize = 4096;

/** So many events, of one namespace, user or object, are taken in a time. */
export function eventRateLimit(
  { clock }: { readonly clock: Clock },
  limits: readonly EventLimit[],
): AdmissionPlugin {
  const enforcers = limits.map((limit) => enforcer(limit, clock));
  return {
    name: "EventRateLimit",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    validate(attributes) {
      if (attributes.kind.group !== "" || attributes.kind.kind !== "Event" || attributes.dryRun) return;
      // Each limit counts the event, also where another one refuses it.
      const refusals = enforcers.flatMap((accept) => accept(attributes) ?? []);
      if (refusals.length > 1) throw tooManyRequests(`[${refusals.join(", ")}]`, 0);
      for (const refusal of refusals) throw tooManyRequests(refusal, 0);
    },
  };
}

/** What refuses an event; undefined: it is taken. */
function enforcer(limit: EventLimit, clock: Clock): (attributes: AdmissionAttributes) => string | undefined {
  const policy = { perSecond: limit.qps, burst: limit.burst };
  const buckets = new LruCache<string, TokenBucket>(limit.cacheSize || defaultCacheSize);
  return (attributes) => {
    const key: string = keys[limit.type](attributes);
    const now = clock.now();
    const { bucket, accepted } = tryToken(buckets.get(key) ?? fullBucket(policy, now), policy, now);
    buckets.set(key, bucket);
    return accepted ? undefined : `limit reached on type ${limit.type} for key ${key}`;
  };
}
