import type { HealthCheck } from "../../apiserver/health.ts";

/** Which components of this process run: what `componentstatuses` says of them. */
export class ComponentHealth {
  readonly #running = new Set<string>();

  readonly checks: readonly HealthCheck[] = ["controller-manager", "scheduler"].map((name) => ({
    name,
    check: () => {
      if (!this.#running.has(name)) throw new Error(`the ${name} does not run in this process`);
    },
  }));

  /** The component runs for as long as this does. */
  async during(name: string, work: () => Promise<void>): Promise<void> {
    this.#running.add(name);
    try {
      await work();
    } finally {
      this.#running.delete(name);
    }
  }
}
