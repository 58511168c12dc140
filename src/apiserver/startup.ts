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

/** As kube-apiserver registers its hooks, and so lists them. */
const usualOrder: readonly string[] = [
  "start-apiserver-admission-initializer",
  "generic-apiserver-start-informers",
  "priority-and-fairness-config-consumer",
  "priority-and-fairness-filter",
  "storage-object-count-tracker-hook",
  "start-apiextensions-informers",
  "start-apiextensions-controllers",
  "crd-informer-synced",
  "start-system-namespaces-controller",
  "peer-endpoint-reconciler-controller",
  "start-cluster-authentication-info-controller",
  "start-kube-apiserver-identity-lease-controller",
  "start-kube-apiserver-identity-lease-garbage-collector",
  "storage-readiness",
  "start-legacy-token-tracking-controller",
  "start-service-ip-repair-controllers",
  "rbac/bootstrap-roles",
  "scheduling/bootstrap-system-priority-classes",
  "priority-and-fairness-config-producer",
  "bootstrap-controller",
  "start-kubernetes-service-cidr-controller",
  "aggregator-reload-proxy-client-cert",
  "start-kube-aggregator-informers",
  "apiservice-status-local-available-controller",
  "apiservice-status-remote-available-controller",
  "apiservice-registration-controller",
  "apiservice-discovery-controller",
  "kube-apiserver-autoregistration",
  autoRegistration,
  "apiservice-openapi-controller",
  "apiservice-openapiv3-controller",
];

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
    const checks = this.#hooks.flatMap(({ name, covers = [] }) =>
      [name, ...covers].map((shown) => ({
        name: shown === autoRegistration ? shown : `poststarthook/${shown}`,
        check: () => {
          if (!this.#done.has(name)) throw new Error("not finished");
        },
      })),
    );
    const placeOf = ({ name }: HealthCheck) => {
      const place = usualOrder.indexOf(name.replace("poststarthook/", ""));
      return place < 0 ? usualOrder.length : place;
    };
    return checks.toSorted((a, b) => placeOf(a) - placeOf(b));
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

  /** Before the server ends: what hooks that succeeded want done while it still answers. Never rejects. */
  async stop(): Promise<void> {
    const stops = this.#hooks.filter(({ name }) => this.#done.has(name)).map((hook) => hook.stop?.());
    for (const outcome of await Promise.allSettled(stops))
      if (outcome.status === "rejected")
        this.#logger.warn({ error: outcome.reason }, "what a start hook began could not be ended");
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
