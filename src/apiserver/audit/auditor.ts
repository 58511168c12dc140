import type { Clock } from "../../base/clock.ts";
import type { MetricSource } from "../../base/metrics/family.ts";
import type { ApiRequest } from "../../client/exchange.ts";
import type { RequestInfo } from "../request-info.ts";
import { AuditMetrics } from "./audit-metrics.ts";
import type { AuditBackend, AuditEvent } from "./event.ts";
import { type AuditPolicy, evaluatePolicy } from "./policy.ts";
import { type Arrival, AuditTrail } from "./trail.ts";

export interface AuditorDependencies {
  readonly policy: AuditPolicy;
  readonly backends: readonly AuditBackend[];
  readonly clock: Clock;
  /** Whoever made the backends counts their failures in it. */
  readonly metrics?: AuditMetrics;
}

/** Records requests as a policy says. A server without one does nothing for it. */
export interface Auditor extends MetricSource {
  /** One request's record, from before it is known who asks. */
  open(request: ApiRequest, info: RequestInfo, arrival: Arrival): AuditTrail;
}

export function createAuditor({
  policy,
  backends,
  clock,
  metrics = new AuditMetrics(),
}: AuditorDependencies): Auditor {
  return {
    families: () => metrics.families(),
    open: (request, info, arrival) =>
      new AuditTrail({
        request,
        info,
        arrival,
        evaluate(user) {
          const configuration = evaluatePolicy(policy, user, info);
          metrics.judged(configuration.level);
          return configuration;
        },
        emit(event) {
          metrics.recorded();
          return keptByAll(backends, event);
        },
        rejected: () => metrics.rejected(),
        now: () => clock.now(),
      }),
  };
}

/** Undefined where nobody has to wait for it. */
function keptByAll(backends: readonly AuditBackend[], event: AuditEvent): Promise<boolean> | undefined {
  const waits = backends.flatMap((backend) => backend.process(event) ?? []);
  return waits.length === 0 ? undefined : Promise.all(waits).then((kept) => kept.every(Boolean));
}
