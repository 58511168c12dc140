import type { ServiceCIDR } from "../../api/networking/types.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { Logger } from "../../base/log.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { AddressPools } from "./address-pools.ts";

export interface ServiceCidrFollower {
  readonly pools: AddressPools;
  /** The addresses that services have, with their owners. */
  readonly held: () => Iterable<readonly [address: string, owner: string]>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Takes addresses from further ServiceCIDRs too, while they are ready. Resolves when those there are taken over. */
export async function followServiceCidrs(
  cache: WatchCache,
  { pools, held, logger, signal }: ServiceCidrFollower,
): Promise<void> {
  const take = (object: AnyObject) => {
    const { metadata, spec, status } = object as AnyObject & Partial<Pick<ServiceCIDR, "spec" | "status">>;
    const isReady = status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True");
    const isOpen = isReady === true && metadata.deletionTimestamp === undefined;
    pools.set(metadata.name ?? "", { cidrs: spec?.cidrs ?? [], isOpen }, held());
  };
  const selection = { namespace: "" };
  const { items, revision } = await cache.list({ selection, signal });
  for (const { object } of items) take(object);
  const observe = async () => {
    let after = revision;
    while (!signal.aborted) {
      const watch = await cache.watch({ selection, afterRevision: after, signal });
      for await (const batch of watch)
        for (const event of batch) {
          after = event.revision;
          if (event.type === "DELETED") pools.remove(event.object.metadata.name ?? "");
          else if (event.type !== "BOOKMARK") take(event.object);
        }
    }
  };
  observe().catch((error: unknown) => {
    if (!signal.aborted) logger.error({ error }, "ServiceCIDRs can no longer be followed");
  });
}
