import { canonicalJson } from "../api/core/template-hash.ts";
import type { Pod, PodStatus } from "../api/core/types.generated.ts";
import { pods } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { type BackoffPolicy, backoffDelayMs } from "../base/backoff.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { resizeConditionTypes } from "./pod-status.ts";

export interface StatusManagerDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /**
   * The pod of the API by which a pod is shown there: itself (the default), or a static pod's mirror; undefined: there
   * is none yet.
   */
  readonly shownBy?: (pod: Pod) => Pod | undefined;
}

interface Entry {
  pod: Pod;
  status: PodStatus | undefined;
  /** What the API has, as far as this node knows, of the pod with this uid, and in which of its versions. */
  written: PodStatus | undefined;
  writtenUid: string;
  writtenVersion: number;
  deletion: boolean;
  /** Something was set that no write has looked at yet. */
  pending: boolean;
  writing: Promise<void> | undefined;
  readonly controller: AbortController;
}

const retry: BackoffPolicy = { initialMs: 100, factor: 2, limitMs: 10_000, jitter: 0.2 };

/**
 * Carries pods' statuses to the API: the latest one only, one write at a time a pod, retried until it is there. A pod
 * whose deletion is finished on the node is then deleted for good.
 */
export class StatusManager {
  readonly #dependencies: StatusManagerDependencies;
  readonly #entries = new Map<string, Entry>();

  constructor(dependencies: StatusManagerDependencies) {
    this.#dependencies = dependencies;
  }

  set(pod: Pod, status: PodStatus): void {
    const entry = this.#entryOf(pod);
    entry.status = status;
    this.#kick(entry);
  }

  /** What was last set for the pod; the API may not have it yet. */
  get(podUid: string): PodStatus | undefined {
    return this.#entries.get(podUid)?.status;
  }

  /** Nothing of the pod is left on this node: once its last status is written, remove the object. */
  finishDeletion(pod: Pod): void {
    const entry = this.#entryOf(pod);
    entry.deletion = true;
    this.#kick(entry);
  }

  /** What shows the pod in the API has come or changed. */
  shown(podUid: string): void {
    const entry = this.#entries.get(podUid);
    if (entry !== undefined) this.#kick(entry);
  }

  /** Forgets the pod: it is gone from the API. */
  remove(podUid: string): void {
    this.#entries.get(podUid)?.controller.abort();
    this.#entries.delete(podUid);
  }

  /** Resolves when everything set so far is written or given up. */
  async flush(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => entry.writing));
  }

  /** No write is begun any more; those under way are given up. */
  close(): void {
    for (const { controller } of this.#entries.values()) controller.abort();
  }

  #entryOf(pod: Pod): Entry {
    const uid = pod.metadata.uid ?? "";
    let entry = this.#entries.get(uid);
    if (entry === undefined) {
      entry = {
        pod,
        status: undefined,
        written: pod.status,
        writtenUid: uid,
        writtenVersion: versionOf(pod),
        deletion: false,
        pending: false,
        writing: undefined,
        controller: new AbortController(),
      };
      this.#entries.set(uid, entry);
    }
    entry.pod = pod;
    return entry;
  }

  #kick(entry: Entry): void {
    entry.pending = true;
    entry.writing ??= this.#writeAll(entry).finally(() => {
      entry.writing = undefined;
      // Set between the last look and here: nobody else would write it. Of a pod that is gone, nobody shall.
      if (entry.pending && !entry.controller.signal.aborted) this.#kick(entry);
    });
  }

  async #writeAll(entry: Entry): Promise<void> {
    const { clock, random, logger } = this.#dependencies;
    const { signal } = entry.controller;
    for (let attempt = 0; !signal.aborted; ) {
      try {
        entry.pending = false;
        if (!(await this.#writeOnce(entry))) return;
        attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        const pod = entry.pod.metadata.name;
        if (isApiError(error, "NotFound") || isApiError(error, "Conflict")) {
          // Gone, or replaced by a pod of the same name: nothing of this one is left to tell.
          logger.debug({ pod, error }, "the pod is gone from the API");
          return;
        }
        logger.warn({ pod, error }, "a pod's status could not be written; trying again");
        await sleep(clock, backoffDelayMs(retry, attempt++, random), { signal }).catch(() => undefined);
      }
    }
  }

  /** One write; false when there is nothing left to write. */
  async #writeOnce(entry: Entry): Promise<boolean> {
    const { client } = this.#dependencies;
    const { pod, status } = entry;
    const { shownBy = (own: Pod) => own } = this.#dependencies;
    const shown = shownBy(pod);
    if (shown === undefined) return false;
    const { name = "", namespace = "", uid = "" } = shown.metadata;
    const { signal } = entry.controller;
    // Others write it too: what the node lifecycle controller says of a node that was away is told anew once it is back.
    if (entry.writtenUid !== uid || versionOf(shown) > entry.writtenVersion) {
      entry.written = shown.status;
      entry.writtenUid = uid;
      entry.writtenVersion = versionOf(shown);
    }
    const patch = status === undefined ? undefined : statusPatch(entry.written ?? {}, status);
    if (patch !== undefined) {
      const now = await client.patch(
        pods,
        { namespace, name },
        { type: "strategic", patch: { metadata: { uid }, status: patch } },
        { subresource: "status", signal },
      );
      entry.written = status;
      entry.writtenVersion = versionOf(now);
      return true;
    }
    if (!entry.deletion) return false;
    await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid }, signal });
    entry.deletion = false;
    return false;
  }
}

const versionOf = ({ metadata }: Pod) => Number(metadata.resourceVersion ?? 0);

/** The fields that differ, as a strategic merge patch; undefined when none does. A field that went away is nulled. */
export function statusPatch(before: PodStatus, after: PodStatus): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof PodStatus>) {
    if (foreignFields.has(field)) continue;
    if (canonicalJson(before[field]) === canonicalJson(after[field])) continue;
    // Conditions merge by type: only those that changed are sent, the rest may be somebody else's.
    if (field === "conditions") {
      const changed = (after.conditions ?? []).flatMap((condition) => {
        const old = before.conditions?.find(({ type }) => type === condition.type);
        return canonicalJson(old) === canonicalJson(condition) ? [] : [{ ...nulled(old), ...condition }];
      });
      const over = (before.conditions ?? []).filter(
        ({ type }) => resizeConditionTypes.has(type) && !after.conditions?.some((c) => c.type === type),
      );
      const deleted = over.map(({ type }) => ({ type, $patch: "delete" }));
      if (changed.length + deleted.length > 0) patch.conditions = [...changed, ...deleted];
    } else if (field === "podIPs" || field === "hostIPs") {
      patch[field] = addressesPatch(before[field] ?? [], after[field] ?? []);
    } else patch[field] = after[field] ?? null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Addresses merge by their text: what went away is deleted by name, and the order is told anew. */
function addressesPatch(
  before: readonly { readonly ip?: string }[],
  after: readonly { readonly ip?: string }[],
) {
  const gone = before.filter(({ ip }) => !after.some((address) => address.ip === ip));
  return [...after, ...gone.map(({ ip }) => ({ ip, $patch: "delete" }))];
}

/** Written by others: the scheduler and the resource claim controller. */
const foreignFields: ReadonlySet<keyof PodStatus> = new Set(["nominatedNodeName", "resourceClaimStatuses"]);

/** Merging keeps what a patch does not name: fields that went away are named, as null. */
function nulled(condition: object | undefined): Record<string, null> {
  return Object.fromEntries(Object.keys(condition ?? {}).map((name) => [name, null]));
}
