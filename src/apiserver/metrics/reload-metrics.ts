import { counterOf, gaugeOf, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import { numberSeries } from "../../base/metrics/series.ts";

type ReloadedFile = "authentication" | "authorization" | "encryption";

/** Of a file that is followed: how often what it says was taken over, or was wrong, and when last. */
export class ReloadMetrics implements MetricSource {
  readonly #what: ReloadedFile;
  readonly #serverHash: string;
  readonly #total = numberSeries();
  readonly #last = numberSeries();

  /** `serverHash`: tells servers apart without saying their names. */
  constructor(what: ReloadedFile, serverHash: string) {
    this.#what = what;
    this.#serverHash = serverHash;
  }

  reloaded(status: "success" | "failure", nowMs: number): void {
    this.#total.of(status, this.#serverHash).value++;
    this.#last.of(status, this.#serverHash).value = nowMs / 1000;
  }

  families(): readonly MetricFamily[] {
    const named = (name: string, help: string) => ({
      name: `apiserver_${this.#what}_config_controller_${name}`,
      help: `[BETA] ${help} of ${this.#what} configuration split by status and apiserver identity.`,
      labels: ["status", "apiserver_id_hash"],
    });
    return [
      counterOf(named("automatic_reloads_total", "Total number of automatic reloads"), this.#total),
      gaugeOf(
        named("automatic_reload_last_timestamp_seconds", "Timestamp of the last automatic reload"),
        this.#last,
      ),
    ];
  }
}
