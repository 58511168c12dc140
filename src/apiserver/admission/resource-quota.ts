import type { ResourceQuota } from "../../api/core/types.generated.ts";
import { resourceQuotas } from "../../api/resources.generated.ts";
import { failure, internalError, isApiError } from "../../apimachinery/api-error.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import { LruCache } from "../../base/lru-cache.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, refuse } from "./dependencies.ts";
import { checkQuotas, type LimitedResource, type QuotaRequest } from "./quota-check.ts";

/** Of these nothing is counted: they are events, or reviews that are never stored. */
const ignored: ReadonlySet<string> = new Set([
  "events",
  "bindings",
  "localsubjectaccessreviews",
  "selfsubjectaccessreviews",
  "selfsubjectrulesreviews",
  "subjectaccessreviews",
  "tokenreviews",
]);

/** Only these count more or less by an update. */
const countedOnUpdate: ReadonlySet<string> = new Set(["services", "persistentvolumeclaims"]);

/**
 * Charges what is created to the quotas of its namespace: the usage in their status is raised before the object is stored.
 * Requests of one namespace are charged together, one write of a quota's status for all that wait.
 */
export function resourceQuota(
  dependencies: AdmissionDependencies,
  limited: readonly LimitedResource[] = [],
): AdmissionPlugin {
  const lister = dependencies.informers.informer(resourceQuotas).lister;
  const ledgers = new Map<string, Ledger>();
  const written = new WrittenQuotas();
  return {
    name: "ResourceQuota",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    validate(attributes) {
      const { namespace } = attributes;
      if (namespace === "" || !isCounted(attributes)) return;
      if (limited.length === 0 && lister.list({ namespace }).length === 0) return;
      let ledger = ledgers.get(namespace);
      if (ledger === undefined) {
        ledger = new Ledger(dependencies, {
          namespace,
          written,
          limited,
          onIdle: () => ledgers.delete(namespace),
        });
        ledgers.set(namespace, ledger);
      }
      return ledger.charge(attributes);
    },
  };
}

function isCounted({ resource, subresource, operation, object }: AdmissionAttributes): boolean {
  if (object === undefined || ignored.has(resource.resource)) return false;
  if (resource.group === "" && resource.resource === "pods" && subresource === "resize")
    return operation === "UPDATE";
  if (subresource !== "") return false;
  return operation === "CREATE" || (resource.group === "" && countedOnUpdate.has(resource.resource));
}

interface Waiter {
  readonly attributes: AdmissionAttributes;
  readonly accept: () => void;
  readonly refuse: (error: Error) => void;
}

/** At most so many requests wait for the quotas of one namespace. */
const maxWaiters = 5_000;
const maxAttempts = 4;

interface LedgerOptions {
  readonly namespace: string;
  readonly limited: readonly LimitedResource[];
  readonly written: WrittenQuotas;
  readonly onIdle: () => void;
}

/** The quotas of one namespace, while requests are charged to them. */
class Ledger {
  readonly #dependencies: AdmissionDependencies;
  readonly #namespace: string;
  readonly #limited: readonly LimitedResource[];
  readonly #onIdle: () => void;
  readonly #written: WrittenQuotas;
  #waiting: Waiter[] = [];
  #running = false;

  constructor(dependencies: AdmissionDependencies, { namespace, limited, written, onIdle }: LedgerOptions) {
    this.#dependencies = dependencies;
    this.#namespace = namespace;
    this.#limited = limited;
    this.#onIdle = onIdle;
    this.#written = written;
  }

  charge(attributes: AdmissionAttributes): Promise<void> {
    if (this.#waiting.length >= maxWaiters) throw internalError("resource quota evaluation timed out");
    return new Promise((accept, refuse) => {
      this.#waiting.push({ attributes, accept, refuse });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#settle(batch, this.#current(), maxAttempts);
      } catch (error) {
        const why = error instanceof Error ? error : new Error(String(error));
        for (const waiter of batch) waiter.refuse(why);
      }
    }
    this.#running = false;
    this.#onIdle();
  }

  #current(): ResourceQuota[] {
    const cached = this.#dependencies.informers
      .informer(resourceQuotas)
      .lister.list({ namespace: this.#namespace });
    return cached.map((quota) => this.#written.newest(quota));
  }

  /** Charges a batch and writes the result; what another writer changed meanwhile is read and charged again. */
  async #settle(batch: readonly Waiter[], quotas: readonly ResourceQuota[], attempts: number): Promise<void> {
    let charged = quotas;
    const accepted: Waiter[] = [];
    // Those that are charged again were found covered, by quotas that may not be among these.
    const limited = attempts === maxAttempts ? this.#limited : [];
    for (const waiter of batch) {
      const verdict = checkQuotas(charged, this.#requestOf(waiter.attributes), limited);
      if ("failure" in verdict) {
        waiter.refuse(failure(500, "", verdict.failure));
      } else if ("refusal" in verdict) {
        waiter.refuse(refuse(waiter.attributes, verdict.refusal));
      } else if (waiter.attributes.dryRun) {
        waiter.accept();
      } else {
        charged = verdict.quotas;
        accepted.push(waiter);
      }
    }
    const stale = await this.#write(quotas, charged);
    if (stale.length === 0) {
      for (const waiter of accepted) waiter.accept();
      return;
    }
    if (attempts <= 1) throw internalError("resource quota evaluation timed out");
    // Only the quotas that were not written are charged again.
    await this.#settle(accepted, await this.#readAgain(stale), attempts - 1);
  }

  #requestOf({ resource, object, oldObject, operation }: AdmissionAttributes): QuotaRequest {
    if (object === undefined) throw internalError("quota is charged for an object");
    return {
      resource: { group: resource.group, resource: resource.resource },
      object,
      ...(operation === "UPDATE" && oldObject !== undefined ? { oldObject } : {}),
      nowMs: this.#dependencies.clock.now(),
    };
  }

  /** Writes what changed; returns the quotas that someone else wrote in between. */
  async #write(before: readonly ResourceQuota[], after: readonly ResourceQuota[]): Promise<ResourceQuota[]> {
    const stale: ResourceQuota[] = [];
    const changed = after.filter((quota, index) => quota !== before[index]);
    await Promise.all(
      changed.map(async (quota) => {
        const { client } = this.#dependencies;
        try {
          this.#written.add(await client.update(resourceQuotas, quota, { subresource: "status" }));
        } catch (error) {
          if (!isApiError(error, "Conflict") && !isApiError(error, "NotFound")) throw error;
          stale.push(quota);
        }
      }),
    );
    return stale;
  }

  async #readAgain(quotas: readonly ResourceQuota[]): Promise<ResourceQuota[]> {
    const { client } = this.#dependencies;
    const list = await client.list(resourceQuotas, { namespace: this.#namespace });
    const names = new Set(quotas.map(({ metadata }) => metadata.name));
    return list.items.filter(({ metadata }) => names.has(metadata.name));
  }
}

/** What this server wrote last, for as long as the cache is behind it. */
class WrittenQuotas {
  /** More quotas than are written within the moment that a cache is behind. */
  readonly #quotas = new LruCache<string, ResourceQuota>(1_000);

  add(quota: ResourceQuota): void {
    this.#quotas.set(objectKey(quota), quota);
  }

  newest(cached: ResourceQuota): ResourceQuota {
    const key = objectKey(cached);
    const written = this.#quotas.get(key);
    if (written !== undefined && isNewer(written, cached)) return written;
    this.#quotas.delete(key);
    return cached;
  }
}

/** Resource versions of this server are revisions: numbers that grow. */
function isNewer(a: ResourceQuota, b: ResourceQuota): boolean {
  if (a.metadata.uid !== b.metadata.uid) return false;
  return BigInt(a.metadata.resourceVersion ?? "0") > BigInt(b.metadata.resourceVersion ?? "0");
}
