import type { ConfigMap, Pod, Secret } from "../api/core/types.generated.ts";
import { configMaps, secrets } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Client } from "../client/client.ts";

export interface PodReferences {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

/** The config maps and secrets that a pod's spec names. */
function referencesOf(pod: Pod): PodReferences {
  const maps = new Set<string>();
  const secretNames = new Set<string>();
  const { spec } = pod;
  for (const container of [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...(spec.ephemeralContainers ?? []),
  ]) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      if (configMapRef?.name !== undefined) maps.add(configMapRef.name);
      if (secretRef?.name !== undefined) secretNames.add(secretRef.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      if (valueFrom?.configMapKeyRef?.name !== undefined) maps.add(valueFrom.configMapKeyRef.name);
      if (valueFrom?.secretKeyRef?.name !== undefined) secretNames.add(valueFrom.secretKeyRef.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    if (volume.configMap?.name !== undefined) maps.add(volume.configMap.name);
    if (volume.secret?.secretName !== undefined) secretNames.add(volume.secret.secretName);
    for (const { configMap, secret } of volume.projected?.sources ?? []) {
      if (configMap?.name !== undefined) maps.add(configMap.name);
      if (secret?.name !== undefined) secretNames.add(secret.name);
    }
  }
  for (const { name } of spec.imagePullSecrets ?? []) if (name !== undefined) secretNames.add(name);
  return { configMaps: maps, secrets: secretNames };
}

interface Entry<T> {
  object: T | undefined;
  readonly users: Set<string>;
  readonly controller: AbortController;
  ready: Promise<void>;
}

/** One object of the API, by what it is and how it is called. */
interface Reference<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly namespace: string;
  readonly name: string;
}

export interface ReferencedObjectsDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something that this pod uses changed. */
  readonly changed: (podUid: string) => void;
}

/** A watch that the server ends, or refuses, is begun again no sooner than this. */
const rewatchMs = 1000;

/**
 * The config maps and secrets that this node's pods use: each is fetched when the first pod needs it and watched by name
 * while one does (upstream's watch-based object managers).
 */
export class ReferencedObjects {
  readonly #dependencies: ReferencedObjectsDependencies;
  readonly #configMaps = new Map<string, Entry<ConfigMap>>();
  readonly #secrets = new Map<string, Entry<Secret>>();

  constructor(dependencies: ReferencedObjectsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Fetches what the pod names and keeps it current until `release`. Absent objects stay absent; failures throw. */
  async load(pod: Pod, signal: AbortSignal): Promise<void> {
    const { namespace = "", uid = "" } = pod.metadata;
    const references = referencesOf(pod);
    const loads = [
      ...[...references.configMaps].map((name) =>
        this.#use(this.#configMaps, { type: configMaps, namespace, name }, uid),
      ),
      ...[...references.secrets].map((name) =>
        this.#use(this.#secrets, { type: secrets, namespace, name }, uid),
      ),
    ];
    try {
      await Promise.all(loads);
    } catch (error) {
      if (!isApiError(error, "Forbidden") && !signal.aborted) throw error;
      // The Node authorizer learns of a new pod a moment after the kubelet: like absence, it is tried again.
      this.#dependencies.logger.debug(
        { error, pod: `${namespace}/${pod.metadata.name}` },
        "a referenced object is not readable yet",
      );
    }
  }

  configMap(namespace: string, name: string): ConfigMap | undefined {
    return this.#configMaps.get(`${namespace}/${name}`)?.object;
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.#secrets.get(`${namespace}/${name}`)?.object;
  }

  /** The pod needs nothing any more. */
  release(podUid: string): void {
    release(this.#configMaps, podUid);
    release(this.#secrets, podUid);
  }

  /** Watches nothing any more. */
  close(): void {
    for (const { controller } of [...this.#configMaps.values(), ...this.#secrets.values()])
      controller.abort();
  }

  async #use<T extends KubeObject>(
    entries: Map<string, Entry<T>>,
    reference: Reference<T>,
    podUid: string,
  ): Promise<void> {
    const key = `${reference.namespace}/${reference.name}`;
    let entry = entries.get(key);
    if (entry === undefined) {
      const controller = new AbortController();
      entry = { object: undefined, users: new Set(), controller, ready: Promise.resolve() };
      entries.set(key, entry);
      entry.ready = this.#follow(entry, reference);
    }
    const used = entry;
    used.users.add(podUid);
    try {
      await used.ready;
    } catch (error) {
      // The next sync of the pod tries again.
      used.controller.abort();
      if (entries.get(key) === used) entries.delete(key);
      throw error;
    }
  }

  /** Resolves when the object's first state is known; goes on watching after that. */
  async #follow<T extends KubeObject>(entry: Entry<T>, reference: Reference<T>): Promise<void> {
    const resourceVersion = await this.#read(entry, reference);
    void this.#watch(entry, reference, resourceVersion);
  }

  async #watch<T extends KubeObject>(entry: Entry<T>, reference: Reference<T>, since: string): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = entry.controller;
    const { namespace, name } = reference;
    let resourceVersion: string | undefined = since;
    while (!signal.aborted) {
      const startedAtMs = clock.now();
      try {
        resourceVersion ??= await this.#read(entry, reference);
        resourceVersion = await this.#watchOnce(entry, reference, resourceVersion);
      } catch (error) {
        if (signal.aborted) return;
        resourceVersion = undefined;
        const { resource } = reference.type;
        logger.debug(
          { error, namespace, name, resource },
          "watch of a referenced object failed; trying again",
        );
      }
      const pauseMs = rewatchMs - (clock.now() - startedAtMs);
      if (pauseMs > 0) await sleep(clock, pauseMs, { signal }).catch(() => undefined);
    }
  }

  async #read<T extends KubeObject>(entry: Entry<T>, reference: Reference<T>): Promise<string> {
    const { type, namespace, name } = reference;
    const { signal } = entry.controller;
    const selection = { namespace, fieldSelector: `metadata.name=${name}`, signal };
    const list = await this.#dependencies.client.list(type, selection);
    this.#set(entry, list.items[0]);
    return list.metadata.resourceVersion ?? "";
  }

  /** Resolves to where to go on; undefined: read it anew. */
  async #watchOnce<T extends KubeObject>(
    entry: Entry<T>,
    { type, namespace, name }: Reference<T>,
    resourceVersion: string,
  ): Promise<string | undefined> {
    const { signal } = entry.controller;
    const fieldSelector = `metadata.name=${name}`;
    const options = { namespace, fieldSelector, resourceVersion, allowWatchBookmarks: true, signal };
    let seen: string | undefined = resourceVersion;
    for await (const batch of await this.#dependencies.client.watch(type, options)) {
      for (const { type: eventType, object } of batch) {
        if (eventType === "ERROR") return undefined;
        seen = object.metadata.resourceVersion ?? seen;
        if (eventType !== "BOOKMARK") this.#set(entry, eventType === "DELETED" ? undefined : object);
      }
    }
    return seen;
  }

  #set<T extends KubeObject>(entry: Entry<T>, object: T | undefined): void {
    const before = entry.object?.metadata.resourceVersion;
    entry.object = object;
    if (before === object?.metadata.resourceVersion) return;
    for (const uid of entry.users) this.#dependencies.changed(uid);
  }
}

function release<T>(entries: Map<string, Entry<T>>, podUid: string): void {
  for (const [key, entry] of entries) {
    if (!entry.users.delete(podUid) || entry.users.size > 0) continue;
    entry.controller.abort();
    entries.delete(key);
  }
}
