import type { UserInfo } from "../../client/exchange.ts";
import type { AuthenticationRequest, Authenticator, AuthorizationDecision, Authorizer } from "../stages.ts";
import type { AccessMetrics } from "./access-metrics.ts";

/** The same authenticator; what it finds is counted. What it says at once took less than the clock can tell. */
export function meteredAuthenticator(
  authenticator: Authenticator,
  metrics: AccessMetrics,
  now: () => number,
): Authenticator {
  const note = (
    user: UserInfo | undefined,
    durationMs: number,
    { clientCertificate: certificate }: AuthenticationRequest,
  ) => {
    if (user === undefined) metrics.authenticated("failure", "", durationMs);
    else metrics.authenticated("success", user.name, durationMs);
    if (
      certificate?.expiresAtMs !== undefined &&
      certificate.verified &&
      certificate.commonName === user?.name
    )
      metrics.usedCertificate(certificate.expiresAtMs - now());
    return user;
  };
  return {
    authenticate(request) {
      let startMs: number | undefined;
      const failed = (error: unknown): never => {
        metrics.authenticated("error", "", startMs === undefined ? 0 : now() - startMs);
        throw error;
      };
      try {
        const found = authenticator.authenticate(request);
        if (!(found instanceof Promise)) return note(found, 0, request);
        const waitingSinceMs = now();
        startMs = waitingSinceMs;
        return found.then((user) => note(user, now() - waitingSinceMs, request), failed);
      } catch (error) {
        return failed(error);
      }
    },
  };
}

/** The same authorizer; its verdicts are counted. */
export function meteredAuthorizer(
  authorizer: Authorizer,
  metrics: AccessMetrics,
  now: () => number,
): Authorizer {
  const note = (decision: AuthorizationDecision, durationMs: number) => {
    metrics.authorized(resultOf(decision), durationMs);
    const { decidedBy } = decision;
    if (decidedBy !== undefined)
      metrics.decided(decidedBy.type, decidedBy.name, decision.allowed ? "allowed" : "denied");
    return decision;
  };
  return {
    authorize(attributes) {
      const decision = authorizer.authorize(attributes);
      if (!(decision instanceof Promise)) return note(decision, 0);
      const startMs = now();
      return decision.then((verdict) => note(verdict, now() - startMs));
    },
  };
}

function resultOf({ allowed, denied, error }: AuthorizationDecision) {
  if (allowed) return "allowed";
  if (error !== undefined) return "error";
  return denied === true ? "denied" : "no-opinion";
}
