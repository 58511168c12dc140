import { isBootstrapToken, readBootstrapToken } from "../../api/core/bootstrap-token.ts";
import type { Secret } from "../../api/core/types.generated.ts";
import { secrets } from "../../api/resources.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, type ReconcileContext, watch } from "../framework/controller.ts";
import { type Intent, remove, requeueAfter } from "../framework/intent.ts";

/** Deletes a bootstrap token whose time is over. */
export function reconcileBootstrapToken(secret: Secret, { nowMs }: ReconcileContext): Intent[] {
  const { expiresAtMs } = readBootstrapToken(secret);
  if (expiresAtMs === Number.POSITIVE_INFINITY) return [];
  if (expiresAtMs > nowMs) return [requeueAfter(Math.min(expiresAtMs - nowMs, longestWaitMs))];
  return [remove(secrets, secret, { ignore: ["NotFound"] })];
}

/** A timer knows no time further away. */
const longestWaitMs = 24 * 3_600_000;

/** Keys are those of secrets. */
export function bootstrapTokenCleaner({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<Secret> {
  const informer = informers.informer(secrets);
  return {
    name: "token-cleaner-controller",
    workers: 1,
    watches: [watch(informer, (secret) => (isBootstrapToken(secret) ? [objectKey(secret)] : []))],
    observe(key) {
      const secret = informer.lister.get(key);
      return secret?.metadata.deletionTimestamp === undefined ? secret : undefined;
    },
    reconcile: reconcileBootstrapToken,
  };
}
