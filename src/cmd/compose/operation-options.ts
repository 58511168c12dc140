import type { TolerationSeconds } from "../../apiserver/admission/pod-defaults.ts";
import type { BatchLimits } from "../../apiserver/audit/buffered-backend.ts";
import type { FlowControlOptions } from "../../apiserver/flow-control/flow-control.ts";
import type { ListenerOptions } from "../../apiserver/http/listener.ts";

/** How an administrator wants the API server run; paths are absolute. */
export interface OperationOptions {
  readonly audit?: AuditOptions;
  readonly admission?: AdmissionOptions;
  readonly encryption?: { readonly path: string; readonly reload: boolean };
  readonly eventTtlSeconds?: number;
  /** 0: history is not compacted. */
  readonly compactionIntervalMs?: number;
  readonly shutdownDelayMs: number;
  readonly sendRetryAfter: boolean;
  readonly profiling: boolean;
  /** With it, what any request may take. */
  readonly flowControl?: FlowControlOptions;
  readonly goawayChance?: number;
  readonly serving?: ServingOptions;
  /** How others reach the server; with a port or without. */
  readonly externalHostname?: string;
  readonly nodePorts?: { readonly first: number; readonly last: number };
  /** How long a watch lasts at least, in seconds, that does not say how long. */
  readonly minWatchSeconds?: number;
  /** How long /livez takes a server that starts for one that lives. */
  readonly livezGraceMs?: number;
  /** "group/version" of what is not served though it is there. */
  readonly disabledVersions?: ReadonlySet<string>;
}

/** How the server meets those who connect to it. */
export type ServingOptions = Pick<
  ListenerOptions,
  "browsers" | "http1Only" | "maxStreams" | "sharesPort" | "tls"
>;

export interface AdmissionOptions {
  readonly enabled: readonly string[];
  readonly disabled: readonly string[];
  readonly configFile?: string;
  readonly tolerationSeconds?: TolerationSeconds;
}

export interface AuditOptions {
  readonly policyFile: string;
  readonly log?: AuditLogOptions;
  readonly webhook?: AuditWebhookOptions;
}

/** Whether requests wait for their events to be written, or a batch of them is written some time. */
export type AuditMode =
  | { readonly type: "blocking" | "blocking-strict" }
  | { readonly type: "batch"; readonly limits: BatchLimits };

export interface AuditLogOptions {
  readonly mode: AuditMode;
  /** "-": standard output. */
  readonly path: string;
  readonly maxAgeMs: number;
  readonly maxBackups: number;
  /** Infinity: it is never put aside. */
  readonly maxBytes: number;
  readonly format: "json" | "legacy";
  readonly compress: boolean;
  readonly maxEventBytes: number | undefined;
}

export interface AuditWebhookOptions {
  readonly kubeconfig: string;
  readonly mode: AuditMode;
  readonly initialBackoffMs: number;
  readonly maxEventBytes: number | undefined;
}

export const defaultOperation: OperationOptions = {
  shutdownDelayMs: 0,
  sendRetryAfter: false,
  profiling: true,
};
