import type { Clock } from "../../base/clock.ts";
import type { ApiRequest } from "../../client/exchange.ts";
import type { RequestInfo } from "../request-info.ts";
import type { AuditBackend } from "./event.ts";
import { type AuditPolicy, evaluatePolicy } from "./policy.ts";
import { type Arrival, AuditTrail } from "./trail.ts";

export interface AuditorDependencies {
  readonly policy: AuditPolicy;
  readonly backends: readonly AuditBackend[];
  readonly clock: Clock;
}

/** Records requests as a policy says. A server without one does nothing for it. */
export interface Auditor {
  /** One request's record, from before it is known who asks. */
  open(request: ApiRequest, info: RequestInfo, arrival: Arrival): AuditTrail;
}

export function createAuditor({ policy, backends, clock }: AuditorDependencies): Auditor {
  return {
    open: (request, info, arrival) =>
      new AuditTrail({
        request,
        info,
        arrival,
        evaluate: (user) => evaluatePolicy(policy, user, info),
        emit: (event) => {
          for (const backend of backends) backend.process(event);
        },
        now: () => clock.now(),
      }),
  };
}
