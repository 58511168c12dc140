import assert from "node:assert/strict";
import { isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod, PodSpec, PodTemplateSpec } from "../../api/core/types.generated.ts";
import { namespaces, pods } from "../../api/resources.generated.ts";
import { isApiError, type Status } from "../../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { WatchEvent } from "../../client/exchange.ts";
import { startCluster, type TestCluster } from "../../testing/index.ts";

/** What a conformance test of workloads needs: a whole cluster of two simulated nodes, and a namespace a test. */
export interface WholeCluster extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly client: Client;
  /** Pods named here answer no probe that runs a command (`probed`). */
  readonly broken: Set<string>;
  /** A new namespace, ready for pods. */
  namespace(name: string): Promise<string>;
  until(condition: () => boolean | Promise<boolean>, timeout?: string): Promise<void>;
  /** Undefined where there is none. */
  find<T extends KubeObject>(type: ResourceType<T>, namespace: string, name: string): Promise<T | undefined>;
  pods(namespace: string, labelSelector?: string): Promise<readonly Pod[]>;
  /** Reads, changes and writes again after a conflict, as client-go's RetryOnConflict does. */
  change<T extends KubeObject>(
    type: ResourceType<T>,
    name: { readonly namespace?: string; readonly name: string },
    edit: (object: T) => T,
    subresource?: string,
  ): Promise<T>;
  /** Notes all events of a resource from now on, or from a version. */
  record<T extends KubeObject>(
    type: ResourceType<T>,
    selection: {
      readonly namespace?: string;
      readonly labelSelector?: string;
      readonly resourceVersion?: string;
    },
  ): Promise<Recording<T>>;
}

export interface Recording<T> {
  readonly events: readonly WatchEvent<T>[];
  stop(): void;
}

/** An image whose pull fails. */
export const missingImage = "webserver:404";

export async function startWholeCluster(nodes = 2): Promise<WholeCluster> {
  const broken = new Set<string>();
  const cluster = await startCluster({
    nodes,
    runtime: {
      pullBehavior: (image) => (image.includes("404") ? { error: "not found" } : {}),
      behavior: ({ envs = [], metadata }, { metadata: pod }) => {
        const env = (name: string) => envs.find((each) => each.name === name)?.value;
        const exit = metadata.attempt > 0 && env("ONCE") === "true" ? "0" : env("EXIT");
        const exitCode = exit === "odd" ? Number(env("JOB_COMPLETION_INDEX")) % 2 : Number(exit);
        return {
          ...(exit === undefined ? { stopExitCode: 143 } : { exitAfterMs: 500, exitCode }),
          exec: () => ({ exitCode: broken.has(pod.name) ? 1 : 0 }),
        };
      },
    },
  });
  const { client } = cluster;
  const whole: WholeCluster = {
    cluster,
    client,
    broken,
    async namespace(name) {
      await client.create(namespaces, {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name },
        spec: {},
      });
      return name;
    },
    until: (condition, timeout = "5m") => cluster.until(condition, { timeout }),
    async find(type, namespace, name) {
      try {
        return await client.get(type, { namespace, name });
      } catch (error) {
        if (isApiError(error, "NotFound")) return undefined;
        throw error;
      }
    },
    pods: async (namespace, labelSelector) =>
      (await client.list(pods, labelSelector === undefined ? { namespace } : { namespace, labelSelector }))
        .items,
    async change(type, name, edit, subresource) {
      for (;;) {
        const live = await client.get(type, name);
        try {
          return await client.update(type, edit(live), subresource === undefined ? {} : { subresource });
        } catch (error) {
          if (!isApiError(error, "Conflict")) throw error;
        }
      }
    },
    record: (type, selection) => record(client, type, selection),
    [Symbol.asyncDispose]: () => cluster.close(),
  };
  return whole;
}

async function record<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  selection: {
    readonly namespace?: string;
    readonly labelSelector?: string;
    readonly resourceVersion?: string;
  },
): Promise<Recording<T>> {
  const events: WatchEvent<T>[] = [];
  const abort = new AbortController();
  const resourceVersion =
    selection.resourceVersion ?? (await client.list(type, selection)).metadata.resourceVersion ?? "";
  const batches = await client.watch(type, { ...selection, resourceVersion, signal: abort.signal });
  void (async () => {
    for await (const batch of batches) {
      for (const event of batch) {
        assert.notEqual(event.type, "ERROR", JSON.stringify(event.object));
        events.push(event as WatchEvent<T>);
      }
    }
  })().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return { events, stop: () => abort.abort() };
}

/** Pods that run and are ready, and are not on their way out. */
export function ready(all: readonly Pod[]): readonly Pod[] {
  return all.filter(
    (pod) =>
      pod.status?.phase === "Running" && isPodReady(pod) && pod.metadata.deletionTimestamp === undefined,
  );
}

export function template(labels: Readonly<Record<string, string>>, spec: Partial<PodSpec> = {}) {
  return {
    metadata: { labels },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "web", image: "webserver:1" }],
      ...spec,
    },
  } satisfies PodTemplateSpec;
}

/** A container whose readiness `WholeCluster.broken` decides. */
export function probed(name: string, image: string): PodSpec["containers"][number] {
  const readinessProbe = { exec: { command: ["probe"] }, periodSeconds: 1, failureThreshold: 1 };
  return { name, image, readinessProbe };
}

/** Asserts that a call fails, and gives its Status. */
export async function failure(call: Promise<unknown>): Promise<Status> {
  try {
    await call;
  } catch (error) {
    if (isApiError(error)) return error.status;
    throw error;
  }
  throw new assert.AssertionError({ message: "the call did not fail" });
}
