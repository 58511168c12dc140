import type { AnyObject, ResourceType } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { EventHandler, InformerFactory } from "../../client/informer.ts";
import { createSharedInformer } from "../../client/shared-informer.ts";

/** What following resources needs that are known by discovery only: built-in ones are in `informers` already. */
export interface FollowDependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Follows the metadata of any resource, with an informer of its own, until it is stopped. */
export function followMetadata(
  dependencies: FollowDependencies,
  type: ResourceType<AnyObject>,
  handler: EventHandler<AnyObject>,
  signal: AbortSignal,
) {
  const own = new AbortController();
  const informer = createSharedInformer<AnyObject>({
    ...dependencies,
    type,
    selection: { metadataOnly: true },
  });
  informer.addHandler(handler);
  informer.run(AbortSignal.any([signal, own.signal]));
  return { informer, stop: () => own.abort() };
}
