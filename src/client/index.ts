/**
 * `k8ts/client`: a client for any Kubernetes. Informers, work queues, controllers, leader election and events need nothing
 * of Node; `connect` brings the HTTPS transport, which is loaded when it is called.
 */
import type { Registry } from "prom-client";
import type { CallOptions, ObjectName } from "./client.ts";
import type { ManagerMetrics } from "./manager/metrics.ts";
import type { Connection, ConnectOptions } from "./transport/connect.ts";
import type { CopyOptions, CopyResult } from "./transport/copy-files.ts";
import type { StreamConnection } from "./transport/pod-streams.ts";
import type { ForwardedPort, ForwardPortOptions, PodSocket } from "./transport/port-forward.ts";
import type { PodStreamOptions, RunInPodOptions, RunInPodResult } from "./transport/run-in-pod.ts";
import type { OpenedTerminal, TerminalStreams } from "./transport/terminal.ts";

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
  type ManagerElection,
  type ManagerOptions,
  type Runnable,
} from "./manager/manager.ts";
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

/**
 * Runs a command in a container of a pod, as `kubectl exec`, over a connection of its own made as `connect` found it. Resolves when
 * the command has ended, whatever its exit code; rejects with an `ApiError` where the server refused it (NotFound, Forbidden …), with
 * `RemoteCommandError` where it could not be run, or with the signal's reason.
 */
export async function runInPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: RunInPodOptions,
): Promise<RunInPodResult> {
  const edge = await import("./transport/run-in-pod.ts");
  return edge.runInPod(connection, pod, options);
}

/**
 * Takes part in what a container's own process reads and writes from now on, as `kubectl attach`. Resolves when the process has
 * ended; fails as `runInPod` does.
 */
export async function attachToPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: PodStreamOptions = {},
): Promise<RunInPodResult> {
  const edge = await import("./transport/run-in-pod.ts");
  return edge.attachToPod(connection, pod, options);
}

/**
 * Gives this process's terminal to a process in a pod: key by key, with its size and each change of it. Where stdin or stdout is no
 * terminal they are passed on as they are. The terminal is as it was when what this returns is disposed of.
 */
export async function openTerminal(terminal?: TerminalStreams): Promise<OpenedTerminal> {
  const edge = await import("./transport/terminal.ts");
  return edge.openTerminal(terminal);
}

/**
 * Makes a port of a pod one of this machine's, as `kubectl port-forward`, until it is closed or the signal aborts. All connections
 * share one WebSocket, which is opened with the first and again when it was lost; one that fails is told to `onError`.
 */
export async function forwardPort(
  connection: StreamConnection,
  pod: ObjectName,
  port: number,
  options: ForwardPortOptions = {},
): Promise<ForwardedPort> {
  const edge = await import("./transport/port-forward.ts");
  return edge.forwardPort(connection, pod, port, options);
}

/**
 * Connects to a port of a pod, without one of this machine's: a stream as `createConnection` of node:http takes it. Where nothing
 * listens there it is destroyed with a `RemoteCommandError`.
 */
export async function connectToPod(
  connection: StreamConnection,
  pod: ObjectName,
  port: number,
  options: CallOptions = {},
): Promise<PodSocket> {
  const edge = await import("./transport/port-forward.ts");
  return edge.connectToPod(connection, pod, port, options);
}

/**
 * Copies a file or a folder into a container, as `kubectl cp`: by the container's own `tar`, which must be there. Rejects with what
 * tar said where it failed.
 */
export async function copyToPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: CopyOptions,
): Promise<CopyResult> {
  const edge = await import("./transport/copy-files.ts");
  return edge.copyToPod(connection, pod, options);
}

/** The same out of a container. Links are not followed and not made; nothing is written but below `to`. */
export async function copyFromPod(
  connection: StreamConnection,
  pod: ObjectName,
  options: CopyOptions,
): Promise<CopyResult> {
  const edge = await import("./transport/copy-files.ts");
  return edge.copyFromPod(connection, pod, options);
}

export type { TerminalSize } from "./streaming/byte-stream.ts";
export type { Connection, ConnectOptions, Impersonation } from "./transport/connect.ts";
export type { CopyOptions, CopyResult } from "./transport/copy-files.ts";
export type { StreamConnection, StreamTransport } from "./transport/pod-streams.ts";
export type { ForwardedPort, ForwardPortOptions, PodSocket } from "./transport/port-forward.ts";
export type { PodStreamOptions, RunInPodOptions, RunInPodResult } from "./transport/run-in-pod.ts";
export type { OpenedTerminal, TerminalStreams } from "./transport/terminal.ts";
