import { secretsOf } from "../../api/core/pod-references.ts";
import type { Pod, Secret, ServiceAccount } from "../../api/core/types.generated.ts";
import { configMaps, pods, secrets, serviceAccounts } from "../../api/resources.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, type ReconcileContext, watch } from "../framework/controller.ts";
import { type Intent, patch, remove, requeueAfter } from "../framework/intent.ts";

/**
 * Removes tokens that were once made for every service account and that nobody uses any more (KEP-2799): a year after the
 * last use they are marked invalid, another year later deleted.
 */

const lastUsedLabel = "kubernetes.io/legacy-token-last-used";
const invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since";
const trackingKey = "kube-system/kube-apiserver-legacy-service-account-token-tracking";
const dayMs = 24 * 3_600_000;
/** `--legacy-service-account-token-clean-up-period` unless said. */
const cleanUpPeriodMs = 365 * dayMs;

export interface LegacyTokenSnapshot {
  readonly secret: Secret;
  /** Undefined where it is gone, or another account has its name. */
  readonly account: ServiceAccount | undefined;
  /** Of the secret's namespace. */
  readonly pods: readonly Pod[];
  /** Since when the use of tokens is noted, "2026-01-31"; undefined: nobody knows. */
  readonly trackedSince: string | undefined;
}

/** What is not known for sure keeps a token; it is looked at again every day. */
export function reconcileLegacyToken(snapshot: LegacyTokenSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { secret } = snapshot;
  if (isKept(snapshot, nowMs)) return [requeueAfter(dayMs)];
  const invalidSince = secret.metadata.labels?.[invalidSinceLabel];
  if (!isDay(invalidSince)) {
    const { uid } = secret.metadata;
    const labels = { [invalidSinceLabel]: dayOf(nowMs) };
    return [
      patch(secrets, secret, { type: "merge", patch: { metadata: { uid, labels } } }),
      requeueAfter(dayMs),
    ];
  }
  if (invalidSince >= dayOf(nowMs - cleanUpPeriodMs)) return [requeueAfter(dayMs)];
  return [remove(secrets, secret, { onlyIfUnchanged: true, ignore: ["NotFound"] })];
}

function isKept(
  { secret, account, pods: inNamespace, trackedSince }: LegacyTokenSnapshot,
  nowMs: number,
): boolean {
  const { name = "", labels, creationTimestamp } = secret.metadata;
  // A use on the day that tracking began may have been missed.
  if (!isDay(trackedSince) || nowMs < Date.parse(trackedSince) + dayMs + cleanUpPeriodMs) return true;
  if (!(Date.parse(creationTimestamp ?? "") < nowMs - cleanUpPeriodMs)) return true;
  const lastUsed = labels?.[lastUsedLabel];
  if (lastUsed !== undefined && (!isDay(lastUsed) || lastUsed >= dayOf(nowMs - cleanUpPeriodMs))) return true;
  // Only those that the account lists were made for it; the others somebody asked for.
  if (account?.secrets?.some((reference) => reference.name === name) !== true) return true;
  return inNamespace.some((pod) => secretsOf(pod).has(name));
}

function isDay(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** Keys are those of secrets. */
export function legacyTokenCleaner({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<LegacyTokenSnapshot> {
  const secretInformer = informers.informer(secrets);
  const accountInformer = informers.informer(serviceAccounts);
  const podInformer = informers.informer(pods);
  const configMapInformer = informers.informer(configMaps);
  return {
    name: "legacy-serviceaccount-token-cleaner-controller",
    workers: 1,
    watches: [
      watch(secretInformer, (secret) =>
        secret.type === "kubernetes.io/service-account-token" ? [objectKey(secret)] : [],
      ),
    ],
    observe(key) {
      const secret = secretInformer.lister.get(key);
      if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return undefined;
      const { namespace = "", annotations } = secret.metadata;
      const name = annotations?.["kubernetes.io/service-account.name"] ?? "";
      const uid = annotations?.["kubernetes.io/service-account.uid"];
      const account = accountInformer.lister.get(`${namespace}/${name}`);
      return {
        secret,
        account: uid === undefined || uid === account?.metadata.uid ? account : undefined,
        pods: podInformer.lister.list({ namespace }),
        trackedSince: configMapInformer.lister.get(trackingKey)?.data?.since,
      };
    },
    reconcile: reconcileLegacyToken,
  };
}
