import { counterOf, histogramOf, type MetricFamily } from "../../base/metrics/family.ts";
import {
  exponentialBounds,
  type HistogramSeries,
  histogramSeries,
  type NumberSeries,
  numberSeries,
} from "../../base/metrics/series.ts";

const bounds = exponentialBounds(0.001, 2, 15);

/** Half an hour to a year, in seconds. */
const certificateBounds = [
  0, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800, 2_592_000, 7_776_000, 15_552_000,
  31_104_000,
];

interface Attempts {
  readonly count: NumberSeries;
  readonly seconds: HistogramSeries;
}

/** Who comes, and whether they may. */
export class AccessMetrics {
  readonly #users = numberSeries();
  readonly #authentications = numberSeries();
  readonly #authenticationSeconds = histogramSeries(bounds);
  readonly #authorizations = numberSeries();
  readonly #authorizationSeconds = histogramSeries(bounds);
  readonly #decisions = numberSeries();
  readonly #certificateSeconds = histogramSeries(certificateBounds);

  readonly #byUser = new Map<string, NumberSeries>();
  readonly #attempts = new Map<string, Attempts>();
  readonly #verdicts = new Map<string, Attempts>();

  /** Without a name: the request carried no credentials, or bad ones. */
  authenticated(result: "error" | "failure" | "success", username: string, durationMs: number): void {
    if (result === "success") this.#requestsOf(usernameKind(username)).value++;
    const attempts = this.#attempts.get(result) ?? this.#attemptsOf(result);
    attempts.count.value++;
    attempts.seconds.observe(durationMs > 0 ? durationMs / 1000 : 0);
  }

  authorized(result: "allowed" | "denied" | "error" | "no-opinion", durationMs: number): void {
    const verdicts = this.#verdicts.get(result) ?? this.#verdictsOf(result);
    verdicts.count.value++;
    verdicts.seconds.observe(durationMs > 0 ? durationMs / 1000 : 0);
  }

  /** One of a chain of authorizers decided; `type`: "RBAC", "Webhook". */
  decided(type: string, name: string, decision: "allowed" | "denied"): void {
    this.#decisions.of(type, name, decision).value++;
  }

  /** A request was authenticated by a certificate that is good for so long. */
  usedCertificate(remainingMs: number): void {
    this.#certificateSeconds.of().observe(remainingMs / 1000);
  }

  /** Of a few kinds: each is looked up by its labels once. */
  #requestsOf(kind: string): NumberSeries {
    let requests = this.#byUser.get(kind);
    if (requests === undefined) {
      requests = this.#users.of(kind);
      this.#byUser.set(kind, requests);
    }
    return requests;
  }

  #attemptsOf(result: string): Attempts {
    const made = { count: this.#authentications.of(result), seconds: this.#authenticationSeconds.of(result) };
    this.#attempts.set(result, made);
    return made;
  }

  #verdictsOf(result: string): Attempts {
    const made = { count: this.#authorizations.of(result), seconds: this.#authorizationSeconds.of(result) };
    this.#verdicts.set(result, made);
    return made;
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
      counterOf(
        {
          name: "apiserver_authorization_decisions_total",
          help: "[ALPHA] Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.",
          labels: ["type", "name", "decision"],
        },
        this.#decisions,
      ),
      histogramOf(
        {
          name: "apiserver_client_certificate_expiration_seconds",
          help: "[ALPHA] Distribution of the remaining lifetime on the certificate used to authenticate a request.",
          labels: [],
        },
        this.#certificateSeconds,
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
