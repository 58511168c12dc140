import { Agent, type AgentOptions } from "node:https";
import { FifoMap } from "../../base/fifo-map.ts";

/** Ways to be connected whose connections are kept. */
const maxAgents = 64;

/** Keeps connections open for each way in which servers are trusted and told who asks; the first to come goes first. */
export class AgentPool {
  readonly #agents = new FifoMap<string, Agent>();

  /** The agent for all that `key` stands for, made from the options when there is none. */
  of(key: string, options: () => AgentOptions): Agent {
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    if (this.#agents.size >= maxAgents) this.#agents.shift()?.[1].destroy();
    const agent = new Agent({ keepAlive: true, ...options() });
    this.#agents.set(key, agent);
    return agent;
  }

  close(): void {
    while (this.#agents.size > 0) this.#agents.shift()?.[1].destroy();
  }
}
