/**
 * `k8ts/client`: a client for any Kubernetes. Informers, work queues, controllers, leader election and events need nothing
 * of Node; `connect` brings the HTTPS transport, which is loaded when it is called.
 */
import type { Registry } from "prom-client";
import type { ManagerMetrics } from "./manager/metrics.ts";
import type { Connection, ConnectOptions } from "./transport/connect.ts";

// The built-in kinds: `core.Pod`, `apps.Deployment` as types, `resources.pods` to name them in calls.
export type * as admissionregistration from "../api/admissionregistration/types.generated.ts";
export type * as apiextensions from "../api/apiextensions/types.generated.ts";
export type * as apiregistration from "../api/apiregistration/types.generated.ts";
export type * as apps from "../api/apps/types.generated.ts";
export type * as authentication from "../api/authentication/types.generated.ts";
export type * as authorization from "../api/authorization/types.generated.ts";
export type * as autoscaling from "../api/autoscaling/types.generated.ts";
export type * as batch from "../api/batch/types.generated.ts";
export type * as certificates from "../api/certificates/types.generated.ts";
export type * as coordination from "../api/coordination/types.generated.ts";
export type * as core from "../api/core/types.generated.ts";
export type * as discovery from "../api/discovery/types.generated.ts";
export type * as events from "../api/events/types.generated.ts";
export type * as flowcontrol from "../api/flowcontrol/types.generated.ts";
export type * as meta from "../api/meta/types.generated.ts";
export type * as networking from "../api/networking/types.generated.ts";
export type * as node from "../api/node/types.generated.ts";
export type * as policy from "../api/policy/types.generated.ts";
export type * as rbac from "../api/rbac/types.generated.ts";
export type * as resource from "../api/resource/types.generated.ts";
export * as resources from "../api/resources.generated.ts";
export type * as scheduling from "../api/scheduling/types.generated.ts";
export type * as storage from "../api/storage/types.generated.ts";
export type { Status, StatusCause, StatusDetails, StatusReason } from "../apimachinery/api-error.ts";
export { ApiError, isApiError } from "../apimachinery/api-error.ts";
export type {
  AnyObject,
  KubeList,
  KubeObject,
  ListMeta,
  ManagedFieldsEntry,
  ObjectMeta,
  OwnerReference,
  ResourceType,
} from "../apimachinery/meta.ts";
export { apiVersionOf, controllerOf, objectKey, splitObjectKey } from "../apimachinery/meta.ts";
export type { BackoffPolicy } from "../base/backoff.ts";
export type { Clock, Timer } from "../base/clock.ts";
export type { Logger } from "../base/log.ts";
export { silentLogger } from "../base/log.ts";
export type { Random } from "../base/random.ts";
export { systemClock } from "../base/system-clock.ts";
export { systemRandom } from "../base/system-random.ts";
export type { TokenBucketPolicy } from "../base/token-bucket.ts";
export { type ApplyConfiguration, type ApplyOptions, apply } from "./apply.ts";
export type * from "./client.ts";
export { nameOf } from "./client.ts";
export {
  type Condition,
  findCondition,
  isConditionTrue,
  removeCondition,
  setCondition,
} from "./conditions.ts";
export {
  type CreatedOrUpdated,
  createOrUpdate,
  type RetryOptions,
  retryOnConflict,
} from "./create-or-update.ts";
export {
  createEventRecorder,
  type EventContent,
  type EventRecorder,
  type EventRecorderOptions,
  referenceTo,
} from "./event-recorder.ts";
export type * from "./exchange.ts";
export { addFinalizer, hasFinalizer, removeFinalizer } from "./finalizers.ts";
export type * from "./informer.ts";
export { createInformerFactory, type InformerFactoryOptions } from "./informer-factory.ts";
export { type LeaderElectionOptions, type Leadership, runLeaderElection } from "./leader-election.ts";
export type { CacheListOptions, CacheReader } from "./manager/cache-reader.ts";
export {
  type Controller,
  controller,
  type MappedRequest,
  type ReconcileContext,
  type ReconcileRequest,
  type Watch,
  watch,
} from "./manager/controller.ts";
export type { HealthCheck } from "./manager/health.ts";
export {
  createManager,
  LeadershipLostError,
  type Manager,
  type Runnable,
} from "./manager/manager.ts";
export type { ManagerElection, ManagerOptions } from "./manager/manager-options.ts";
export type { ManagerMetrics } from "./manager/metrics.ts";
export type { Change, Predicate } from "./manager/predicates.ts";
export * as predicates from "./manager/predicates.ts";
export { type Source, type SourceOptions, source } from "./manager/source.ts";
export {
  AlreadyOwnedError,
  controllerReference,
  setControllerReference,
  setOwnerReference,
} from "./owner-references.ts";
export { evict, type PodLogOptions, podLogs, scale } from "./pod-operations.ts";
export {
  attachToPod,
  connectToPod,
  copyFromPod,
  copyToPod,
  forwardPort,
  openTerminal,
  runInPod,
} from "./pod-streams.ts";
export type { ReflectorPolicy, ReflectorState } from "./reflector-machine.ts";
export {
  createClient,
  type ObservedRequest,
  type RequestObserver,
  type RequestParts,
  type RestClient,
  type RestClientOptions,
} from "./rest-client.ts";
export {
  type CreateInformerOptions,
  createSharedInformer,
  type RunnableInformer,
} from "./shared-informer.ts";
export { RemoteCommandError } from "./streaming/process-status.ts";
export { consoleLogger, terminationSignal } from "./transport/process.ts";
export { TransportError } from "./transport-error.ts";
export { type WaitOptions, waitFor } from "./wait-for.ts";
export {
  type AddOptions,
  createWorkQueue,
  defaultRateLimit,
  type RateLimit,
  type WorkQueue,
  type WorkQueueMetrics,
  type WorkQueueOptions,
} from "./work-queue.ts";
export {
  type ReconcileOutcome,
  type ReconcileResult,
  runWorkers,
  TerminalError,
  type WorkContext,
  type WorkersMetrics,
  type WorkersOptions,
} from "./workers.ts";

/** A client for the cluster that kubectl would talk to here: kubeconfig, or the pod's service account. */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  const edge = await import("./transport/connect.ts");
  return edge.connect(options);
}

/**
 * Metrics for a manager under controller-runtime's and client-go's names, kept with prom-client. Pass a prom-client registry
 * to have metrics of your own served with them.
 */
export async function prometheusMetrics(registry?: Registry): Promise<ManagerMetrics> {
  const edge = await import("./transport/prometheus-metrics.ts");
  return edge.prometheusMetrics(registry);
}

export type { TerminalSize } from "./streaming/byte-stream.ts";
export type { Connection, ConnectOptions, Impersonation } from "./transport/connect.ts";
export type { CopyOptions, CopyResult } from "./transport/copy-files.ts";
export type { ForwardedPort, ForwardPortOptions, PodSocket } from "./transport/port-forward.ts";
export type { PodStreamOptions, RunInPodOptions, RunInPodResult } from "./transport/run-in-pod.ts";
export type { StreamConnection, StreamTransport } from "./transport/stream-address.ts";
export type { OpenedTerminal, TerminalStreams } from "./transport/terminal.ts";
