import { isPodTerminal } from "../../api/core/pod-conditions.ts";
import type { ResourceQuota, ResourceQuotaStatus } from "../../api/core/types.generated.ts";
import { quotaMatches } from "../../api/quota/scopes.ts";
import { addUsage, matchingNames, type QuotaResource, type Usage, usageOf } from "../../api/quota/usage.ts";
import {
  configMaps,
  persistentVolumeClaims,
  pods,
  replicationControllers,
  resourceQuotas,
  secrets,
  services,
} from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { type AnyObject, type KubeObject, objectKey, type ResourceType } from "../../apimachinery/meta.ts";
import { formatQuantity } from "../../apimachinery/quantity.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { Client } from "../../client/client.ts";
import { type Controller, type ReconcileContext, watch } from "../framework/controller.ts";
import { discoverResources } from "../framework/discovery.ts";
import { type Intent, requeueAfter, updateStatus } from "../framework/intent.ts";
import type { FollowDependencies } from "../framework/metadata-informer.ts";
import { ReleaseWatch } from "./release-watch.ts";

/** Objects of one resource in a quota's namespace. */
export interface Counted {
  readonly resource: QuotaResource;
  readonly objects: readonly KubeObject[];
}

export interface QuotaSnapshot {
  readonly quota: ResourceQuota;
  readonly counted: readonly Counted[];
  /** Something is counted that no cache is followed of: it is counted anew from time to time. */
  readonly isPolled: boolean;
}

/** Upstream's resource-quota-sync-period. */
const recountMs = 5 * 60_000;

/** Counts what a quota limits. What is created is added by admission at once; this takes off what is gone. */
export function reconcileQuota(
  { quota, counted, isPolled }: QuotaSnapshot,
  { nowMs }: ReconcileContext,
): Intent[] {
  if (quota.metadata.deletionTimestamp !== undefined) return [];
  const hard = quota.spec?.hard ?? {};
  // Scopes and names are judged by the limits that are wished for now.
  const judged: ResourceQuota = { ...quota, status: { ...quota.status, hard } };
  let usage: Usage = {};
  for (const { resource, objects } of counted) {
    for (const object of objects) {
      if (quotaMatches(judged, resource, object)) usage = addUsage(usage, usageOf(resource, object, nowMs));
    }
  }
  const used = Object.fromEntries(
    Object.keys(hard).map((name) => [
      name,
      name in usage ? formatQuantity(usage[name] as Usage[string]) : "0",
    ]),
  );
  const status: ResourceQuotaStatus = { hard, used };
  return [updateStatus(resourceQuotas, quota, status), ...(isPolled ? [requeueAfter(recountMs)] : [])];
}

/** Resources that quotas know by more than their number, or by a name of their own. */
const followed: readonly ResourceType<AnyObject>[] = [
  pods,
  services,
  persistentVolumeClaims,
  secrets,
  configMaps,
  replicationControllers,
  resourceQuotas,
] as unknown as readonly ResourceType<AnyObject>[]; // Their objects are only counted.

/** Keys are those of quotas. */
export function resourceQuotaController(dependencies: FollowDependencies): Controller<QuotaSnapshot> {
  const { client, informers } = dependencies;
  const quotaInformer = informers.informer(resourceQuotas);
  const releaseWatch = new ReleaseWatch(dependencies);
  const quotasIn = (object: KubeObject) =>
    quotaInformer.lister.list({ namespace: object.metadata.namespace ?? "" }).map(objectKey);
  const replenishing = followed.map((type) =>
    watch(informers.informer(type), quotasIn, (old, object) => releases(type, old, object), {
      ignoresAdded: true,
    }),
  );
  return {
    name: "resourcequota-controller",
    watches: [
      // Admission raises the usage before the object shows in a cache: a count made at that moment would take it back.
      watch(
        quotaInformer,
        (quota) => [objectKey(quota)],
        (old, quota) => !semanticallyEqual(old.spec, quota.spec) || isForeign(quota),
      ),
      ...replenishing,
    ],
    attach(wake, signal) {
      releaseWatch.start((object) => quotasIn(object).forEach(wake), signal);
    },
    async observe(key) {
      const quota = quotaInformer.lister.get(key);
      if (quota === undefined) {
        const named = quotaInformer.lister.list().flatMap(({ spec }) => Object.keys(spec?.hard ?? {}));
        releaseWatch.keepOnly((resource) => matchingNames(resource, named).length > 0);
        return undefined;
      }
      const namespace = quota.metadata.namespace ?? "";
      const names = Object.keys(quota.spec?.hard ?? {});
      const cached = followed.filter((type) => matchingNames(type, names).length > 0);
      const counted = cached.map((type) => ({
        resource: type,
        objects: informers.informer(type).lister.list({ namespace }),
      }));
      const uncached = await uncachedResources(client, names);
      // Followed before they are counted: what goes meanwhile is counted again.
      releaseWatch.follow(uncached);
      const others = await countEach(client, uncached, namespace);
      return { quota, counted: [...counted, ...others], isPolled: others.length > 0 };
    },
    reconcile: reconcileQuota,
  };
}

/** A finished pod uses nothing any more; a service may have given ports back. */
function releases(type: ResourceType<AnyObject>, old: AnyObject, object: AnyObject): boolean {
  switch (type.resource) {
    case "pods":
      return isPodTerminal(old as never) !== isPodTerminal(object as never); // Objects of the type's kind.
    case "services":
      return (old.metadata.generation ?? old.spec) !== (object.metadata.generation ?? object.spec);
    default:
      return false;
  }
}

/** Somebody else wrote the status: its limits are not those of the spec, or the usage of some is missing. */
function isForeign({ spec, status }: ResourceQuota): boolean {
  const hard = spec?.hard ?? {};
  return (
    !semanticallyEqual(status?.hard ?? {}, hard) ||
    Object.keys(hard).some((name) => status?.used?.[name] === undefined)
  );
}

/** What "count/deployments.apps" and the like name. */
async function uncachedResources(
  client: Client,
  names: readonly string[],
): Promise<readonly ResourceType<AnyObject>[]> {
  const counts = names.filter((name) => name.startsWith("count/"));
  const isFollowed = (name: string) => followed.some((type) => matchingNames(type, [name]).length > 0);
  const unknown = counts.filter((name) => !isFollowed(name));
  if (unknown.length === 0) return [];
  const { resources } = await discoverResources(client);
  return resources.filter((each) => each.namespaced && matchingNames(each, unknown).length > 0);
}

/** Asked of the API server. */
function countEach(
  client: Client,
  resources: readonly ResourceType<AnyObject>[],
  namespace: string,
): Promise<Counted[]> {
  return Promise.all(
    resources.map(async (resource) => {
      try {
        return { resource, objects: (await client.list(resource, { namespace })).items };
      } catch (error) {
        if (isApiError(error, "NotFound")) return { resource, objects: [] };
        throw error;
      }
    }),
  );
}
