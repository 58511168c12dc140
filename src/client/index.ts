/**
 * `k8ts/client`: a client for any Kubernetes. Informers, work queues, controllers, leader election and events need nothing
 * of Node; `connect` brings the HTTPS transport, which is loaded when it is called.
 */
import type { Connection, ConnectOptions } from "./transport/connect.ts";

export type { Status, StatusReason } from "../apimachinery/api-error.ts";
export { ApiError, isApiError } from "../apimachinery/api-error.ts";
export type {
  AnyObject,
  KubeList,
  KubeObject,
  ObjectMeta,
  OwnerReference,
  ResourceType,
} from "../apimachinery/meta.ts";
export { apiVersionOf, controllerOf, objectKey, splitObjectKey } from "../apimachinery/meta.ts";
export type { Clock } from "../base/clock.ts";
export type { Logger } from "../base/log.ts";
export { silentLogger } from "../base/log.ts";
export type { Random } from "../base/random.ts";
export { systemClock } from "../base/system-clock.ts";
export { systemRandom } from "../base/system-random.ts";
export type * from "./client.ts";
export {
  type ControllerOptions,
  type ReconcileContext,
  type ReconcileResult,
  runController,
} from "./controller.ts";
export {
  createEventRecorder,
  type EventContent,
  type EventRecorder,
  type EventRecorderOptions,
  referenceTo,
} from "./event-recorder.ts";
export type * from "./exchange.ts";
export type * from "./informer.ts";
export { createInformerFactory, type InformerFactoryOptions } from "./informer-factory.ts";
export { type LeaderElectionOptions, type Leadership, runLeaderElection } from "./leader-election.ts";
export { createClient, type RestClient, type RestClientOptions } from "./rest-client.ts";
export { createSharedInformer, type RunnableInformer } from "./shared-informer.ts";
export { TransportError } from "./transport-error.ts";
export {
  type AddOptions,
  createWorkQueue,
  defaultRateLimit,
  type RateLimit,
  type WorkQueue,
  type WorkQueueMetrics,
  type WorkQueueOptions,
} from "./work-queue.ts";

/** A client for the cluster that kubectl would talk to here: kubeconfig, or the pod's service account. */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  const edge = await import("./transport/connect.ts");
  return edge.connect(options);
}

export type { Connection, ConnectOptions } from "./transport/connect.ts";
