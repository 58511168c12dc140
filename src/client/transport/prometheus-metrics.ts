import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ManagerMetrics } from "../manager/metrics.ts";

/** controller-runtime's: a reconcile takes milliseconds to a minute. */
const reconcileBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
const queueBuckets = Array.from({ length: 12 }, (_, exponent) => 10 ** (exponent - 8));
const requestBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/**
 * A manager's metrics under the names that dashboards for controller-runtime and client-go know. `registry` may hold
 * metrics of one's own, which are served with them.
 */
export function prometheusMetrics(registry: Registry = new Registry()): ManagerMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: "rest_client_requests_total",
    help: "Number of HTTP requests, partitioned by status code, method, and host.",
    labelNames: ["code", "method", "host"],
    registers,
  });
  const requestSeconds = new Histogram({
    name: "rest_client_request_duration_seconds",
    help: "Request latency in seconds. Broken down by verb, and host.",
    labelNames: ["verb", "host"],
    buckets: requestBuckets,
    registers,
  });
  const leaders = new Gauge({
    name: "leader_election_master_status",
    help: "Whether the reporting process leads under the lease of this name: 1 for the leader, 0 for a standby.",
    labelNames: ["name"],
    registers,
  });
  return {
    request({ method, host, status, durationMs }) {
      requests.inc({ code: status === undefined ? "<error>" : String(status), method, host });
      requestSeconds.observe({ verb: method, host }, durationMs / 1000);
    },
    leader: (name, isLeader) => leaders.set({ name }, isLeader ? 1 : 0),
    queue: queueMetrics(registry),
    controller: controllerMetrics(registry),
    scrape: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function controllerMetrics(registry: Registry): ManagerMetrics["controller"] {
  const labelNames = ["controller"] as const;
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name: `controller_runtime_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `controller_runtime_${name}`, help, labelNames, registers });
  const total = new Counter({
    name: "controller_runtime_reconcile_total",
    help: "Reconciles of a controller, by result.",
    labelNames: ["controller", "result"],
    registers,
  });
  const errors = counter("reconcile_errors_total", "Reconciles of a controller that failed.");
  const terminal = counter("terminal_reconcile_errors_total", "Reconciles that failed and are not retried.");
  const timeouts = counter("reconcile_timeouts_total", "Reconciles that reached their time limit.");
  const workers = gauge(
    "max_concurrent_reconciles",
    "How many keys a controller reconciles at once at most.",
  );
  const active = gauge("active_workers", "How many keys a controller reconciles now.");
  const seconds = new Histogram({
    name: "controller_runtime_reconcile_time_seconds",
    help: "How long reconciles of a controller took.",
    labelNames,
    buckets: reconcileBuckets,
    registers,
  });
  return (controller, concurrency) => {
    workers.set({ controller }, concurrency);
    active.set({ controller }, 0);
    // Rates need a series to begin at zero.
    for (const result of ["success", "requeue", "requeue_after", "error"])
      total.inc({ controller, result }, 0);
    for (const each of [errors, terminal, timeouts]) each.inc({ controller }, 0);
    return {
      started: () => active.inc({ controller }),
      timedOut: () => timeouts.inc({ controller }),
      ended(outcome, durationMs) {
        active.dec({ controller });
        seconds.observe({ controller }, durationMs / 1000);
        if (outcome === "aborted") return;
        const failed = outcome === "error" || outcome === "terminal_error";
        total.inc({ controller, result: failed ? "error" : outcome });
        if (failed) errors.inc({ controller });
        if (outcome === "terminal_error") terminal.inc({ controller });
      },
    };
  };
}

function queueMetrics(registry: Registry): ManagerMetrics["queue"] {
  const labelNames = ["name", "controller"] as const;
  const registers = [registry];
  const running = new Map<string, () => readonly number[]>();
  const named = (name: string, help: string) => ({ name: `workqueue_${name}`, help, labelNames, registers });
  const depth = new Gauge(named("depth", "Current depth of workqueue."));
  const adds = new Counter(named("adds_total", "Total number of adds handled by workqueue."));
  const retries = new Counter(named("retries_total", "Total number of retries handled by workqueue."));
  const waited = new Histogram({
    ...named(
      "queue_duration_seconds",
      "How long in seconds an item stays in workqueue before being requested.",
    ),
    buckets: queueBuckets,
  });
  const worked = new Histogram({
    ...named("work_duration_seconds", "How long in seconds processing an item from workqueue takes."),
    buckets: queueBuckets,
  });
  const atScrape = (name: string, help: string, value: (runningMs: readonly number[]) => number) =>
    new Gauge({
      ...named(name, help),
      collect() {
        for (const [queue, ask] of running) this.set({ name: queue, controller: queue }, value(ask()) / 1000);
      },
    });
  atScrape(
    "unfinished_work_seconds",
    "Seconds of work that is under way and not counted in work_duration.",
    (each) => each.reduce((sum, durationMs) => sum + durationMs, 0),
  );
  atScrape("longest_running_processor_seconds", "How long the longest work under way has been so.", (each) =>
    Math.max(0, ...each),
  );
  return (name) => {
    const labels = { name, controller: name };
    adds.inc(labels, 0);
    retries.inc(labels, 0);
    return {
      depth: (length) => depth.set(labels, length),
      added: () => adds.inc(labels),
      retried: () => retries.inc(labels),
      waited: (durationMs) => waited.observe(labels, durationMs / 1000),
      worked: (durationMs) => worked.observe(labels, durationMs / 1000),
      attached: ({ runningMs }) => running.set(name, runningMs),
    };
  };
}
