import type { Lease } from "../api/coordination/types.generated.ts";
import { leases } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { type Clock, rfc3339Micro, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { createOrUpdate } from "../client/create-or-update.ts";
import type { PostStartHook } from "./stages.ts";

/** One API server among several: KEP-1965. */
export interface ServerIdentity {
  /** `apiserver-…`: the same for each start on one machine. */
  readonly name: string;
  readonly hostname: string;
  /** "host:port" where other API servers reach this one. */
  readonly peerAddress?: string;
}

const namespace = "kube-system";
const component = "kube-apiserver";
const componentLabel = "apiserver.kubernetes.io/identity";
const durationSeconds = 3600;
const renewMs = 10_000;
const renewJitter = 0.04;
const collectionMs = 3_600_000;

export interface IdentityLeaseDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The start hooks that keep this server's lease in kube-system, and clean up after servers that are gone. */
export function identityLeaseHooks(
  identity: ServerIdentity,
  dependencies: IdentityLeaseDependencies,
): readonly PostStartHook[] {
  const { client, clock, logger } = dependencies;
  const remove = () => removeLease(client, identity.name);
  const unless = (signal: AbortSignal, text: string) => (error: unknown) => {
    if (!signal.aborted) logger.error({ error }, text);
  };
  return [
    {
      name: "start-kube-apiserver-identity-lease-controller",
      covers: ["peer-endpoint-reconciler-controller"],
      async run(_, { signal }) {
        // What one that was killed left behind must not be taken for this one.
        await remove();
        keepLease(identity, dependencies, signal).catch(unless(signal, "the server's lease is not kept"));
      },
      stop: remove,
    },
    {
      name: "start-kube-apiserver-identity-lease-garbage-collector",
      async run(_, { signal }) {
        collectLeases(client, clock, signal).catch(unless(signal, "leases of servers are not collected"));
      },
    },
  ];
}

async function removeLease(client: Client, name: string): Promise<void> {
  try {
    await client.delete(leases, { namespace, name });
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
  }
}

async function keepLease(
  identity: ServerIdentity,
  { client, clock, random, logger }: IdentityLeaseDependencies,
  signal: AbortSignal,
): Promise<void> {
  const holder = `${identity.name}_${random.uuid()}`;
  const name = { namespace, name: identity.name };
  for (;;) {
    try {
      const renewed = (current: Lease | undefined) => leaseOf(identity, holder, clock.now(), current);
      await createOrUpdate(client, leases, name, renewed, { signal });
    } catch (error) {
      signal.throwIfAborted();
      logger.warn({ error }, "the server's lease could not be renewed");
    }
    await sleep(clock, renewMs * (1 + renewJitter * random.next()), { signal });
  }
}

function leaseOf(
  { name, hostname, peerAddress }: ServerIdentity,
  holder: string,
  nowMs: number,
  current: Lease | undefined,
): Lease {
  const metadata = current?.metadata ?? { name, namespace };
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, [componentLabel]: component, "kubernetes.io/hostname": hostname },
      ...(peerAddress === undefined
        ? {}
        : { annotations: { ...metadata.annotations, "kubernetes.io/peer-advertise-address": peerAddress } }),
    },
    spec: {
      holderIdentity: current?.spec?.holderIdentity ?? holder,
      leaseDurationSeconds: durationSeconds,
      renewTime: rfc3339Micro(nowMs),
    },
  };
}

async function collectLeases(client: Client, clock: Clock, signal: AbortSignal): Promise<void> {
  const labelSelector = `${componentLabel}=${component}`;
  for (;;) {
    await sleep(clock, collectionMs, { signal });
    const { items } = await client.list(leases, { namespace, labelSelector, signal });
    for (const { metadata, spec } of items)
      if (isExpired(spec, clock.now())) await removeLease(client, metadata.name ?? "");
  }
}

/** One that does not say until when it holds was made by nobody who keeps it. */
function isExpired(
  { renewTime, leaseDurationSeconds }: NonNullable<Lease["spec"]> = {},
  nowMs: number,
): boolean {
  if (renewTime === undefined || leaseDurationSeconds === undefined) return true;
  return Date.parse(renewTime) + leaseDurationSeconds * 1000 < nowMs;
}
