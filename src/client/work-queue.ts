/**
 * client-go's `util/workqueue`: keys that need work. A key is handed out to one worker at a time; added again meanwhile,
 * it comes back once that worker is done with it; added twice before, it comes out once.
 */
export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, delayMs: number): void;
  /** Adds after this key's own exponential back-off. */
  addRateLimited(key: string): void;
  /** The key succeeded: its back-off starts over. */
  forget(key: string): void;
  /** How often addRateLimited was called since the last forget. */
  requeues(key: string): number;
  /** The next key; undefined once the queue is shut down and empty. */
  get(): Promise<string | undefined>;
  /** Every key from get must be handed back. */
  done(key: string): void;
  readonly length: number;
  shutDown(): void;
}
