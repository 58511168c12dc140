import { counter, counterOf, type MetricFamily } from "../../base/metrics/family.ts";
import { numberSeries } from "../../base/metrics/series.ts";
import type { AuditLevel } from "./policy.ts";

/** apiserver_audit_*: what was recorded, and what could not be. */
export class AuditMetrics {
  readonly #levels = numberSeries();
  readonly #errors = numberSeries();
  #events = 0;
  #rejected = 0;

  /** A request's level was found. */
  judged(level: AuditLevel): void {
    this.#levels.of(level).value++;
  }

  recorded(): void {
    this.#events++;
  }

  /** `plugin`: "log" or "webhook". */
  failed(plugin: string, events: number): void {
    this.#errors.of(plugin).value += events;
  }

  /** A request was refused because it could not be recorded. */
  rejected(): void {
    this.#rejected++;
  }

  families(): readonly MetricFamily[] {
    const named = (name: string, help: string, labels: readonly string[] = []) => ({
      name: `apiserver_audit_${name}`,
      help: `[ALPHA] ${help}`,
      labels,
    });
    return [
      counter(named("event_total", "Counter of audit events generated and sent to the audit backend."), [
        { labels: [], value: this.#events },
      ]),
      counterOf(
        named("level_total", "Counter of policy levels for audit events (1 per request).", ["level"]),
        this.#levels,
      ),
      counterOf(
        named(
          "error_total",
          "Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.",
          ["plugin"],
        ),
        this.#errors,
      ),
      counter(
        named(
          "requests_rejected_total",
          "Counter of apiserver requests rejected due to an error in audit logging backend.",
        ),
        [{ labels: [], value: this.#rejected }],
      ),
    ];
  }
}
