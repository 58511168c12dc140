import type { ResourceDefinition } from "../../api/definition.ts";
import {
  alreadyExists,
  failure,
  invalid,
  isApiError,
  notFound,
  staleObject,
} from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateMetadata, validateMetadataUpdate } from "../../apimachinery/validation-metadata.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { randomSuffix } from "../../base/random.ts";
import type { KeyValue, Storage } from "../../storage/storage.ts";
import { StoredValue } from "../../storage/storage.ts";
import type { CachedObject } from "../cache/cached-object.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { isDeletedByUpdate, planDeletion } from "./deletion.ts";
import { keyRootOf, objectKeyIn } from "./keys.ts";
import { isUnchanged, withKeptIdentity, withMetadata, withNewIdentity } from "./metadata.ts";
import { namesRevision, revisionOfObject } from "./resource-version.ts";
import type { CreateCall, DeleteCall, Place, Reservation, StoreHooks, UpdateCall } from "./store-calls.ts";
import { judgedKindOf } from "./store-calls.ts";
import { uidMismatch } from "./uid-mismatch.ts";

export interface ResourceStoreDependencies {
  readonly definition: ResourceDefinition;
  readonly storage: Storage;
  readonly cache: WatchCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly hooks?: StoreHooks;
}

/** Upstream's bound: at eight tries a prefix with a million names still fails only once in a thousand. */
const nameGenerationAttempts = 8;
const generatedNameMaxLength = 63;
const suffixLength = 5;

const describingGroups = new Set([
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
]);

/** The generic registry of one resource: every write of its objects, in their storage version. */
export class ResourceStore {
  readonly definition: ResourceDefinition;
  readonly cache: WatchCache;
  readonly keyRoot: string;
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #hooks: StoreHooks;

  constructor(dependencies: ResourceStoreDependencies) {
    this.definition = dependencies.definition;
    this.cache = dependencies.cache;
    this.#storage = dependencies.storage;
    this.#clock = dependencies.clock;
    this.#random = dependencies.random;
    this.#hooks = dependencies.hooks ?? {};
    this.keyRoot = keyRootOf(dependencies.definition);
  }

  get resource(): { readonly group: string; readonly resource: string } {
    return { group: this.definition.group, resource: this.definition.plural };
  }

  keyOf(place: Place): string {
    return objectKeyIn(this.keyRoot, place);
  }

  /** The object as of now; undefined where there is none. */
  async find(place: Place, options: { readonly minRevision?: number } = {}): Promise<AnyObject | undefined> {
    return (await this.cache.get(this.keyOf(place), options))?.object;
  }

  /** Throws 404. */
  async get(place: Place, options: { readonly minRevision?: number } = {}): Promise<AnyObject> {
    const found = await this.find(place, options);
    if (found === undefined) throw notFound(this.resource, place.name);
    return found;
  }

  async create(object: AnyObject, namespace: string, call: CreateCall): Promise<AnyObject> {
    const { name, generateName } = object.metadata;
    if (name || !generateName) return this.#createOnce(object, namespace, call);
    for (let attempt = 1; ; attempt++) {
      const named = withMetadata(object, { name: this.#generatedName(generateName) });
      try {
        return await this.#createOnce(named, namespace, call);
      } catch (error) {
        if (!isApiError(error, "AlreadyExists") || attempt === nameGenerationAttempts) throw error;
      }
    }
  }

  #generatedName(base: string): string {
    return base.slice(0, generatedNameMaxLength - suffixLength) + randomSuffix(this.#random, suffixLength);
  }

  async #createOnce(input: AnyObject, namespace: string, call: CreateCall): Promise<AnyObject> {
    const reservation = await this.#prepareCreate(input, namespace, call);
    let committed = false;
    try {
      const object = reservation.object;
      const place = { namespace, name: object.metadata.name ?? "" };
      await call.validate(object);
      const key = this.keyOf(place);
      const { resourceVersion } = input.metadata;
      if (call.dryRun) {
        if ((await this.cache.get(key)) !== undefined) throw alreadyExists(this.resource, place.name);
        return resourceVersion ? withMetadata(object, { resourceVersion }) : object;
      }
      if (namesRevision(resourceVersion))
        throw failure(500, "", "resourceVersion should not be set on objects to be created");
      const result = await this.#commit(key, 0, object);
      if (!result.committed) throw this.#existsAlready(result.current, place.name, object);
      committed = true;
      return result.state.object;
    } finally {
      reservation.finish(committed);
    }
  }

  async #prepareCreate(input: AnyObject, namespace: string, call: CreateCall): Promise<Reservation> {
    const { definition = this.definition } = call;
    const { strategy } = definition;
    let object = withNewIdentity(input, {
      uid: this.#random.uuid(),
      nowMs: this.#clock.now(),
      namespace: definition.namespaced ? namespace : "",
    });
    const counted = this.#countsGeneration(object);
    object = withMetadata(object, { generation: counted ? 1 : object.metadata.generation });
    for (const warning of strategy.inputWarnings?.(object) ?? []) call.warn(warning);
    if (strategy.prepareForCreate !== undefined) object = strategy.prepareForCreate(object);
    const reservation = (await this.#hooks.beginCreate?.(object, call)) ?? { object, finish() {} };
    try {
      object = reservation.object;
      const name = object.metadata.name ?? "";
      const errors = [
        ...this.#metadataErrors(object),
        ...(strategy.validate?.(object) ?? []),
        ...(reservation.errors ?? []),
      ];
      if (errors.length > 0) throw invalid(judgedKindOf(definition), name, errors);
      for (const warning of strategy.warnings?.(object) ?? []) call.warn(warning);
      return reservation;
    } catch (error) {
      reservation.finish(false);
      throw error;
    }
  }

  /** Custom kinds, and the kinds that describe the API itself, let anyone name finalizers as they like. */
  get #onlyKnownFinalizers(): boolean {
    return this.definition.custom === undefined && !describingGroups.has(this.definition.group);
  }

  #metadataErrors(object: AnyObject) {
    const { namespaced, checkName = dns1123Subdomain } = this.definition;
    const onlyKnownFinalizers = this.#onlyKnownFinalizers;
    return validateMetadata(object.metadata, { namespaced, checkName, onlyKnownFinalizers });
  }

  #countsGeneration(object: AnyObject): boolean {
    const { generationFields: fields, generationBeginsWithChange = false } = this.definition.strategy;
    if (generationBeginsWithChange) return false;
    return fields === undefined ? object.spec !== undefined : fields.length > 0;
  }

  #existsAlready(current: CachedObject | undefined, name: string, object: AnyObject): Error {
    if (object.metadata.generateName && object.metadata.generateName !== object.metadata.name) {
      const status = alreadyExists(this.resource, name).status;
      return failure(
        409,
        "AlreadyExists",
        `${status.message}, the server was not able to generate a unique name for the object`,
        {
          ...status.details,
          retryAfterSeconds: 1,
        },
      );
    }
    const error = alreadyExists(this.resource, name);
    if (current?.object.metadata.deletionTimestamp === undefined) return error;
    return failure(409, "AlreadyExists", `object is being deleted: ${error.message}`, error.status.details);
  }

  /** Changes an object; `created` where it did not exist and may be made that way. */
  async update(place: Place, call: UpdateCall): Promise<{ object: AnyObject; created: boolean }> {
    const key = this.keyOf(place);
    // What the cache has at hand is nearly always the present state, and costs nothing.
    let current = await this.cache.get(key, { minRevision: 0 });
    let isCertain = false;
    for (;;) {
      let outcome: UpdateOutcome;
      try {
        outcome = await this.#attemptUpdate(place, current, call);
      } catch (error) {
        if (isCertain) throw error;
        isCertain = true;
        const fresh = await this.cache.get(key);
        if (fresh?.revision === current?.revision) throw error;
        current = fresh;
        continue;
      }
      if (outcome.done) return outcome;
      current = outcome.current;
      isCertain = true;
    }
  }

  async #attemptUpdate(
    place: Place,
    current: CachedObject | undefined,
    call: UpdateCall,
  ): Promise<UpdateOutcome> {
    const old = current?.object;
    if (old === undefined && call.createMissing === undefined) throw notFound(this.resource, place.name);
    if (call.uid !== undefined && call.uid !== old?.metadata.uid)
      throw uidMismatch(this.definition, { ...place, wanted: call.uid, actual: old?.metadata.uid ?? "" });
    const changed = await call.change(old);
    const named = changed.metadata.resourceVersion ?? "";
    // 0 is the version of an object that has none.
    const version = named !== "" && revisionOfObject(named) === 0 ? "" : named;
    if (old === undefined || current === undefined) {
      if (call.createMissing === undefined) throw notFound(this.resource, place.name);
      return {
        done: true,
        created: true,
        object: await this.#createOnce(
          withMetadata(changed, { resourceVersion: undefined }),
          place.namespace,
          call.createMissing,
        ),
      };
    }
    const unconditional = call.unconditional ?? this.definition.strategy.unconditionalUpdate ?? true;
    if (version === "" && !unconditional)
      throw invalid({ group: this.definition.group, kind: this.definition.plural }, place.name, [
        field.invalid("metadata.resourceVersion", 0, "must be specified for an update"),
      ]);
    if (version !== "" && version !== old.metadata.resourceVersion)
      throw staleObject(this.resource, place.name);
    return this.#writeUpdate(place, changed, current, call);
  }

  async #writeUpdate(
    place: Place,
    changed: AnyObject,
    current: CachedObject,
    call: UpdateCall,
  ): Promise<UpdateOutcome> {
    const old = current.object;
    const reservation = await this.#prepareUpdate(changed, old, call);
    let committed = false;
    try {
      const object = reservation.object;
      await call.validate(object, old);
      if (call.dryRun) return { done: true, created: false, object };
      if (isDeletedByUpdate(object, old) && this.#hooks.keepsAlive?.(object) !== true) {
        const removed = await this.#remove(current);
        if (!removed.committed) return { done: false, current: removed.current };
        committed = true;
        this.#hooks.afterDelete?.(object);
        return { done: true, created: false, object };
      }
      if (isUnchanged(object, old) && (await this.#storage.isStale?.(current.key)) !== true)
        return { done: true, created: false, object: old };
      const result = await this.#commit(current.key, current.revision, object);
      if (!result.committed) {
        if (result.current === undefined) throw notFound(this.resource, place.name);
        return { done: false, current: result.current };
      }
      committed = true;
      return { done: true, created: false, object: result.state.object };
    } finally {
      reservation.finish(committed);
    }
  }

  async #prepareUpdate(changed: AnyObject, old: AnyObject, call: UpdateCall): Promise<Reservation> {
    const { definition } = this;
    const versioned = withMetadata(changed, { resourceVersion: old.metadata.resourceVersion });
    let object = call.rules.prepare(withKeptIdentity(versioned, old), old);
    const reservation = (await this.#hooks.beginUpdate?.(object, old, call)) ?? { object, finish() {} };
    try {
      object = reservation.object;
      const errors = [
        ...validateMetadataUpdate(object.metadata, old.metadata, {
          onlyKnownFinalizers: this.#onlyKnownFinalizers,
        }),
        ...call.rules.validate(object, old),
        ...(reservation.errors ?? []),
      ];
      if (errors.length > 0) throw invalid(judgedKindOf(definition), object.metadata.name ?? "", errors);
      for (const warning of definition.strategy.warnings?.(object, old) ?? []) call.warn(warning);
      return reservation;
    } catch (error) {
      reservation.finish(false);
      throw error;
    }
  }

  /** The object where it lives on or as it last was; `removed` says which. */
  async delete(place: Place, call: DeleteCall): Promise<{ object: AnyObject; removed: boolean }> {
    const key = this.keyOf(place);
    let current = await this.cache.get(key);
    for (;;) {
      if (current === undefined) throw notFound(this.resource, place.name);
      const object = current.object;
      await call.validate(object);
      const held = this.#hooks.keepsAlive?.(object) === true;
      const plan = planDeletion(this.definition, object, call.options, { nowMs: this.#clock.now(), held });
      if (plan.action === "pending") return { object, removed: false };
      const removes = plan.action === "remove" || plan.thenRemove;
      if (plan.action === "update") {
        const marked = this.#hooks.terminate?.(plan.object, object) ?? plan.object;
        if (call.options.dryRun) return { object: marked, removed: removes };
        const written = await this.#overwrite(current, marked);
        if (!written.committed) {
          current = written.current;
          continue;
        }
        current = written.state;
      }
      if (!removes) return { object: current.object, removed: false };
      if (call.options.dryRun) return { object, removed: true };
      const removal = await this.#remove(current);
      // Gone meanwhile, after it was marked here, is what was asked for.
      if (removal.committed || (removal.current === undefined && plan.action === "update")) {
        if (removal.committed) this.#hooks.afterDelete?.(current.object);
        return { object: current.object, removed: true };
      }
      current = removal.current;
    }
  }

  async #overwrite(current: CachedObject, object: AnyObject): Promise<Commit> {
    if (isUnchanged(object, current.object)) return { committed: true, state: current };
    return this.#commit(current.key, current.revision, object);
  }

  async #remove({ key, revision }: CachedObject): Promise<Removal> {
    const result = await this.#storage.commit({
      compare: [{ key, modRevision: revision }],
      writes: [{ type: "delete", key }],
    });
    return result.committed ? result : { committed: false, current: this.#standing(result.current) };
  }

  async #commit(key: string, modRevision: number, object: AnyObject): Promise<Commit> {
    const ttlSeconds = this.definition.strategy.ttlSeconds;
    // So that the version this object is given is one to watch from. What vanishes by itself (events) is many, and rarely read.
    if (modRevision === 0 && ttlSeconds === undefined) this.cache.begin();
    const value = StoredValue.ofObject(withMetadata(object, { resourceVersion: undefined }));
    const result = await this.#storage.commit({
      compare: [{ key, modRevision }],
      writes: [{ type: "put", key, value, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) }],
    });
    if (!result.committed) return { committed: false, current: this.#standing(result.current) };
    const { revision } = result;
    const createRevision = modRevision === 0 ? revision : modRevision;
    return { committed: true, state: this.cache.hold({ key, value, modRevision: revision, createRevision }) };
  }

  #standing([keyValue]: readonly (KeyValue | undefined)[]): CachedObject | undefined {
    return keyValue === undefined ? undefined : this.cache.hold(keyValue);
  }
}

type Removal =
  | { readonly committed: true }
  | { readonly committed: false; readonly current: CachedObject | undefined };

type Commit =
  | { readonly committed: true; readonly state: CachedObject }
  | { readonly committed: false; readonly current: CachedObject | undefined };

type UpdateOutcome =
  | { readonly done: true; readonly object: AnyObject; readonly created: boolean }
  | { readonly done: false; readonly current: CachedObject | undefined };
