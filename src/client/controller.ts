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
}

export interface ReconcileContext {
  /** Aborted when the controller stops, or when this reconcile has run for longer than its timeout. */
  readonly signal: AbortSignal;
}

export interface ControllerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  /** How many keys are reconciled at once. */
  readonly workers: number;
  /** Brings one key nearer to what is wanted. A rejection is retried after the key's back-off. */
  reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult | undefined> | Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: a reconcile may take as long as it likes. */
  readonly timeoutMs?: number;
  /** Retries of one key before it is dropped until it is added again; absent: it is never dropped. */
  readonly retryLimit?: number;
  /** Says that an error is expected (a conflict with another writer): retried, logged at debug level. */
  readonly isExpected?: (error: unknown) => boolean;
}

/**
 * Takes keys from the queue and reconciles them until the signal aborts; then shuts the queue down, waits for the
 * reconciles that run, and resolves. A reconcile that throws harms no other key and no worker.
 */
export async function runController(
  options: ControllerOptions,
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

async function runWorker(options: ControllerOptions, logger: Logger, signal: AbortSignal): Promise<void> {
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
  options: ControllerOptions,
  logger: Logger,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const { queue } = options;
  const limit = limitTime(options, signal);
  try {
    const result = (await options.reconcile(key, { signal: limit.signal })) ?? {};
    if (result.requeueAfterMs !== undefined) {
      queue.forget(key);
      queue.addAfter(key, result.requeueAfterMs);
    } else if (result.requeue === true) {
      queue.addRateLimited(key);
    } else {
      queue.forget(key);
    }
  } catch (error) {
    if (!signal.aborted) retry(options, logger, key, error);
  } finally {
    limit.end();
  }
}

function retry(options: ControllerOptions, logger: Logger, key: string, error: unknown): void {
  const { queue, retryLimit, isExpected } = options;
  const retries = queue.requeues(key);
  if (retryLimit !== undefined && retries >= retryLimit) {
    logger.error({ key, err: error, retries }, "dropped after too many failures");
    queue.forget(key);
    return;
  }
  if (isExpected?.(error) === true) logger.debug({ key, err: error }, "reconcile failed, will be retried");
  else logger.error({ key, err: error, retries }, "reconcile failed, will be retried");
  queue.addRateLimited(key);
}

/** The controller's signal, narrowed by the time one reconcile may take. */
function limitTime(
  { clock, timeoutMs, name }: ControllerOptions,
  signal: AbortSignal,
): { readonly signal: AbortSignal; end(): void } {
  if (timeoutMs === undefined) return { signal, end() {} };
  const abort = new AbortController();
  const stop = () => abort.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const timer = clock.setTimer(timeoutMs, () => {
    abort.abort(new Error(`${name}: the reconcile took longer than ${timeoutMs} ms`));
  });
  const end = () => {
    timer.cancel();
    signal.removeEventListener("abort", stop);
  };
  return { signal: abort.signal, end };
}
