import { resolve } from "node:path";
import { builtInDefinitions } from "../api/registry.ts";
import { parseDuration } from "../apimachinery/protobuf/duration.ts";
import { pluginOrder } from "../apiserver/admission/plugin-order.ts";
import { type BatchLimits, logBatchLimits, webhookBatchLimits } from "../apiserver/audit/buffered-backend.ts";
import type { FlowControlOptions } from "../apiserver/flow-control/flow-control.ts";
import type {
  AdmissionOptions,
  AuditLogOptions,
  AuditMode,
  AuditOptions,
  AuditWebhookOptions,
  OperationOptions,
} from "./compose/operation-options.ts";
import { checkFeatureGates, readRuntimeConfig } from "./feature-flags.ts";
import { integerValue, portRangeValue } from "./flag-values.ts";
import { readServingFlags, type ServingFlags } from "./read-serving-flags.ts";
import { UserError } from "./user-error.ts";

/** How the API server is run: kube-apiserver's own flags. Nothing of it is loaded where none is given. */
export interface OperationFlags extends ServingFlags {
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly auditLogMaxage?: string;
  readonly auditLogMaxbackup?: string;
  readonly auditLogMaxsize?: string;
  readonly auditLogFormat?: string;
  readonly auditLogCompress?: string;
  readonly auditLogVersion?: string;
  readonly auditLogMode?: string;
  readonly auditLogBatchBufferSize?: string;
  readonly auditLogBatchMaxSize?: string;
  readonly auditLogBatchMaxWait?: string;
  readonly auditLogBatchThrottleEnable?: string;
  readonly auditLogBatchThrottleQps?: string;
  readonly auditLogBatchThrottleBurst?: string;
  readonly auditLogTruncateEnabled?: string;
  readonly auditLogTruncateMaxEventSize?: string;
  readonly auditLogTruncateMaxBatchSize?: string;
  readonly auditWebhookConfigFile?: string;
  readonly auditWebhookVersion?: string;
  readonly auditWebhookInitialBackoff?: string;
  readonly auditWebhookMode?: string;
  readonly auditWebhookBatchBufferSize?: string;
  readonly auditWebhookBatchMaxSize?: string;
  readonly auditWebhookBatchMaxWait?: string;
  readonly auditWebhookBatchThrottleEnable?: string;
  readonly auditWebhookBatchThrottleQps?: string;
  readonly auditWebhookBatchThrottleBurst?: string;
  readonly auditWebhookTruncateEnabled?: string;
  readonly auditWebhookTruncateMaxEventSize?: string;
  readonly auditWebhookTruncateMaxBatchSize?: string;
  readonly encryptionProviderConfig?: string;
  readonly encryptionProviderConfigAutomaticReload?: string;
  readonly eventTtl?: string;
  readonly etcdCompactionInterval?: string;
  readonly shutdownDelayDuration?: string;
  readonly shutdownSendRetryAfter?: string;
  readonly enableAdmissionPlugins?: string;
  readonly disableAdmissionPlugins?: string;
  readonly admissionControlConfigFile?: string;
  readonly defaultNotReadyTolerationSeconds?: string;
  readonly defaultUnreachableTolerationSeconds?: string;
  readonly externalHostname?: string;
  readonly serviceNodePortRange?: string;
  readonly maxRequestsInflight?: string;
  readonly maxMutatingRequestsInflight?: string;
  readonly enablePriorityAndFairness?: string;
  readonly requestTimeout?: string;
  readonly goawayChance?: string;
  readonly profiling?: string;
  readonly minRequestTimeout?: string;
  readonly livezGracePeriod?: string;
  readonly featureGates?: string;
  readonly runtimeConfig?: string;
}

/** Nobody waits longer: upstream's "no limit". */
const weekSeconds = 604_800;
const dayMs = 86_400_000;
const megabyte = 1024 * 1024;

/** Throws UserError with kube-apiserver's words where it has some. */
export function readOperationFlags(flags: OperationFlags): OperationOptions {
  const audit = readAudit(flags);
  const admission = readAdmission(flags);
  const { externalHostname, serviceNodePortRange = "" } = flags;
  const nodePorts = portRangeValue("service-node-port-range", serviceNodePortRange);
  const reload = flag(
    "encryption-provider-config-automatic-reload",
    flags.encryptionProviderConfigAutomaticReload,
    false,
  );
  const path = flags.encryptionProviderConfig;
  if (flags.featureGates !== undefined) checkFeatureGates(flags.featureGates);
  if (path === undefined && reload)
    throw new UserError(
      "--encryption-provider-config-automatic-reload must be set with --encryption-provider-config",
    );
  return {
    ...(audit === undefined ? {} : { audit }),
    ...(admission === undefined ? {} : { admission }),
    ...(path === undefined ? {} : { encryption: { path: resolve(path), reload } }),
    ...(flags.runtimeConfig === undefined
      ? {}
      : { disabledVersions: readRuntimeConfig(flags.runtimeConfig, builtInDefinitions) }),
    ...(flags.minRequestTimeout === undefined
      ? {}
      : { minWatchSeconds: whole("min-request-timeout", flags.minRequestTimeout, 1800) || weekSeconds }),
    ...(flags.livezGracePeriod === undefined
      ? {}
      : { livezGraceMs: duration("livez-grace-period", flags.livezGracePeriod) }),
    ...(flags.eventTtl === undefined ? {} : { eventTtlSeconds: eventTtlSeconds(flags.eventTtl) }),
    ...(flags.etcdCompactionInterval === undefined
      ? {}
      : { compactionIntervalMs: duration("etcd-compaction-interval", flags.etcdCompactionInterval) }),
    shutdownDelayMs: duration("shutdown-delay-duration", flags.shutdownDelayDuration ?? "0s"),
    sendRetryAfter: flag("shutdown-send-retry-after", flags.shutdownSendRetryAfter, false),
    profiling: flag("profiling", flags.profiling, true),
    ...(externalHostname && { externalHostname }),
    ...(nodePorts !== undefined && { nodePorts }),
    serving: readServingFlags(flags),
    flowControl: readFlowControl(flags),
    goawayChance: chance("goaway-chance", flags.goawayChance ?? "0"),
  };
}

function readAdmission(flags: OperationFlags): AdmissionOptions | undefined {
  const { admissionControlConfigFile: file } = flags;
  const enabled = pluginNames("enable", flags.enableAdmissionPlugins);
  const disabled = pluginNames("disable", flags.disableAdmissionPlugins);
  const tolerationSeconds = readTolerations(flags);
  if (enabled.length + disabled.length === 0 && file === undefined && tolerationSeconds === undefined)
    return undefined;
  const both = enabled.filter((name) => disabled.includes(name)).toSorted();
  if (both.length > 0)
    throw new UserError(
      `[${both.join(" ")}] in enable-admission-plugins and disable-admission-plugins overlapped`,
    );
  return {
    enabled,
    disabled,
    ...(file === undefined ? {} : { configFile: resolve(file) }),
    ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
  };
}

function readTolerations(flags: OperationFlags): AdmissionOptions["tolerationSeconds"] {
  const { defaultNotReadyTolerationSeconds: notReady, defaultUnreachableTolerationSeconds: unreachable } =
    flags;
  if (notReady === undefined && unreachable === undefined) return undefined;
  return {
    notReady: integerValue("default-not-ready-toleration-seconds", notReady ?? "300"),
    unreachable: integerValue("default-unreachable-toleration-seconds", unreachable ?? "300"),
  };
}

function pluginNames(verb: "enable" | "disable", text = ""): readonly string[] {
  const names = text === "" ? [] : text.split(",");
  for (const name of names)
    if (!pluginOrder.includes(name))
      throw new UserError(`${verb}-admission-plugins plugin ${JSON.stringify(name)} is unknown`);
  return names;
}

function readFlowControl(flags: OperationFlags): FlowControlOptions {
  const reads = whole("max-requests-inflight", flags.maxRequestsInflight, 400);
  const writes = whole("max-mutating-requests-inflight", flags.maxMutatingRequestsInflight, 200);
  const enabled = flag("enable-priority-and-fairness", flags.enablePriorityAndFairness, true);
  if (reads + writes === 0)
    throw new UserError(
      "--max-requests-inflight: with --max-mutating-requests-inflight it must be more than 0",
    );
  const requestTimeoutMs = duration("request-timeout", flags.requestTimeout ?? "1m0s");
  if (requestTimeoutMs === 0) throw new UserError("--request-timeout: it must be more than 0");
  return { maxRequestsInFlight: reads, maxMutatingRequestsInFlight: writes, enabled, requestTimeoutMs };
}

function chance(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 0.02) return value;
  throw new UserError(`--${name} can not be less than 0 or greater than 0.02`);
}

function eventTtlSeconds(text: string): number {
  const seconds = Math.floor(duration("event-ttl", text) / 1000);
  if (seconds < 1) throw new UserError(`--event-ttl: "${text}" is shorter than a second`);
  return seconds;
}

function readAudit(flags: OperationFlags): AuditOptions | undefined {
  const { auditPolicyFile: policyFile, auditLogPath, auditWebhookConfigFile } = flags;
  const goesSomewhere = auditLogPath !== undefined || auditWebhookConfigFile !== undefined;
  if (policyFile === undefined) {
    if (goesSomewhere)
      throw new UserError(
        "no audit policy file provided, no events will be recorded: give --audit-policy-file",
      );
    return undefined;
  }
  if (!goesSomewhere)
    throw new UserError(
      "--audit-policy-file: say where to, with --audit-log-path or --audit-webhook-config-file",
    );
  const log = readLog(flags);
  const webhook = readWebhook(flags);
  return {
    policyFile: resolve(policyFile),
    ...(log === undefined ? {} : { log }),
    ...(webhook === undefined ? {} : { webhook }),
  };
}

function readLog(flags: OperationFlags): AuditLogOptions | undefined {
  const { auditLogPath: path, auditLogFormat: format = "json" } = flags;
  if (path === undefined) return undefined;
  if (format !== "json" && format !== "legacy")
    throw new UserError(`invalid audit log format ${format}, allowed formats are "legacy,json"`);
  checkVersion(flags.auditLogVersion);
  return {
    path: path === "-" ? path : resolve(path),
    maxAgeMs: whole("audit-log-maxage", flags.auditLogMaxage, 366) * dayMs,
    maxBackups: whole("audit-log-maxbackup", flags.auditLogMaxbackup, 100),
    maxBytes: whole("audit-log-maxsize", flags.auditLogMaxsize, 100) * megabyte || Number.POSITIVE_INFINITY,
    format,
    compress: flag("audit-log-compress", flags.auditLogCompress, false),
    mode: readMode("log", flags.auditLogMode ?? "blocking", logBatchLimits, {
      bufferSize: flags.auditLogBatchBufferSize,
      maxSize: flags.auditLogBatchMaxSize,
      maxWait: flags.auditLogBatchMaxWait,
      throttle: flags.auditLogBatchThrottleEnable,
      perSecond: flags.auditLogBatchThrottleQps,
      burst: flags.auditLogBatchThrottleBurst,
    }),
    maxEventBytes: maxEventBytes("log", flags.auditLogTruncateEnabled, {
      event: flags.auditLogTruncateMaxEventSize,
      batch: flags.auditLogTruncateMaxBatchSize,
    }),
  };
}

function readWebhook(flags: OperationFlags): AuditWebhookOptions | undefined {
  const { auditWebhookConfigFile: kubeconfig } = flags;
  if (kubeconfig === undefined) return undefined;
  checkVersion(flags.auditWebhookVersion);
  return {
    kubeconfig: resolve(kubeconfig),
    initialBackoffMs: duration("audit-webhook-initial-backoff", flags.auditWebhookInitialBackoff ?? "10s"),
    mode: readMode("webhook", flags.auditWebhookMode ?? "batch", webhookBatchLimits, {
      bufferSize: flags.auditWebhookBatchBufferSize,
      maxSize: flags.auditWebhookBatchMaxSize,
      maxWait: flags.auditWebhookBatchMaxWait,
      throttle: flags.auditWebhookBatchThrottleEnable,
      perSecond: flags.auditWebhookBatchThrottleQps,
      burst: flags.auditWebhookBatchThrottleBurst,
    }),
    maxEventBytes: maxEventBytes("webhook", flags.auditWebhookTruncateEnabled, {
      event: flags.auditWebhookTruncateMaxEventSize,
      batch: flags.auditWebhookTruncateMaxBatchSize,
    }),
  };
}

function checkVersion(version = "audit.k8s.io/v1"): void {
  if (version !== "audit.k8s.io/v1")
    throw new UserError('invalid group version, allowed versions are ["audit.k8s.io/v1"]');
}

interface BatchFlags {
  readonly bufferSize: string | undefined;
  readonly maxSize: string | undefined;
  readonly maxWait: string | undefined;
  readonly throttle: string | undefined;
  readonly perSecond: string | undefined;
  readonly burst: string | undefined;
}

/** What is said of batches counts in that mode only, right or wrong. */
function readMode(plugin: string, mode: string, unless: BatchLimits, flags: BatchFlags): AuditMode {
  if (mode === "blocking" || mode === "blocking-strict") return { type: mode };
  if (mode !== "batch")
    throw new UserError(
      `invalid audit ${plugin} mode ${mode}, allowed modes are "batch,blocking,blocking-strict"`,
    );
  const name = `audit-${plugin}-batch`;
  const amount = (what: string, text: string | undefined, otherwise: number) => {
    const value = text === undefined ? otherwise : Number(text);
    if (text?.trim() !== "" && value > 0) return value;
    throw new UserError(`invalid audit batch ${plugin} ${what} ${text}, must be a positive number`);
  };
  const throttle = flag(`${name}-throttle-enable`, flags.throttle, unless.throttle !== undefined);
  return {
    type: "batch",
    limits: {
      bufferSize: amount("buffer size", flags.bufferSize, unless.bufferSize),
      maxBatchSize: amount("max batch size", flags.maxSize, unless.maxBatchSize),
      maxBatchWaitMs:
        flags.maxWait === undefined ? unless.maxBatchWaitMs : duration(`${name}-max-wait`, flags.maxWait),
      throttle: throttle
        ? {
            perSecond: amount("throttle QPS", flags.perSecond, webhookBatchLimits.throttle?.perSecond ?? 10),
            burst: amount("throttle burst", flags.burst, webhookBatchLimits.throttle?.burst ?? 15),
          }
        : undefined,
    },
  };
}

/** Undefined: events go as they are. */
function maxEventBytes(
  backend: string,
  enabled: string | undefined,
  bytes: { readonly event: string | undefined; readonly batch: string | undefined },
): number | undefined {
  const size = positive(`audit-${backend}-truncate-max-event-size`, bytes.event, 102_400);
  const most = positive(`audit-${backend}-truncate-max-batch-size`, bytes.batch, 10_485_760);
  if (most < size)
    throw new UserError(
      `invalid audit truncate ${backend} max batch size ${most}, must be greater than max event size (${size})`,
    );
  return flag(`audit-${backend}-truncate-enabled`, enabled, false) ? size : undefined;
}

function flag(name: string, value: string | boolean | undefined, unless: boolean): boolean {
  if (value === undefined) return unless;
  // Commander has `true` for a flag that stands alone.
  const text = String(value);
  if (text === "true" || text === "false") return text === "true";
  throw new UserError(`--${name}: "${text}" is neither true nor false`);
}

function whole(name: string, text: string | undefined, unless: number): number {
  if (text === undefined) return unless;
  if (!/^\d{1,12}$/.test(text)) throw new UserError(`--${name}: "${text}" is no whole number`);
  return Number(text);
}

function positive(name: string, text: string | undefined, unless: number): number {
  const value = whole(name, text, unless);
  if (value < 1) throw new UserError(`--${name}: it must be a positive number`);
  return value;
}

/** Milliseconds. */
function duration(name: string, text: string): number {
  let ms: number;
  try {
    ms = parseDuration(text) / 1_000_000;
  } catch {
    throw new UserError(`--${name}: "${text}" is no duration such as 5m0s`);
  }
  if (ms < 0) throw new UserError(`--${name}: "${text}" is negative`);
  return ms;
}
