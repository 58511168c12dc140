import type { NodeInfo } from "../cache/node-info.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Nominator } from "../queue/nominator.ts";
import type { Plugin } from "./plugin.ts";
import { Rejection, skip } from "./status.ts";

export interface NodeRejection {
  readonly plugin: string;
  readonly rejection: Rejection;
}

const namesOthers = new Rejection("UnschedulableAndUnresolvable", ["the pod names other nodes"]);

interface Prepared {
  readonly plugin: Plugin;
  readonly state: unknown;
}

/**
 * Asks all filters about single nodes, on the table as it is at each moment. What a plugin works out for the pod is worked out
 * once, unless it counts other pods.
 */
export class NodeJudge {
  readonly #pod: PodInfo;
  readonly #table: NodeTable;
  readonly #lasting: readonly Prepared[];
  readonly #counting: readonly Plugin[];
  readonly #refusal: NodeRejection | undefined;

  constructor(plugins: readonly Plugin[], pod: PodInfo, table: NodeTable) {
    this.#pod = pod;
    this.#table = table;
    this.#counting = plugins.filter(({ countsPods }) => countsPods === true);
    const lasting: Prepared[] = [];
    for (const plugin of plugins) {
      if (plugin.countsPods === true) continue;
      const state = plugin.preFilter?.(pod, table);
      if (state instanceof Rejection) this.#refusal ??= { plugin: plugin.name, rejection: state };
      else if (state !== skip) lasting.push({ plugin, state });
    }
    this.#lasting = lasting;
  }

  /** Undefined where the pod fits. */
  judge(node: NodeInfo): NodeRejection | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    for (const { plugin, state } of this.#lasting) {
      const rejection = this.#ask(plugin, state, node);
      if (rejection !== undefined) return { plugin: plugin.name, rejection };
    }
    for (const plugin of this.#counting) {
      const state = plugin.preFilter?.(this.#pod, this.#table);
      if (state === skip) continue;
      const rejection = state instanceof Rejection ? state : this.#ask(plugin, state, node);
      if (rejection !== undefined) return { plugin: plugin.name, rejection };
    }
    return undefined;
  }

  /** Judges with these pods counted on the node, as if they were there already. */
  judgeWith(others: readonly PodInfo[], node: NodeInfo): NodeRejection | undefined {
    for (const other of others) this.#table.addPod(node.name, other);
    try {
      return this.judge(node);
    } finally {
      for (const other of others) this.#table.removePod(node.name, other);
    }
  }

  #ask(plugin: Plugin, state: unknown, node: NodeInfo): Rejection | undefined {
    if (plugin.onlyNodes?.(state, this.#pod)?.has(node.name) === false) return namesOthers;
    const verdict = plugin.filter?.(state, node);
    return verdict instanceof Rejection ? verdict : undefined;
  }
}

/** The pods of no lower priority that a node's room is kept for. */
export function nominatedBefore(nominator: Nominator, pod: PodInfo, nodeName: string): readonly PodInfo[] {
  if (nominator.size === 0) return [];
  return nominator.on(nodeName).filter(({ uid, priority }) => uid !== pod.uid && priority >= pod.priority);
}
