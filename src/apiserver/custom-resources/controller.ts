import { approvalOf } from "../../api/apiextensions/api-approval.ts";
import type { CustomResourceDefinition } from "../../api/apiextensions/types.generated.ts";
import type { ResourceDefinition } from "../../api/definition.ts";
import { customResourceDefinitions } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import { backoffDelayMs } from "../../base/backoff.ts";
import { type Clock, rfc3339, sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { DeleteRequestOptions } from "../registry/options.ts";
import type { ResourceStore } from "../registry/store.ts";
import { type Condition, cleanupFinalizer, isTrue, withCondition } from "./crd.ts";
import { customDefinition, type PreparedDefinition } from "./definition.ts";
import { decideNames } from "./names.ts";

/** Where custom kinds are served. */
export interface ServedKinds {
  add(definition: ResourceDefinition): ResourceStore;
  remove(definition: ResourceDefinition): void;
  /** Whether a kind of the server's own has this name. */
  isBuiltIn(group: string, plural: string): boolean;
}

export interface CustomResourceDependencies {
  /** Of CustomResourceDefinitions. */
  readonly store: ResourceStore;
  /** Writes what is decided of them. */
  readonly client: Client;
  readonly kinds: ServedKinds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Reads what a definition needs beside itself: its rules, its converter. */
  readonly prepare: (crd: CustomResourceDefinition) => Promise<PreparedDefinition>;
  readonly signal: AbortSignal;
}

interface Served {
  readonly crd: CustomResourceDefinition;
  readonly definition: ResourceDefinition;
  readonly store: ResourceStore;
}

const retry = { initialMs: 100, factor: 2, limitMs: 5_000, jitter: 0.2 };
const emptinessCheckMs = 1_000;

/**
 * Follows the CustomResourceDefinitions: accepts names, serves what is established, and works off the objects of what is
 * deleted. One change after the other, so that names cannot be given twice.
 */
export class CustomResources {
  readonly #dependencies: CustomResourceDependencies;
  readonly #known = new Map<string, CustomResourceDefinition>();
  readonly #served = new Map<string, Served>();
  readonly #finalizing = new Set<string>();

  constructor(dependencies: CustomResourceDependencies) {
    this.#dependencies = dependencies;
  }

  /** Resolves when all definitions of now are served; goes on until the signal aborts. */
  start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    void this.#run(resolve);
    return promise;
  }

  async #run(onReady: () => void): Promise<void> {
    const { signal, clock, random, logger, store } = this.#dependencies;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const list = await store.cache.list({ selection: { namespace: "" }, signal });
        const present = new Map(list.items.map(({ object }) => [object.metadata.name ?? "", asCrd(object)]));
        for (const name of this.#known.keys()) if (!present.has(name)) await this.#deleted(name);
        for (const [name, crd] of present) this.#known.set(name, crd);
        for (const name of present.keys()) await this.#sync(name);
        onReady();
        const events = await store.cache.watch({
          selection: { namespace: "" },
          afterRevision: list.revision,
          signal,
        });
        failures = 0;
        for await (const batch of events)
          for (const { type, object } of batch) await this.#observe(type, asCrd(object));
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ error }, "custom resource definitions are read again");
      }
      if (!signal.aborted)
        await sleep(clock, backoffDelayMs(retry, failures, random), { signal }).catch(() => {});
    }
  }

  async #observe(type: string, crd: CustomResourceDefinition): Promise<void> {
    const name = crd.metadata.name ?? "";
    if (type === "DELETED") return this.#deleted(name);
    if (type !== "ADDED" && type !== "MODIFIED") return;
    this.#known.set(name, crd);
    await this.#sync(name);
  }

  /** A deleted definition frees its names: others of the group may have waited for them. */
  async #deleted(name: string): Promise<void> {
    const gone = this.#known.get(name);
    this.#known.delete(name);
    this.#withdraw(name);
    if (gone !== undefined) await this.#syncGroup(gone.spec.group, name);
  }

  async #syncGroup(group: string, except: string): Promise<void> {
    for (const [name, crd] of this.#known)
      if (name !== except && crd.spec.group === group) await this.#sync(name);
  }

  async #sync(name: string): Promise<void> {
    const crd = this.#known.get(name);
    if (crd === undefined) return;
    const { clock, logger } = this.#dependencies;
    try {
      const others = [...this.#known.values()].filter(
        (other) => other.metadata.name !== name && other.spec.group === crd.spec.group,
      );
      const decision = decideNames(crd, others, rfc3339(clock.now()));
      const conditions = withApproval(crd, decision.conditions, rfc3339(clock.now()));
      const decided: CustomResourceDefinition = {
        ...crd,
        status: { ...crd.status, acceptedNames: decision.acceptedNames, conditions },
      };
      if (isTrue(decided, "Established")) await this.#serve(name, decided);
      if (!jsonEqual(decided.status, crd.status)) {
        this.#known.set(name, decided);
        await this.#writeStatus(crd, (status) => ({
          ...status,
          acceptedNames: decision.acceptedNames,
          conditions: mergeConditions(status.conditions ?? [], conditions),
        }));
        if (!jsonEqual(decided.status?.acceptedNames, crd.status?.acceptedNames))
          await this.#syncGroup(crd.spec.group, name);
      }
      if (
        crd.metadata.deletionTimestamp !== undefined &&
        crd.metadata.finalizers?.includes(cleanupFinalizer) === true
      )
        void this.#finalize(name);
    } catch (error) {
      logger.error(
        { error, customResourceDefinition: name },
        "a custom resource definition cannot be served",
      );
    }
  }

  async #serve(name: string, crd: CustomResourceDefinition): Promise<void> {
    const { kinds, prepare } = this.#dependencies;
    const served = this.#served.get(name);
    if (served !== undefined && servesTheSame(served.crd, crd)) return;
    if (served === undefined && kinds.isBuiltIn(crd.spec.group, crd.spec.names.plural)) return;
    const definition = customDefinition(crd, {
      ...(await prepare(crd)),
      // Asked on each creation: marking the definition ends no watches.
      isTerminating: () => this.#known.get(name)?.metadata.deletionTimestamp !== undefined,
    });
    // Nothing may come between: a request finds the former or the new.
    this.#withdraw(name);
    const store = kinds.add(definition);
    this.#served.set(name, { crd, definition, store });
  }

  #withdraw(name: string): void {
    const served = this.#served.get(name);
    if (served === undefined) return;
    this.#served.delete(name);
    this.#dependencies.kinds.remove(served.definition);
  }

  /** Deletes the objects of a deleted definition, and then lets it go. */
  async #finalize(name: string): Promise<void> {
    if (this.#finalizing.has(name)) return;
    this.#finalizing.add(name);
    const { signal, clock, logger } = this.#dependencies;
    try {
      const crd = this.#known.get(name);
      if (crd === undefined) return;
      if (isTrue(crd, "Established")) {
        await this.#setTerminating(
          crd,
          "True",
          "InstanceDeletionInProgress",
          "CustomResource deletion is in progress",
        );
        while (!(await this.#deleteInstances(name))) await sleep(clock, emptinessCheckMs, { signal });
        await this.#setTerminating(crd, "False", "InstanceDeletionCompleted", "removed all instances");
      } else await this.#setTerminating(crd, "False", "NeverEstablished", "resource was never established");
      await this.#release(crd);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error, customResourceDefinition: name }, "custom resources could not be deleted yet");
      await sleep(clock, emptinessCheckMs, { signal }).catch(() => {});
      this.#finalizing.delete(name);
      void this.#finalize(name);
    } finally {
      this.#finalizing.delete(name);
    }
  }

  /** True: none is left. */
  async #deleteInstances(name: string): Promise<boolean> {
    const served = this.#served.get(name);
    if (served === undefined) return true;
    const { store } = served;
    const { items } = await store.cache.list({ selection: { namespace: "" } });
    for (const { object } of items) {
      const { namespace = "", name: item = "" } = object.metadata;
      try {
        await store.delete({ namespace, name: item }, { options: deleteNow, validate: async () => {} });
      } catch {
        // Gone or changed meanwhile: the next look tells.
      }
    }
    return (await store.cache.list({ selection: { namespace: "" }, limit: 1 })).items.length === 0;
  }

  #setTerminating(
    crd: CustomResourceDefinition,
    status: string,
    reason: string,
    message: string,
  ): Promise<void> {
    const now = rfc3339(this.#dependencies.clock.now());
    return this.#writeStatus(crd, (current) => ({
      ...current,
      conditions: withCondition(
        current.conditions ?? [],
        { type: "Terminating", status, reason, message },
        now,
      ),
    }));
  }

  #release(crd: CustomResourceDefinition): Promise<void> {
    return this.#write(crd, (current) => {
      const { finalizers = [], ...metadata } = current.metadata;
      const others = finalizers.filter((finalizer) => finalizer !== cleanupFinalizer);
      return { ...current, metadata: { ...metadata, finalizers: others } };
    });
  }

  #writeStatus(
    crd: CustomResourceDefinition,
    change: (
      status: NonNullable<CustomResourceDefinition["status"]>,
    ) => NonNullable<CustomResourceDefinition["status"]>,
  ): Promise<void> {
    return this.#write(crd, (current) => ({ ...current, status: change(current.status ?? {}) }));
  }

  /** Through the API, as any controller: so it is known who says what. Rejects when the definition is gone. */
  async #write(
    crd: CustomResourceDefinition,
    change: (crd: CustomResourceDefinition) => CustomResourceDefinition,
  ): Promise<void> {
    const { client, signal } = this.#dependencies;
    const { name = "", uid } = crd.metadata;
    for (let current = crd; !signal.aborted && current.metadata.uid === uid; ) {
      try {
        await client.update(customResourceDefinitions, change(current), { subresource: "status", signal });
        return;
      } catch (error) {
        if (!isApiError(error, "Conflict")) throw error;
        current = await client.get(customResourceDefinitions, { name }, { signal });
      }
    }
  }
}

const deleteNow: DeleteRequestOptions = { dryRun: false };

const asCrd = (object: AnyObject) => object as unknown as CustomResourceDefinition; // the store is theirs

const ownConditions = new Set(["NamesAccepted", "Established", "KubernetesAPIApprovalPolicyConformant"]);

/** Whether a community group's API is approved, as a condition; other groups have none. */
function withApproval(
  crd: CustomResourceDefinition,
  conditions: readonly Condition[],
  now: string,
): readonly Condition[] {
  const approval = approvalOf(crd);
  if (approval === undefined) return conditions;
  const type = "KubernetesAPIApprovalPolicyConformant";
  const status = approval.state === "Approved" ? "True" : "False";
  const reason = `${approval.state === "Bypassed" ? "Unapproved" : approval.state}Annotation`;
  return withCondition(conditions, { type, status, reason, message: approval.reason }, now);
}

/** What this server decides, over what others have written of their own. */
function mergeConditions(current: readonly Condition[], decided: readonly Condition[]): readonly Condition[] {
  const own = decided.filter(({ type }) => ownConditions.has(type));
  return [...current.filter(({ type }) => !own.some((each) => each.type === type)), ...own];
}

function servesTheSame(left: CustomResourceDefinition, right: CustomResourceDefinition): boolean {
  return (
    jsonEqual(left.spec, right.spec) &&
    jsonEqual(left.status?.acceptedNames, right.status?.acceptedNames) &&
    left.metadata.uid === right.metadata.uid
  );
}
