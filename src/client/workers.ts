import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { Turns } from "../base/turns.ts";
import type { WorkQueue } from "./work-queue.ts";

/** What a reconcile may ask for; nothing means that the key is done until it is added again. */
export interface ReconcileResult {
  /** Come back after this long, whatever happens meanwhile. The key's back-off starts over. */
  readonly requeueAfterMs?: number;
  /** Come back after the key's own back-off. */
  readonly requeue?: boolean;
  /** The rank among waiting keys of the coming back; 0 unless said. */
  readonly priority?: number;
}

/** Thrown by a reconcile: trying again cannot help before something changes (controller-runtime's TerminalError). */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}

/** How a reconcile ended. An aborted one (the controller stops) is none of these. */
export type ReconcileOutcome = "success" | "requeue" | "requeue_after" | "error" | "terminal_error";

/** Hooks for metrics: cheap, and they never throw. */
export interface WorkersMetrics {
  started?(): void;
  ended?(outcome: ReconcileOutcome | "aborted", durationMs: number): void;
  /** A reconcile reached its time limit and was told to stop. */
  timedOut?(): void;
}

/** What a worker tells the work. */
export interface WorkContext {
  /** Aborted when the controller stops, or when this reconcile has run for longer than its timeout. */
  readonly signal: AbortSignal;
}

/** Which queue, how many at once, and the work itself. */
export interface WorkersOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  /** How many keys are reconciled at once. */
  readonly workers: number;
  /** Brings one key nearer to what is wanted. A rejection is retried after the key's back-off. */
  reconcile(key: string, context: WorkContext): Promise<ReconcileResult | undefined> | Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: a reconcile may take as long as it likes. */
  readonly timeoutMs?: number;
  /** Retries of one key before it is dropped until it is added again; absent: it is never dropped. */
  readonly retryLimit?: number;
  readonly metrics?: WorkersMetrics;
  /** Says that an error is expected (a conflict with another writer): retried, logged at debug level. */
  readonly isExpected?: (error: unknown) => boolean;
}

/**
 * Takes keys from the queue and reconciles them until the signal aborts; then shuts the queue down, waits for the
 * reconciles that run, and resolves. A reconcile that throws harms no other key and no worker.
 */
export async function runWorkers(
  options: WorkersOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { queue } = options;
  const logger = options.logger.child({ controller: options.name });
  const shutDown = () => queue.shutDown();
  if (signal.aborted) shutDown();
  signal.addEventListener("abort", shutDown, { once: true });
  const workers = Array.from({ length: Math.max(1, options.workers) }, () =>
    runWorker(options, logger, signal),
  );
  await Promise.all(workers);
  signal.removeEventListener("abort", shutDown);
}

async function runWorker(options: WorkersOptions, logger: Logger, signal: AbortSignal): Promise<void> {
  const { clock, queue } = options;
  const turns = new Turns(clock);
  for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
    // What still waits in a queue that is shut down is left to the next leader.
    if (!signal.aborted) await reconcileOne(options, logger, key, signal);
    queue.done(key);
    if (turns.step()) await turns.yield();
  }
}

async function reconcileOne(
  options: WorkersOptions,
  logger: Logger,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const { clock, metrics } = options;
  const limit = limitTime(options, signal);
  const startMs = clock.now();
  let outcome: ReconcileOutcome | "aborted" = "aborted";
  metrics?.started?.();
  try {
    outcome = queueAgain(options.queue, key, (await options.reconcile(key, { signal: limit.signal })) ?? {});
  } catch (error) {
    if (!signal.aborted) outcome = retry(options, logger, key, error);
  } finally {
    limit.end();
    metrics?.ended?.(outcome, clock.now() - startMs);
  }
}

function queueAgain(queue: WorkQueue, key: string, result: ReconcileResult): ReconcileOutcome {
  const order = result.priority === undefined ? {} : { priority: result.priority };
  if (result.requeueAfterMs !== undefined) {
    queue.forget(key);
    queue.addAfter(key, result.requeueAfterMs, order);
    return "requeue_after";
  }
  if (result.requeue === true) {
    queue.addRateLimited(key, order);
    return "requeue";
  }
  queue.forget(key);
  return "success";
}

function retry(options: WorkersOptions, logger: Logger, key: string, error: unknown): ReconcileOutcome {
  const { queue, retryLimit, isExpected } = options;
  if (error instanceof TerminalError) {
    logger.error({ key, err: error }, "reconcile failed for good, will not be retried");
    queue.forget(key);
    return "terminal_error";
  }
  const retries = queue.requeues(key);
  if (retryLimit !== undefined && retries >= retryLimit) {
    logger.error({ key, err: error, retries }, "dropped after too many failures");
    queue.forget(key);
    return "error";
  }
  if (isExpected?.(error) === true) logger.debug({ key, err: error }, "reconcile failed, will be retried");
  else logger.error({ key, err: error, retries }, "reconcile failed, will be retried");
  queue.addRateLimited(key);
  return "error";
}

/** The controller's signal, narrowed by the time one reconcile may take. */
function limitTime(
  { clock, timeoutMs, name, metrics }: WorkersOptions,
  signal: AbortSignal,
): { readonly signal: AbortSignal; end(): void } {
  if (timeoutMs === undefined) return { signal, end() {} };
  const abort = new AbortController();
  const stop = () => abort.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const timer = clock.setTimer(timeoutMs, () => {
    metrics?.timedOut?.();
    abort.abort(new Error(`${name}: the reconcile took longer than ${timeoutMs} ms`));
  });
  const end = () => {
    timer.cancel();
    signal.removeEventListener("abort", stop);
  };
  return { signal: abort.signal, end };
}
