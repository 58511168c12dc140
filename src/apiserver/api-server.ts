import type { ResourceDefinition } from "../api/definition.ts";
import type { QualifiedResource } from "../apimachinery/api-error.ts";
import type { ProtobufCodec } from "../apimachinery/protobuf/codec.ts";
import type { YamlParser } from "../apimachinery/schema/yaml-text.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { MetricSource } from "../base/metrics/family.ts";
import type { Random } from "../base/random.ts";
import type { ApiRequest, ApiResponse, Transport, UserInfo } from "../client/exchange.ts";
import type { Storage } from "../storage/storage.ts";
import type { WebhookTransport } from "./admission/webhooks/caller.ts";
import type { ExtensionTransport } from "./aggregation/extension-transport.ts";
import type { Auditor } from "./audit/auditor.ts";
import type { BackendRequest, BackendTransport } from "./connect/backend.ts";
import type { ModelLookup } from "./content/input.ts";
import type { FlowControlOptions } from "./flow-control/flow-control.ts";
import type { HealthCheck } from "./health.ts";
import type { ServerIdentity } from "./identity-lease.ts";
import type { ServerMetrics } from "./metrics/server-metrics.ts";
import type { NonResourceHandler } from "./non-resource.ts";
import type { KubernetesEndpoint } from "./services/kubernetes-service.ts";
import type { ClientCertificate, StagesFactory } from "./stages.ts";

export interface ApiServerDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** `builtInDefinitions` of `src/api/registry.ts`. */
  readonly definitions: readonly ResourceDefinition[];
  /** The kinds' shapes. */
  readonly modelOf: ModelLookup;
  readonly protobuf?: ProtobufCodec;
  /** `createYamlParser` of `http/yaml-parser.ts`; absent: YAML is parsed on this thread, however long it is. */
  readonly parseYaml?: YamlParser;
  readonly stages: StagesFactory;
  /** How logs and proxied requests reach nodes and pods; absent: they are answered with 503. */
  readonly backends?: BackendTransport;
  /** How extension API servers are reached (`createExtensionTransport`); absent: they stay unavailable. */
  readonly extensionTransport?: ExtensionTransport;
  readonly services?: ServiceOptions;
  /** Kept as a lease in kube-system; absent: this server is told apart from no other. */
  readonly identity?: ServerIdentity;
  /** "host:port" as clients reach the server: for discovery. */
  readonly externalAddress?: string;
  /** Other paths, such as those of OpenAPI. */
  readonly nonResourceHandlers?: readonly NonResourceHandler[];
  /** What storage needs beside itself: plugins of encryption. */
  readonly storageChecks?: readonly HealthCheck[];
  /** What stands beside the server and storage, as `componentstatuses` shows it. */
  readonly components?: readonly HealthCheck[];
  /** Calls the webhooks that convert custom resources; absent: those cannot be converted. */
  readonly webhookTransport?: WebhookTransport;
  /** How many requests that come over the network are answered at the same time, and which of them wait. */
  readonly flowControl?: FlowControlOptions;
  /** `createAuditor`; absent: no request is recorded. */
  readonly auditor?: Auditor;
  /** Shown at /metrics beside the server's own: of the components in this process. */
  readonly metricSources?: readonly MetricSource[];
  /** A watch that does not say how long it is to last ends after one to two times this. Default 1800. */
  readonly minWatchSeconds?: number;
  /** How long /livez takes a server that starts for one that lives; default 0: it must have started. */
  readonly livezGraceMs?: number;
  /** What the server was started with, for /flagz: names without their dashes. */
  readonly flags?: ReadonlyMap<string, string>;
  /** Requests without credentials are system:anonymous; default true. */
  readonly anonymous?: boolean;
}

/** Absent parts have upstream's defaults. */
export interface ServiceOptions {
  /** At most one block of each family; default 10.96.0.0/12. */
  readonly clusterIpRanges?: readonly string[];
  /** Default 30000 to 32767. */
  readonly nodePorts?: { readonly first: number; readonly last: number };
  /** What stands behind the service `kubernetes`. Absent: that service is not kept. */
  readonly endpoint?: KubernetesEndpoint;
}

/** What the edge knows of a request beside its content. */
export interface RequestContext {
  /** Known already (in process): authentication is skipped. */
  readonly user?: UserInfo;
  readonly clientCertificate?: ClientCertificate;
  readonly sourceAddress?: string;
  /**
   * Calls back, once, when the answer is on the wire or given up, with the bytes of its body. Absent: handing the answer
   * over is the end of it.
   */
  readonly onAnswered?: (callback: (bytes: number) => void) => void;
}

export interface ApiServer {
  /** Answers any request; never rejects. Failures are answers with a Status. */
  handle(request: ApiRequest, context: RequestContext): Promise<ApiResponse>;
  /** For a request that asks to take its connection over: where its bytes go, or the answer that refuses it. */
  upgrade(request: ApiRequest, context: RequestContext): Promise<Upgrade>;
  /**
   * Prepares the cluster's own objects (namespaces, the service `kubernetes`) and runs the start hooks. Requests are answered
   * before; /readyz says when this is done.
   */
  start(): Promise<void>;
  /** What is served now, custom kinds too: the same list while nothing changes. */
  definitions(): readonly ResourceDefinition[];
  /** With a version, as that version has it. */
  definitionOf(resource: QualifiedResource & { readonly version?: string }): ResourceDefinition | undefined;
  /** As system:masters, in this process. */
  readonly loopback: Transport;
  /** What is counted; the listener adds what only it sees. */
  readonly metrics: ServerMetrics;
  /** /readyz says no from now on, so that others send their requests elsewhere; all are still answered. */
  beginShutdown(): void;
  /** Ends watches, hooks and caches. Storage stays open: whoever opened it closes it. */
  close(): Promise<void>;
}

/** `ended`, where there is one, wants to know when the connection is over. */
export type Upgrade =
  | { readonly passage: BackendRequest; readonly ended?: () => void }
  | { readonly refusal: ApiResponse };
