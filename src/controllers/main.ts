import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { MetricSources } from "../base/metrics/metric-sources.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../client/event-recorder.ts";
import type { InformerFactory } from "../client/informer.ts";
import { createWorkQueue, type WorkQueueMetrics } from "../client/work-queue.ts";
import { bootstrapTokenCleaner } from "./bootstrap-token/cleaner.ts";
import { bootstrapSigner } from "./bootstrap-token/signer.ts";
import {
  type CertificateOptions,
  certificateApprover,
  certificateCleaner,
  certificateSigner,
} from "./certificates/controllers.ts";
import { clusterRoleAggregationController } from "./clusterrole-aggregation/controller.ts";
import { cronJobController } from "./cronjob/controller.ts";
import { daemonSetController } from "./daemonset/controller.ts";
import { deploymentController } from "./deployment/controller.ts";
import { disruptionController } from "./disruption/controller.ts";
import { endpointsController } from "./endpoints/endpoints.ts";
import { endpointSliceMirroringController } from "./endpoints/mirroring.ts";
import { endpointSliceController } from "./endpoints/slice-controller.ts";
import { ephemeralVolumeController } from "./ephemeral-volume/controller.ts";
import type { RecordEvent } from "./framework/carry-out.ts";
import { type Controller, runController } from "./framework/controller.ts";
import { garbageCollector } from "./garbage-collector/controller.ts";
import { jobController } from "./job/controller.ts";
import { namespaceController } from "./namespace/controller.ts";
import { type NodeIpamOptions, nodeIpamController } from "./node-ipam/controller.ts";
import { type NodeLifecycleOptions, nodeLifecycleController } from "./node-lifecycle/controller.ts";
import { podAutoscalerController } from "./pod-autoscaler/controller.ts";
import { podGarbageCollector } from "./pod-gc/controller.ts";
import { replicaSetController, replicationController } from "./replicaset/controller.ts";
import { resourceClaimController } from "./resource-claim/controller.ts";
import { resourceQuotaController } from "./resource-quota/controller.ts";
import { serviceAccountController } from "./service-account/default-account.ts";
import { legacyTokenCleaner } from "./service-account/legacy-token-cleaner.ts";
import { rootCaPublisher } from "./service-account/root-ca.ts";
import { tokenSecretController } from "./service-account/token-secrets.ts";
import { serviceCidrController } from "./service-cidr/controller.ts";
import { statefulSetController } from "./statefulset/controller.ts";
import { taintEvictionController } from "./taint-eviction/controller.ts";
import { ttlAfterFinishedController } from "./ttl-after-finished/controller.ts";
import { volumeBinder } from "./volume-binder/controller.ts";
import { attributesClassProtection } from "./volume-protection/attributes-class.ts";
import { claimProtection, volumeProtection } from "./volume-protection/controller.ts";

export interface ControllerManagerOptions extends NodeIpamOptions, NodeLifecycleOptions {
  /** Names of controllers that are not to run ("node-ipam-controller"). */
  readonly disabled?: readonly string[];
  /** PEM, for the config map kube-root-ca.crt; without it the config map is not published. */
  readonly rootCaPem?: string;
  /** Signs the tokens that secrets keep; absent: they get tokens that end after ten years. */
  readonly signToken?: (claims: object) => Promise<string>;
  /** Without it certificate requests are neither approved nor signed. */
  readonly certificates?: CertificateOptions;
}

export interface ControllerManagerDependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where controllers add what they count. */
  readonly metrics?: MetricSources;
  /** What the queue of a controller tells. */
  readonly queueMetrics?: (name: string) => WorkQueueMetrics;
  readonly options?: ControllerManagerOptions;
}

export interface ControllerManager {
  /** Runs all controllers until the signal aborts; resolves once every one has stopped. */
  start(signal: AbortSignal): Promise<void>;
}

/** All controllers of kube-controller-manager, each under its upstream name, on shared informers. */
export function createControllerManager(dependencies: ControllerManagerDependencies): ControllerManager {
  const { clock, random, informers, queueMetrics, options = {} } = dependencies;
  const disabled = new Set(options.disabled);
  return {
    async start(signal) {
      const controllers = Object.entries(builders)
        .filter(([name]) => !disabled.has(name))
        .flatMap(([, build]) => build({ ...dependencies, options }) ?? []);
      const createQueue = (name: string) =>
        createWorkQueue({ name, clock, random, ...(queueMetrics && { metrics: queueMetrics(name) }) });
      informers.start(signal);
      const synced = informers.waitForSync({ signal });
      synced.catch(() => {}); // Each controller awaits it; without controllers nobody does.
      await Promise.all(
        controllers.map((controller) =>
          runController(
            controller,
            { ...dependencies, createQueue, recordEvent: recorderOf(controller, dependencies, signal) },
            { signal, synced },
          ),
        ),
      );
    },
  };
}

/** Events name their controller as the source. Made when the first one is recorded: most controllers have none to tell. */
function recorderOf(
  { name, eventSource = name }: Controller,
  { client, clock, random, logger }: ControllerManagerDependencies,
  signal: AbortSignal,
): RecordEvent {
  let recorder: EventRecorder | undefined;
  return (regarding, { type, reason, message }) => {
    recorder ??= createEventRecorder({ client, clock, random, logger, component: eventSource, signal });
    recorder.event(regarding, { type, reason, note: message });
  };
}

type Sources = ControllerManagerDependencies & { readonly options: ControllerManagerOptions };

/** By upstream's name. One that is not made costs nothing: no informer, no queue, no timer. */
const builders: Readonly<Record<string, (sources: Sources) => Controller | undefined>> = {
  "namespace-controller": namespaceController,
  "garbage-collector-controller": garbageCollector,
  "serviceaccount-controller": serviceAccountController,
  "root-ca-certificate-publisher-controller": ({ informers, options: { rootCaPem } }) =>
    rootCaPem === undefined ? undefined : rootCaPublisher({ informers, rootCa: rootCaPem }),
  "serviceaccount-token-controller": ({ client, informers, options: { rootCaPem, signToken } }) =>
    tokenSecretController({ client, informers, rootCa: rootCaPem, signToken }),
  "legacy-serviceaccount-token-cleaner-controller": legacyTokenCleaner,
  "bootstrap-signer-controller": bootstrapSigner,
  "token-cleaner-controller": bootstrapTokenCleaner,
  "deployment-controller": deploymentController,
  "replicaset-controller": replicaSetController,
  "replicationcontroller-controller": replicationController,
  "daemonset-controller": daemonSetController,
  "statefulset-controller": statefulSetController,
  "cronjob-controller": cronJobController,
  "job-controller": jobController,
  "ttl-after-finished-controller": ttlAfterFinishedController,
  "endpoints-controller": endpointsController,
  "endpointslice-controller": endpointSliceController,
  "endpointslice-mirroring-controller": endpointSliceMirroringController,
  "disruption-controller": disruptionController,
  "horizontal-pod-autoscaler-controller": podAutoscalerController,
  "resourcequota-controller": resourceQuotaController,
  "clusterrole-aggregation-controller": clusterRoleAggregationController,
  "service-cidr-controller": serviceCidrController,
  "ephemeral-volume-controller": ephemeralVolumeController,
  "resourceclaim-controller": resourceClaimController,
  "persistentvolume-binder-controller": volumeBinder,
  "persistentvolumeclaim-protection-controller": claimProtection,
  "persistentvolume-protection-controller": volumeProtection,
  "volumeattributesclass-protection-controller": attributesClassProtection,
  "certificatesigningrequest-approving-controller": ({ client, informers, options: { certificates } }) =>
    certificates && certificateApprover({ client, informers, certificates }),
  "certificatesigningrequest-signing-controller": ({ client, informers, options: { certificates } }) =>
    certificates && certificateSigner({ client, informers, certificates }),
  "certificatesigningrequest-cleaner-controller": certificateCleaner,
  "node-ipam-controller": ({ informers, options }) => nodeIpamController({ ...options, informers }),
  "node-lifecycle-controller": ({ informers, clock, metrics, options }) =>
    nodeLifecycleController({ ...options, informers, clock, metrics }),
  "taint-eviction-controller": taintEvictionController,
  "pod-garbage-collector-controller": podGarbageCollector,
};

/** The names `disabled` may hold. */
export const controllerNames: readonly string[] = Object.keys(builders);
