import type { ConfigMap, Pod, Secret } from "../api/core/types.generated.ts";
import { configMaps, secrets } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Client } from "../client/client.ts";

export interface PodReferences {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

/** The config maps and secrets that a pod's spec names. */
export function referencesOf(pod: Pod): PodReferences {
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

export interface ReferencedObjects {
  /** Fetches what the pod names and keeps it current until `release`. Absent objects stay absent; failures throw. */
  load(pod: Pod, signal: AbortSignal): Promise<void>;
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  release(podUid: string): void;
}

interface Entry<T> {
  object: T | undefined;
  readonly users: Map<string, () => void>;
  readonly controller: AbortController;
  ready: Promise<void>;
}

/**
 * The config maps and secrets that this node's pods use: each is fetched when the first pod needs it and watched by name
 * while one does (upstream's watch-based object managers); an immutable one is fetched once. `changed` tells which pods
 * use something that changed.
 */
export function createReferencedObjects(dependencies: {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly changed: (podUid: string) => void;
}): ReferencedObjects {
  const { client, clock, logger, changed } = dependencies;
  const maps = new Map<string, Entry<ConfigMap>>();
  const secretEntries = new Map<string, Entry<Secret>>();

  function use<T extends KubeObject>(
    entries: Map<string, Entry<T>>,
    type: ResourceType<T>,
    namespace: string,
    name: string,
    podUid: string,
  ): Promise<void> {
    const key = `${namespace}/${name}`;
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = {
        object: undefined,
        users: new Map(),
        controller: new AbortController(),
        ready: Promise.resolve(),
      };
      entries.set(key, entry);
      entry.ready = follow(entry, type, namespace, name);
    }
    const added = entry;
    entry.users.set(podUid, () => changed(podUid));
    return added.ready.catch((error: unknown) => {
      // The next sync of the pod tries again.
      if (entries.get(key) === added) {
        added.controller.abort();
        entries.delete(key);
      }
      throw error;
    });
  }

  /** Resolves when the object's first state is known; goes on watching after that. */
  async function follow<T extends KubeObject>(
    entry: Entry<T>,
    type: ResourceType<T>,
    namespace: string,
    name: string,
  ) {
    const { signal } = entry.controller;
    let resourceVersion: string | undefined = await read(entry, type, namespace, name);
    void (async () => {
      while (!signal.aborted) {
        try {
          if (resourceVersion === undefined) resourceVersion = await read(entry, type, namespace, name);
          resourceVersion = await watchOnce(entry, type, namespace, name, resourceVersion);
        } catch (error) {
          if (signal.aborted) return;
          resourceVersion = undefined;
          logger.debug(
            { error, namespace, name, resource: type.resource },
            "watch of a referenced object failed; trying again",
          );
          await new Promise<void>((resolve) => clock.setTimer(1000, resolve));
        }
      }
    })();
  }

  async function read<T extends KubeObject>(
    entry: Entry<T>,
    type: ResourceType<T>,
    namespace: string,
    name: string,
  ): Promise<string> {
    const { signal } = entry.controller;
    const list = await client.list(type, { namespace, fieldSelector: `metadata.name=${name}`, signal });
    set(entry, list.items[0]);
    return list.metadata.resourceVersion ?? "";
  }

  async function watchOnce<T extends KubeObject>(
    entry: Entry<T>,
    type: ResourceType<T>,
    namespace: string,
    name: string,
    since: string,
  ): Promise<string | undefined> {
    const { signal } = entry.controller;
    const fieldSelector = `metadata.name=${name}`;
    let seen: string | undefined = since;
    const batches = await client.watch(type, {
      namespace,
      fieldSelector,
      resourceVersion: since,
      allowWatchBookmarks: true,
      signal,
    });
    for await (const batch of batches) {
      for (const { type: eventType, object } of batch) {
        if (eventType === "ERROR") return undefined;
        seen = (object as T).metadata.resourceVersion ?? seen;
        if (eventType !== "BOOKMARK") set(entry, eventType === "DELETED" ? undefined : (object as T));
      }
    }
    return seen;
  }

  function set<T extends KubeObject>(entry: Entry<T>, object: T | undefined): void {
    const before = entry.object?.metadata.resourceVersion;
    entry.object = object;
    if (before !== object?.metadata.resourceVersion) for (const tell of entry.users.values()) tell();
  }

  return {
    async load(pod, signal) {
      const { namespace = "", uid = "" } = pod.metadata;
      const references = referencesOf(pod);
      const loads = [
        ...[...references.configMaps].map((name) => use(maps, configMaps, namespace, name, uid)),
        ...[...references.secrets].map((name) => use(secretEntries, secrets, namespace, name, uid)),
      ];
      try {
        await Promise.all(loads);
      } catch (error) {
        if (!isApiError(error, "Forbidden") && !signal.aborted) throw error;
        // The Node authorizer learns of a new pod a moment after the kubelet: like absence, it is tried again.
        logger.debug(
          { error, pod: `${namespace}/${pod.metadata.name}` },
          "a referenced object is not readable yet",
        );
      }
    },
    configMap: (namespace, name) => maps.get(`${namespace}/${name}`)?.object,
    secret: (namespace, name) => secretEntries.get(`${namespace}/${name}`)?.object,
    release(podUid) {
      for (const entries of [maps, secretEntries] as readonly Map<string, Entry<KubeObject>>[]) {
        for (const [key, entry] of entries) {
          entry.users.delete(podUid);
          if (entry.users.size > 0) continue;
          entry.controller.abort();
          entries.delete(key);
        }
      }
    },
  };
}
