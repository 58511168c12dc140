import type { AnyObject } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Place } from "../registry/store-calls.ts";
import { type AddressObjects, type AddressStore, isManaged, serviceOf } from "./address-objects.ts";
import { clusterIpsOf, serviceSpecOf } from "./service-spec.ts";

export interface AddressRepairDependencies {
  readonly objects: AddressObjects;
  readonly addresses: AddressStore;
  readonly services: Pick<AddressStore, "find" | "cache">;
  readonly clock: Clock;
  readonly logger: Logger;
}

const intervalMs = 180_000;
/** An address may be older than its service: by as long as a write takes. */
const graceMs = 60_000;

function placeOf({ metadata: { namespace = "", name = "" } }: AnyObject): Place {
  return { namespace, name };
}

/**
 * Keeps an IPAddress for every cluster IP: makes what is missing, and removes what no service holds (a server that
 * ended between two writes leaves such). Runs until the signal aborts.
 */
export async function keepAddressObjects(
  dependencies: AddressRepairDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = dependencies;
  while (!signal.aborted)
    try {
      const revision = await repairOnce(dependencies, signal);
      const pause = new AbortController();
      const either = AbortSignal.any([signal, pause.signal]);
      const following = restoreDeleted(dependencies, revision, either).catch((error: unknown) => {
        if (!either.aborted) logger.warn({ error }, "IPAddresses could not be followed");
      });
      try {
        await sleep(clock, intervalMs, { signal });
      } finally {
        pause.abort();
        await following;
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error }, "the IPAddresses of services could not be repaired");
      await sleep(clock, intervalMs, { signal });
    }
}

/** One look at all services and all addresses; gives the revision of the addresses. */
async function repairOnce(
  { objects, addresses, services, clock }: AddressRepairDependencies,
  signal: AbortSignal,
): Promise<number> {
  const selection = { namespace: "" };
  // Addresses first: a service made meanwhile has one that is not missed.
  const { items, revision } = await addresses.cache.list({ selection, signal });
  const known = new Map(items.map(({ object }) => [object.metadata.name ?? "", object]));
  const wanted = new Map<string, Place>();
  for (const { object } of (await services.cache.list({ selection, signal })).items)
    for (const address of clusterIpsOf(serviceSpecOf(object))) wanted.set(address, placeOf(object));
  for (const [address, service] of wanted) if (!known.has(address)) await objects.hold(address, service);
  for (const [address, object] of known) {
    const service = serviceOf(object);
    const isYoung = Date.parse(object.metadata.creationTimestamp ?? "") > clock.now() - graceMs;
    if (service !== undefined && isManaged(object) && !wanted.has(address) && !isYoung)
      objects.letGo(address, service);
  }
  return revision;
}

/** An IPAddress that goes while its service stays comes back. */
async function restoreDeleted(
  { objects, addresses, services }: AddressRepairDependencies,
  afterRevision: number,
  signal: AbortSignal,
): Promise<void> {
  const watch = await addresses.cache.watch({ selection: { namespace: "" }, afterRevision, signal });
  for await (const batch of watch)
    for (const { type, object } of batch) {
      const place = type === "DELETED" ? serviceOf(object) : undefined;
      if (place === undefined) continue;
      const address = object.metadata.name ?? "";
      const service = await services.find(place);
      if (service !== undefined && clusterIpsOf(serviceSpecOf(service)).includes(address))
        await objects.hold(address, place);
    }
}
