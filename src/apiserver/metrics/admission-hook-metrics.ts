import { counterOf, histogramOf, type MetricFamily } from "../../base/metrics/family.ts";
import { histogramSeries, numberSeries } from "../../base/metrics/series.ts";

type WebhookType = "admit" | "validating";
type WebhookFault = "calling_webhook_error" | "apiserver_internal_error" | "no_error";
export type PolicyFault = "compile_error" | "invalid_error" | "out_of_budget" | "no_error";
export type PolicyAction = "allow" | "deny" | "audit" | "warn";

/** One call of a webhook and how it ended. */
export interface WebhookCall {
  readonly name: string;
  readonly type: WebhookType;
  /** "CREATE" … */
  readonly operation: string;
}

const webhookBounds = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
const policyBounds = [0.0000005, 0.001, 0.01, 0.1, 1];
/** Codes beyond it count as it: whoever writes a webhook must not fill memory. */
const largestCode = 600;

/** What administrators' webhooks and policies do with requests. */
export class AdmissionHookMetrics {
  readonly #durations = histogramSeries(webhookBounds);
  readonly #requests = numberSeries();
  readonly #rejections = numberSeries();
  readonly #failedOpen = numberSeries();
  readonly #exclusions = numberSeries();
  readonly #conditionErrors = numberSeries();
  readonly #checks = numberSeries();
  readonly #checkTimes = histogramSeries(policyBounds);
  readonly #mutations = numberSeries();
  readonly #mutationTimes = histogramSeries(policyBounds);

  called({ name, type, operation }: WebhookCall, seconds: number, code: number, rejected: boolean): void {
    const refused = String(rejected);
    this.#durations.of(name, type, operation, refused).observe(seconds);
    this.#requests.of(name, type, operation, codeLabel(code), refused).value++;
  }

  /** `code`: of the webhook's refusal; 0: it has none. */
  rejected({ name, type, operation }: WebhookCall, fault: WebhookFault, code: number): void {
    this.#rejections.of(name, type, operation, fault, codeLabel(code)).value++;
  }

  failedOpen({ name, type }: WebhookCall): void {
    this.#failedOpen.of(name, type).value++;
  }

  excluded({ name, type, operation }: WebhookCall): void {
    this.#exclusions.of(name, "webhook", type, operation).value++;
  }

  conditionFailed({ name, type, operation }: WebhookCall): void {
    this.#conditionErrors.of(name, "webhook", type, operation).value++;
  }

  checked(policy: string, binding: string, fault: PolicyFault, action: PolicyAction, seconds: number): void {
    this.#checks.of(policy, binding, fault, action).value++;
    this.#checkTimes.of(policy, binding, fault, action).observe(seconds);
  }

  mutated(policy: string, binding: string, fault: PolicyFault, seconds: number): void {
    this.#mutations.of(policy, binding, fault).value++;
    this.#mutationTimes.of(policy, binding, fault).observe(seconds);
  }

  families(): readonly MetricFamily[] {
    return [...this.#webhooks(), ...this.#conditions(), ...this.#policies()];
  }

  #webhooks(): readonly MetricFamily[] {
    const call = ["name", "type", "operation"];
    return [
      histogramOf(
        {
          name: "apiserver_admission_webhook_admission_duration_seconds",
          help: "[STABLE] Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
          labels: [...call, "rejected"],
        },
        this.#durations,
      ),
      counterOf(
        {
          name: "apiserver_admission_webhook_request_total",
          help: "[ALPHA] Admission webhook request total, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code. Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.",
          labels: [...call, "code", "rejected"],
        },
        this.#requests,
      ),
      counterOf(
        {
          name: "apiserver_admission_webhook_rejection_count",
          help: "[ALPHA] Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code if the webhook rejects the request with an HTTP status code (honored by the apiserver when the code is greater or equal to 400). Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.",
          labels: [...call, "error_type", "rejection_code"],
        },
        this.#rejections,
      ),
      counterOf(
        {
          name: "apiserver_admission_webhook_fail_open_count",
          help: "[ALPHA] Admission webhook fail open count, identified by name and broken out for each admission type (validating or admit).",
          labels: ["name", "type"],
        },
        this.#failedOpen,
      ),
    ];
  }

  #conditions(): readonly MetricFamily[] {
    const labels = ["name", "kind", "type", "operation"];
    return [
      counterOf(
        {
          name: "apiserver_admission_match_condition_evaluation_errors_total",
          help: "[ALPHA] Admission match condition evaluation errors count, identified by name of resource containing the match condition and broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).",
          labels,
        },
        this.#conditionErrors,
      ),
      counterOf(
        {
          name: "apiserver_admission_match_condition_exclusions_total",
          help: "[ALPHA] Admission match condition evaluation exclusions count, identified by name of resource containing the match condition and broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).",
          labels,
        },
        this.#exclusions,
      ),
    ];
  }

  #policies(): readonly MetricFamily[] {
    const mutation = ["policy", "policy_binding", "error_type"];
    const check = [...mutation, "enforcement_action"];
    return [
      counterOf(
        {
          name: "apiserver_validating_admission_policy_check_total",
          help: "[BETA] Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.",
          labels: check,
        },
        this.#checks,
      ),
      histogramOf(
        {
          name: "apiserver_validating_admission_policy_check_duration_seconds",
          help: "[BETA] Validation admission latency for individual validation expressions in seconds, labeled by policy and further including binding and enforcement action taken.",
          labels: check,
        },
        this.#checkTimes,
      ),
      counterOf(
        {
          name: "apiserver_mutating_admission_policy_check_total",
          help: "[ALPHA] Mutation admission policy check total, labeled by policy and further identified by binding.",
          labels: mutation,
        },
        this.#mutations,
      ),
      histogramOf(
        {
          name: "apiserver_mutating_admission_policy_check_duration_seconds",
          help: "[ALPHA] Mutation admission latency for individual mutation expressions in seconds, labeled by policy and binding.",
          labels: mutation,
        },
        this.#mutationTimes,
      ),
    ];
  }
}

const codeLabel = (code: number) => String(Math.min(code, largestCode));
