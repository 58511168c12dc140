import { counterOf, histogramOf, type MetricFamily } from "./family.ts";
import { exponentialBounds, histogramSeries, numberSeries } from "./series.ts";

const bounds = exponentialBounds(0.001, 2, 15);

/** Who comes, and whether they may. */
export class AccessMetrics {
  readonly #users = numberSeries();
  readonly #authentications = numberSeries();
  readonly #authenticationSeconds = histogramSeries(bounds);
  readonly #authorizations = numberSeries();
  readonly #authorizationSeconds = histogramSeries(bounds);

  /** Without a name: the request carried no credentials, or bad ones. */
  authenticated(result: "error" | "failure" | "success", username: string, durationMs: number): void {
    if (result === "success") this.#users.of(usernameKind(username)).value++;
    this.#authentications.of(result).value++;
    this.#authenticationSeconds.of(result).observe(Math.max(0, durationMs) / 1000);
  }

  authorized(result: "allowed" | "denied" | "error" | "no-opinion", durationMs: number): void {
    this.#authorizations.of(result).value++;
    this.#authorizationSeconds.of(result).observe(Math.max(0, durationMs) / 1000);
  }

  families(): readonly MetricFamily[] {
    return [
      counterOf(
        {
          name: "authenticated_user_requests",
          help: "[ALPHA] Counter of authenticated requests broken out by username.",
          labels: ["username"],
        },
        this.#users,
      ),
      counterOf(
        {
          name: "authentication_attempts",
          help: "[ALPHA] Counter of authenticated attempts.",
          labels: ["result"],
        },
        this.#authentications,
      ),
      histogramOf(
        {
          name: "authentication_duration_seconds",
          help: "[ALPHA] Authentication duration in seconds broken out by result.",
          labels: ["result"],
        },
        this.#authenticationSeconds,
      ),
      counterOf(
        {
          name: "authorization_attempts_total",
          help: "[ALPHA] Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
          labels: ["result"],
        },
        this.#authorizations,
      ),
      histogramOf(
        {
          name: "authorization_duration_seconds",
          help: "[ALPHA] Authorization duration in seconds broken out by result.",
          labels: ["result"],
        },
        this.#authorizationSeconds,
      ),
    ];
  }
}

const wellKnown: ReadonlySet<string> = new Set([
  "admin",
  "client",
  "kube_proxy",
  "kubelet",
  "system:serviceaccount:kube-system:default",
]);

/** Names of users are nobody's business, and too many: a few kinds stand for them. */
function usernameKind(username: string): string {
  if (wellKnown.has(username)) return username;
  return username.includes("@") ? "email_id" : "other";
}
