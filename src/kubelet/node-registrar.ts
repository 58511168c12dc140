import { canonicalJson } from "../api/core/template-hash.ts";
import type { Node } from "../api/core/types.generated.ts";
import { nodes } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Client } from "../client/client.ts";
import { NodeLease } from "./node-lease.ts";
import {
  isSameStatus,
  type NodeIdentity,
  type NodeObservation,
  newNode,
  nodeStatus,
  statusPatch,
} from "./node-status.ts";

export interface NodeRegistrarDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly identity: NodeIdentity;
  readonly observe: () => Promise<NodeObservation>;
  /** Each newer version of the node, ours or another's. */
  readonly onNode: (node: Node) => void;
}

const leaseRenewMs = 10_000;
const observeMs = 10_000;
const firstLookMs = 50;
const registerRetryMs = 500;
/** Heartbeats of an unchanged status; the lease says the rest. */
const statusReportMs = 300_000;

/** Keeps the Node object and its Lease as upstream's kubelet does: status when it changes, the lease every ten seconds. */
export class NodeRegistrar {
  readonly #dependencies: NodeRegistrarDependencies;
  #lastReportMs = 0;
  #notReadyLooks = 0;
  #wake = new AbortController();

  constructor(dependencies: NodeRegistrarDependencies) {
    this.#dependencies = dependencies;
  }

  /** Registers, then keeps lease and status current until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const node = await this.#register(signal);
    if (node === undefined) return;
    const { client, clock, logger, onNode } = this.#dependencies;
    onNode(node);
    logger.info({ node: node.metadata.name }, "node registered");
    const lease = new NodeLease({ client, clock });
    const renew = async () => {
      await lease.renew(node, signal);
      return leaseRenewMs;
    };
    await Promise.all([
      this.#repeat("the lease's renewal", leaseRenewMs, renew, signal),
      this.#repeat("the node's status report", observeMs, () => this.#report(signal), signal),
    ]);
  }

  /** Something that the status tells of changed: look now. */
  refresh(): void {
    this.#wake.abort();
  }

  async #register(signal: AbortSignal): Promise<Node | undefined> {
    const { clock, logger, identity } = this.#dependencies;
    while (!signal.aborted) {
      try {
        return await this.#registerOnce(signal);
      } catch (error) {
        if (signal.aborted) return undefined;
        logger.warn({ error, node: identity.name }, "the node could not be registered; trying again");
        await sleep(clock, registerRetryMs, { signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  async #registerOnce(signal: AbortSignal): Promise<Node> {
    const { client, identity, observe, clock } = this.#dependencies;
    const { name } = identity;
    const wanted = newNode(identity, await observe(), clock.now());
    try {
      return await client.create(nodes, wanted, { signal });
    } catch (error) {
      if (!isApiError(error, "AlreadyExists")) throw error;
    }
    // It was here before: its labels are brought up to date, everything else stays.
    const existing = await client.get(nodes, { name }, { signal });
    const labels = { ...existing.metadata.labels, ...wanted.metadata.labels };
    if (canonicalJson(labels) === canonicalJson(existing.metadata.labels)) return existing;
    return client.patch(nodes, { name }, { type: "merge", patch: { metadata: { labels } } }, { signal });
  }

  /** Resolves to when to look again: soon while the node is not ready, for its network comes a moment after it. */
  async #report(signal: AbortSignal): Promise<number> {
    const { client, clock, identity, observe, onNode } = this.#dependencies;
    const { name } = identity;
    const node = await client.get(nodes, { name }, { signal });
    onNode(node);
    const now = clock.now();
    const status = nodeStatus(node.status ?? {}, await observe(), now);
    const unchanged = isSameStatus(status, node.status ?? {});
    const isReady =
      status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
    this.#notReadyLooks = isReady ? 0 : this.#notReadyLooks + 1;
    const nextMs = isReady ? observeMs : Math.min(observeMs, firstLookMs * 1.3 ** this.#notReadyLooks);
    if (unchanged && now - this.#lastReportMs < statusReportMs) return nextMs;
    const change = { status: statusPatch(node.status ?? {}, status) };
    const patch = { type: "strategic", patch: change } as const;
    onNode(await client.patch(nodes, { name }, patch, { subresource: "status", signal }));
    this.#lastReportMs = now;
    return nextMs;
  }

  async #repeat(
    what: string,
    periodMs: number,
    work: () => Promise<number>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, logger, identity } = this.#dependencies;
    while (!signal.aborted) {
      this.#wake = this.#wake.signal.aborted ? new AbortController() : this.#wake;
      let pauseMs: number;
      try {
        pauseMs = await work();
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ error, node: identity.name }, `${what} failed; trying again`);
        pauseMs = Math.min(periodMs, 1000);
      }
      const pause = AbortSignal.any([signal, this.#wake.signal]);
      await sleep(clock, pauseMs, { signal: pause }).catch(() => undefined);
    }
  }
}
