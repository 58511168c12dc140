import {
  counterOf,
  gauge,
  histogramOf,
  type MetricFamily,
  type MetricHeading,
  type MetricSource,
} from "../base/metrics/family.ts";
import { exponentialBounds, histogramSeries, numberSeries } from "../base/metrics/series.ts";
import type { QueuePlace } from "./queue/queued-pod.ts";

type AttemptResult = "scheduled" | "unschedulable" | "error";
type ExtensionPoint =
  | "PreFilter"
  | "Filter"
  | "PostFilter"
  | "PreScore"
  | "Score"
  | "Permit"
  | "PreBind"
  | "Bind";

/** What a scrape asks the queue for. */
interface QueueState {
  depths(): Readonly<Partial<Record<QueuePlace, number>>>;
  rejections(): ReadonlyMap<string, number>;
}

/** The queues that upstream tells of, with the places that are in each. */
const queues: readonly (readonly [queue: string, places: readonly QueuePlace[]])[] = [
  ["active", ["active"]],
  ["backoff", ["backoff", "error-backoff"]],
  ["gated", ["gated"]],
  ["unschedulable", ["unschedulable"]],
];

/** More attempts than this are counted as one number. */
const mostAttempts = 15;

/** scheduler_*: upstream's stable and beta metrics of kube-scheduler. Times are those of the millisecond clock. */
export class SchedulerMetrics implements MetricSource {
  readonly #profile: string;
  readonly #attempts = numberSeries();
  readonly #attemptSeconds = histogramSeries(exponentialBounds(0.001, 2, 15));
  readonly #attemptsOfPods = histogramSeries(exponentialBounds(1, 2, 5));
  readonly #podSeconds = histogramSeries(exponentialBounds(0.01, 2, 20));
  readonly #preemptions = numberSeries();
  readonly #victims = histogramSeries(exponentialBounds(1, 2, 7));
  readonly #incoming = numberSeries();
  readonly #extensionSeconds = histogramSeries(exponentialBounds(0.0001, 2, 12));
  readonly #evaluations = numberSeries();
  #queue: QueueState | undefined;

  constructor(profile: string) {
    this.#profile = profile;
    // Known before the first, as upstream's.
    this.#attemptsOfPods.of();
    this.#preemptions.of();
    this.#victims.of();
  }

  /** Whose waiting pods a scrape tells of. */
  observe(queue: QueueState): void {
    this.#queue = queue;
  }

  /** One attempt came to its end, the binding included. */
  attempted(result: AttemptResult, durationMs: number): void {
    this.#attempts.of(result, this.#profile).value++;
    this.#attemptSeconds.of(result, this.#profile).observe(durationMs / 1000);
  }

  /** A pod is bound, so long after it came to the queue. */
  bound(attempts: number, waitedMs: number): void {
    this.#attemptsOfPods.of().observe(attempts);
    const label = attempts >= mostAttempts ? `${mostAttempts}+` : String(attempts);
    this.#podSeconds.of(label).observe(waitedMs / 1000);
  }

  /** Preemption was tried for a pod. */
  preempting(): void {
    this.#preemptions.of().value++;
  }

  /** Preemption found whom to evict. */
  evicting(victims: number): void {
    this.#victims.of().observe(victims);
  }

  /** A pod came to a place of the queue because of this event. */
  incoming(place: "active" | "backoff" | "unschedulable", event: string): void {
    this.#incoming.of(place, event).value++;
  }

  /** All plugins of one extension point were run. */
  extension(point: ExtensionPoint, status: string, durationMs: number): void {
    this.#extensionSeconds.of(point, status, this.#profile).observe(durationMs / 1000);
  }

  /** A plugin was asked about a pod, or about a pod on so many nodes. */
  evaluated(point: ExtensionPoint, plugin: string, times: number): void {
    this.#evaluations.of(plugin, point, this.#profile).value += times;
  }

  families(): readonly MetricFamily[] {
    return [...this.#attemptFamilies(), ...this.#queueFamilies(), ...this.#pluginFamilies()];
  }

  #attemptFamilies(): readonly MetricFamily[] {
    return [
      counterOf(
        heading(
          "schedule_attempts_total",
          "[STABLE] Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while 'error' means an internal scheduler problem.",
          ["result", "profile"],
        ),
        this.#attempts,
      ),
      histogramOf(
        heading(
          "scheduling_attempt_duration_seconds",
          "[STABLE] Scheduling attempt latency in seconds (scheduling algorithm + binding)",
          ["result", "profile"],
        ),
        this.#attemptSeconds,
      ),
      histogramOf(
        heading("pod_scheduling_attempts", "[STABLE] Number of attempts to successfully schedule a pod."),
        this.#attemptsOfPods,
      ),
      histogramOf(
        heading(
          "pod_scheduling_sli_duration_seconds",
          "[BETA] E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might involve multiple scheduling attempts.",
          ["attempts"],
        ),
        this.#podSeconds,
      ),
      counterOf(
        heading("preemption_attempts_total", "[STABLE] Total preemption attempts in the cluster till now"),
        this.#preemptions,
      ),
      histogramOf(
        heading("preemption_victims", "[STABLE] Number of selected preemption victims"),
        this.#victims,
      ),
    ];
  }

  #queueFamilies(): readonly MetricFamily[] {
    const depths = this.#queue?.depths() ?? {};
    const rejections = [...(this.#queue?.rejections() ?? [])];
    return [
      gauge(
        heading(
          "pending_pods",
          "[STABLE] Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to schedule because they are gated.",
          ["queue"],
        ),
        queues.map(([queue, places]) => ({
          labels: [queue],
          value: places.reduce((sum, place) => sum + (depths[place] ?? 0), 0),
        })),
      ),
      gauge(
        heading(
          "unschedulable_pods",
          "[BETA] The number of unschedulable pods broken down by plugin name. A pod will increment the gauge for all plugins that caused it to not schedule and so this metric have meaning only when broken down by plugin.",
          ["plugin", "profile"],
        ),
        rejections.map(([plugin, value]) => ({ labels: [plugin, this.#profile], value })),
      ),
      counterOf(
        heading(
          "queue_incoming_pods_total",
          "[STABLE] Number of pods added to scheduling queues by event and queue type.",
          ["queue", "event"],
        ),
        this.#incoming,
      ),
    ];
  }

  #pluginFamilies(): readonly MetricFamily[] {
    return [
      histogramOf(
        heading(
          "framework_extension_point_duration_seconds",
          "[STABLE] Latency for running all plugins of a specific extension point.",
          ["extension_point", "status", "profile"],
        ),
        this.#extensionSeconds,
      ),
      counterOf(
        heading(
          "plugin_evaluation_total",
          "[BETA] Number of attempts to schedule pods by each plugin and the extension point (available only in PreFilter, Filter, PreScore, and Score).",
          ["plugin", "extension_point", "profile"],
        ),
        this.#evaluations,
      ),
    ];
  }
}

function heading(name: string, help: string, labels: readonly string[] = []): MetricHeading {
  return { name: `scheduler_${name}`, help, labels };
}
