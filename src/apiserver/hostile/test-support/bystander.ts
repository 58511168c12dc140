import { Agent, request } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { TestListener } from "../../test-support/listener.ts";

/**
 * A well-behaved client: it asks one thing again and again, and remembers the longest it had to wait. Only what the process was busy
 * counts: not that the machine was busy with others.
 */
export class Bystander {
  #stopped = false;
  #longestMs = 0;
  #answers = 0;
  #running: Promise<void>;
  readonly #agent: Agent;

  constructor({ listener, pki }: Pick<TestListener, "listener" | "pki">, path: string) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ca: pki.clusterAuthority.certificate });
    const ask = () =>
      new Promise<number>((resolve, reject) => {
        const { certificate: cert, key } = pki.admin;
        const outgoing = request(
          { host: "127.0.0.1", port: listener.port, path, cert, key, agent: this.#agent },
          (incoming) => {
            incoming.resume();
            incoming.once("end", () => resolve(incoming.statusCode ?? 0));
          },
        );
        outgoing.once("error", reject);
        outgoing.end();
      });
    this.#running = this.#run(ask);
  }

  async #run(ask: () => Promise<number>): Promise<void> {
    while (!this.#stopped) {
      const begun = performance.now();
      const usedBefore = process.cpuUsage();
      const status = await ask();
      if (status !== 200) throw new Error(`the bystander was answered ${status}`);
      const { user, system } = process.cpuUsage(usedBefore);
      const waitedMs = Math.min(performance.now() - begun, (user + system) / 1000);
      this.#longestMs = Math.max(this.#longestMs, waitedMs);
      this.#answers++;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Rejects where it was not served. */
  async stop(): Promise<{ readonly longestMs: number; readonly answers: number }> {
    this.#stopped = true;
    try {
      await this.#running;
    } finally {
      this.#agent.destroy();
    }
    return { longestMs: this.#longestMs, answers: this.#answers };
  }
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void; // what the flag adds

/** Bytes that are in use in truth: the heap and the buffers outside of it, after a collection. */
export async function memoryInUse(): Promise<number> {
  // Buffers are given back on another thread, which may be late: what goes on falling is not yet what is in use.
  let least = Number.POSITIVE_INFINITY;
  for (let unchanged = 0; unchanged < 3; ) {
    collectGarbage();
    await pause(10);
    const { heapUsed, external } = process.memoryUsage();
    const inUse = heapUsed + external;
    unchanged = inUse < least - 256 * 1024 ? 0 : unchanged + 1;
    least = Math.min(least, inUse);
  }
  return least;
}
