import { counterOf, histogramOf, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import {
  exponentialBounds,
  histogramSeries,
  type NumberSeries,
  numberSeries,
  type SeriesMap,
} from "../../base/metrics/series.ts";
import type { ImpersonationObserver } from "../authentication/impersonation.ts";
import type { TokenUse, TokenUses } from "../authentication/token-authenticator.ts";

const bounds = exponentialBounds(0.001, 2, 15);

/** Upstream's names of what tokens are used for, and what they count. */
const uses: Readonly<Record<TokenUse, readonly [name: string, what: string]>> = {
  valid: ["valid_tokens_total", "valid projected service account tokens"],
  stale: ["stale_tokens_total", "stale projected service account tokens"],
  legacy: ["legacy_tokens_total", "legacy service account tokens"],
  "legacy-manual": ["legacy_manual_token_uses_total", "manually created legacy tokens"],
  "legacy-auto": ["legacy_auto_token_uses_total", "auto-generated legacy tokens"],
  "invalid-legacy-auto": ["invalid_legacy_auto_token_uses_total", "invalid auto-generated legacy tokens"],
};

/** Whose tokens are used, and who acts as whom. */
export class IdentityMetrics implements MetricSource, TokenUses, ImpersonationObserver {
  /** Milliseconds. */
  readonly now: () => number;
  readonly #uses: Readonly<Record<TokenUse, NumberSeries>> = {
    valid: { value: 0 },
    stale: { value: 0 },
    legacy: { value: 0 },
    "legacy-manual": { value: 0 },
    "legacy-auto": { value: 0 },
    "invalid-legacy-auto": { value: 0 },
  };
  readonly #attempts = timed();
  readonly #checks = timed();

  constructor(now: () => number) {
    this.now = now;
  }

  used(how: TokenUse): void {
    this.#uses[how].value++;
  }

  /** `mode`: that of the constraint, "legacy" without one, "" where none allowed it. */
  impersonated(mode: string, decision: "allowed" | "denied", durationMs: number): void {
    note(this.#attempts, [mode, decision], durationMs);
  }

  /** An authorizer was asked about it. */
  checkedImpersonation(mode: string, decision: "allowed" | "denied", durationMs: number): void {
    note(this.#checks, [mode, decision], durationMs);
  }

  families(): readonly MetricFamily[] {
    return [
      ...Object.entries(uses).map(([how, [name, what]]): MetricFamily => {
        // The keys of one record are those of the other.
        const { value } = this.#uses[how as TokenUse];
        const help = `[ALPHA] Cumulative ${what} used`;
        return {
          name: `serviceaccount_${name}`,
          help,
          type: "counter",
          labelNames: [],
          points: [{ labels: [], value }],
        };
      }),
      ...families(this.#attempts, "attempts", "impersonation attempts"),
      ...families(
        this.#checks,
        "authorization_attempts",
        "authorization checks made by the impersonation handler",
      ),
    ];
  }
}

interface Timed {
  readonly count: SeriesMap<NumberSeries>;
  readonly seconds: ReturnType<typeof histogramSeries>;
}

const timed = (): Timed => ({ count: numberSeries(), seconds: histogramSeries(bounds) });

function note({ count, seconds }: Timed, labels: readonly string[], durationMs: number): void {
  count.of(...labels).value++;
  seconds.of(...labels).observe(durationMs / 1000);
}

function families({ count, seconds }: Timed, name: string, what: string): readonly MetricFamily[] {
  const labels = ["mode", "decision"];
  return [
    counterOf(
      {
        name: `apiserver_impersonation_${name}_total`,
        help: `[ALPHA] Total number of ${what} split by mode and decision.`,
        labels,
      },
      count,
    ),
    histogramOf(
      {
        name: `apiserver_impersonation_${name}_duration_seconds`,
        help: `[ALPHA] Latency of ${what} in seconds split by mode and decision.`,
        labels,
      },
      seconds,
    ),
  ];
}
