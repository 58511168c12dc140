import type { Clock, Timer } from "../../base/clock.ts";
import { type Logger, silentLogger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { systemClock } from "../../base/system-clock.ts";
import { systemRandom } from "../../base/system-random.ts";
import type { InformerFactory } from "../informer.ts";
import { createInformerFactory } from "../informer-factory.ts";
import { runLeaderElection } from "../leader-election.ts";
import { Caches } from "./cache-reader.ts";
import type { Controller } from "./controller.ts";
import { type HealthCheck, healthReport } from "./health.ts";
import { checkManagerOptions, type ManagerOptions } from "./manager-options.ts";
import type { ManagerMetrics } from "./metrics.ts";
import { ControllerRun } from "./run-controller.ts";

/** Any work that a manager starts and stops with its controllers. */
export interface Runnable {
  readonly name: string;
  /** False: runs on every replica, leader or not. */
  readonly needsLeader?: boolean;
  /** Works until the signal aborts, or until it is done. A rejection before that ends the manager with it. */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
}

/** Runs controllers: starts and stops all they need, in order (controller-runtime's Manager). */
export interface Manager {
  /** Before `run`. */
  add(...parts: readonly (Controller | Runnable)[]): Manager;
  /** A check of /healthz: failing for long, the process should be restarted. */
  addHealthCheck(name: string, check: HealthCheck): Manager;
  /** A check of /readyz, which fails until the caches have synced. */
  addReadyCheck(name: string, check: HealthCheck): Manager;
  /** Whether this process may act: false while another leads, and as soon as another may. */
  readonly isLeader: boolean;
  /** The port that `http` listens on; undefined when it does not. */
  readonly port: number | undefined;
  /**
   * Serves health and metrics, fills the caches, waits for leadership, runs what was added, until the signal aborts; then
   * stops it all in the opposite order, the lease given up last, and resolves. Rejects where leadership was lost
   * (LeadershipLostError), a runnable failed, the caches did not fill, or something did not end in time: the process
   * should exit then and be started again.
   */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
}

/** Another process may lead now: this one must not go on. */
export class LeadershipLostError extends Error {
  override readonly name = "LeadershipLostError";

  constructor() {
    super("leader election lost");
  }
}

/** A manager without parts: `add` them, then `run` it. */
export function createManager(options: ManagerOptions): Manager {
  return new RunningManager(options);
}

interface Part {
  readonly name: string;
  readonly needsLeader: boolean;
  run(options: { readonly signal: AbortSignal }): Promise<void>;
}

class RunningManager implements Manager {
  readonly #options: ManagerOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #informers: InformerFactory;
  readonly #caches: Caches;
  readonly #declared: (Controller | Runnable)[] = [];
  readonly #health = new Map<string, HealthCheck>([["ping", () => {}]]);
  readonly #ready = new Map<string, HealthCheck>();
  readonly #running = new Set<string>();
  #isLeader: () => boolean = () => false;
  #port: number | undefined;
  #started = false;
  #synced = false;

  constructor(options: ManagerOptions) {
    checkManagerOptions(options);
    const { client, clock = systemClock, random = systemRandom, logger = silentLogger } = options;
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger;
    this.#informers = options.informers ?? createInformerFactory({ client, clock, random, logger });
    this.#caches = new Caches(this.#informers, options.namespace);
    this.#ready.set("caches", () => {
      if (!this.#synced) throw new Error(`not synced: ${this.#caches.unsynced().join(", ")}`);
    });
  }

  get isLeader(): boolean {
    return this.#isLeader();
  }

  get port(): number | undefined {
    return this.#port;
  }

  add(...parts: readonly (Controller | Runnable)[]): Manager {
    if (this.#started) throw new Error("the manager runs already: add before run");
    for (const part of parts) {
      if (!("reconcile" in part) && typeof part.run !== "function")
        throw new TypeError(
          `the manager cannot run ${part.name}: a part is a controller, or { name, run({ signal }) }`,
        );
      if (this.#declared.some(({ name }) => name === part.name))
        throw new Error(`the manager has a part named ${part.name} already`);
      this.#declared.push(part);
    }
    return this;
  }

  addHealthCheck(name: string, check: HealthCheck): Manager {
    this.#health.set(name, check);
    return this;
  }

  addReadyCheck(name: string, check: HealthCheck): Manager {
    this.#ready.set(name, check);
    return this;
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#started) throw new Error("a manager runs once");
    this.#started = true;
    if (signal.aborted) return;
    const work = new AbortController();
    const caches = new AbortController();
    const stop = () => work.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const metrics = this.#options.metrics ?? (await this.#defaultMetrics());
    const unobserve = metrics && this.#options.client.observe?.(metrics.request);
    const parts = this.#declared.map((declared) => this.#partOf(declared, metrics));
    const server = await this.#serve(metrics);
    try {
      this.#informers.start(caches.signal);
      await this.#waitForCaches(work.signal);
      await this.#runAll(parts, work, metrics);
    } catch (error) {
      if (error !== signal.reason) throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      work.abort();
      caches.abort();
      unobserve?.();
      await server?.close();
      this.#port = undefined;
    }
  }

  #partOf(declared: Controller | Runnable, metrics: ManagerMetrics | undefined): Part {
    if (!("reconcile" in declared)) return new RunnablePart(declared);
    return new ControllerRun(declared, {
      client: this.#options.client,
      caches: this.#caches,
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger,
      metrics,
      isLeader: () => this.#isLeader(),
    });
  }

  async #waitForCaches(signal: AbortSignal): Promise<void> {
    const { cacheSyncMs = 120_000 } = this.#options;
    const limit = new AbortController();
    const stop = () => limit.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const timer = this.#clock.setTimer(cacheSyncMs, () => {
      const missing = this.#caches.unsynced().join(", ");
      limit.abort(new Error(`the caches did not fill within ${cacheSyncMs} ms: ${missing}`));
    });
    try {
      signal.throwIfAborted();
      await this.#informers.waitForSync({ signal: limit.signal });
      this.#synced = true;
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", stop);
    }
  }

  /** Runs every part to its end; the first failure stops the others. Rejects at the latest `gracefulStopMs` after the stop. */
  async #runAll(
    parts: readonly Part[],
    work: AbortController,
    metrics: ManagerMetrics | undefined,
  ): Promise<void> {
    const deadline = new Deadline(this.#clock, this.#options.gracefulStopMs ?? 30_000, this.#running);
    const onStop = () => deadline.start();
    work.signal.addEventListener("abort", onStop, { once: true });
    const leading = parts.filter(({ needsLeader }) => needsLeader);
    const always = parts.filter(({ needsLeader }) => !needsLeader);
    try {
      const all = this.#together(
        [...always, this.#electedPart(leading, deadline, metrics)],
        work.signal,
        work,
      );
      await Promise.race([all, deadline.passed]);
    } finally {
      work.signal.removeEventListener("abort", onStop);
      deadline.cancel();
    }
  }

  /** What needs a leader, as one part: it begins when this process leads. */
  #electedPart(parts: readonly Part[], deadline: Deadline, metrics: ManagerMetrics | undefined): Part {
    const { leaderElection, client } = this.#options;
    if (leaderElection === undefined)
      return {
        name: "controllers",
        needsLeader: false,
        run: ({ signal }) => {
          this.#isLeader = () => true;
          return this.#together(parts, signal);
        },
      };
    const { namespace, name, identity, ...durations } = leaderElection;
    const run = async ({ signal }: { readonly signal: AbortSignal }) => {
      metrics?.leader(name, false);
      const outcome = await runLeaderElection(
        {
          ...{ client, ...durations, clock: this.#clock, random: this.#random, logger: this.#logger },
          lease: { namespace, name },
          identity: identity ?? `${hostName()}_${this.#random.uuid()}`,
          lead: async (leadership) => {
            this.#isLeader = () => leadership.isLeader();
            metrics?.leader(name, true);
            leadership.signal.addEventListener("abort", () => deadline.start(), { once: true });
            await this.#together(parts, leadership.signal).finally(() => metrics?.leader(name, false));
          },
        },
        { signal },
      );
      this.#isLeader = () => false;
      if (outcome === "lost") throw new LeadershipLostError();
    };
    return { name: "leader election", needsLeader: false, run };
  }

  /** Runs parts beside each other; resolves or rejects once all have ended. */
  async #together(parts: readonly Part[], signal: AbortSignal, stop = new AbortController()): Promise<void> {
    const onAbort = () => stop.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const failures: unknown[] = [];
    await Promise.all(
      parts.map(async (part) => {
        this.#running.add(part.name);
        try {
          await part.run({ signal: stop.signal });
        } catch (error) {
          // That it was told to stop is no failure of a part.
          if (stop.signal.aborted && error === stop.signal.reason) return;
          this.#logger.error({ part: part.name, err: error }, "a part of the manager failed, stopping all");
          failures.push(error);
          stop.abort(error);
        } finally {
          this.#running.delete(part.name);
        }
      }),
    );
    signal.removeEventListener("abort", onAbort);
    if (failures.length > 0) throw failures[0];
  }

  async #defaultMetrics(): Promise<ManagerMetrics | undefined> {
    if (this.#options.http === undefined) return undefined;
    const { prometheusMetrics } = await this.#clock.hold(import("../transport/prometheus-metrics.ts"));
    return prometheusMetrics();
  }

  async #serve(metrics: ManagerMetrics | undefined): Promise<{ close(): Promise<void> } | undefined> {
    const { http } = this.#options;
    if (http === undefined) return undefined;
    const { serveManager } = await this.#clock.hold(import("../transport/manager-server.ts"));
    const report = async (
      endpoint: "healthz" | "readyz",
      checks: Map<string, HealthCheck>,
      options: object,
    ) => {
      const answer = await healthReport(endpoint, checks, options);
      for (const { name, error } of answer.failures)
        this.#logger.info({ endpoint, check: name, err: error }, "check failed");
      return answer;
    };
    const server = await this.#clock.hold(
      serveManager({
        ...http,
        healthz: (options) => report("healthz", this.#health, options),
        readyz: (options) => report("readyz", this.#ready, options),
        ...(metrics === undefined ? {} : { metrics: () => metrics.scrape() }),
      }),
    );
    this.#port = server.port;
    this.#logger.info({ port: server.port }, "serving health and metrics");
    return server;
  }
}

class RunnablePart implements Part {
  readonly name: string;
  readonly needsLeader: boolean;
  readonly run: Part["run"];

  constructor(runnable: Runnable) {
    this.name = runnable.name;
    this.needsLeader = runnable.needsLeader !== false;
    this.run = async (options) => runnable.run(options);
  }
}

/** Counts from the stop; when it has passed, the manager ends whatever still runs. */
class Deadline {
  readonly passed: Promise<never>;
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #running: ReadonlySet<string>;
  #fail: (error: Error) => void = () => {};
  #timer: Timer | undefined;

  constructor(clock: Clock, delayMs: number, running: ReadonlySet<string>) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#running = running;
    this.passed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    // Raced with the work: nobody else is told when it loses.
    this.passed.catch(() => {});
  }

  start(): void {
    this.#timer ??= this.#clock.setTimer(this.#delayMs, () => {
      const names = [...this.#running].join(", ");
      this.#fail(new Error(`not everything stopped within ${this.#delayMs} ms: ${names}`));
    });
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}

/** The name a pod gives its processes. */
function hostName(): string {
  return globalThis.process?.env.HOSTNAME ?? "manager";
}
