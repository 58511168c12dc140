import type { Node, Pod } from "../../api/core/types.generated.ts";
import type { Event as EventV1 } from "../../api/events/types.generated.ts";
import { eventsV1, namespaces, nodes, pods } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { inProcessTransport } from "../../apiserver/in-process.ts";
import { loopbackUser } from "../../apiserver/server.ts";
import { startTestServer } from "../../apiserver/test-support/server.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { VirtualClock } from "../../base/virtual-clock.ts";
import type { Client } from "../../client/client.ts";
import { createEventRecorder } from "../../client/event-recorder.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { createClient } from "../../client/rest-client.ts";
import { createScheduler, type Scheduler, type SchedulerOptions } from "../main.ts";

export interface SchedulerCluster {
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly scheduler: Scheduler;
  create(...objects: readonly (Node | Pod)[]): Promise<void>;
  pod(name: string): Promise<Pod>;
  /** The node that a pod is bound to, "" while it is bound to none; undefined where the pod is gone. */
  nodeOf(name: string): Promise<string | undefined>;
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  untilBound(...names: readonly string[]): Promise<void>;
  /** Notes of the events about a pod with this reason. */
  events(name: string, reason: string): Promise<readonly string[]>;
  /** Ends what a kubelet would end: pods that are being deleted are removed. */
  finishDeletions(): Promise<void>;
  close(): Promise<void>;
}

/** The API server and the scheduler in one process on a virtual clock; no kubelets, no controllers. */
export async function startSchedulerCluster(
  options: SchedulerOptions & { readonly faults?: (client: Client) => Client } = {},
): Promise<SchedulerCluster> {
  const server = await startTestServer();
  const { clock } = server;
  const random = seededRandom(7);
  const transport = inProcessTransport(server.server, loopbackUser);
  const client = createClient({ transport, clock });
  const logger = silentLogger;
  const informers = createInformerFactory({ client, clock, random, logger, detectMutations: true });
  const stop = new AbortController();
  const recorder = createEventRecorder({
    ...{ client, clock, random, logger },
    component: "default-scheduler",
    api: "events.k8s.io",
    signal: stop.signal,
  });
  await client
    .create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" }, spec: {} })
    .catch((error: unknown) => {
      if (!isApiError(error, "AlreadyExists")) throw error;
    });
  const { faults = (whole) => whole, ...schedulerOptions } = options;
  const scheduler = createScheduler({
    ...{ informers, recorder, clock, random, logger },
    client: faults(client),
    options: schedulerOptions,
  });
  const running = scheduler.run(stop.signal);
  await clock.settle();
  const find = async (name: string): Promise<Pod | undefined> => {
    try {
      return await client.get(pods, { namespace: "default", name });
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      throw error;
    }
  };
  const cluster: SchedulerCluster = {
    client,
    clock,
    scheduler,
    async create(...objects) {
      for (const object of objects) {
        if (object.kind === "Node") await client.create(nodes, object as Node);
        else {
          const { uid: _, ...metadata } = object.metadata;
          await client.create(pods, { ...(object as Pod), metadata });
        }
      }
    },
    pod: (name) => client.get(pods, { namespace: "default", name }),
    async nodeOf(name) {
      const found = await find(name);
      return found === undefined ? undefined : (found.spec.nodeName ?? "");
    },
    until: (condition) => clock.advanceUntil(condition),
    untilBound: (...names) =>
      clock.advanceUntil(async () => {
        const bound = await Promise.all(names.map((name) => cluster.nodeOf(name)));
        return bound.every((name) => (name ?? "") !== "");
      }),
    async events(name, reason) {
      await recorder.flush();
      const { items } = await client.list<EventV1>(eventsV1, { namespace: "default" });
      return items
        .filter((event) => event.regarding?.name === name && event.reason === reason)
        .map(({ note = "" }) => note);
    },
    async finishDeletions() {
      const { items } = await client.list(pods, { namespace: "default" });
      for (const { metadata } of items)
        if (metadata.deletionTimestamp !== undefined)
          await client.delete(
            pods,
            { namespace: "default", name: metadata.name ?? "" },
            { gracePeriodSeconds: 0 },
          );
    },
    async close() {
      stop.abort(new Error("the test is over"));
      await running;
      await transport.close();
      await server.close();
    },
  };
  return cluster;
}
