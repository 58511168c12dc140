import type { Lease } from "../api/coordination/types.generated.ts";
import { canonicalJson } from "../api/core/template-hash.ts";
import type { Node } from "../api/core/types.generated.ts";
import { leases, nodes } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { type Clock, rfc3339Micro, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Client } from "../client/client.ts";
import { type NodeIdentity, type NodeObservation, newNode, nodeStatus } from "./node-status.ts";

export interface NodeRegistrarDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly identity: NodeIdentity;
  readonly observe: () => Promise<NodeObservation>;
  /** Each newer version of the node, ours or another's. */
  readonly onNode: (node: Node) => void;
}

export interface NodeRegistrar {
  /** Registers, then keeps lease and status current until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Something that the status tells of changed: look now. */
  refresh(): void;
}

const leaseNamespace = "kube-node-lease";
const leaseDurationSeconds = 40;
const leaseRenewMs = 10_000;
const observeMs = 10_000;
const firstLookMs = 50;
/** Heartbeats of an unchanged status; the lease says the rest. */
const statusReportMs = 300_000;

/** Keeps the Node object and its Lease as upstream's kubelet does: status when it changes, the lease every ten seconds. */
export function createNodeRegistrar(dependencies: NodeRegistrarDependencies): NodeRegistrar {
  const { client, clock, logger, identity, observe, onNode } = dependencies;
  const { name } = identity;
  let lease: Lease | undefined;
  let lastReportMs = 0;
  let notReadyLooks = 0;
  let wake = new AbortController();

  async function register(signal: AbortSignal): Promise<Node> {
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
  async function report(signal: AbortSignal): Promise<number> {
    const node = await client.get(nodes, { name }, { signal });
    onNode(node);
    const now = clock.now();
    const status = nodeStatus(node.status ?? {}, await observe(), now);
    const unchanged = withoutHeartbeats(status) === withoutHeartbeats(node.status ?? {});
    const isReady =
      status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;
    notReadyLooks = isReady ? 0 : notReadyLooks + 1;
    const nextMs = isReady ? observeMs : Math.min(observeMs, firstLookMs * 1.3 ** notReadyLooks);
    if (unchanged && now - lastReportMs < statusReportMs) return nextMs;
    const written = await client.patch(
      nodes,
      { name },
      { type: "strategic", patch: { status } },
      { subresource: "status", signal },
    );
    lastReportMs = now;
    onNode(written);
    return nextMs;
  }

  async function renewLease(owner: Node, signal: AbortSignal): Promise<void> {
    const renewTime = rfc3339Micro(clock.now());
    const spec = { holderIdentity: name, leaseDurationSeconds, renewTime };
    if (lease === undefined) {
      const ownerReferences = [{ apiVersion: "v1", kind: "Node", name, uid: owner.metadata.uid ?? "" }];
      const metadata = { name, namespace: leaseNamespace, ownerReferences };
      const fresh: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
      try {
        lease = await client.create(leases, fresh, { signal });
        return;
      } catch (error) {
        if (!isApiError(error, "AlreadyExists")) throw error;
        lease = await client.get(leases, { namespace: leaseNamespace, name }, { signal });
      }
    }
    try {
      lease = await client.update(leases, { ...lease, spec: { ...lease.spec, ...spec } }, { signal });
    } catch (error) {
      lease = undefined;
      throw error;
    }
  }

  async function repeat(
    what: string,
    periodMs: number,
    work: () => Promise<number>,
    signal: AbortSignal,
    early?: () => AbortSignal,
  ) {
    while (!signal.aborted) {
      let pauseMs: number;
      try {
        pauseMs = await work();
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ error, node: name }, `${what} failed; trying again`);
        pauseMs = Math.min(periodMs, 1000);
      }
      const pause = early === undefined ? signal : AbortSignal.any([signal, early()]);
      await sleep(clock, pauseMs, { signal: pause }).catch(() => undefined);
    }
  }

  return {
    refresh: () => wake.abort(),
    async run(signal) {
      let node: Node | undefined;
      while (node === undefined && !signal.aborted) {
        try {
          node = await register(signal);
        } catch (error) {
          if (signal.aborted) return;
          logger.warn({ error, node: name }, "the node could not be registered; trying again");
          await sleep(clock, 500, { signal }).catch(() => undefined);
        }
      }
      if (node === undefined) return;
      const registered = node;
      onNode(registered);
      logger.info({ node: name }, "node registered");
      await Promise.all([
        repeat(
          "the lease's renewal",
          leaseRenewMs,
          () => renewLease(registered, signal).then(() => leaseRenewMs),
          signal,
        ),
        repeat(
          "the node's status report",
          observeMs,
          () => report(signal),
          signal,
          () => {
            wake = new AbortController();
            return wake.signal;
          },
        ),
      ]);
    },
  };
}

function withoutHeartbeats(status: NonNullable<Node["status"]>): string {
  const conditions = status.conditions?.map(({ lastHeartbeatTime: _, ...condition }) => condition);
  return canonicalJson({ ...status, conditions });
}
