import type { Clock } from "../base/clock.ts";
import { sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Transport } from "../client/exchange.ts";
import type { HealthCheck } from "./health.ts";
import type { PostStartHook } from "./stages.ts";

const firstRetryMs = 20;
const lastRetryMs = 1000;

/** No hook, but a check of upstream's that one of them makes good. */
export const autoRegistration = "autoregister-completion";

/** What is done once after the server can answer: each hook until it succeeds, all at the same time. */
export class Startup {
  readonly #hooks: readonly PostStartHook[];
  readonly #done = new Set<string>();
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(
    hooks: readonly PostStartHook[],
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#hooks = hooks;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** One for each hook, under upstream's names: not ready before it has succeeded. */
  get checks(): readonly HealthCheck[] {
    return this.#hooks.flatMap(({ name, covers = [] }) =>
      [name, ...covers].map((shown) => ({
        name: shown === autoRegistration ? shown : `poststarthook/${shown}`,
        check: () => {
          if (!this.#done.has(name)) throw new Error("not finished");
        },
      })),
    );
  }

  /** Resolves when every hook has succeeded; rejects only when the signal aborts. */
  async run(loopback: Transport, signal: AbortSignal): Promise<void> {
    const runs = new Map<string, Promise<void>>();
    const runInTurn = (hook: PostStartHook): Promise<void> => {
      const known = runs.get(hook.name);
      if (known !== undefined) return known;
      const before = this.#hooks.find(({ name }) => name === hook.after);
      const run =
        before === undefined
          ? this.#runOne(hook, loopback, signal)
          : runInTurn(before).then(() => this.#runOne(hook, loopback, signal));
      runs.set(hook.name, run);
      return run;
    };
    await Promise.all(this.#hooks.map(runInTurn));
  }

  async #runOne(hook: PostStartHook, loopback: Transport, signal: AbortSignal): Promise<void> {
    for (let pauseMs = firstRetryMs; ; pauseMs = Math.min(2 * pauseMs, lastRetryMs)) {
      try {
        await hook.run(loopback, { signal });
        this.#done.add(hook.name);
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.#logger.warn({ hook: hook.name, error }, "a start hook failed and is tried again");
        await sleep(this.#clock, pauseMs, { signal });
      }
    }
  }
}
