import { counterOf, histogramOf, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import { histogramSeries, numberSeries } from "../../base/metrics/series.ts";

const latencyBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const tokenBounds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const conditionBounds = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];

/** How a webhook was asked: it answered, not in time, wrongly, or whoever asked went away. */
export type WebhookResult = "success" | "timeout" | "error" | "canceled";

/** What an administrator's own issuers and authorization webhooks are asked, and how long they take. */
export class ExternalAuthMetrics implements MetricSource {
  readonly #evaluations = numberSeries();
  readonly #seconds = histogramSeries(latencyBounds);
  readonly #failOpen = numberSeries();
  readonly #conditionErrors = numberSeries();
  readonly #conditionExclusions = numberSeries();
  readonly #conditionSeconds = histogramSeries(conditionBounds);
  readonly #tokenSeconds = histogramSeries(tokenBounds);

  webhookAsked(name: string, result: WebhookResult, durationMs: number): void {
    this.#evaluations.of(name, result).value++;
    this.#seconds.of(name, result).observe(durationMs / 1000);
  }

  /** A webhook could not be asked, and others decide. */
  webhookPassedOver(name: string, result: WebhookResult): void {
    this.#failOpen.of(name, result).value++;
  }

  conditionsEvaluated(name: string, outcome: "matched" | "excluded" | "failed", durationMs: number): void {
    this.#conditionSeconds.of(type, name).observe(durationMs / 1000);
    if (outcome === "excluded") this.#conditionExclusions.of(type, name).value++;
    if (outcome === "failed") this.#conditionErrors.of(type, name).value++;
  }

  /** `issuerHash`: tells issuers apart without saying their names. */
  tokenJudged(issuerHash: string, result: "success" | "failure", durationMs: number): void {
    this.#tokenSeconds.of(result, issuerHash).observe(durationMs / 1000);
  }

  families(): readonly MetricFamily[] {
    const heading = (name: string, help: string, labels: readonly string[]) => ({
      name: `apiserver_${name}`,
      help: `[ALPHA] ${help}`,
      labels,
    });
    const byResult = ["name", "result"];
    const byName = ["type", "name"];
    const condition = (name: string, help: string) =>
      heading(`authorization_match_condition_${name}`, help, byName);
    return [
      counterOf(
        heading(
          "authorization_webhook_evaluations_total",
          "Round-trips to authorization webhooks.",
          byResult,
        ),
        this.#evaluations,
      ),
      histogramOf(
        heading("authorization_webhook_duration_seconds", "Request latency in seconds.", byResult),
        this.#seconds,
      ),
      counterOf(
        heading(
          "authorization_webhook_evaluations_fail_open_total",
          "NoOpinion results due to webhook timeout or error.",
          byResult,
        ),
        this.#failOpen,
      ),
      counterOf(
        condition(
          "evaluation_errors_total",
          "Total number of errors when an authorization webhook encounters a match condition error split by authorizer type and name.",
        ),
        this.#conditionErrors,
      ),
      counterOf(
        condition(
          "exclusions_total",
          "Total number of exclusions when an authorization webhook is skipped because match conditions exclude it.",
        ),
        this.#conditionExclusions,
      ),
      histogramOf(
        condition(
          "evaluation_seconds",
          "Authorization match condition evaluation time in seconds, split by authorizer type and name.",
        ),
        this.#conditionSeconds,
      ),
      histogramOf(
        heading(
          "authentication_jwt_authenticator_latency_seconds",
          "Latency of jwt authentication operations in seconds. This is the time spent authenticating a token for cache miss only (i.e. when the token is not found in the cache).",
          ["result", "jwt_issuer_hash"],
        ),
        this.#tokenSeconds,
      ),
    ];
  }
}

const type = "Webhook";
